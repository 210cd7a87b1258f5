//! The naive twins: plain loops that define every bit. Each kernel equals its twin.

pub mod activate;
pub mod attend;
pub mod bf16;
pub mod cap;
pub mod embed;
pub mod experts;
pub mod loss;
pub mod matmul;
pub mod muon;
pub mod norm;
pub mod optimize;
pub mod position;
pub mod scale;
pub mod steer;
pub mod stored;
pub mod sums;
