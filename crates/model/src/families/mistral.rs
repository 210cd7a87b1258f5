//! Mistral (Jiang et al. 2023): a llama whose tokens see a sliding window.

use lookback_files::Result;
use serde_json::{Value, json};

use super::llama;
use crate::{
    Config, Family,
    config::Keys,
    files::{GGUF_NAMES, Layout, Names},
};

pub(super) static FAMILY: Family = Family {
    name: "Mistral",
    model_type: "mistral",
    architecture: "MistralForCausalLM",
    // llama.cpp's files of it are a llama's, and have no window.
    gguf: "",
    names: llama::NAMES,
    gguf_names: Names { rotated: Layout::Pairs, ..GGUF_NAMES },
    has_every_bias: false,
    shape: llama::shape,
    read_gguf: |_, config| Ok(config),
    read,
    write,
};

fn read(family: &'static Family, keys: &mut Keys<'_>) -> Result<Config> {
    let config = llama::read_with_head_dim(family, keys, None)?;
    let window = keys.size_or_none("sliding_window")?;
    Ok(config.with_windows(window, Vec::new()))
}

fn write(config: &Config) -> Value {
    let window = json!({ "sliding_window": config.window });
    llama::write_with(config, &["attention_bias", "mlp_bias"], window)
}
