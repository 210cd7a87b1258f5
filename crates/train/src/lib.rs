//! Learning: the recipe, the order of data, the step, checkpoints, the course of a run.
//!
//! Knows nothing of printing or sampling: whoever runs a course is told of every event. Read
//! `recipe`, then `trainer` for one step, then `course` for a run.
//!
//! ```
//! # use std::sync::Arc;
//! # use lookback_engine::ThreadPool;
//! # use lookback_model::{Network, TokenId};
//! # use lookback_text::dataset::{Dataset, Windows};
//! use lookback_train::{Source, Trainer, preset};
//!
//! let mut recipe = preset("tiny")?;
//! for setting in ["layers=1", "width=16", "heads=2", "key_heads=2", "hidden=16", "context=8", "steps=20"] {
//!     recipe.set(setting)?;
//! }
//! let network = Arc::new(Network::new(&recipe.config(7, None)?));
//! let data = Dataset::new((0..4000).map(|at| TokenId(at % 7)).collect(), Vec::new());
//! let windows = Windows::new(&data, recipe.context, recipe.begin(), recipe.seed);
//! let source = Source { data, windows };
//! let mut trainer = Trainer::new(network, &recipe, Arc::new(ThreadPool::single_threaded()))?;
//! let losses: Vec<f64> = (0..20).map(|_| trainer.step(&source).loss).collect();
//! assert!(losses[19] < losses[0]);
//! # Ok::<(), lookback_files::Refusal>(())
//! ```

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
mod prepared;
mod recipe;
mod run;
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
pub use prepared::{Prepared, bpe_size, tokenizer_of_kind, tokens_of};
pub use recipe::{
    Architecture, Before, Begun, Compute, Difference, KeptWeights, Optimizer, Recipe, Schedule,
    Shape, StartHeads, preset, setting_meant,
};
pub use run::{Listener, Told};
pub use snapshot::{Snapshot, snapshots};
pub use trainer::{Source, Taken, Trainer};
