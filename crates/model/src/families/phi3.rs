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
    read_gguf: |keys, config| keys.windows(config, 0),
    has_partial_rotary: true,
    read,
    write,
    ..llama::BASE
};

fn read(family: &'static Family, keys: &mut Keys<'_>) -> Result<Config> {
    // Phi-4-mini's own words for what every Phi-3 is.
    keys.only("full_attn_mod", &json!(1))?;
    keys.only("interpolate_factor", &json!(1))?;
    keys.only("lm_head_bias", &json!(false))?;
    let config = llama::read_with_head_dim(family, keys, None)?;
    llama::read_window(keys, config)
}

fn write(config: &Config) -> Value {
    // Left out, it would be one of transformers' own, which a smaller table does not have.
    let others = json!({ "pad_token_id": null, "sliding_window": config.window });
    llama::write_with(config, &["attention_bias", "mlp_bias", "head_dim"], others)
}
