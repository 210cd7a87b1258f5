//! A small random model of each family, in which every part shows in the logits.

#![allow(dead_code, reason = "each test file uses a part of the fixture")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use lookback_engine::{Cache, Compute, Shape, ThreadPool, WeightMode, Weights, Workspace, forward};
use lookback_model::{
    Alibi, Batch, Config, Network, SequenceId, Size, TokenId, WeightId, WeightKind, WeightSpec,
};

/// Positions of the networks.
pub const CONTEXT: usize = 160;

const SIZE: Size = Size {
    vocabulary: 97,
    width: 48,
    layers: 2,
    heads: 6,
    key_heads: 2,
    hidden: 80,
    context: CONTEXT,
};

/// GPT-2 with as many key heads as heads; llamas with a head of their own and without; one that
/// forgets: its window is shorter than a tile of keys, so that tiles are hidden whole and in part; one
/// with norms of its heads, as Qwen3 has them; one whose logits are capped, at less than they reach; one with
/// a window in every second layer and capped scores, as Gemma 2 has them; and one with ALiBi in the place of
/// positions, and with sinks.
pub fn networks() -> Vec<Arc<Network>> {
    let gpt2 = Config::gpt2(Size { key_heads: SIZE.heads, ..SIZE }).unwrap();
    let llama = Config::llama(SIZE).unwrap();
    let tied = Config::llama(SIZE).unwrap().with(|config| config.tied = true).unwrap();
    let forgetful = Config::llama(SIZE).unwrap().with(|config| config.window = Some(11)).unwrap();
    let normed = Config::llama(SIZE).unwrap().with(|config| config.head_norm = true).unwrap();
    let capped = Config::llama(SIZE).unwrap().with(|config| config.cap = Some(3.0)).unwrap();
    let configs = [gpt2, llama, tied, forgetful, normed, capped];
    let networks = configs.iter().map(Network::new).chain([gemma(), biased()]);
    networks.map(Arc::new).collect()
}

/// A llama with a window in every second layer, and scores that are capped at less than they reach.
fn gemma() -> Network {
    let mut network = Network::new(&Config::llama(SIZE).unwrap());
    for (layer, block) in network.blocks.iter_mut().enumerate() {
        block.attend.score_cap = Some(1.5);
        block.attend.window = layer.is_multiple_of(2).then_some(11);
    }
    network
}

/// A llama that takes distances from scores instead of rotating, and whose heads have sinks.
fn biased() -> Network {
    let mut network = Network::new(&Config::llama(SIZE).unwrap());
    for (layer, block) in network.blocks.iter_mut().enumerate() {
        let heads = block.attend.heads;
        let name = format!("blocks.{layer}.attn.sinks");
        let sinks = WeightId(network.weights.len() as u32);
        network.weights.push(WeightSpec { name, shape: [1, heads], kind: WeightKind::Bias });
        block.rotary = None;
        block.attend.alibi = Some(Alibi { heads, factor: 1.0 });
        block.attend.sinks = Some(sinks);
    }
    network
}

/// A number in −1 .. 1 that looks random.
pub fn noise(seed: u64) -> f32 {
    let mixed = seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    ((mixed >> 40) as f32) / (1u64 << 23) as f32 - 1.0
}

/// Weights so large that nothing hides in a tolerance.
pub fn weights(network: &Arc<Network>, mode: WeightMode, pool: &ThreadPool) -> Weights {
    weights_in(network, mode, Compute::F32, pool)
}

/// The same for products in this precision.
pub fn weights_in(
    network: &Arc<Network>,
    mode: WeightMode,
    compute: Compute,
    pool: &ThreadPool,
) -> Weights {
    let of = network.clone();
    Weights::new(network.clone(), mode, compute, pool, |id, to| {
        let (size, middle) = match of.weight(id).kind {
            WeightKind::Gain => (0.3, 1.0),
            WeightKind::Bias => (0.3, 0.0),
            _ => (0.35, 0.0),
        };
        for (index, to) in to.iter_mut().enumerate() {
            *to = middle + size * noise(u64::from(id.0) << 32 | index as u64);
        }
        Ok(())
    })
    .unwrap()
}

/// Ids that look random.
pub fn ids(count: usize, seed: u64) -> Vec<TokenId> {
    (0..count as u64)
        .map(|index| TokenId((noise(seed << 20 | index).abs() * 96.0) as u32))
        .collect()
}

/// The bits of floats.
pub fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// The logits of all rows of one sequence, read in chunks through a cache.
pub fn logits(weights: &Weights, pool: &ThreadPool, ids: &[TokenId], chunk: usize) -> Vec<u32> {
    let network = weights.network();
    let shape = Shape::Inference { rows: chunk, wanted: chunk };
    let mut workspace = Workspace::new(network, shape, CONTEXT, pool.threads());
    let mut cache = Cache::new(network, weights.compute(), 1, Cache::pages(CONTEXT));
    let mut all = Vec::new();
    let mut batch = Batch::new();
    for (index, part) in ids.chunks(chunk).enumerate() {
        batch.clear();
        batch.push(SequenceId(0), index * chunk, part);
        batch.want_all();
        let logits = forward(weights, &mut workspace, &mut cache, pool, &batch).unwrap();
        all.extend(bits(logits));
    }
    all
}
