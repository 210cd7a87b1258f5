//! Training: the recipe, the order of data, the step, checkpoints, the training loop.
//!
//! Knows nothing of printing or sampling: an observer is given every event. Read
//! `recipe`, then `trainer` for one step, then `training_loop` for a run.
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

mod best_weights;
mod calibration;
mod checkpoint;
mod checkpoint_files;
mod directory;
mod loss_changes;
mod mean_loss;
mod prepared;
mod recipe;
mod run;
mod snapshot;
mod trainer;
mod training_loop;
mod validate;
mod validator;
mod weight_average;

pub use best_weights::BestValidation;
pub use calibration::Calibration;
pub use checkpoint::Checkpoint;
pub use checkpoint_files::RestoredRun;
pub use directory::Directory;
pub use prepared::{Prepared, bpe_size, tokenizer_of_kind, tokens_of};
pub use recipe::{
    Architecture, Compute, Difference, EarlierSettings, KeptWeights, Optimizer, Recipe, RunRecord,
    Schedule, Shape, StartHeads, preset, setting_synonym,
};
pub use run::{RunEvent, RunObserver};
pub use snapshot::{Snapshot, snapshots};
pub use trainer::{Source, StepReport, Trainer};
pub use training_loop::{Finished, RunEnd, RunLength, TrainingEvent, TrainingLoop};
pub use validator::Validator;
