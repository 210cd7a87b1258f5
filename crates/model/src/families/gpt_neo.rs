//! GPT-Neo (Black et al. 2021): GPT-2 with a sliding window in every other layer, scores without a factor, and
//! queries, keys and values without biases.

use lookback_files::{Refusal, Result, excerpt};
use serde_json::{Value, json};

use super::{gpt2, llama};
use crate::{
    Config, Family, Size,
    config::{Keys, activation_name, decimal, eos_token_id},
    files::{Layout, Names},
};

pub(super) static FAMILY: Family = Family {
    name: "GPT-Neo",
    model_type: "gpt_neo",
    architecture: "GPTNeoForCausalLM",
    gguf: "",
    names: Names {
        qkv: ["attn.attention.q_proj", "attn.attention.k_proj", "attn.attention.v_proj"],
        output: "attn.attention.out_proj",
        matrices: Layout::Rows,
        rotated: Layout::Rows,
        ignored: &["attn.attention.bias", "attn.attention.masked_bias"],
        ..gpt2::NAMES
    },
    shape: |family, size| Config {
        attention_bias: false,
        scale: 1.0,
        ..Config::plain(family, size)
    },
    read,
    write,
    ..llama::BASE
};

fn read(family: &'static Family, keys: &mut Keys<'_>) -> Result<Config> {
    let width = keys.size("hidden_size")?;
    let heads = keys.size("num_heads")?;
    let size = Size {
        vocabulary: keys.size("vocab_size")?,
        width,
        layers: crate::config::layer_count(keys.size("num_layers")?)?,
        heads,
        key_heads: heads,
        hidden: keys.size_or_none("intermediate_size")?.unwrap_or(width.saturating_mul(4)),
        context: keys.size_or_none("max_position_embeddings")?.unwrap_or(2048),
    };
    crate::config::head_dim(width, heads)?;
    let defaults = (family.shape)(family, size);
    let window = keys.size_or_none("window_size")?.unwrap_or(256);
    let has_window = read_layers(keys, size.layers)?;
    let config = Config {
        epsilon: keys.number("layer_norm_epsilon")?.unwrap_or(defaults.epsilon),
        activation: keys.activation("activation_function", defaults.activation)?,
        tied: keys.flag("tie_word_embeddings", defaults.tied)?,
        bos: keys.bos(size.vocabulary)?,
        eos: keys.eos(size.vocabulary)?,
        ..defaults
    };
    Ok(config.with_windows(Some(window), has_window))
}

/// Whether each layer has the window: from `attention_layers`, or from `attention_types`, a list of patterns
/// with how often each is repeated.
fn read_layers(keys: &mut Keys<'_>, layers: usize) -> Result<Vec<bool>> {
    let wrong = |value: &Value| {
        let value = excerpt(&value.to_string());
        Refusal::user(format!(
            "attention_layers {value} cannot be; global or local is needed for each of the model's {layers} \
             layers"
        ))
    };
    let types = keys.take("attention_types");
    let named: Vec<&Value> = match (keys.take("attention_layers"), types) {
        (Some(value), _) => value.as_array().ok_or_else(|| wrong(value))?.iter().collect(),
        (None, Some(value)) => {
            let mut named = Vec::new();
            for group in value.as_array().ok_or_else(|| wrong(value))? {
                let (pattern, times) = (group[0].as_array(), group[1].as_u64());
                let (Some(pattern), Some(times)) = (pattern, times) else {
                    return Err(wrong(value));
                };
                for _ in 0..times.min(layers as u64 + 1) {
                    named.extend(pattern);
                }
            }
            named
        }
        (None, None) => return Ok((0..layers).map(|layer| layer % 2 == 1).collect()),
    };
    let has_window = |kind: &Value| match kind.as_str() {
        Some("global") => Ok(false),
        Some("local") => Ok(true),
        _ => Err(wrong(kind)),
    };
    if named.len() != layers {
        return Err(wrong(&json!(named)));
    }
    named.into_iter().map(has_window).collect()
}

fn write(config: &Config) -> Value {
    let name = |layer| if config.layer_window(layer).is_some() { "local" } else { "global" };
    let layers: Vec<&str> = (0..config.layers).map(name).collect();
    json!({
        "activation_function": activation_name(config.activation),
        "architectures": [config.family.architecture],
        "attention_dropout": 0.0,
        "attention_layers": layers,
        "attention_types": [[layers, 1]],
        "bos_token_id": config.bos,
        "dtype": "float32",
        "embed_dropout": 0.0,
        "eos_token_id": eos_token_id(config),
        "hidden_size": config.width,
        "initializer_range": 0.02,
        "intermediate_size": config.hidden,
        "layer_norm_epsilon": decimal(config.epsilon),
        "max_position_embeddings": config.context,
        "model_type": config.family.model_type,
        "num_heads": config.heads,
        "num_layers": config.layers,
        "resid_dropout": 0.0,
        "tie_word_embeddings": config.tied,
        "torch_dtype": "float32",
        "use_cache": true,
        "vocab_size": config.vocabulary,
        "window_size": config.window.unwrap_or(256),
    })
}
