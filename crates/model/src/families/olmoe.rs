//! OLMoE (Muennighoff et al. 2024): a llama with norms of all queries and all keys of a row, and with a mixture
//! of experts whose weights are shares of all experts.

use lookback_files::Result;
use serde_json::{Value, json};

use super::{llama, mixtral, qwen3_moe};
use crate::{
    Config, ExpertWeighting, Family, QueryKeyNorm,
    config::{Keys, decimal},
};

pub(super) static FAMILY: Family = Family {
    name: "OLMoE",
    model_type: "olmoe",
    architecture: "OlmoeForCausalLM",
    gguf: "olmoe",
    names: qwen3_moe::NAMES,
    shape: |family, size| Config {
        query_key_norm: Some(QueryKeyNorm::Rows),
        mixture: Some(mixtral::mixture(size, 64, 8, ExpertWeighting::Softmax)),
        epsilon: 1e-5,
        ..llama::shape(family, size)
    },
    read,
    write,
    ..llama::BASE
};

fn read(family: &'static Family, keys: &mut Keys<'_>) -> Result<Config> {
    let config = llama::read_with_head_dim(family, keys, None)?;
    let config = Config { qkv_bound: keys.number("clip_qkv")?, ..config };
    let config = mixtral::read_mixture(keys, config)?;
    let config = mixtral::read_weighting(keys, config)?;
    Ok(mixtral::with_expert_width(config, None))
}

fn write(config: &Config) -> Value {
    let mut others = mixtral::write_mixture(config, "num_experts");
    let weighting = config.mixture.as_ref().map(|mixture| mixture.weighting);
    others["clip_qkv"] = json!(config.qkv_bound.map(decimal));
    others["norm_topk_prob"] = json!(weighting == Some(ExpertWeighting::Normalized));
    llama::write_with(config, &["head_dim", "mlp_bias"], others)
}
