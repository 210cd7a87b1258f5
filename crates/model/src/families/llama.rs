//! Llama (Touvron et al. 2023): RMS norms, rotary positions, a gated SiLU (SwiGLU), no biases, an
//! untied `lm_head`. The functions that families like it build on are here as well.

use lookback_files::{Refusal, Result};
use serde_json::{Value, json};

use crate::{
    Activation, Config, Family, NormKind, Positions, RotaryConfig, Size,
    config::{
        self, Keys, RopeContext, activation_name, decimal, eos_token_id, layer_types, write_rope,
    },
    files::{ExpertNames, FusedQkv, GGUF_NAMES, Layout, Names},
};

pub(super) static FAMILY: Family = Family {
    name: "Llama",
    model_type: "llama",
    architecture: "LlamaForCausalLM",
    gguf: "llama",
    // For this architecture llama.cpp rotates neighbouring dimensions (2i, 2i + 1), and its files
    // have the rows of queries and keys in that order.
    gguf_names: Names { rotated: Layout::Pairs, ..GGUF_NAMES },
    ..BASE
};

/// The defaults of the families that are like it.
pub(super) const BASE: Family = Family {
    name: "",
    model_type: "",
    architecture: "",
    gguf: "",
    gguf_as: "",
    has_own_mixtures: false,
    names: NAMES,
    gguf_names: GGUF_NAMES,
    has_every_bias: false,
    has_partial_rotary: false,
    shape,
    read_gguf: |_, config| Ok(config),
    write_gguf: |_, _| {},
    read,
    write,
};

pub(super) const NAMES: Names = Names {
    embed: "embed_tokens",
    projections: [""; 2],
    positions: "",
    rows_before_positions: 0,
    ln_embed: "",
    block: "layers",
    ln1: "input_layernorm",
    parallel_norms: None,
    qkv: ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
    fused_qkv: FusedQkv::Parts,
    query_key_norms: ["self_attn.q_norm", "self_attn.k_norm"],
    head_norms: "",
    output: "self_attn.o_proj",
    sinks: "self_attn.sinks",
    ln1_post: "",
    ln2: "post_attention_layernorm",
    gate: "mlp.gate_proj",
    up: "mlp.up_proj",
    down: "mlp.down_proj",
    ln2_post: "",
    experts: ExpertNames::NONE,
    ln_final: "norm",
    head: "lm_head",
    matrices: Layout::Rows,
    rotated: Layout::Rows,
    norms_less_one: false,
    prefix: "model.",
    ignored: &[
        "self_attn.rotary_emb.inv_freq",
        "self_attn.rotary_emb.cos_cached",
        "self_attn.rotary_emb.sin_cached",
    ],
    ignored_outside: &["v_head.", "value_head.", "rotary_emb.inv_freq"],
};

impl Config {
    /// Llama's shape: RMS norms, rotary positions, a gated SiLU, no biases, an untied `lm_head`.
    pub fn llama(size: Size) -> Result<Self> {
        FAMILY.config(size)
    }
}

pub(super) fn shape(family: &'static Family, size: Size) -> Config {
    let plain = Config::plain(family, size);
    Config {
        norm: NormKind::Rms,
        norm_bias: false,
        epsilon: 1e-6,
        positions: Positions::Rotary(RotaryConfig::plain(10000.0, plain.head_dim)),
        activation: Activation::Silu,
        gated: true,
        attention_bias: false,
        output_bias: false,
        mlp_bias: false,
        tied: false,
        ..plain
    }
}

fn read(family: &'static Family, keys: &mut Keys<'_>) -> Result<Config> {
    // Keys of other families, which transformers ignores in a llama's configuration.
    for key in ["sliding_window", "max_window_layers", "use_sliding_window"] {
        keys.take(key);
    }
    read_with_head_dim(family, keys, None)
}

/// Reads the configuration of a llama or of a family like it. `head_dim` is the file's, else the
/// family's default, else the width divided by the heads.
pub(super) fn read_with_head_dim(
    family: &'static Family,
    keys: &mut Keys<'_>,
    default_head_dim: Option<usize>,
) -> Result<Config> {
    read_with_rotary(family, keys, default_head_dim, None)
}

/// The same of a family whose rotary embedding may differ by the kind of a layer: `layers` names those whose
/// it is.
pub(super) fn read_with_rotary(
    family: &'static Family,
    keys: &mut Keys<'_>,
    default_head_dim: Option<usize>,
    layers: Option<&'static str>,
) -> Result<Config> {
    let width = keys.size("hidden_size")?;
    let heads = keys.size("num_attention_heads")?;
    let head_dim = match keys.size_or_none("head_dim")?.or(default_head_dim) {
        Some(given) => given,
        None => config::head_dim(width, heads)?,
    };
    keys.take("rope_interleaved");
    let size = Size {
        vocabulary: keys.size("vocab_size")?,
        width,
        layers: crate::config::layer_count(keys.size("num_hidden_layers")?)?,
        heads,
        key_heads: keys.size_or_none("num_key_value_heads")?.unwrap_or(heads),
        hidden: keys.size("intermediate_size")?,
        context: keys.size_or_none("max_position_embeddings")?.unwrap_or(2048),
    };
    let original_context = keys.size_or_none("original_max_position_embeddings")?;
    let may_be_partial = family.has_partial_rotary;
    let rope = RopeContext { head_dim, context: size.context, original_context, may_be_partial };
    let defaults = (family.shape)(family, size).with_head_dim(head_dim);
    let has_bias = keys.flag("attention_bias", defaults.attention_bias)?;
    Ok(Config {
        epsilon: keys.number("rms_norm_eps")?.unwrap_or(defaults.epsilon),
        positions: match &defaults.positions {
            Positions::Rotary(rotary) => {
                Positions::Rotary(keys.rotary_of_layers(layers, rope, rotary.clone())?)
            }
            others => others.clone(),
        },
        activation: keys.activation("hidden_act", defaults.activation)?,
        attention_bias: has_bias,
        output_bias: has_bias,
        mlp_bias: keys.flag("mlp_bias", defaults.mlp_bias)?,
        tied: keys.flag("tie_word_embeddings", defaults.tied)?,
        bos: keys.bos(size.vocabulary)?,
        eos: keys.eos(size.vocabulary)?,
        ..defaults
    })
}

/// Reads which layers have a sliding window, of families whose files may give a window's size although no
/// layer uses it.
pub(super) fn read_windows(keys: &mut Keys<'_>, config: Config) -> Result<Config> {
    let is_windowed = keys.flag("use_sliding_window", false)?;
    let window = keys.size_or_none("sliding_window")?.filter(|_| is_windowed);
    let first = keys.size_or_none("max_window_layers")?.unwrap_or(28);
    let named = keys.layer_types(config.layers)?;
    let has_window =
        named.unwrap_or_else(|| (0..config.layers).map(|layer| layer >= first).collect());
    if window.is_none() && is_windowed && has_window.contains(&true) {
        return Err(Refusal::user("sliding_window is missing, but layers have a sliding window"));
    }
    Ok(config.with_windows(window, has_window))
}

/// Reads a sliding window that all layers have, where the file names its size.
pub(super) fn read_window(keys: &mut Keys<'_>, config: Config) -> Result<Config> {
    let window = keys.size_or_none("sliding_window")?;
    Ok(config.with_windows(window, Vec::new()))
}

/// Reads the rotary embedding of the layers with a sliding window; `defaults` are theirs where the file says
/// no other.
pub(super) fn read_window_rotary(
    keys: &mut Keys<'_>,
    config: &Config,
    defaults: RotaryConfig,
) -> Result<RotaryConfig> {
    let rope = RopeContext {
        head_dim: config.head_dim,
        context: config.context,
        original_context: None,
        may_be_partial: config.family.has_partial_rotary,
    };
    keys.rotary_of_layers(Some("sliding_attention"), rope, defaults)
}

/// Writes what [`read_windows`] reads.
pub(super) fn write_windows(config: &Config, object: &mut Value) {
    object["use_sliding_window"] = json!(config.window.is_some());
    if config.window.is_some() {
        object["sliding_window"] = json!(config.window);
        object["layer_types"] = layer_types(config);
    }
}

pub(super) fn write(config: &Config) -> Value {
    let mut object = json!({
        "architectures": [config.family.architecture],
        "attention_bias": config.attention_bias,
        "attention_dropout": 0.0,
        "bos_token_id": config.bos,
        "dtype": "float32",
        "eos_token_id": eos_token_id(config),
        "head_dim": config.head_dim,
        "hidden_act": activation_name(config.activation),
        "hidden_size": config.width,
        "initializer_range": 0.02,
        "intermediate_size": config.hidden,
        "max_position_embeddings": config.written_context(),
        "mlp_bias": config.mlp_bias,
        "model_type": config.family.model_type,
        "num_attention_heads": config.heads,
        "num_hidden_layers": config.layers,
        "num_key_value_heads": config.key_heads,
        "rms_norm_eps": decimal(config.epsilon),
        "tie_word_embeddings": config.tied,
        "torch_dtype": "float32",
        "use_cache": true,
        "vocab_size": config.vocabulary,
    });
    write_rope(config, &mut object);
    object
}

/// Writes a llama's keys, less those that a family does not have, and others.
pub(super) fn write_with(config: &Config, without: &[&str], others: Value) -> Value {
    let mut object = write(config);
    if let (Some(object), Value::Object(others)) = (object.as_object_mut(), others) {
        object.retain(|key, _| !without.contains(&key.as_str()));
        object.extend(others);
    }
    object
}
