//! OLMo 3 (OLMo Team 2025): OLMo 2 with a sliding window in three of four layers. Scaled rotary embeddings are
//! those of the others alone.

use lookback_files::Result;
use serde_json::{Value, json};

use super::{llama, olmo2};
use crate::{
    Config, Family, Positions, RopeScaling, RotaryConfig,
    config::{Keys, layer_types},
};

/// The last of so many layers has no window, where a file does not say which have none.
const INTERVAL: usize = 4;

pub(super) static FAMILY: Family = Family {
    name: "OLMo 3",
    model_type: "olmo3",
    architecture: "Olmo3ForCausalLM",
    gguf: "",
    gguf_as: "olmo2",
    names: olmo2::NAMES,
    shape: olmo2::shape,
    read,
    write,
    ..llama::BASE
};

fn read(family: &'static Family, keys: &mut Keys<'_>) -> Result<Config> {
    let config = llama::read_with_rotary(family, keys, None, Some("full_attention"))?;
    let named = keys.layer_types(config.layers)?;
    let usual = || (1..=config.layers).map(|layer| !layer.is_multiple_of(INTERVAL)).collect();
    let has_window = named.unwrap_or_else(usual);
    let window = keys.size_or_none("sliding_window")?.unwrap_or(4096);
    let Positions::Rotary(rotary) = &config.positions else { return Ok(config) };
    let plain = RotaryConfig { scaling: RopeScaling::None, ..rotary.clone() };
    let own = llama::read_window_rotary(keys, &config, plain)?;
    let window_rotary = (own != *rotary).then_some(own);
    Ok(Config { window_rotary, ..config }.with_windows(Some(window), has_window))
}

fn write(config: &Config) -> Value {
    let windows = json!({
        "sliding_window": config.window,
        "layer_types": layer_types(config),
    });
    llama::write_with(config, &["head_dim", "mlp_bias"], windows)
}
