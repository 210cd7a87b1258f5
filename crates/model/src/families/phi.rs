//! Phi (Li et al. 2023), the first two generations: attention and MLP side by side behind one layer norm,
//! partly rotated heads, biases everywhere, the head included.

use lookback_files::Result;
use serde_json::{Value, json};

use super::llama;
use crate::{
    BlockOrder, Config, Family, Positions, QueryKeyNorm, RotaryConfig, Size,
    config::{Keys, decimal},
    files::{GGUF_NAMES, Names},
};

pub(super) static FAMILY: Family = Family {
    name: "Phi",
    model_type: "phi",
    architecture: "PhiForCausalLM",
    gguf: "phi2",
    names: Names {
        query_key_norms: ["self_attn.q_layernorm", "self_attn.k_layernorm"],
        output: "self_attn.dense",
        gate: "",
        up: "mlp.fc1",
        down: "mlp.fc2",
        ln_final: "final_layernorm",
        ..llama::NAMES
    },
    gguf_names: Names { gate: "", ..GGUF_NAMES },
    shape,
    has_partial_rotary: true,
    read,
    write,
    ..llama::BASE
};

fn shape(family: &'static Family, size: Size) -> Config {
    let plain = Config::plain(family, size);
    Config {
        positions: Positions::Rotary(RotaryConfig::plain(10_000.0, plain.head_dim / 2)),
        block_order: BlockOrder::ParallelSharedNorm,
        head_bias: true,
        tied: false,
        ..plain
    }
}

fn read(family: &'static Family, keys: &mut Keys<'_>) -> Result<Config> {
    let has_norms = keys.flag("qk_layernorm", false)?;
    let config = llama::read_with_head_dim(family, keys, None)?;
    let epsilon = keys.number("layer_norm_eps")?.unwrap_or(config.epsilon);
    Ok(Config {
        epsilon,
        query_key_norm: has_norms.then_some(QueryKeyNorm::Heads),
        attention_bias: true,
        output_bias: true,
        mlp_bias: true,
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
        }),
    )
}
