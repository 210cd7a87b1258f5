//! OLMo 2 (OLMo Team 2024): a llama with norms after attention and MLP instead of before them, and norms
//! of all queries and all keys of a row.

use lookback_files::Result;
use serde_json::json;

use super::llama;
use crate::{
    Config, Family, NormPlacement, QueryKeyNorm, RopeScaling, RotaryConfig, Size, config::GgufKeys,
    files::Names,
};

pub(super) static FAMILY: Family = Family {
    name: "OLMo 2",
    model_type: "olmo2",
    architecture: "Olmo2ForCausalLM",
    gguf: "olmo2",
    names: NAMES,
    shape,
    read_gguf,
    read: |family, keys| llama::read_with_head_dim(family, keys, None),
    write: |config| llama::write_with(config, &["head_dim", "mlp_bias"], json!({})),
    ..llama::BASE
};

pub(super) const NAMES: Names = Names {
    ln1_post: "post_attention_layernorm",
    ln2_post: "post_feedforward_layernorm",
    ..llama::NAMES
};

pub(super) fn shape(family: &'static Family, size: Size) -> Config {
    Config {
        norm_placement: NormPlacement::After,
        query_key_norm: Some(QueryKeyNorm::Rows),
        epsilon: 1e-5,
        ..llama::shape(family, size)
    }
}

/// OLMo 3's files have this architecture, too: a sliding window in three of four layers, in which rotary
/// embeddings are not scaled.
fn read_gguf(keys: &mut GgufKeys<'_>, config: Config) -> Result<Config> {
    let config = keys.windows(config, 4)?;
    keys.window_rotary(config, |rotary| RotaryConfig {
        scaling: RopeScaling::None,
        ..rotary.clone()
    })
}
