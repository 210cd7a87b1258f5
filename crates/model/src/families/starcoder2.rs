//! StarCoder2 (Lozhkov et al. 2024): rotary positions in a GPT-2-like block, with grouped heads and a sliding
//! window.

use lookback_files::Result;
use serde_json::{Value, json};

use super::llama;
use crate::{
    Activation, Config, Family, Positions, RotaryConfig, Size,
    config::{Keys, decimal},
    files::{GGUF_NAMES, Names},
};

pub(super) static FAMILY: Family = Family {
    name: "StarCoder2",
    model_type: "starcoder2",
    architecture: "Starcoder2ForCausalLM",
    gguf: "starcoder2",
    names: Names { gate: "", up: "mlp.c_fc", down: "mlp.c_proj", ..llama::NAMES },
    gguf_names: Names { gate: "", ..GGUF_NAMES },
    shape,
    read_gguf: |keys, config| keys.windows(config, 0),
    read,
    write,
    ..llama::BASE
};

fn shape(family: &'static Family, size: Size) -> Config {
    let plain = Config::plain(family, size);
    Config {
        positions: Positions::Rotary(RotaryConfig::plain(10_000.0, plain.head_dim)),
        activation: Activation::GeluTanh,
        ..plain
    }
}

fn read(family: &'static Family, keys: &mut Keys<'_>) -> Result<Config> {
    // What the program that trained it called the same; transformers reads none of these.
    for key in ["activation_function", "layer_norm_epsilon", "scale_attn_weights"] {
        keys.take(key);
    }
    keys.only("mlp_type", &json!("default"))?;
    keys.only("norm_type", &json!("layer_norm"))?;
    let config = llama::read_with_head_dim(family, keys, None)?;
    let has_bias = keys.flag("use_bias", true)?;
    let window = keys.size_or_none("sliding_window")?;
    let config = Config {
        epsilon: keys.number("norm_epsilon")?.unwrap_or(config.epsilon),
        attention_bias: has_bias,
        output_bias: has_bias,
        mlp_bias: has_bias,
        ..config
    };
    let named = keys.layer_types(config.layers)?;
    Ok(config.with_windows(window, named.unwrap_or_default()))
}

fn write(config: &Config) -> Value {
    llama::write_with(
        config,
        &["attention_bias", "mlp_bias", "head_dim", "rms_norm_eps"],
        json!({
            "norm_epsilon": decimal(config.epsilon),
            "sliding_window": config.window,
            "use_bias": config.mlp_bias,
        }),
    )
}
