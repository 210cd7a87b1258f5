//! Learning: the recipe, the order of data, the step, checkpoints, the course of a run.
//!
//! Knows nothing of printing or sampling: whoever runs a course is told of every event. Read
//! `recipe`, then `trainer` for one step, then `course` for a run.

mod average;
mod best;
mod changes;
mod checkpoint;
mod course;
mod directory;
mod judge;
mod kept;
mod mean_loss;
mod pace;
mod recipe;
mod snapshot;
mod trainer;
mod validate;

pub use best::Kept;
pub use checkpoint::Checkpoint;
pub use course::{Course, Ending, Event, Finished, Limit};
pub use directory::Directory;
pub use judge::Judge;
pub use kept::Restored;
pub use pace::Pace;
pub use recipe::{
    Architecture, Before, Begun, Compute, Difference, KeptWeights, Optimizer, Recipe, Schedule,
    Shape, StartHeads, preset, setting_meant,
};
pub use snapshot::{Snapshot, snapshots};
pub use trainer::{Source, Taken, Trainer};
