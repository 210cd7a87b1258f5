//! How it is computed: an interpreter, a walk back, buffers, threads, the cache, weights.
//!
//! A `Program` of the model crate is fused, laid out (`layout`), computed (`interpreter`) and walked back
//! (`backward`), in the buffers of a `Workspace`; `passes` says what for. The forward pass itself stands in
//! the model crate, the arithmetic in the kernels.
//!
//! ```
//! # use std::sync::Arc;
//! # use lookback_model::{Config, Network, Size, TokenId};
//! use lookback_engine::{Keep, Session, ThreadPool, Weights};
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
//! let weights = Weights::new(network, Keep::Running, &pool, fill)?;
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
pub use lookback_kernels::{isa::Isa, limits, thread_pool::ThreadPool};
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
