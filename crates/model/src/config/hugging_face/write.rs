//! The `config.json` of a model, family by family, where a family's files have words for all of it.

use lookback_files::{Refusal, Result};
use serde_json::{Value, json};

use super::{
    super::{Activation, Config, Family, NormKind, Positions, RotaryConfig, usual_scale},
    ACTIVATIONS, architecture,
};

/// Writes the keys that its family has.
pub(super) fn family(config: &Config) -> Result<Value> {
    match config.family {
        Family::Gpt2 => write_gpt2(config),
        Family::Llama => write_llama(config),
        Family::Qwen3 => write_qwen3(config),
    }
}

/// Biases that a model does not have are in the file, and zero.
fn write_gpt2(config: &Config) -> Result<Value> {
    let scaled = config.scale == usual_scale(config.head_dim);
    let fits = config.norm == NormKind::Layer
        && config.positions == Positions::Learned
        && config.key_heads == config.heads
        && !config.head_norm
        && config.heads * config.head_dim == config.width
        && !config.gated
        && config.window.is_none()
        && (scaled || config.scale == 1.0);
    if !fits {
        return Err(unsayable("GPT-2"));
    }
    Ok(json!({
        "activation_function": name(config.activation),
        "architectures": [architecture(Family::Gpt2)],
        "attn_pdrop": 0.0,
        "bos_token_id": config.beginning,
        "dtype": "float32",
        "embd_pdrop": 0.0,
        "eos_token_id": ends(config),
        "initializer_range": 0.02,
        "layer_norm_epsilon": decimal(config.epsilon),
        "model_type": "gpt2",
        "n_embd": config.width,
        "n_head": config.heads,
        "n_inner": config.hidden,
        "n_layer": config.layers,
        "n_positions": config.context,
        "resid_pdrop": 0.0,
        "scale_attn_weights": scaled,
        "tie_word_embeddings": config.tied,
        "torch_dtype": "float32",
        "use_cache": true,
        "vocab_size": config.vocabulary,
    }))
}

/// A llama's keys, and what Qwen3 says besides: that no layer has a window.
fn write_qwen3(config: &Config) -> Result<Value> {
    if !config.head_norm || config.mlp_bias {
        return Err(unsayable("Qwen3"));
    }
    let mut object = write_as_llama(config, "Qwen3")?;
    object["architectures"] = json!([architecture(Family::Qwen3)]);
    object["model_type"] = json!("qwen3");
    object["use_sliding_window"] = json!(false);
    if let Some(object) = object.as_object_mut() {
        object.remove("mlp_bias");
    }
    Ok(object)
}

fn write_llama(config: &Config) -> Result<Value> {
    if config.head_norm {
        return Err(unsayable("Llama"));
    }
    write_as_llama(config, "Llama")
}

fn write_as_llama(config: &Config, family: &str) -> Result<Value> {
    let theta = match config.positions {
        Positions::Rotary(RotaryConfig { theta, rotary_dim }) if rotary_dim == config.head_dim => {
            theta
        }
        _ => return Err(unsayable(family)),
    };
    let fits = config.norm == NormKind::Rms
        && !config.norm_bias
        && config.gated
        && config.attention_bias == config.output_bias
        && config.window.is_none()
        && config.scale == usual_scale(config.head_dim);
    if !fits {
        return Err(unsayable(family));
    }
    // Both spellings of the rotary base: transformers 4 reads the first, 5 the second.
    Ok(json!({
        "architectures": [architecture(Family::Llama)],
        "attention_bias": config.attention_bias,
        "attention_dropout": 0.0,
        "bos_token_id": config.beginning,
        "dtype": "float32",
        "eos_token_id": ends(config),
        "head_dim": config.head_dim,
        "hidden_act": name(config.activation),
        "hidden_size": config.width,
        "initializer_range": 0.02,
        "intermediate_size": config.hidden,
        "max_position_embeddings": config.context,
        "mlp_bias": config.mlp_bias,
        "model_type": "llama",
        "num_attention_heads": config.heads,
        "num_hidden_layers": config.layers,
        "num_key_value_heads": config.key_heads,
        "rms_norm_eps": decimal(config.epsilon),
        "rope_theta": decimal(theta),
        "rope_parameters": { "rope_theta": decimal(theta), "rope_type": "default" },
        "tie_word_embeddings": config.tied,
        "torch_dtype": "float32",
        "use_cache": true,
        "vocab_size": config.vocabulary,
    }))
}

fn unsayable(family: &str) -> Refusal {
    Refusal::user(format!(
        "{family}'s config.json has no words for this model; its norms, positions, biases and MLP \
         must be {family}'s"
    ))
}

fn name(activation: Activation) -> &'static str {
    let named = ACTIVATIONS.iter().find(|(_, known)| *known == activation);
    named.expect("every activation stands in the table").0
}

/// One id as a number, several as a list, none as null.
pub(super) fn ends(config: &Config) -> Value {
    match config.ends.as_slice() {
        [] => Value::Null,
        [one] => json!(one),
        several => json!(several),
    }
}

/// The shortest decimal that rounds to this f32, so that 1e-5 stays 1e-5.
pub(super) fn decimal(number: f32) -> Value {
    let shortest: f64 = number.to_string().parse().expect("a float's own digits are a number");
    json!(shortest)
}
