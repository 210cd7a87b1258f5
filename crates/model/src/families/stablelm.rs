//! StableLM (Bellagente et al. 2024): a llama with layer norms, of whose heads a quarter is rotated. The
//! larger ones norm each head of queries and keys with weights of its own.

use lookback_files::Result;
use serde_json::{Value, json};

use super::llama;
use crate::{
    BlockOrder, Config, Family, NormKind, Positions, QueryKeyNorm, RotaryConfig, Size,
    config::{Keys, decimal},
    files::Names,
};

pub(super) static FAMILY: Family = Family {
    name: "StableLM",
    model_type: "stablelm",
    architecture: "StableLmForCausalLM",
    gguf: "stablelm",
    names: Names {
        query_key_norms: ["self_attn.q_layernorm", "self_attn.k_layernorm"],
        head_norms: "norms",
        ..llama::NAMES
    },
    shape,
    read_gguf: |keys, config| {
        keys.pass_over("use_parallel_residual");
        let block_order = match keys.first_block_has("ffn_norm.weight") {
            true => BlockOrder::Sequential,
            false => BlockOrder::ParallelSharedNorm,
        };
        let query_key_norm =
            keys.first_block_has("attn_q_norm.weight").then_some(QueryKeyNorm::EachHead);
        Ok(Config { block_order, query_key_norm, ..config })
    },
    write_gguf: |config, metadata| {
        let is_parallel = config.block_order != BlockOrder::Sequential;
        metadata.flag("use_parallel_residual", is_parallel);
    },
    has_partial_rotary: true,
    read,
    write,
    ..llama::BASE
};

fn shape(family: &'static Family, size: Size) -> Config {
    let llama = llama::shape(family, size);
    Config {
        norm: NormKind::Layer,
        norm_bias: true,
        epsilon: 1e-5,
        positions: Positions::Rotary(RotaryConfig::plain(10_000.0, llama.head_dim / 4)),
        ..llama
    }
}

fn read(family: &'static Family, keys: &mut Keys<'_>) -> Result<Config> {
    let has_norms = keys.flag("qk_layernorm", false)?;
    let is_parallel = keys.flag("use_parallel_residual", false)?;
    let config = llama::read_with_head_dim(family, keys, None)?;
    Ok(Config {
        epsilon: keys.number("layer_norm_eps")?.unwrap_or(config.epsilon),
        attention_bias: keys.flag("use_qkv_bias", false)?,
        output_bias: false,
        query_key_norm: has_norms.then_some(QueryKeyNorm::EachHead),
        block_order: match is_parallel {
            true => BlockOrder::ParallelSharedNorm,
            false => BlockOrder::Sequential,
        },
        ..config
    })
}

fn write(config: &Config) -> Value {
    llama::write_with(
        config,
        &["attention_bias", "mlp_bias", "head_dim", "rms_norm_eps"],
        json!({
            "layer_norm_eps": decimal(config.epsilon),
            "qk_layernorm": config.query_key_norm.is_some(),
            "use_parallel_residual": config.block_order != BlockOrder::Sequential,
            "use_qkv_bias": config.attention_bias,
        }),
    )
}
