//! How it is computed: an interpreter, a walk back, buffers, threads, the cache, weights.
//!
//! A `Program` of the model crate is fused, laid out (`layout`), computed (`interpreter`) and walked back
//! (`backward`), in the buffers of a `Workspace`; `passes` says what for. The forward pass itself stands in
//! the model crate, the arithmetic in the kernels.

mod attention;
mod backward;
mod buffers;
mod cache;
mod fuse;
mod gradients;
mod head;
mod interpreter;
mod layout;
mod memory;
mod operations;
mod optimize;
mod packed;
mod packing;
mod passes;
mod products;
mod sequences;
mod session;
mod start;
mod walk;
mod weights;
mod workspace;

pub use cache::Cache;
pub use gradients::Gradients;
pub use head::{Normed, Said, activation, last_norm, say};
pub use interpreter::{View, Watch};
pub use lookback_kernels::{limits, path::Path, team::Team};
pub use memory::Memory;
pub use optimize::{Method, Optimizer, Settings as OptimizerSettings};
pub use packed::Compute;
pub use passes::{
    evaluate, forward, forward_from_layer, learn, look, look_at_layer, walk_back,
    walk_back_from_loss,
};
pub use sequences::Sequences;
pub use session::Session;
pub use start::{Heads, Start};
pub use weights::{Keep, Weights};
pub use workspace::{Shape, Workspace, angles, frequencies};
