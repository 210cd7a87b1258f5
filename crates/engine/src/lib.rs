//! How it is computed: an interpreter, a backward pass, buffers, threads, the cache, weights.
//!
//! A `Program` of the model crate is fused, laid out (`layout`), computed (`interpreter`) and run backward
//! (`backward`), in the buffers of a `Workspace`; `passes` says what for. The forward pass itself stands in
//! the model crate, the arithmetic in the kernels.
//!
//! ```
//! # use std::sync::Arc;
//! # use lookback_model::{Config, Network, Size, TokenId};
//! use lookback_engine::{Compute, WeightMode, Session, ThreadPool, Weights};
//!
//! # let size = Size { vocabulary: 11, width: 8, layers: 2, heads: 2, key_heads: 1, hidden: 12, context: 16 };
//! # let network = Arc::new(Network::new(&Config::llama(size)?));
//! let pool = ThreadPool::single_threaded();
//! let fill = |_, weight: &mut [f32]| {
//!     for (at, x) in weight.iter_mut().enumerate() {
//!         *x = (at % 7) as f32 / 10.0 - 0.3;
//!     }
//!     Ok(())
//! };
//! let weights = Weights::new(network, WeightMode::Inference, Compute::F32, &pool, fill)?;
//! let ids = [3, 1, 4, 1, 5].map(TokenId);
//! let mut at_once = Session::new(&weights, &pool, 16);
//! let mut one_by_one = Session::new(&weights, &pool, 16);
//! for id in ids {
//!     one_by_one.read(&[id])?;
//! }
//! // A cache changes no bit.
//! assert_eq!(at_once.read(&ids)?, { one_by_one.truncate(4); one_by_one.read(&ids[4..])? });
//! # Ok::<(), lookback_files::Refusal>(())
//! ```

mod attention;
mod attention_edits;
mod backward;
mod backward_plan;
mod buffers;
mod cache;
mod experts;
mod fuse;
mod gradients;
mod head_results;
mod init;
mod interpreter;
mod layout;
mod memory;
mod operations;
mod optimize;
mod packed;
mod packing;
mod passes;
mod products;
mod rotary;
mod sequences;
mod session;
mod shape;
mod unembed;
mod weights;
mod workspace;

pub use attention::ScoreSteps;
pub use cache::KvCache;
pub use gradients::Gradients;
pub use init::{HeadInit, Init};
pub use interpreter::{Observer, SiteView};
pub use lookback_kernels::{isa::Isa, limits, thread_pool::ThreadPool};
pub use memory::Memory;
pub use optimize::{Method, Optimizer, Settings as OptimizerSettings};
pub use packed::Compute;
pub use passes::{
    backward_from_loss, backward_from_site, evaluate, forward, forward_backward,
    forward_backward_from_site, forward_between_sites, forward_from_layer, forward_from_sites,
    forward_layer, forward_observed, forward_observed_from_layer,
};
pub use rotary::rotary_angles;
pub use sequences::Sequences;
pub use session::Session;
pub use shape::{BackwardShape, Shape};
pub use unembed::{
    ActivationSlopes, NormOutput, Unembedded, activation, activation_slopes, final_norm,
    linear_factors, norm_rows, unembed,
};
pub use weights::{WeightMode, Weights};
pub use workspace::Workspace;
