//! Mixtral (Jiang et al. 2024): a llama with a mixture of experts in place of its MLP. The functions that
//! other families with experts build on are here as well.

use lookback_files::{Refusal, Result};
use serde_json::{Value, json};

use super::llama;
use crate::{
    Config, ExpertWeighting, Family, MixtureConfig, Size,
    config::Keys,
    files::{ExpertLayout, ExpertNames, GGUF_NAMES, Layout, Names},
};

pub(super) static FAMILY: Family = Family {
    name: "Mixtral",
    model_type: "mixtral",
    architecture: "MixtralForCausalLM",
    // Its files are of llama.cpp's llama architecture, with experts.
    gguf: "llama",
    names: Names {
        experts: ExpertNames {
            router: "block_sparse_moe.gate",
            layout: ExpertLayout::Apart,
            experts: "block_sparse_moe.experts",
            gate: "w1",
            up: "w3",
            down: "w2",
        },
        ..llama::NAMES
    },
    gguf_names: Names { rotated: Layout::Pairs, ..GGUF_NAMES },
    shape: |family, size| Config {
        mixture: Some(mixture(size, 8, 2, ExpertWeighting::Normalized)),
        epsilon: 1e-5,
        ..llama::shape(family, size)
    },
    read,
    write,
    ..llama::BASE
};

impl Config {
    /// Mixtral's shape: a llama's, with eight experts in place of its MLP, of which two work on each token.
    pub fn mixtral(size: Size) -> Result<Self> {
        FAMILY.config(size)
    }
}

fn read(family: &'static Family, keys: &mut Keys<'_>) -> Result<Config> {
    let config = llama::read_with_head_dim(family, keys, None)?;
    let window = keys.size_or_none("sliding_window")?;
    let config = read_mixture(keys, config.with_windows(window, Vec::new()))?;
    Ok(with_expert_width(config, None))
}

fn write(config: &Config) -> Value {
    let mut others = write_mixture(config, "num_local_experts");
    others["sliding_window"] = json!(config.window);
    llama::write_with(config, &["attention_bias", "mlp_bias"], others)
}

/// Experts in every block, as wide as the MLP of this size.
pub(super) fn mixture(
    size: Size,
    experts: usize,
    chosen: usize,
    weighting: ExpertWeighting,
) -> MixtureConfig {
    MixtureConfig {
        experts,
        chosen,
        hidden: size.hidden,
        weighting,
        router_bias: false,
        layers_with_experts: Vec::new(),
    }
}

/// Reads how many experts there are and how many of them work on a token.
pub(super) fn read_mixture(keys: &mut Keys<'_>, config: Config) -> Result<Config> {
    // Of the loss that balances experts in training, and of noise there.
    for key in ["router_aux_loss_coef", "router_jitter_noise", "output_router_logits"] {
        keys.take(key);
    }
    let mut experts = None;
    for key in ["num_experts", "num_local_experts"] {
        experts = keys.size_or_none(key)?.or(experts);
    }
    let chosen = keys.size_or_none("num_experts_per_tok")?;
    let mixture = config.mixture.map(|mixture| MixtureConfig {
        experts: experts.unwrap_or(mixture.experts),
        chosen: chosen.unwrap_or(mixture.chosen),
        ..mixture
    });
    Ok(Config { mixture, ..config })
}

/// The same with experts of another width; as wide as its MLP if none is named.
pub(super) fn with_expert_width(config: Config, width: Option<usize>) -> Config {
    let hidden = width.unwrap_or(config.hidden);
    let mixture = config.mixture.map(|mixture| MixtureConfig { hidden, ..mixture });
    Config { mixture, ..config }
}

/// Reads how the chosen experts are weighted, of families that have a word for it.
pub(super) fn read_weighting(keys: &mut Keys<'_>, config: Config) -> Result<Config> {
    let is_normalized = keys.flag("norm_topk_prob", false)?;
    let weighting =
        if is_normalized { ExpertWeighting::Normalized } else { ExpertWeighting::Softmax };
    let mixture = config.mixture.map(|mixture| MixtureConfig { weighting, ..mixture });
    Ok(Config { mixture, ..config })
}

/// Reads which layers have an MLP in place of experts.
pub(super) fn read_layers(keys: &mut Keys<'_>, config: Config) -> Result<Config> {
    let step = keys.size_or_none("decoder_sparse_step")?.unwrap_or(1);
    if step == 0 {
        return Err(Refusal::user(
            "decoder_sparse_step is 0; 1 is needed where every layer has experts",
        ));
    }
    let dense = keys.numbers("mlp_only_layers")?.unwrap_or_default();
    let has_experts =
        |layer: usize| (layer + 1).is_multiple_of(step) && !dense.contains(&(layer as f32));
    let layers: Vec<bool> = (0..config.layers).map(has_experts).collect();
    let is_all = layers.iter().all(|has| *has);
    let layers_with_experts = if is_all { Vec::new() } else { layers };
    let mixture = config.mixture.map(|mixture| MixtureConfig { layers_with_experts, ..mixture });
    Ok(Config { mixture, ..config })
}

/// Writes how many experts there are, under the family's word for it, and how many work on a token.
pub(super) fn write_mixture(config: &Config, name: &str) -> Value {
    let Some(mixture) = &config.mixture else { return json!({}) };
    let mut object = json!({ "num_experts_per_tok": mixture.chosen });
    object[name] = json!(mixture.experts);
    object
}
