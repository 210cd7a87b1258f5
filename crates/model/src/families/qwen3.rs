//! Qwen3 (Yang et al. 2025): a llama whose queries and keys pass a norm of each head.

use lookback_files::Result;
use serde_json::{Value, json};

use super::llama;
use crate::{Config, Family, Size, config::Keys, files::GGUF_NAMES};

pub(super) static FAMILY: Family = Family {
    name: "Qwen3",
    model_type: "qwen3",
    architecture: "Qwen3ForCausalLM",
    gguf: "qwen3",
    names: llama::NAMES,
    gguf_names: GGUF_NAMES,
    has_every_bias: false,
    shape: |family, size| Config { head_norm: true, ..llama::shape(family, size) },
    read,
    write,
};

impl Config {
    /// Qwen3's shape: a llama's, with a norm of each head of queries and keys.
    pub fn qwen3(size: Size) -> Result<Self> {
        FAMILY.config(size)
    }
}

fn read(family: &'static Family, keys: &mut Keys<'_>) -> Result<Config> {
    llama::refuse_windows(keys)?;
    llama::read_with_head_dim(family, keys, Some(128))
}

/// A llama's keys without biases of the MLP; and that no layer has a window.
fn write(config: &Config) -> Value {
    let mut object = llama::write(config);
    object["use_sliding_window"] = json!(false);
    if let Some(object) = object.as_object_mut() {
        object.remove("mlp_bias");
    }
    object
}
