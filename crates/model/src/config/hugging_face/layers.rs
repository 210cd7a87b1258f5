//! Which layers have a sliding window, by the keys of a `config.json`.

use lookback_files::{Refusal, Result, excerpt};
use serde_json::{Value, json};

use super::super::{Config, keys::Keys};

impl Keys<'_> {
    /// For each layer whether it has a sliding window, from `layer_types`; none where that is missing.
    pub(crate) fn layer_types(&mut self, layers: usize) -> Result<Option<Vec<bool>>> {
        let Some(value) = self.take("layer_types") else { return Ok(None) };
        let has_window = |kind: &Value| match kind.as_str() {
            Some("full_attention") => Ok(false),
            Some("sliding_attention") => Ok(true),
            _ => Err(Refusal::unsupported(format!(
                "layer_types {} is not understood; full_attention and sliding_attention are",
                excerpt(&kind.to_string())
            ))),
        };
        let Some(kinds) = value.as_array() else {
            return self.wrong("layer_types", value, "a list");
        };
        if kinds.len() != layers {
            return Err(Refusal::user(format!(
                "layer_types has {} entries, but the model has {layers} layers",
                kinds.len()
            )));
        }
        kinds.iter().map(has_window).collect::<Result<_>>().map(Some)
    }
}

impl Config {
    /// The same with a sliding window in some layers; `has_window` is empty where all have it.
    pub(crate) fn with_windows(self, window: Option<usize>, has_window: Vec<bool>) -> Self {
        let is_all = has_window.iter().all(|has| *has);
        let is_none = !has_window.is_empty() && !has_window.contains(&true);
        Self {
            window: window.filter(|_| !is_none),
            layers_with_window: if is_all || window.is_none() { Vec::new() } else { has_window },
            ..self
        }
    }
}

/// The `layer_types` of a configuration.
pub(crate) fn layer_types(config: &Config) -> Value {
    let name = |layer| match config.layer_window(layer) {
        Some(_) => "sliding_attention",
        None => "full_attention",
    };
    json!((0..config.layers).map(name).collect::<Vec<_>>())
}
