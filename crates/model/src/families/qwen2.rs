//! Qwen2 (Yang et al. 2024): a llama whose queries, keys and values add biases.

use lookback_files::Result;
use serde_json::Value;

use super::llama;
use crate::{Config, Family, config::Keys};

pub(super) static FAMILY: Family = Family {
    name: "Qwen2",
    model_type: "qwen2",
    architecture: "Qwen2ForCausalLM",
    gguf: "qwen2",
    shape: |family, size| Config { attention_bias: true, ..llama::shape(family, size) },
    read,
    write,
    ..llama::BASE
};

/// Its files have no word for its biases: they are always there.
fn read(family: &'static Family, keys: &mut Keys<'_>) -> Result<Config> {
    let config = llama::read_with_head_dim(family, keys, None)?;
    let config = llama::read_windows(keys, config)?;
    Ok(Config { attention_bias: true, output_bias: false, mlp_bias: false, ..config })
}

fn write(config: &Config) -> Value {
    let mut object = llama::write_with(config, &["attention_bias", "mlp_bias"], Value::Null);
    llama::write_windows(config, &mut object);
    object
}
