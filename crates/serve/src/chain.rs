//! The part of a request that says how the next token is chosen.

use std::collections::BTreeMap;

use lookback_generate::sample::Settings;
use serde::Deserialize;

use crate::refuse::Result;

/// Samplers by the names that `GET /api/samplers` gives them; those left out change nothing.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Chain {
    #[serde(default)]
    settings: BTreeMap<String, f64>,
    /// What the draws follow from.
    #[serde(default)]
    seed: u64,
}

impl Chain {
    /// The settings, each sampler known; whether their values are possible the sampler says.
    pub(crate) fn settings(&self) -> Result<Settings> {
        let mut settings = Settings::plain(self.seed);
        for (name, value) in &self.settings {
            settings.set(name, *value)?;
        }
        Ok(settings)
    }
}
