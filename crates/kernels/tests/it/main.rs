//! The arithmetic, tested from outside: each kernel beside its naive twin, each twin beside the reference.

mod activate;
mod aligned_buffer;
mod attend;
mod bf16;
mod cap;
mod embed;
mod experts;
mod inputs;
mod lanes;
mod loss;
mod math;
mod matmul;
mod muon;
mod mutants;
mod norm;
mod optimize;
mod oracles;
mod pairs;
mod position;
mod reference;
mod scale;
mod steer;
mod stored;
mod sums;
mod thread_pool;
mod yardstick;
