//! The part of a request with the settings of the samplers.

use std::collections::BTreeMap;

use lookback_files::Kind;
use lookback_generate::sample::{SEQUENCE_BREAKERS, SamplerKind, Settings, sequence_breakers};
use lookback_model::TokenId;
use serde::Deserialize;

use crate::{
    error_response::{ErrorResponse, Result},
    models::ServedModel,
};

/// Numbers by the names that `GET /api/samplers` gives them; those left out change nothing.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct SamplingParameters {
    #[serde(default)]
    settings: BTreeMap<String, f64>,
    /// The samplers in order, such as `top_k;temperature`; llama.cpp's where it is left out.
    samplers: Option<String>,
    /// What is added to the logits of tokens.
    #[serde(default)]
    logit_bias: BTreeMap<String, f64>,
    /// Sequences of tokens that never become whole.
    #[serde(default)]
    banned: Vec<Vec<u32>>,
    /// The only tokens that may be chosen.
    only: Option<Vec<u32>>,
    /// What the draws follow from.
    #[serde(default)]
    seed: u64,
}

impl SamplingParameters {
    /// The settings, each of a known sampler; the sampler checks their values.
    pub(crate) fn settings(&self) -> Result<Settings> {
        let mut settings = Settings::plain(self.seed);
        for (name, value) in &self.settings {
            settings.set(name, *value)?;
        }
        if let Some(samplers) = &self.samplers {
            settings.order = SamplerKind::parse_all(samplers)?;
        }
        for (id, bias) in &self.logit_bias {
            let id = id.parse().map_err(|_| {
                let what = format!("logit_bias: {id:?} is no token id; give whole numbers");
                ErrorResponse::bad_request(what).with_kind(Kind::InvalidSetting)
            })?;
            settings.logit_bias.biases.push((TokenId(id), *bias));
        }
        let ids = |ids: &Vec<u32>| ids.iter().copied().map(TokenId).collect::<Vec<_>>();
        settings.logit_bias.banned_sequences = self.banned.iter().map(ids).collect();
        settings.logit_bias.allowed = self.only.as_ref().map(ids);
        Ok(settings)
    }

    /// The settings for a model, whose tokenizer gives DRY's sequence breakers.
    pub(crate) fn settings_for(&self, model: &ServedModel) -> Result<Settings> {
        let mut settings = self.settings()?;
        if settings.dry_multiplier > 0.0 {
            settings.dry_sequence_breakers =
                sequence_breakers(&model.tokenizer, &SEQUENCE_BREAKERS);
        }
        Ok(settings)
    }
}
