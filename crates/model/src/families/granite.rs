//! Granite (IBM 2024): a llama with factors of the embedding, of what enters the residual stream, of the
//! scores and of the logits.

use lookback_files::Result;
use serde_json::{Value, json};

use super::llama;
use crate::{
    Config, Family,
    config::{Keys, decimal, default_scale},
    files::{GGUF_NAMES, Layout, Names},
};

pub(super) static FAMILY: Family = Family {
    name: "Granite",
    model_type: "granite",
    architecture: "GraniteForCausalLM",
    gguf: "granite",
    gguf_names: Names { rotated: Layout::Pairs, ..GGUF_NAMES },
    // Unlike a llama's, its scores have no factor that its configuration does not name.
    shape: |family, size| Config { scale: 1.0, ..llama::shape(family, size) },
    read_gguf: |keys, config| {
        let mut factor = |key| keys.real(key).map(|factor| factor.filter(|it| *it != 0.0));
        let config = Config {
            embedding_factor: factor("embedding_scale")?.unwrap_or(1.0),
            residual_factor: factor("residual_scale")?.unwrap_or(1.0),
            scale: factor("attention.scale")?.unwrap_or(default_scale(config.head_dim)),
            logit_factor: 1.0 / factor("logit_scale")?.unwrap_or(1.0),
            ..config
        };
        // llama.cpp rotates nothing in a Granite that says so.
        let is_rotated = keys.flag("rope.scaling.finetuned")?.unwrap_or(true);
        let layers = vec![is_rotated; config.layers];
        Ok(config.with_positions(layers))
    },
    write_gguf: |config, metadata| {
        metadata.real("embedding_scale", config.embedding_factor);
        metadata.real("residual_scale", config.residual_factor);
        metadata.real("attention.scale", config.scale);
        metadata.real("logit_scale", 1.0 / config.logit_factor);
    },
    read,
    write,
    ..llama::BASE
};

fn read(family: &'static Family, keys: &mut Keys<'_>) -> Result<Config> {
    let config = llama::read_with_head_dim(family, keys, None)?;
    let mut factor = |key| keys.number(key).map(|factor| factor.unwrap_or(1.0));
    Ok(Config {
        embedding_factor: factor("embedding_multiplier")?,
        residual_factor: factor("residual_multiplier")?,
        scale: factor("attention_multiplier")?,
        logit_factor: 1.0 / factor("logits_scaling")?,
        ..config
    })
}

fn write(config: &Config) -> Value {
    let factors = json!({
        "embedding_multiplier": decimal(config.embedding_factor),
        "residual_multiplier": decimal(config.residual_factor),
        "attention_multiplier": decimal(config.scale),
        "logits_scaling": decimal(1.0 / config.logit_factor),
    });
    llama::write_with(config, &["head_dim"], factors)
}
