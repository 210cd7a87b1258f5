//! tmp
mod recipe;
mod trainer;
pub use recipe::{Architecture, Recipe, Shape, preset};
pub use trainer::{Source, Taken, Trainer};
