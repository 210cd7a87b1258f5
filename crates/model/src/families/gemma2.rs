//! Gemma 2 (Gemma Team 2024): Gemma with norms before and after attention and MLP, soft caps of scores and
//! logits, and a sliding window in every other layer.

use lookback_files::Result;
use serde_json::{Value, json};

use super::{gemma, llama};
use crate::{
    Activation, Config, Family, NormPlacement, Size,
    config::{Keys, activation_name, decimal, default_scale, layer_types},
    files::Names,
};

pub(super) static FAMILY: Family = Family {
    name: "Gemma 2",
    model_type: "gemma2",
    architecture: "Gemma2ForCausalLM",
    gguf: "gemma2",
    names: NAMES,
    shape,
    read_gguf: |keys, config| {
        // The 27B model scales scores by 1 / √(width / heads), the others by 1 / √head_dim.
        const LAYERS_OF_27B: usize = 46;
        let is_27b = config.layers == LAYERS_OF_27B;
        let dim = if is_27b { config.width / config.heads } else { config.head_dim };
        let score_cap = keys.real("attn_logit_softcapping")?.or(config.score_cap);
        let logit_cap = keys.real("final_logit_softcapping")?.or(config.logit_cap);
        let config = Config { scale: default_scale(dim), score_cap, logit_cap, ..config };
        let config = keys.windows(config, 2)?;
        keys.window_rotary(config, Clone::clone)
    },
    read,
    write,
    ..llama::BASE
};

pub(super) const NAMES: Names = Names {
    ln1_post: "post_attention_layernorm",
    ln2: "pre_feedforward_layernorm",
    ln2_post: "post_feedforward_layernorm",
    ..gemma::NAMES
};

fn shape(family: &'static Family, size: Size) -> Config {
    Config {
        norm_placement: NormPlacement::Both,
        score_cap: Some(50.0),
        logit_cap: Some(30.0),
        ..gemma::shape(family, size)
    }
}

fn read(family: &'static Family, keys: &mut Keys<'_>) -> Result<Config> {
    let config = llama::read_with_head_dim(family, keys, Some(256))?;
    let config = read_caps(keys, config)?;
    let window = keys.size_or_none("sliding_window")?.unwrap_or(4096);
    let named = keys.layer_types(config.layers)?;
    let layers = 0..config.layers;
    let every_other = || layers.map(|layer| layer.is_multiple_of(2)).collect();
    Ok(config.with_windows(Some(window), named.unwrap_or_else(every_other)))
}

/// The keys that Gemma 2 and Gemma 3 have beside a llama's. A cap that is null is none.
pub(super) fn read_caps(keys: &mut Keys<'_>, config: Config) -> Result<Config> {
    keys.only("use_bidirectional_attention", &json!(false))?;
    let scalar = keys.number("query_pre_attn_scalar")?.unwrap_or(256.0);
    let mut cap = |key, default: Option<f32>| match keys.has(key) {
        true => keys.number(key),
        false => Ok(default),
    };
    Ok(Config {
        score_cap: cap("attn_logit_softcapping", config.score_cap)?,
        logit_cap: cap("final_logit_softcapping", config.logit_cap)?,
        activation: keys.activation("hidden_activation", Activation::GeluTanh)?,
        scale: (1.0 / f64::from(scalar).sqrt()) as f32,
        ..config
    })
}

fn write(config: &Config) -> Value {
    write_with_caps(config, "sliding_window")
}

pub(super) fn write_with_caps(config: &Config, window: &str) -> Value {
    let scalar = (1.0 / (f64::from(config.scale) * f64::from(config.scale))) as f32;
    // transformers takes whole numbers only, where it is one.
    let is_whole = (scalar - scalar.round()).abs() < 1e-3;
    let scalar = if is_whole { json!(scalar.round() as u64) } else { decimal(scalar) };
    llama::write_with(
        config,
        &["mlp_bias", "hidden_act"],
        json!({
            "attn_logit_softcapping": config.score_cap.map(decimal),
            "final_logit_softcapping": config.logit_cap.map(decimal),
            "hidden_activation": activation_name(config.activation),
            "query_pre_attn_scalar": scalar,
            "layer_types": layer_types(config),
            window: config.window,
        }),
    )
}
