//! GPT-2 (Radford et al. 2019): layer norms, learned positions, GELU, biases everywhere, a tied head.

use lookback_files::Result;
use serde_json::{Value, json};

use super::llama;
use crate::{
    Config, Family, Size,
    config::{Keys, activation_name, decimal, default_scale, eos_token_id, head_dim},
    files::{ExpertNames, FusedQkv, GGUF_NAMES, Layout, Names, VALUE_HEADS},
};

pub(super) static FAMILY: Family = Family {
    name: "GPT-2",
    model_type: "gpt2",
    architecture: "GPT2LMHeadModel",
    gguf: "gpt2",
    names: NAMES,
    gguf_names: Names { positions: "position_embd", gate: "", ..GGUF_NAMES },
    has_every_bias: true,
    shape: Config::plain,
    read,
    write,
    ..llama::BASE
};

pub(super) const NAMES: Names = Names {
    embed: "wte",
    projections: [""; 2],
    positions: "wpe",
    rows_before_positions: 0,
    ln_embed: "",
    block: "h",
    ln1: "ln_1",
    parallel_norms: None,
    qkv: ["attn.c_attn"; 3],
    fused_qkv: FusedQkv::Parts,
    query_key_norms: [""; 2],
    head_norms: "",
    output: "attn.c_proj",
    sinks: "",
    ln1_post: "",
    ln2: "ln_2",
    gate: "",
    up: "mlp.c_fc",
    down: "mlp.c_proj",
    experts: ExpertNames::NONE,
    ln2_post: "",
    ln_final: "ln_f",
    head: "lm_head",
    matrices: Layout::Columns,
    rotated: Layout::Columns,
    norms_less_one: false,
    prefix: "transformer.",
    ignored: &["attn.bias", "attn.masked_bias"],
    ignored_outside: VALUE_HEADS,
};

impl Config {
    /// GPT-2's shape: layer norms, learned positions, GELU, biases everywhere, a tied head.
    pub fn gpt2(size: Size) -> Result<Self> {
        FAMILY.config(size)
    }
}

pub(super) fn read(family: &'static Family, keys: &mut Keys<'_>) -> Result<Config> {
    let width = keys.size("n_embd")?;
    let heads = keys.size("n_head")?;
    head_dim(width, heads)?;
    keys.only("add_cross_attention", &json!(false))?;
    let is_scale_by_layer = keys.flag("scale_attn_by_inverse_layer_idx", false)?;
    let is_scaled = keys.flag("scale_attn_weights", true)?;
    let size = Size {
        vocabulary: keys.size("vocab_size")?,
        width,
        layers: keys.size("n_layer")?,
        heads,
        key_heads: heads,
        hidden: keys.size_or_none("n_inner")?.unwrap_or(width.saturating_mul(4)),
        context: keys.size("n_positions")?,
    };
    let defaults = (family.shape)(family, size);
    Ok(Config {
        epsilon: keys.number("layer_norm_epsilon")?.unwrap_or(defaults.epsilon),
        activation: keys.activation("activation_function", defaults.activation)?,
        tied: keys.flag("tie_word_embeddings", defaults.tied)?,
        scale: if is_scaled { defaults.scale } else { 1.0 },
        is_scale_by_layer,
        bos: keys.bos(size.vocabulary)?,
        eos: keys.eos(size.vocabulary)?,
        ..defaults
    })
}

pub(super) fn write(config: &Config) -> Value {
    json!({
        "activation_function": activation_name(config.activation),
        "architectures": [config.family.architecture],
        "attn_pdrop": 0.0,
        "bos_token_id": config.bos,
        "dtype": "float32",
        "embd_pdrop": 0.0,
        "eos_token_id": eos_token_id(config),
        "initializer_range": 0.02,
        "layer_norm_epsilon": decimal(config.epsilon),
        "model_type": config.family.model_type,
        "n_embd": config.width,
        "n_head": config.heads,
        "n_inner": config.hidden,
        "n_layer": config.layers,
        "n_positions": config.context,
        "resid_pdrop": 0.0,
        "scale_attn_by_inverse_layer_idx": config.is_scale_by_layer,
        "scale_attn_weights": config.scale == default_scale(config.head_dim),
        "tie_word_embeddings": config.tied,
        "torch_dtype": "float32",
        "use_cache": true,
        "vocab_size": config.vocabulary,
    })
}
