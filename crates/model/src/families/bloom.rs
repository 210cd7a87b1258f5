//! BLOOM (Le Scao et al. 2022): ALiBi instead of position embeddings, and a norm of the embedding.

use lookback_files::Result;
use serde_json::{Value, json};

use super::llama;
use crate::{
    Config, Family, Positions, Size,
    config::{Keys, decimal, eos_token_id},
    files::{FusedQkv, GGUF_NAMES, Names},
};

pub(super) static FAMILY: Family = Family {
    name: "BLOOM",
    model_type: "bloom",
    architecture: "BloomForCausalLM",
    gguf: "bloom",
    names: NAMES,
    gguf_names: Names { gate: "", ..GGUF_NAMES },
    has_every_bias: true,
    shape: |family, size| Config {
        positions: Positions::Alibi { is_scaled: false },
        embedding_norm: true,
        ..Config::plain(family, size)
    },
    read,
    write,
    ..llama::BASE
};

pub(super) const NAMES: Names = Names {
    embed: "word_embeddings",
    ln_embed: "word_embeddings_layernorm",
    block: "h",
    qkv: ["self_attention.query_key_value"; 3],
    fused_qkv: FusedQkv::KeyHeads,
    output: "self_attention.dense",
    gate: "",
    up: "mlp.dense_h_to_4h",
    down: "mlp.dense_4h_to_h",
    ln_final: "ln_f",
    prefix: "transformer.",
    ignored: &["self_attention.rotary_emb.inv_freq"],
    ..llama::NAMES
};

fn read(family: &'static Family, keys: &mut Keys<'_>) -> Result<Config> {
    keys.only("apply_residual_connection_post_layernorm", &json!(false))?;
    let width = keys.first_size(&["hidden_size", "n_embed"])?;
    let heads = keys.first_size(&["n_head", "num_attention_heads"])?;
    crate::config::head_dim(width, heads)?;
    let size = Size {
        vocabulary: keys.size("vocab_size")?,
        width,
        layers: keys.first_size(&["n_layer", "num_hidden_layers"])?,
        heads,
        key_heads: heads,
        hidden: width.saturating_mul(4),
        // Files of models with ALiBi leave the context out; this is the one that BLOOM was trained with.
        context: keys.size_or_none("seq_length")?.unwrap_or(2048),
    };
    // Of the program that trained it, and how fast or exactly it computed.
    for key in [
        "bias_dropout_fusion",
        "masked_softmax_fusion",
        "offset_alibi",
        "skip_bias_add",
        "skip_bias_add_qkv",
        "slow_but_exact",
    ] {
        keys.take(key);
    }
    let defaults = (family.shape)(family, size);
    Ok(Config {
        epsilon: keys.number("layer_norm_epsilon")?.unwrap_or(defaults.epsilon),
        tied: keys.flag("tie_word_embeddings", defaults.tied)?,
        bos: keys.bos(size.vocabulary)?,
        eos: keys.eos(size.vocabulary)?,
        ..defaults
    })
}

fn write(config: &Config) -> Value {
    json!({
        "apply_residual_connection_post_layernorm": false,
        "architectures": [config.family.architecture],
        "attention_dropout": 0.0,
        "bos_token_id": config.bos,
        "dtype": "float32",
        "eos_token_id": eos_token_id(config),
        "hidden_dropout": 0.0,
        "hidden_size": config.width,
        "initializer_range": 0.02,
        "layer_norm_epsilon": decimal(config.epsilon),
        "model_type": config.family.model_type,
        "n_head": config.heads,
        "n_layer": config.layers,
        "seq_length": config.context,
        "tie_word_embeddings": config.tied,
        "torch_dtype": "float32",
        "use_cache": true,
        "vocab_size": config.vocabulary,
    })
}
