//! Mistral (Jiang et al. 2023): a llama whose tokens see a sliding window.

use lookback_files::Result;
use serde_json::{Value, json};

use super::llama;
use crate::{Config, Family, config::Keys};

pub(super) static FAMILY: Family = Family {
    name: "Mistral",
    model_type: "mistral",
    architecture: "MistralForCausalLM",
    // llama.cpp's files of it are a llama's, and have no window.
    gguf: "",
    gguf_as: "llama",
    read,
    write,
    ..llama::BASE
};

fn read(family: &'static Family, keys: &mut Keys<'_>) -> Result<Config> {
    let config = llama::read_with_head_dim(family, keys, None)?;
    llama::read_window(keys, config)
}

fn write(config: &Config) -> Value {
    let window = json!({ "sliding_window": config.window });
    llama::write_with(config, &["attention_bias", "mlp_bias"], window)
}
