//! A small random model.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use lookback_engine::{Compute, HeadInit, Init, ThreadPool, WeightMode, Weights};
use lookback_model::{Config, Network, Size};

/// Positions of the context.
pub const CONTEXT: usize = 150;

const SIZE: Size = Size {
    vocabulary: 50,
    width: 32,
    layers: 2,
    heads: 4,
    key_heads: 2,
    hidden: 48,
    context: CONTEXT,
};

/// Weights so large that each token matters.
pub fn weights(pool: &ThreadPool) -> Weights {
    let network = Arc::new(Network::new(&Config::llama(SIZE).unwrap()));
    let start = Init { seed: 3, tables: 0.5, matrices: 0.3, heads: HeadInit::Plain };
    let of = network.clone();
    let fill = |id, to: &mut [f32]| start.fill(&of, id, to);
    Weights::new(network, WeightMode::Inference, Compute::F32, pool, fill).unwrap()
}
