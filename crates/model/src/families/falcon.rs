//! Falcon (Almazrouei et al. 2023): attention and MLP side by side, few key heads or one, rotary positions or
//! ALiBi, and queries, keys and values in one tensor.

use lookback_files::Result;
use serde_json::{Value, json};

use super::{bloom, llama};
use crate::{
    Activation, BlockOrder, Config, Family, Positions, RotaryConfig, Size,
    config::{Keys, RopeContext, activation_name, decimal, eos_token_id, write_rope},
    files::{GGUF_NAMES, Names},
};

pub(super) static FAMILY: Family = Family {
    name: "Falcon",
    model_type: "falcon",
    architecture: "FalconForCausalLM",
    gguf: "falcon",
    has_own_mixtures: true,
    names: Names {
        ln_embed: "",
        parallel_norms: Some(["ln_attn", "ln_mlp"]),
        ignored: llama::NAMES.ignored,
        ..bloom::NAMES
    },
    gguf_names: Names {
        gate: "",
        // The first norm of its files is the MLP's where there are two.
        parallel_norms: Some(["attn_norm_2", "attn_norm"]),
        ..GGUF_NAMES
    },
    shape,
    read_gguf: |keys, config| {
        let block_order = match keys.first_block_has("attn_norm_2.weight") {
            true => BlockOrder::Parallel,
            false => BlockOrder::ParallelSharedNorm,
        };
        Ok(Config { block_order, ..config })
    },
    read,
    write,
    ..llama::BASE
};

fn shape(family: &'static Family, size: Size) -> Config {
    let plain = Config::plain(family, size);
    Config {
        positions: Positions::Rotary(RotaryConfig::plain(10_000.0, plain.head_dim)),
        block_order: BlockOrder::ParallelSharedNorm,
        activation: Activation::Gelu,
        attention_bias: false,
        output_bias: false,
        mlp_bias: false,
        ..plain
    }
}

fn read(family: &'static Family, keys: &mut Keys<'_>) -> Result<Config> {
    let width = keys.size("hidden_size")?;
    let heads = keys.first_size(&["num_attention_heads", "n_head"])?;
    let head_dim = crate::config::head_dim(width, heads)?;
    let is_new = keys.flag("new_decoder_architecture", false)?;
    let shares_one_key_head = keys.flag("multi_query", true)?;
    let key_heads = keys.size_or_none("num_kv_heads")?;
    let key_heads = keys.size_or_none("n_head_kv")?.or(key_heads).unwrap_or(heads);
    let size = Size {
        vocabulary: keys.size("vocab_size")?,
        width,
        layers: keys.first_size(&["num_hidden_layers", "n_layer"])?,
        heads,
        key_heads: match (is_new, shares_one_key_head) {
            (true, _) => key_heads,
            (false, true) => 1,
            (false, false) => heads,
        },
        hidden: keys.size_or_none("ffn_hidden_size")?.unwrap_or(width.saturating_mul(4)),
        context: keys.size_or_none("max_position_embeddings")?.unwrap_or(2048),
    };
    let defaults = (family.shape)(family, size);
    let is_parallel = keys.flag("parallel_attn", true)?;
    let norms = keys.size_or_none("num_ln_in_parallel_attn")?;
    let block_order = match (is_new, is_parallel) {
        (true, _) if norms.unwrap_or(2) == 2 => BlockOrder::Parallel,
        (true, _) | (false, true) => BlockOrder::ParallelSharedNorm,
        (false, false) => BlockOrder::Sequential,
    };
    let rope = RopeContext {
        head_dim,
        context: size.context,
        original_context: None,
        may_be_partial: family.has_partial_rotary,
    };
    let rotary = keys.rotary(rope, RotaryConfig::plain(10_000.0, head_dim))?;
    let has_bias = keys.flag("bias", false)?;
    Ok(Config {
        epsilon: keys.number("layer_norm_epsilon")?.unwrap_or(defaults.epsilon),
        activation: keys.activation("activation", defaults.activation)?,
        positions: match keys.flag("alibi", false)? {
            true => Positions::Alibi { is_scaled: true },
            false => Positions::Rotary(rotary),
        },
        block_order,
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
    let is_new = config.block_order == BlockOrder::Parallel
        || config.key_heads != 1 && config.key_heads != config.heads;
    let mut object = json!({
        "activation": activation_name(config.activation),
        "alibi": matches!(config.positions, Positions::Alibi { .. }),
        "architectures": [config.family.architecture],
        "attention_dropout": 0.0,
        "bias": config.mlp_bias,
        "bos_token_id": config.bos,
        "dtype": "float32",
        "eos_token_id": eos_token_id(config),
        "ffn_hidden_size": config.hidden,
        "hidden_dropout": 0.0,
        "hidden_size": config.width,
        "initializer_range": 0.02,
        "layer_norm_epsilon": decimal(config.epsilon),
        "max_position_embeddings": config.context,
        "model_type": config.family.model_type,
        "multi_query": config.key_heads == 1,
        "new_decoder_architecture": is_new,
        "num_attention_heads": config.heads,
        "num_hidden_layers": config.layers,
        "num_kv_heads": config.key_heads,
        "parallel_attn": config.block_order != BlockOrder::Sequential,
        "tie_word_embeddings": config.tied,
        "torch_dtype": "float32",
        "use_cache": true,
        "vocab_size": config.vocabulary,
    });
    write_rope(config, &mut object);
    object
}
