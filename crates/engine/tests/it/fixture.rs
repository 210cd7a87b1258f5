//! A small random model of each family, in which every part shows in the logits.

#![allow(dead_code, reason = "each test file uses a part of the fixture")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use lookback_engine::{
    Compute, Isa, KvCache, Shape, ThreadPool, WeightMode, Weights, Workspace, forward,
};
use lookback_model::{
    Activation, Batch, BlockOrder, Config, ExpertWeighting, MixtureConfig, Network, NormKind,
    NormPlacement, Positions, QueryKeyNorm, RopeScaling, RotaryConfig, SequenceId, Size, TokenId,
    WeightKind, Yarn,
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
/// positions, and with sinks; and the mixtures of experts.
pub fn networks() -> Vec<Arc<Network>> {
    let gpt2 = Config::gpt2(Size { key_heads: SIZE.heads, ..SIZE }).unwrap();
    let llama = Config::llama(SIZE).unwrap();
    let tied = Config::llama(SIZE).unwrap().with(|config| config.tied = true).unwrap();
    let forgetful = Config::llama(SIZE).unwrap().with(|config| config.window = Some(11)).unwrap();
    let llama_with = |change: fn(&mut Config)| Config::llama(SIZE).unwrap().with(change).unwrap();
    let normed = llama_with(|config| config.query_key_norm = Some(QueryKeyNorm::Heads));
    let capped = llama_with(|config| config.logit_cap = Some(3.0));
    // A window in every second layer, and scores that are capped at less than they reach.
    let gemma = llama_with(|config| {
        config.score_cap = Some(1.5);
        config.window = Some(11);
        config.layers_with_window =
            (0..config.layers).map(|layer| layer.is_multiple_of(2)).collect();
    });
    // Scores fall with the distance, and heads have sinks.
    let alibi = llama_with(|config| {
        config.positions = Positions::Alibi { is_scaled: false };
        config.attention_sinks = true;
    });
    // Norms of all queries and keys before rotation, norms behind attention and MLP, parallel blocks,
    // factors everywhere, layers without positions.
    let others = [
        llama_with(|config| {
            config.query_key_norm = Some(QueryKeyNorm::Rows);
            config.norm_placement = NormPlacement::After;
            config.embedding_factor = 3.0;
            config.residual_factor = 0.4;
            config.logit_factor = 0.5;
        }),
        llama_with(|config| {
            config.block_order = BlockOrder::Parallel;
            config.embedding_norm = true;
            config.head_bias = true;
            config.layers_with_positions =
                (0..config.layers).map(|layer| layer.is_multiple_of(2)).collect();
        }),
        llama_with(|config| {
            config.block_order = BlockOrder::ParallelSharedNorm;
            config.norm_placement = NormPlacement::Both;
            config.window = Some(11);
            config.window_rotary = Some(RotaryConfig::plain(100.0, 4));
            config.layers_with_window =
                (0..config.layers).map(|layer| layer.is_multiple_of(2)).collect();
            if let Positions::Rotary(rotary) = &mut config.positions {
                rotary.scaling = RopeScaling::Yarn(Yarn {
                    factor: 8.0,
                    original_context: 20,
                    beta_fast: 32.0,
                    beta_slow: 1.0,
                    truncate: true,
                    attention_factor: 1.2,
                });
            }
        }),
        // Heads with norms of their own, queries, keys and values within a bound that some reach, and scores by
        // the layer.
        llama_with(|config| {
            (config.norm, config.norm_bias) = (NormKind::Layer, true);
            config.query_key_norm = Some(QueryKeyNorm::EachHead);
            config.qkv_bound = Some(1.5);
            config.is_scale_by_layer = true;
            config.activation = Activation::QuickGelu;
        }),
        // Norms on the stream, and an embedding of another width, as OPT 350M has them.
        llama_with(|config| {
            config.norm_placement = NormPlacement::Stream;
            config.residual_factor = 0.4;
            config.embedding_width = Some(20);
            config.positions = Positions::Learned;
            config.tied = true;
        }),
    ];
    let configs = [gpt2, llama, tied, forgetful, normed, capped, gemma, alibi];
    let configs = configs.iter().chain(&others).map(|config| Arc::new(Network::new(config)));
    configs.chain(mixtures()).collect()
}

/// Two experts of four, weighted as Mixtral weights them; two of five as OLMoE does, without a gate, with
/// biases, and with an MLP for all tokens in the other layer; and all three, as gpt-oss has them.
pub fn mixtures() -> Vec<Arc<Network>> {
    let mixture = |experts, chosen, weighting| MixtureConfig {
        experts,
        chosen,
        hidden: 40,
        weighting,
        router_bias: false,
        layers_with_experts: Vec::new(),
    };
    let normalized = Config::llama(SIZE).unwrap().with(|config| {
        config.mixture = Some(mixture(4, 2, ExpertWeighting::Normalized));
    });
    let ungated = Config::llama(SIZE).unwrap().with(|config| {
        (config.gated, config.mlp_bias) = (false, true);
        let mixture = mixture(5, 2, ExpertWeighting::Softmax);
        let layers_with_experts = vec![false, true];
        config.mixture = Some(MixtureConfig { router_bias: true, layers_with_experts, ..mixture });
    });
    let all = Config::llama(SIZE).unwrap().with(|config| {
        (config.activation, config.mlp_bias) = (Activation::SwigluOai, true);
        let mixture = mixture(3, 3, ExpertWeighting::SoftmaxOfChosen);
        config.mixture = Some(MixtureConfig { router_bias: true, ..mixture });
    });
    [normalized, ungated, all].map(|config| Arc::new(Network::new(&config.unwrap()))).to_vec()
}

/// Whether no row chooses experts: where one does, a small change of what it reads may make it choose others,
/// and the loss and its gradients jump.
pub fn has_no_choice(network: &Network) -> bool {
    network.config.mixture.as_ref().is_none_or(|mixture| mixture.chosen == mixture.experts)
}

/// Pools and rows at a time whose results must agree: on the fastest instruction set one to three threads, on
/// the others, which are slow, three.
pub fn pools_and_chunks() -> Vec<(ThreadPool, usize)> {
    let fastest = [(1, 1), (2, 7)].map(|(threads, chunk)| (threads, Isa::detect(), chunk));
    let each = Isa::available().map(|isa| (3, isa, 64));
    let all = fastest.into_iter().chain(each);
    all.map(|(threads, isa, chunk)| (ThreadPool::new(threads, isa), chunk)).collect()
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
    let shape = Shape::Inference { rows: chunk, logit_rows: chunk };
    let mut workspace = Workspace::new(network, shape, CONTEXT, pool.threads());
    let mut cache = KvCache::new(network, weights.compute(), 1, KvCache::pages(CONTEXT));
    let mut all = Vec::new();
    let mut batch = Batch::new();
    for (index, part) in ids.chunks(chunk).enumerate() {
        batch.clear();
        batch.push(SequenceId(0), index * chunk, part);
        batch.add_all_logit_rows();
        let logits = forward(weights, &mut workspace, &mut cache, pool, &batch).unwrap();
        all.extend(bits(logits));
    }
    all
}
