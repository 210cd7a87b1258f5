//! The arithmetic, fast: slices in, slices out, forward and backward together.
//!
//! Kernels allocate nothing, read no file and have never heard of a configuration. Each is written
//! once over sixteen [`lanes`], equals its [`naive`] twin bit for bit, and takes a [`team::Team`]
//! whose size changes no bit. What callers hand in they keep in a [`room::Room`]. Read `naive` first,
//! then `matmul` and `attend`.

pub mod activate;
pub mod add;
pub mod attend;
pub mod bf16;
pub mod cap;
pub mod embed;
pub mod lanes;
pub mod limits;
pub mod loss;
pub mod math;
pub mod matmul;
pub mod muon;
pub mod naive;
pub mod norm;
pub mod optimize;
pub mod path;
pub mod position;
pub mod room;
mod stairs;
pub mod stored;
pub mod sums;
pub mod team;
mod tile;
mod turn;
