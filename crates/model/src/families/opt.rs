//! OPT (Zhang et al. 2022): GPT-2 with ReLU; its table of positions begins with two rows that no position
//! has. That of 350M parameters has its norms on the residual stream, and a narrower embedding.

use lookback_files::Result;
use serde_json::{Value, json};

use super::llama;
use crate::{
    Activation, Config, Family, NormPlacement, Size,
    config::{Keys, activation_name, eos_token_id},
    files::Names,
};

pub(super) static FAMILY: Family = Family {
    name: "OPT",
    model_type: "opt",
    architecture: "OPTForCausalLM",
    gguf: "",
    names: Names {
        embed: "embed_tokens",
        projections: ["project_in", "project_out"],
        positions: "embed_positions",
        rows_before_positions: 2,
        ln1: "self_attn_layer_norm",
        output: "self_attn.out_proj",
        ln2: "final_layer_norm",
        gate: "",
        up: "fc1",
        down: "fc2",
        ln_final: "final_layer_norm",
        prefix: "model.decoder.",
        ..llama::NAMES
    },
    shape: |family, size| Config { activation: Activation::Relu, ..Config::plain(family, size) },
    read,
    write,
    ..llama::BASE
};

fn read(family: &'static Family, keys: &mut Keys<'_>) -> Result<Config> {
    // The last two are of Galactica's files, and transformers reads neither.
    for (key, understood) in [
        ("_remove_final_layer_norm", false),
        ("learned_embeddings", true),
        ("scale_embeddings", false),
    ] {
        keys.only(key, &json!(understood))?;
    }
    let width = keys.size("hidden_size")?;
    let embedding_width = keys.size_or_none("word_embed_proj_dim")?;
    let is_norm_before = keys.flag("do_layer_norm_before", true)?;
    let has_bias = keys.flag("enable_bias", true)?;
    let has_norm_weights = keys.flag("layer_norm_elementwise_affine", true)?;
    let heads = keys.size("num_attention_heads")?;
    crate::config::head_dim(width, heads)?;
    let size = Size {
        vocabulary: keys.size("vocab_size")?,
        width,
        layers: keys.size("num_hidden_layers")?,
        heads,
        key_heads: heads,
        hidden: keys.size("ffn_dim")?,
        context: keys.size_or_none("max_position_embeddings")?.unwrap_or(2048),
    };
    let defaults = (family.shape)(family, size);
    Ok(Config {
        activation: keys.activation("activation_function", defaults.activation)?,
        embedding_width: embedding_width.filter(|other| *other != width),
        norm_placement: match is_norm_before {
            true => NormPlacement::Before,
            false => NormPlacement::Stream,
        },
        has_norm_weights,
        norm_bias: has_norm_weights,
        attention_bias: has_bias,
        output_bias: has_bias,
        mlp_bias: has_bias,
        tied: keys.flag("tie_word_embeddings", defaults.tied)?,
        bos: keys.bos(size.vocabulary)?,
        eos: keys.eos(size.vocabulary)?,
        ..defaults
    })
}

fn write(config: &Config) -> Value {
    json!({
        "activation_function": activation_name(config.activation),
        "architectures": [config.family.architecture],
        "attention_dropout": 0.0,
        "bos_token_id": config.bos,
        "do_layer_norm_before": config.norm_placement == NormPlacement::Before,
        "dropout": 0.0,
        "dtype": "float32",
        "enable_bias": config.mlp_bias,
        "eos_token_id": eos_token_id(config),
        "ffn_dim": config.hidden,
        "hidden_size": config.width,
        "init_std": 0.02,
        "layer_norm_elementwise_affine": config.has_norm_weights,
        "layerdrop": 0.0,
        "max_position_embeddings": config.context,
        "model_type": config.family.model_type,
        "num_attention_heads": config.heads,
        "num_hidden_layers": config.layers,
        "tie_word_embeddings": config.tied,
        "torch_dtype": "float32",
        "use_cache": true,
        "vocab_size": config.vocabulary,
        "word_embed_proj_dim": config.embedding_width.unwrap_or(config.width),
    })
}
