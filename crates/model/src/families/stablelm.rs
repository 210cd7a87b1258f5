//! StableLM (Bellagente et al. 2024): a llama with layer norms, of whose heads a quarter is rotated.

use lookback_files::Result;
use serde_json::{Value, json};

use super::llama;
use crate::{
    BlockOrder, Config, Family, NormKind, Positions, RotaryConfig, Size,
    config::{Keys, decimal},
};

pub(super) static FAMILY: Family = Family {
    name: "StableLM",
    model_type: "stablelm",
    architecture: "StableLmForCausalLM",
    gguf: "stablelm",
    shape,
    read_gguf: |keys, config| {
        keys.pass_over("use_parallel_residual");
        let block_order = match keys.first_block_has("ffn_norm.weight") {
            true => BlockOrder::Sequential,
            false => BlockOrder::ParallelSharedNorm,
        };
        Ok(Config { block_order, ..config })
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
    keys.only("qk_layernorm", &json!(false))?;
    let is_parallel = keys.flag("use_parallel_residual", false)?;
    let config = llama::read_with_head_dim(family, keys, None)?;
    Ok(Config {
        epsilon: keys.number("layer_norm_eps")?.unwrap_or(config.epsilon),
        attention_bias: keys.flag("use_qkv_bias", false)?,
        output_bias: false,
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
            "qk_layernorm": false,
            "use_parallel_residual": config.block_order != BlockOrder::Sequential,
            "use_qkv_bias": config.attention_bias,
        }),
    )
}
