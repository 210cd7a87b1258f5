//! GPT-NeoX (Black et al. 2022), with Pythia: attention and MLP side by side, each behind a layer norm of its
//! own, and partly rotated heads.

use lookback_files::{Refusal, Result};
use serde_json::{Value, json};

use super::llama;
use crate::{
    Activation, BlockOrder, Config, Family, Positions, RotaryConfig, Size,
    config::{Keys, decimal},
    files::{FusedQkv, GGUF_NAMES, Names},
};

pub(super) static FAMILY: Family = Family {
    name: "GPT-NeoX",
    model_type: "gpt_neox",
    architecture: "GPTNeoXForCausalLM",
    gguf: "gptneox",
    names: Names {
        embed: "embed_in",
        qkv: ["attention.query_key_value"; 3],
        fused_qkv: FusedQkv::KeyHeads,
        output: "attention.dense",
        gate: "",
        up: "mlp.dense_h_to_4h",
        down: "mlp.dense_4h_to_h",
        ln_final: "final_layer_norm",
        head: "embed_out",
        prefix: "gpt_neox.",
        ignored: &["attention.bias", "attention.masked_bias", "attention.rotary_emb.inv_freq"],
        ..llama::NAMES
    },
    gguf_names: Names { gate: "", ..GGUF_NAMES },
    shape,
    read_gguf: |keys, config| {
        let block_order = match keys.flag("use_parallel_residual")?.unwrap_or(true) {
            true => BlockOrder::Parallel,
            false => BlockOrder::Sequential,
        };
        Ok(Config { block_order, ..config })
    },
    write_gguf: |config, metadata| {
        let is_parallel = config.block_order != BlockOrder::Sequential;
        metadata.flag("use_parallel_residual", is_parallel);
    },
    has_partial_rotary: true,
    read,
    write,
    ..llama::BASE
};

fn shape(family: &'static Family, size: Size) -> Config {
    let plain = Config::plain(family, size);
    Config {
        positions: Positions::Rotary(RotaryConfig::plain(10_000.0, plain.head_dim / 4)),
        block_order: BlockOrder::Parallel,
        activation: Activation::Gelu,
        tied: false,
        ..plain
    }
}

fn read(family: &'static Family, keys: &mut Keys<'_>) -> Result<Config> {
    let has_bias = keys.flag("attention_bias", true)?;
    let is_parallel = keys.flag("use_parallel_residual", true)?;
    check_rotary_part(keys)?;
    let config = llama::read_with_head_dim(family, keys, None)?;
    Ok(Config {
        epsilon: keys.number("layer_norm_eps")?.unwrap_or(config.epsilon),
        attention_bias: has_bias,
        output_bias: has_bias,
        mlp_bias: true,
        block_order: match is_parallel {
            true => BlockOrder::Parallel,
            false => BlockOrder::Sequential,
        },
        ..config
    })
}

/// Refuses a part of each head that transformers does not read: it takes `rotary_pct`, a quarter where that is
/// left out, or what stands in `rope_parameters`.
fn check_rotary_part(keys: &mut Keys<'_>) -> Result<()> {
    const KEY: &str = "partial_rotary_factor";
    let inner = keys.object("rope_parameters")?.is_some_and(|object| object.contains_key(KEY));
    let read = keys.number("rotary_pct")?.unwrap_or(0.25);
    match keys.number(KEY)? {
        Some(part) if !inner && part != read => Err(Refusal::unsupported(format!(
            "{KEY} is {part}, but of models of this family transformers reads rotary_pct, which is {read}; \
             write {part} there if that is meant"
        ))),
        _ => Ok(()),
    }
}

fn write(config: &Config) -> Value {
    llama::write_with(
        config,
        &["mlp_bias", "head_dim", "rms_norm_eps", "num_key_value_heads"],
        json!({
            "layer_norm_eps": decimal(config.epsilon),
            "rotary_pct": config.rotary_share(),
            "use_parallel_residual": config.block_order != BlockOrder::Sequential,
        }),
    )
}
