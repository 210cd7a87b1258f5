//! The keys of a `config.json`, family by family.

use lookback_files::{Refusal, Result};
use lookback_text::TokenId;
use serde_json::Value;

use super::{
    super::{
        Activation, Config, Family, NormKind, Positions, RotaryConfig,
        keys::{Keys, shown},
        usual_scale,
    },
    ACTIVATIONS, architecture,
};

/// Reads the keys that a family has.
pub(super) fn family(family: Family, keys: &mut Keys<'_>) -> Result<Config> {
    check_architecture(keys, family)?;
    match family {
        Family::Gpt2 => read_gpt2(keys),
        Family::Llama => read_llama(keys),
        Family::Qwen3 => read_qwen3(keys),
    }
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
    // Other families' keys, which transformers does not read in this one.
    for key in ["sliding_window", "max_window_layers", "use_sliding_window", "rope_interleaved"] {
        keys.take(key);
    }
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
pub(super) fn inside(vocabulary: usize, ids: &[u64]) -> Vec<TokenId> {
    let known = ids.iter().filter(|id| usize::try_from(**id).is_ok_and(|id| id < vocabulary));
    known.filter_map(|id| u32::try_from(*id).ok()).map(TokenId).collect()
}
