//! The settings of the samplers, and the chain that they make.

mod numbers;

use lookback_files::Result;
use lookback_text::TokenId;

use super::{
    entropy::Mirostat,
    logit_bias::LogitBias,
    parameters::{SAMPLER_PARAMETERS, SamplerParameter},
    repetition::{Dry, Penalties},
    stage::{SamplerKind, SamplerStage},
};

/// How the next token is chosen. Each number is one of [`SAMPLER_PARAMETERS`], which says what it does and which
/// values are possible.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// 0 is greedy: always the likeliest of those that are left.
    pub temperature: f64,
    /// How far the temperature may move to either side with the entropy; 0 not at all.
    pub dynatemp_range: f64,
    /// How that bends.
    pub dynatemp_exp: f64,
    /// 0 keeps all.
    pub top_k: usize,
    /// 1 keeps all.
    pub top_p: f64,
    /// 0 keeps all.
    pub min_p: f64,
    /// 1 keeps all.
    pub typical: f64,
    /// 0 (and llama.cpp's −1) keeps all.
    pub top_n_sigma: f64,
    /// 0 never.
    pub xtc_probability: f64,
    /// Above 0.5 no two tokens reach it, and nothing is taken.
    pub xtc_threshold: f64,
    /// 1 changes nothing.
    pub repeat_penalty: f64,
    /// 0 changes nothing.
    pub presence_penalty: f64,
    /// 0 changes nothing.
    pub frequency_penalty: f64,
    /// Tokens that the three penalties before look back on; −1 is all, 0 none.
    pub repeat_last_n: i64,
    /// 0 changes nothing.
    pub dry_multiplier: f64,
    /// At least 1.
    pub dry_base: f64,
    /// Tokens of a repetition that cost nothing.
    pub dry_allowed_length: usize,
    /// Tokens that DRY searches; −1 is all, 0 none.
    pub dry_penalty_last_n: i64,
    /// 0 is off; versions 1 and 2 replace every sampler but the biases and the temperature.
    pub mirostat: usize,
    /// The surprisal that Mirostat aims at, in bits.
    pub mirostat_ent: f64,
    /// Mirostat's learning rate.
    pub mirostat_lr: f64,
    /// The samplers, in order.
    pub order: Vec<SamplerKind>,
    /// Biases, bans, and the only tokens allowed.
    pub logit_bias: LogitBias,
    /// Tokens that interrupt a repetition for DRY; see [`super::sequence_breakers`].
    pub dry_sequence_breakers: Vec<TokenId>,
    /// What the draws follow from; the same seed gives the same tokens.
    pub seed: u64,
}

impl Settings {
    /// Always the likeliest token; no draw is made.
    pub fn greedy() -> Self {
        Self { temperature: 0.0, ..Self::plain(0) }
    }

    /// Draws from the model's own distribution.
    pub fn plain(seed: u64) -> Self {
        Self::from_parameters(seed, |parameter| parameter.neutral)
    }

    /// The defaults of `lookback generate`, which are llama.cpp's.
    pub fn usual(seed: u64) -> Self {
        Self::from_parameters(seed, |parameter| parameter.default)
    }

    fn from_parameters(seed: u64, value: impl Fn(&SamplerParameter) -> f64) -> Self {
        let mut settings = Self {
            temperature: 1.0,
            dynatemp_range: 0.0,
            dynatemp_exp: 1.0,
            top_k: 0,
            top_p: 1.0,
            min_p: 0.0,
            typical: 1.0,
            top_n_sigma: 0.0,
            xtc_probability: 0.0,
            xtc_threshold: 0.1,
            repeat_penalty: 1.0,
            presence_penalty: 0.0,
            frequency_penalty: 0.0,
            repeat_last_n: 64,
            dry_multiplier: 0.0,
            dry_base: 1.75,
            dry_allowed_length: 2,
            dry_penalty_last_n: -1,
            mirostat: 0,
            mirostat_ent: 5.0,
            mirostat_lr: 0.1,
            order: SamplerKind::ORDER.to_vec(),
            logit_bias: LogitBias::default(),
            dry_sequence_breakers: Vec::new(),
            seed,
        };
        for parameter in &SAMPLER_PARAMETERS {
            // The table's own values are possible ones; a test holds that.
            drop(settings.set(parameter.name, value(parameter)));
        }
        settings
    }

    /// The chain: biases and bans, then the samplers in their order; with Mirostat, the temperature and
    /// that alone. Samplers that change nothing are left out. At temperature 0 the likeliest that is left
    /// at the temperature's place is taken.
    ///
    /// # Errors
    /// A value that is not possible is refused by its name.
    pub fn stages(&self) -> Result<Vec<SamplerStage>> {
        self.check()?;
        let mut stages = Vec::new();
        if !self.logit_bias.is_empty() {
            stages.push(SamplerStage::LogitBias(self.logit_bias.clone()));
        }
        if self.mirostat > 0 {
            stages.extend(self.stage(SamplerKind::Temperature));
            if self.temperature > 0.0 {
                stages.push(SamplerStage::Mirostat(Mirostat {
                    version: self.mirostat as u8,
                    target: self.mirostat_ent,
                    rate: self.mirostat_lr,
                }));
            }
        } else {
            stages.extend(self.order.iter().filter_map(|kind| self.stage(*kind)));
        }
        if self.temperature == 0.0 {
            // Nothing changes once one token is left, and what keeps the likeliest need not run.
            let end = stages.iter().position(|stage| *stage == SamplerStage::Greedy);
            stages.truncate(end.unwrap_or(stages.len()));
            stages.retain(SamplerStage::may_change_argmax);
            stages.push(SamplerStage::Greedy);
        }
        Ok(stages)
    }

    /// The stage of a sampler; `None` if it changes nothing.
    fn stage(&self, kind: SamplerKind) -> Option<SamplerStage> {
        let some = |changes: bool, stage: SamplerStage| changes.then_some(stage);
        match kind {
            SamplerKind::Penalties => {
                let penalties = Penalties {
                    repeat: self.repeat_penalty,
                    presence: self.presence_penalty,
                    frequency: self.frequency_penalty,
                    last_n: usize::try_from(self.repeat_last_n).ok(),
                };
                some(!penalties.changes_nothing(), SamplerStage::Penalties(penalties))
            }
            SamplerKind::Dry => {
                let dry = Dry {
                    multiplier: self.dry_multiplier,
                    base: self.dry_base,
                    allowed_length: self.dry_allowed_length,
                    last_n: usize::try_from(self.dry_penalty_last_n).ok(),
                    sequence_breakers: self.dry_sequence_breakers.clone(),
                };
                some(!dry.changes_nothing(), SamplerStage::Dry(dry))
            }
            SamplerKind::TopNSigma => {
                some(self.top_n_sigma > 0.0, SamplerStage::TopNSigma(self.top_n_sigma))
            }
            SamplerKind::TopK => some(self.top_k != 0, SamplerStage::TopK(self.top_k)),
            SamplerKind::Typical => some(self.typical < 1.0, SamplerStage::Typical(self.typical)),
            SamplerKind::TopP => some(self.top_p < 1.0, SamplerStage::TopP(self.top_p)),
            SamplerKind::MinP => some(self.min_p > 0.0, SamplerStage::MinP(self.min_p)),
            SamplerKind::Xtc => {
                let (probability, threshold) = (self.xtc_probability, self.xtc_threshold);
                let stage = SamplerStage::Xtc { probability, threshold };
                some(probability > 0.0 && threshold <= 0.5, stage)
            }
            SamplerKind::Temperature if self.temperature == 0.0 => Some(SamplerStage::Greedy),
            SamplerKind::Temperature if self.dynatemp_range > 0.0 => {
                Some(SamplerStage::DynamicTemperature {
                    min: (self.temperature - self.dynatemp_range).max(0.0),
                    max: self.temperature + self.dynatemp_range,
                    exponent: self.dynatemp_exp,
                })
            }
            SamplerKind::Temperature => {
                some(self.temperature != 1.0, SamplerStage::Temperature(self.temperature))
            }
        }
    }
}
