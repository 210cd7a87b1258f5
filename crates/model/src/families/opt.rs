//! OPT (Zhang et al. 2022): GPT-2 with ReLU; its table of positions begins with two rows that no position
//! has.

use lookback_files::{Refusal, Result};
use serde_json::{Value, json};

use super::llama;
use crate::{
    Activation, Config, Family, Size,
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
    has_every_bias: true,
    shape: |family, size| Config { activation: Activation::Relu, ..Config::plain(family, size) },
    read,
    write,
    ..llama::BASE
};

fn read(family: &'static Family, keys: &mut Keys<'_>) -> Result<Config> {
    for (key, understood) in [
        ("do_layer_norm_before", true),
        ("enable_bias", true),
        ("layer_norm_elementwise_affine", true),
        ("_remove_final_layer_norm", false),
    ] {
        keys.only(key, &json!(understood))?;
    }
    let width = keys.size("hidden_size")?;
    if keys.size_or_none("word_embed_proj_dim")?.is_some_and(|other| other != width) {
        return Err(Refusal::unsupported(
            "a word_embed_proj_dim that is not hidden_size is not understood",
        ));
    }
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
        "do_layer_norm_before": true,
        "dropout": 0.0,
        "dtype": "float32",
        "eos_token_id": eos_token_id(config),
        "ffn_dim": config.hidden,
        "hidden_size": config.width,
        "init_std": 0.02,
        "layerdrop": 0.0,
        "max_position_embeddings": config.context,
        "model_type": config.family.model_type,
        "num_attention_heads": config.heads,
        "num_hidden_layers": config.layers,
        "tie_word_embeddings": config.tied,
        "torch_dtype": "float32",
        "use_cache": true,
        "vocab_size": config.vocabulary,
        "word_embed_proj_dim": config.width,
    })
}
