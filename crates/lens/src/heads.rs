//! Scores of attention heads: what each attends to over many sequences, what its output copies, and which
//! heads read what others write. Read `profiles`, then `circuits`.

mod circuits;
mod profiles;

pub use circuits::{Composition, CompositionKind, composition, copying};
pub use profiles::{HeadProfile, StrongestWeight, head_profiles};
