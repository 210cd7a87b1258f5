//! `config.json` as transformers writes it, read and written.
//!
//! A key that changes the mathematics and is not understood is refused by name: a model that runs
//! is the model that was meant.

use lookback_files::{Refusal, Result};
use lookback_text::TokenId;
use serde_json::{Map, Value, json};

use super::{
    Activation, Config, Family, NormKind, Positions, RotaryConfig, keys::Keys, keys::shown,
    usual_scale,
};

/// The names of activations; the first of each is the one that is written.
const ACTIVATIONS: &[(&str, Activation)] = &[
    ("silu", Activation::Silu),
    ("swish", Activation::Silu),
    ("gelu", Activation::Gelu),
    ("gelu_new", Activation::GeluTanh),
    ("gelu_pytorch_tanh", Activation::GeluTanh),
    ("gelu_fast", Activation::GeluTanh),
    ("relu", Activation::Relu),
    ("relu2", Activation::Relu2),
];

/// Goes before the `model_type` of a model whose logits are capped.
const CAPPED: &str = "capped_";
/// The cap, as Gemma's files name it.
const CAP: &str = "final_logit_softcapping";

impl Config {
    /// Reads a `config.json`.
    pub fn from_hugging_face(text: &str) -> Result<Self> {
        let object = read_object(text)?;
        let mut keys = Keys::new(&object, "");
        let kind = keys.word("model_type")?;
        let plain = kind.and_then(|kind| kind.strip_prefix(CAPPED));
        let family = match plain.or(kind) {
            Some("gpt2") => Family::Gpt2,
            Some("llama") => Family::Llama,
            Some("qwen3") => Family::Qwen3,
            Some(other) => {
                return Err(Refusal::user(format!(
                    "model_type \"{}\" is not understood; gpt2, llama and qwen3 are",
                    shown(other)
                )));
            }
            None => {
                return Err(Refusal::user("model_type is missing; gpt2, llama or qwen3 is needed"));
            }
        };
        check_architecture(&mut keys, family)?;
        let config = match family {
            Family::Gpt2 => read_gpt2(&mut keys)?,
            Family::Llama => read_llama(&mut keys)?,
            Family::Qwen3 => read_qwen3(&mut keys)?,
        };
        let cap = match plain {
            Some(_) => keys.number(CAP)?,
            None => None,
        };
        keys.finish()?;
        Self { cap, ..config }.checked()
    }

    /// Takes what begins and ends a text from a `generation_config.json`, where it says so.
    pub fn with_generation(self, text: &str) -> Result<Self> {
        let object = read_object(text)?;
        let mut keys = Keys::new(&object, "");
        let beginning = keys.ids("bos_token_id")?;
        let ends = keys.ids("eos_token_id")?;
        let mut config = self;
        if let Some(id) = inside(config.vocabulary, &beginning).first() {
            config.beginning = Some(*id);
        }
        if !ends.is_empty() {
            config.ends = inside(config.vocabulary, &ends);
        }
        config.checked()
    }

    /// Writes the `config.json` that transformers loads, if its family's files can say all of it.
    ///
    /// A cap of logits has no word there in these families: transformers would leave it out without
    /// a sign. Such a file names a kind of its own, which is refused instead.
    pub fn to_hugging_face(&self) -> Result<String> {
        let mut object = match self.family {
            Family::Gpt2 => write_gpt2(self)?,
            Family::Llama => write_llama(self)?,
            Family::Qwen3 => write_qwen3(self)?,
        };
        if let Some(cap) = self.cap {
            let plain = object["model_type"].as_str().unwrap_or_default();
            object["model_type"] = json!(format!("{CAPPED}{plain}"));
            object["architectures"] = json!([]);
            object[CAP] = decimal(cap);
        }
        Ok(pretty(&object))
    }

    /// Writes the `generation_config.json` that goes with it.
    pub fn generation_to_hugging_face(&self) -> String {
        pretty(&json!({
            "_from_model_config": true,
            "bos_token_id": self.beginning,
            "eos_token_id": ends(self),
        }))
    }
}

fn read_object(text: &str) -> Result<Map<String, Value>> {
    serde_json::from_str(text).map_err(|error| {
        Refusal::user(format!("not the JSON object that is needed ({error}); fetch it again"))
    })
}

fn check_architecture(keys: &mut Keys<'_>, family: Family) -> Result<()> {
    let wanted = architecture(family);
    let Some(value) = keys.take("architectures") else { return Ok(()) };
    let names = value.as_array().map(Vec::as_slice).unwrap_or_default();
    if names.is_empty() || names.iter().any(|name| name == wanted) {
        return Ok(());
    }
    Err(Refusal::user(format!(
        "architectures {} is not understood; {wanted} is",
        shown(&value.to_string())
    )))
}

fn architecture(family: Family) -> &'static str {
    match family {
        Family::Gpt2 => "GPT2LMHeadModel",
        Family::Llama => "LlamaForCausalLM",
        Family::Qwen3 => "Qwen3ForCausalLM",
    }
}

fn read_gpt2(keys: &mut Keys<'_>) -> Result<Config> {
    let width = keys.size("n_embd")?;
    let heads = keys.size("n_head")?;
    let head_dim = head_dim(width, heads)?;
    for key in ["scale_attn_by_inverse_layer_idx", "add_cross_attention"] {
        if keys.flag(key, false)? {
            return Err(Refusal::user(format!("{key} is true, which is not understood")));
        }
    }
    let scaled = keys.flag("scale_attn_weights", true)?;
    let vocabulary = keys.size("vocab_size")?;
    Ok(Config {
        family: Family::Gpt2,
        vocabulary,
        width,
        layers: keys.size("n_layer")?,
        heads,
        key_heads: heads,
        head_dim,
        hidden: keys.size_or_none("n_inner")?.unwrap_or(width.saturating_mul(4)),
        context: keys.size("n_positions")?,
        norm: NormKind::Layer,
        head_norm: false,
        norm_bias: true,
        epsilon: keys.number("layer_norm_epsilon")?.unwrap_or(1e-5),
        positions: Positions::Learned,
        activation: activation(keys, "activation_function", Activation::GeluTanh)?,
        gated: false,
        attention_bias: true,
        output_bias: true,
        mlp_bias: true,
        tied: keys.flag("tie_word_embeddings", true)?,
        window: None,
        scale: if scaled { usual_scale(head_dim) } else { 1.0 },
        cap: None,
        beginning: inside(vocabulary, &keys.ids("bos_token_id")?).first().copied(),
        ends: inside(vocabulary, &keys.ids("eos_token_id")?),
    })
}

fn read_llama(keys: &mut Keys<'_>) -> Result<Config> {
    let width = keys.size("hidden_size")?;
    let heads = keys.size("num_attention_heads")?;
    let head_dim = match keys.size_or_none("head_dim")? {
        Some(given) => given,
        None => head_dim(width, heads)?,
    };
    let vocabulary = keys.size("vocab_size")?;
    let attention_bias = keys.flag("attention_bias", false)?;
    Ok(Config {
        family: Family::Llama,
        vocabulary,
        width,
        layers: keys.size("num_hidden_layers")?,
        heads,
        key_heads: keys.size_or_none("num_key_value_heads")?.unwrap_or(heads),
        head_dim,
        hidden: keys.size("intermediate_size")?,
        context: keys.size_or_none("max_position_embeddings")?.unwrap_or(2048),
        norm: NormKind::Rms,
        head_norm: false,
        norm_bias: false,
        epsilon: keys.number("rms_norm_eps")?.unwrap_or(1e-6),
        positions: Positions::Rotary(RotaryConfig {
            theta: read_theta(keys)?,
            rotary_dim: head_dim,
        }),
        activation: activation(keys, "hidden_act", Activation::Silu)?,
        gated: true,
        attention_bias,
        output_bias: attention_bias,
        mlp_bias: keys.flag("mlp_bias", false)?,
        tied: keys.flag("tie_word_embeddings", false)?,
        window: None,
        scale: usual_scale(head_dim),
        cap: None,
        beginning: inside(vocabulary, &keys.ids("bos_token_id")?).first().copied(),
        ends: inside(vocabulary, &keys.ids("eos_token_id")?),
    })
}

/// A llama with head norms. Its files may name a window that none of its layers uses.
fn read_qwen3(keys: &mut Keys<'_>) -> Result<Config> {
    let is_windowed = keys.flag("use_sliding_window", false)?;
    keys.take("sliding_window");
    keys.take("max_window_layers");
    let layers = keys.take("layer_types").and_then(Value::as_array);
    let sees_all = |kind: &Value| kind == "full_attention";
    if is_windowed || layers.is_some_and(|layers| !layers.iter().all(sees_all)) {
        return Err(Refusal::user(
            "layers with a sliding window are not understood; full_attention is",
        ));
    }
    let head_dim = keys.size_or_none("head_dim")?.unwrap_or(128);
    let llama = read_llama(keys)?;
    Ok(Config {
        family: Family::Qwen3,
        head_dim,
        head_norm: true,
        positions: match llama.positions {
            Positions::Rotary(how) => {
                Positions::Rotary(RotaryConfig { rotary_dim: head_dim, ..how })
            }
            other => other,
        },
        scale: usual_scale(head_dim),
        ..llama
    })
}

/// The base of the rotary frequencies: `rope_theta`, or the newer `rope_parameters`.
fn read_theta(keys: &mut Keys<'_>) -> Result<f32> {
    let mut theta = keys.number("rope_theta")?;
    for (key, prefix) in
        [("rope_scaling", "rope_scaling."), ("rope_parameters", "rope_parameters.")]
    {
        let Some(object) = keys.object(key)? else { continue };
        let mut rope = Keys::new(object, prefix);
        for kind in [rope.word("rope_type")?, rope.word("type")?].into_iter().flatten() {
            if kind != "default" {
                return Err(Refusal::user(format!(
                    "{} rope scaling is not understood; default is",
                    shown(kind)
                )));
            }
        }
        theta = rope.number("rope_theta")?.or(theta);
        if rope.number("partial_rotary_factor")?.is_some_and(|factor| factor != 1.0) {
            return Err(Refusal::user(format!("{prefix}partial_rotary_factor is not understood")));
        }
        rope.finish()?;
    }
    Ok(theta.unwrap_or(10000.0))
}

fn head_dim(width: usize, heads: usize) -> Result<usize> {
    if heads == 0 || !width.is_multiple_of(heads) {
        return Err(Refusal::user(format!("a width of {width} cannot be shared by {heads} heads")));
    }
    Ok(width / heads)
}

fn activation(keys: &mut Keys<'_>, key: &'static str, usual: Activation) -> Result<Activation> {
    let Some(name) = keys.word(key)? else { return Ok(usual) };
    let found = ACTIVATIONS.iter().find(|(known, _)| *known == name);
    found.map(|(_, activation)| *activation).ok_or_else(|| {
        let known: Vec<&str> = ACTIVATIONS.iter().map(|(known, _)| *known).collect();
        let (name, known) = (shown(name), known.join(", "));
        Refusal::user(format!("{key} \"{name}\" is not understood; {known} are"))
    })
}

/// Ids that the vocabulary has. A small model often keeps the ids of a larger one's tokenizer;
/// a token that it cannot make ends nothing.
fn inside(vocabulary: usize, ids: &[u64]) -> Vec<TokenId> {
    let known = ids.iter().filter(|id| usize::try_from(**id).is_ok_and(|id| id < vocabulary));
    known.filter_map(|id| u32::try_from(*id).ok()).map(TokenId).collect()
}

fn write_gpt2(config: &Config) -> Result<Value> {
    let scaled = config.scale == usual_scale(config.head_dim);
    let fits = config.norm == NormKind::Layer
        && config.norm_bias
        && config.positions == Positions::Learned
        && config.key_heads == config.heads
        && !config.head_norm
        && config.heads * config.head_dim == config.width
        && config.attention_bias
        && config.output_bias
        && config.mlp_bias
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
fn ends(config: &Config) -> Value {
    match config.ends.as_slice() {
        [] => Value::Null,
        [one] => json!(one),
        several => json!(several),
    }
}

/// The shortest decimal that rounds to this f32, so that 1e-5 stays 1e-5.
fn decimal(number: f32) -> Value {
    let shortest: f64 = number.to_string().parse().expect("a float's own digits are a number");
    json!(shortest)
}

fn pretty(object: &Value) -> String {
    let mut text = serde_json::to_string_pretty(object).expect("plain JSON can be written");
    text.push('\n');
    text
}
