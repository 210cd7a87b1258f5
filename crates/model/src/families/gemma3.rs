//! Gemma 3 (Gemma Team 2025), its language model: Gemma 2 with norms of queries and keys instead of caps, and
//! with a sliding window and a smaller rotary base in five of six layers.

use lookback_files::Result;
use serde_json::Value;

use super::{gemma, gemma2, llama};
use crate::{
    Config, Family, NormPlacement, Positions, QueryKeyNorm, RotaryConfig, Size,
    config::{Keys, default_scale},
};

/// The last of so many layers has no window, where a file does not say which have none.
const INTERVAL: usize = 6;

pub(super) static FAMILY: Family = Family {
    name: "Gemma 3",
    model_type: "gemma3_text",
    architecture: "Gemma3ForCausalLM",
    gguf: "gemma3",
    names: gemma2::NAMES,
    shape,
    read_gguf: |keys, config| {
        // As of Gemma 2.
        const LAYERS_OF_27B: usize = 62;
        let share = config.width / config.heads;
        let of = if config.layers == LAYERS_OF_27B { share } else { config.head_dim };
        let logit_cap = keys.real("final_logit_softcapping")?;
        let theta = keys.real("rope.freq_base_swa")?.unwrap_or(10_000.0);
        let window_rotary = Some(RotaryConfig::plain(theta, config.head_dim));
        let config = Config { scale: default_scale(of), logit_cap, window_rotary, ..config };
        keys.windows(config, INTERVAL)
    },
    read,
    write,
    ..llama::BASE
};

fn shape(family: &'static Family, size: Size) -> Config {
    let gemma = gemma::shape(family, size);
    Config {
        norm_placement: NormPlacement::Both,
        query_key_norm: Some(QueryKeyNorm::Heads),
        positions: Positions::Rotary(RotaryConfig::plain(1_000_000.0, gemma.head_dim)),
        ..gemma
    }
}

fn read(family: &'static Family, keys: &mut Keys<'_>) -> Result<Config> {
    let config = llama::read_with_rotary(family, keys, Some(256), Some("full_attention"))?;
    let config = gemma2::read_caps(keys, config)?;
    let window = keys.size_or_none("sliding_window")?.unwrap_or(4096);
    let interval = keys.size_or_none("sliding_window_pattern")?;
    let interval = keys.size_or_none("_sliding_window_pattern")?.or(interval).unwrap_or(INTERVAL);
    let named = keys.layer_types(config.layers)?;
    let usual =
        || (1..=config.layers).map(|layer| !layer.is_multiple_of(interval.max(1))).collect();
    let has_window = named.unwrap_or_else(usual);
    let theta = keys.number("rope_local_base_freq")?.unwrap_or(10_000.0);
    let plain = RotaryConfig::plain(theta, config.head_dim);
    let own = llama::read_window_rotary(keys, &config, plain)?;
    Ok(Config { window_rotary: Some(own), ..config }.with_windows(Some(window), has_window))
}

fn write(config: &Config) -> Value {
    let mut object = gemma2::write_with_caps(config, "sliding_window");
    if let Some(rotary) = &config.window_rotary {
        object["rope_local_base_freq"] = crate::config::decimal(rotary.theta);
    }
    object
}
