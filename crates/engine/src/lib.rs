//! How it is computed: executors, buffers, threads, the cache, weights.
//!
//! `Plan` counts a forward pass, `layout` gives each of its results a place, `Run` computes it there,
//! `Learn` records it and walks the record back, `Look` hands its sites to a watcher. The forward
//! pass itself stands in the model crate, the arithmetic in the kernels.

mod buffers;
mod cache;
mod gradients;
mod head;
mod layout;
mod learn;
mod look;
mod optimize;
mod packed;
mod packing;
mod plan;
mod products;
mod run;
mod sequences;
mod session;
mod start;
mod tape;
mod weights;
mod workspace;

pub use cache::Cache;
pub use gradients::Gradients;
pub use head::{Normed, Said, activation, last_norm, say};
pub use learn::{Learn, evaluate, learn};
pub use look::{Look, Peek, View, Watch, look, look_at_layer};
pub use lookback_kernels::{limits, path::Path, team::Team};
pub use optimize::{Method, Optimizer, Settings as OptimizerSettings};
pub use packed::Compute;
pub use plan::{Memory, Plan};
pub use run::Run;
pub use sequences::Sequences;
pub use session::Session;
pub use start::{Heads, Start};
pub use tape::{Op, Rows, Step, Tape};
pub use weights::{Keep, Weights};
pub use workspace::{Shape, Workspace, angles, frequencies};
