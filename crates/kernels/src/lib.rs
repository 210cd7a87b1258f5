//! The arithmetic, fast: slices in, slices out, forward and backward together.
//!
//! Kernels allocate nothing, read no file and have never heard of a configuration. Each is written
//! once over sixteen [`lanes`], equals its [`naive`] twin bit for bit, and takes a
//! [`thread_pool::ThreadPool`] whose size changes no bit. Callers keep their data in an
//! [`aligned_buffer::AlignedBuffer`]. Read `naive` first, then `matmul` and `attend`.
//!
//! ```
//! use lookback_kernels::{loss, thread_pool::ThreadPool};
//!
//! // Two rows of three logits; whatever the threads, the bits are the same.
//! let logits = [0.0, 0.0, 0.0, 10.0, 0.0, f32::NEG_INFINITY];
//! let mut probabilities = [0.0; 6];
//! loss::softmax(&ThreadPool::single_threaded(), &logits, 3, &mut probabilities);
//! assert_eq!(probabilities[..3], [1.0 / 3.0; 3]);
//! assert_eq!(probabilities[5], 0.0);
//! ```

pub mod activate;
pub mod add;
pub mod aligned_buffer;
pub mod attend;
pub mod bf16;
pub mod cap;
pub mod embed;
pub mod experts;
pub mod isa;
pub mod lanes;
pub mod limits;
pub mod loss;
pub mod math;
pub mod matmul;
pub mod muon;
pub mod naive;
pub mod norm;
pub mod optimize;
pub mod position;
pub mod quantize;
mod ragged_tile;
pub mod scale;
pub mod steer;
pub mod stored;
pub mod sums;
pub mod thread_pool;
mod tile;
mod transpose;
