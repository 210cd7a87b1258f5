//! Phi-3 (Abdin et al. 2024): a llama whose files hold queries, keys and values in one tensor, and the two
//! branches into the MLP in another.

use lookback_files::Result;
use serde_json::{Value, json};

use super::llama;
use crate::{Config, Family, config::Keys, files::Names};

pub(super) static FAMILY: Family = Family {
    name: "Phi-3",
    model_type: "phi3",
    architecture: "Phi3ForCausalLM",
    gguf: "phi3",
    names: Names {
        qkv: ["self_attn.qkv_proj"; 3],
        gate: "mlp.gate_up_proj",
        up: "mlp.gate_up_proj",
        ..llama::NAMES
    },
    shape: |family, size| Config { epsilon: 1e-5, ..llama::shape(family, size) },
    read_gguf: |keys, config| keys.windows(config, |_| true),
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
    llama::write_with(config, &["attention_bias", "mlp_bias", "head_dim"], window)
}
