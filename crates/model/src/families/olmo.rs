//! OLMo (Groeneveld et al. 2024), the first: a llama with layer norms that have no weights, and with queries, keys and
//! values within a bound.

use lookback_files::Result;
use serde_json::{Value, json};

use super::llama;
use crate::{
    Config, Family, NormKind, Size,
    config::{Keys, decimal},
    files::{GGUF_NAMES, Layout, Names},
};

pub(super) static FAMILY: Family = Family {
    name: "OLMo",
    model_type: "olmo",
    architecture: "OlmoForCausalLM",
    gguf: "olmo",
    gguf_names: Names { rotated: Layout::Pairs, ..GGUF_NAMES },
    shape,
    read_gguf: |keys, config| {
        let bound = keys.real("attention.clamp_kqv")?;
        Ok(Config { qkv_bound: bound.filter(|bound| *bound != 0.0), ..config })
    },
    read,
    write,
    ..llama::BASE
};

fn shape(family: &'static Family, size: Size) -> Config {
    Config {
        norm: NormKind::Layer,
        has_norm_weights: false,
        epsilon: 1e-5,
        ..llama::shape(family, size)
    }
}

fn read(family: &'static Family, keys: &mut Keys<'_>) -> Result<Config> {
    let config = llama::read_with_head_dim(family, keys, None)?;
    Ok(Config { epsilon: 1e-5, qkv_bound: keys.number("clip_qkv")?, ..config })
}

fn write(config: &Config) -> Value {
    llama::write_with(
        config,
        &["mlp_bias", "head_dim", "rms_norm_eps"],
        json!({ "clip_qkv": config.qkv_bound.map(decimal) }),
    )
}
