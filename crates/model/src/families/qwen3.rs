//! Qwen3 (Yang et al. 2025): a llama whose queries and keys pass a norm of each head.

use lookback_files::Result;
use serde_json::Value;

use super::llama;
use crate::{Config, Family, QueryKeyNorm, Size, config::Keys};

pub(super) static FAMILY: Family = Family {
    name: "Qwen3",
    model_type: "qwen3",
    architecture: "Qwen3ForCausalLM",
    gguf: "qwen3",
    shape: |family, size| Config {
        query_key_norm: Some(QueryKeyNorm::Heads),
        ..llama::shape(family, size)
    },
    read,
    write,
    ..llama::BASE
};

impl Config {
    /// Qwen3's shape: a llama's, with a norm of each head of queries and keys.
    pub fn qwen3(size: Size) -> Result<Self> {
        FAMILY.config(size)
    }
}

fn read(family: &'static Family, keys: &mut Keys<'_>) -> Result<Config> {
    let config = llama::read_with_head_dim(family, keys, Some(128))?;
    llama::read_windows(keys, config)
}

/// A llama's keys without biases of the MLP; and which layers have a window.
fn write(config: &Config) -> Value {
    let mut object = llama::write_with(config, &["mlp_bias"], Value::Null);
    llama::write_windows(config, &mut object);
    object
}
