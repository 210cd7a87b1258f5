//! SmolLM3 (Bakouch et al. 2025): a llama in which some layers have no rotary embedding (NoPE).

use lookback_files::{Refusal, Result};
use serde_json::{Value, json};

use super::llama;
use crate::{
    Config, Family, Positions, RotaryConfig,
    config::Keys,
    files::{GGUF_NAMES, Layout, Names},
};

/// Of how many layers the last has no positions, where a file does not name the layers.
const INTERVAL: usize = 4;

pub(super) static FAMILY: Family = Family {
    name: "SmolLM3",
    model_type: "smollm3",
    architecture: "SmolLM3ForCausalLM",
    gguf: "smollm3",
    gguf_names: Names { rotated: Layout::Pairs, ..GGUF_NAMES },
    shape,
    read,
    write,
    ..llama::BASE
};

fn shape(family: &'static Family, size: crate::Size) -> Config {
    let llama = llama::shape(family, size);
    Config {
        positions: Positions::Rotary(RotaryConfig::plain(2_000_000.0, llama.head_dim)),
        tied: true,
        ..llama
    }
    .with_positions((1..=size.layers).map(|layer| !layer.is_multiple_of(INTERVAL)).collect())
}

fn read(family: &'static Family, keys: &mut Keys<'_>) -> Result<Config> {
    let config = llama::read_with_head_dim(family, keys, None)?;
    let interval = keys.size_or_none("no_rope_layer_interval")?.unwrap_or(INTERVAL);
    let named = keys.numbers("no_rope_layers")?;
    let layers = config.layers;
    let has_positions: Vec<bool> = match named {
        // 1 of a layer with positions, whatever the key's name suggests.
        Some(named) => named.into_iter().map(|flag| flag != 0.0).collect(),
        None if interval == 0 => {
            return Err(Refusal::user("no_rope_layer_interval is 0; at least 1 is needed"));
        }
        None => (1..=layers).map(|layer| !layer.is_multiple_of(interval)).collect(),
    };
    let is_windowed = keys.flag("use_sliding_window", false)?;
    let window = keys.size_or_none("sliding_window")?.filter(|_| is_windowed);
    keys.take("max_window_layers");
    // Where a file does not name them, the layers without positions have the window.
    let usual = || has_positions.iter().map(|has| !has).collect();
    let has_window = keys.layer_types(layers)?.unwrap_or_else(usual);
    Ok(config.with_windows(window, has_window).with_positions(has_positions))
}

fn write(config: &Config) -> Value {
    let flags = (0..config.layers).map(|layer| u8::from(config.rotary(layer).is_some()));
    // Left out, the padding would be one of transformers' own, which a smaller table does not have.
    let others = json!({ "no_rope_layers": flags.collect::<Vec<_>>(), "pad_token_id": null });
    let mut object = llama::write_with(config, &[], others);
    llama::write_windows(config, &mut object);
    object
}
