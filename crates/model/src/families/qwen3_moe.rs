//! Qwen3-MoE (Yang et al. 2025): Qwen3 with a mixture of narrow experts in place of its MLP, in every layer or
//! in most.

use lookback_files::Result;
use serde_json::{Value, json};

use super::{llama, mixtral};
use crate::{
    Config, ExpertWeighting, Family, QueryKeyNorm,
    config::Keys,
    files::{ExpertLayout, ExpertNames, Names},
};

pub(super) static FAMILY: Family = Family {
    name: "Qwen3-MoE",
    model_type: "qwen3_moe",
    architecture: "Qwen3MoeForCausalLM",
    gguf: "qwen3moe",
    names: NAMES,
    shape: |family, size| Config {
        query_key_norm: Some(QueryKeyNorm::Heads),
        mixture: Some(mixtral::mixture(size, 128, 8, ExpertWeighting::Normalized)),
        ..llama::shape(family, size)
    },
    read,
    write,
    ..llama::BASE
};

pub(super) const NAMES: Names = Names {
    experts: ExpertNames {
        router: "mlp.gate",
        layout: ExpertLayout::Apart,
        experts: "mlp.experts",
        gate: "gate_proj",
        up: "up_proj",
        down: "down_proj",
    },
    ..llama::NAMES
};

fn read(family: &'static Family, keys: &mut Keys<'_>) -> Result<Config> {
    let config = llama::read_with_head_dim(family, keys, None)?;
    // Where it has a window, all of its layers do.
    let is_windowed = keys.flag("use_sliding_window", false)?;
    let window = keys.size_or_none("sliding_window")?.filter(|_| is_windowed);
    keys.take("max_window_layers");
    let config = mixtral::read_mixture(keys, config.with_windows(window, Vec::new()))?;
    let config = mixtral::read_weighting(keys, config)?;
    let config = mixtral::read_layers(keys, config)?;
    let width = keys.size_or_none("moe_intermediate_size")?;
    Ok(mixtral::with_expert_width(config, Some(width.unwrap_or(768))))
}

fn write(config: &Config) -> Value {
    let mut others = mixtral::write_mixture(config, "num_experts");
    others["use_sliding_window"] = json!(config.window.is_some());
    others["sliding_window"] = json!(config.window);
    others["decoder_sparse_step"] = json!(1);
    let dense = (0..config.layers).filter(|layer| config.layer_mixture(*layer).is_none());
    others["mlp_only_layers"] = json!(dense.collect::<Vec<_>>());
    if let Some(mixture) = &config.mixture {
        others["moe_intermediate_size"] = json!(mixture.hidden);
        others["norm_topk_prob"] = json!(mixture.weighting == ExpertWeighting::Normalized);
    }
    llama::write_with(config, &["mlp_bias"], others)
}
