//! How the next token is chosen, as a user says it, and the chain that this makes.

mod numbers;

use lookback_files::Result;
use lookback_text::TokenId;

use super::{
    described::{Described, SAMPLERS},
    repetition::{Dry, Penalties},
    step::{Link, Step},
    surprise::Mirostat,
    words::Words,
};

/// How the next token is chosen. Each number is one of [`SAMPLERS`], which says what it does and which
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
    /// Tokens that the three before look back on; −1 is all, 0 none.
    pub repeat_last_n: i64,
    /// 0 changes nothing.
    pub dry_multiplier: f64,
    /// At least 1.
    pub dry_base: f64,
    /// Tokens of a repetition that cost nothing.
    pub dry_allowed_length: usize,
    /// Tokens that DRY searches; −1 is all, 0 none.
    pub dry_penalty_last_n: i64,
    /// 0 is off; 1 and 2 take the place of every link but the biases and the temperature.
    pub mirostat: usize,
    /// Bits of surprise that Mirostat aims at.
    pub mirostat_ent: f64,
    /// How fast Mirostat learns.
    pub mirostat_lr: f64,
    /// The links, in order.
    pub order: Vec<Link>,
    /// Biases, bans, and the only tokens allowed.
    pub words: Words,
    /// Tokens that interrupt a repetition for DRY; see [`super::breakers`].
    pub dry_breakers: Vec<TokenId>,
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
        Self::of(seed, |of| of.neutral)
    }

    /// What `lookback generate` takes unless told otherwise, which is llama.cpp's.
    pub fn usual(seed: u64) -> Self {
        Self::of(seed, |of| of.default)
    }

    fn of(seed: u64, value: impl Fn(&Described) -> f64) -> Self {
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
            order: Link::ORDER.to_vec(),
            words: Words::default(),
            dry_breakers: Vec::new(),
            seed,
        };
        for described in &SAMPLERS {
            // The table's own values are possible ones, as a test says.
            drop(settings.set(described.name, value(described)));
        }
        settings
    }

    /// The chain: biases and bans, then the links in their order; with Mirostat, the temperature and
    /// that alone. Links that change nothing are left out. At temperature 0 the likeliest that is left
    /// at the temperature's place is taken.
    ///
    /// # Errors
    /// A value that is not possible is refused by its name.
    pub fn steps(&self) -> Result<Vec<Step>> {
        self.check()?;
        let mut steps = Vec::new();
        if !self.words.is_empty() {
            steps.push(Step::Words(self.words.clone()));
        }
        if self.mirostat > 0 {
            steps.extend(self.step(Link::Temperature));
            if self.temperature > 0.0 {
                steps.push(Step::Mirostat(Mirostat {
                    version: self.mirostat as u8,
                    target: self.mirostat_ent,
                    rate: self.mirostat_lr,
                }));
            }
        } else {
            steps.extend(self.order.iter().filter_map(|link| self.step(*link)));
        }
        if self.temperature == 0.0 {
            // Nothing changes once one token is left, and what keeps the likeliest need not run.
            let end = steps.iter().position(|step| *step == Step::Greedy);
            steps.truncate(end.unwrap_or(steps.len()));
            steps.retain(Step::may_dethrone);
            steps.push(Step::Greedy);
        }
        Ok(steps)
    }

    /// A link's step; `None` if it changes nothing.
    fn step(&self, link: Link) -> Option<Step> {
        let some = |changes: bool, step: Step| changes.then_some(step);
        match link {
            Link::Penalties => {
                let penalties = Penalties {
                    repeat: self.repeat_penalty,
                    presence: self.presence_penalty,
                    frequency: self.frequency_penalty,
                    last: usize::try_from(self.repeat_last_n).ok(),
                };
                some(!penalties.changes_nothing(), Step::Penalties(penalties))
            }
            Link::Dry => {
                let dry = Dry {
                    multiplier: self.dry_multiplier,
                    base: self.dry_base,
                    allowed: self.dry_allowed_length,
                    last: usize::try_from(self.dry_penalty_last_n).ok(),
                    breakers: self.dry_breakers.clone(),
                };
                some(!dry.changes_nothing(), Step::Dry(dry))
            }
            Link::TopNSigma => some(self.top_n_sigma > 0.0, Step::TopNSigma(self.top_n_sigma)),
            Link::TopK => some(self.top_k != 0, Step::TopK(self.top_k)),
            Link::Typical => some(self.typical < 1.0, Step::Typical(self.typical)),
            Link::TopP => some(self.top_p < 1.0, Step::TopP(self.top_p)),
            Link::MinP => some(self.min_p > 0.0, Step::MinP(self.min_p)),
            Link::Xtc => {
                let (probability, threshold) = (self.xtc_probability, self.xtc_threshold);
                let step = Step::Xtc { probability, threshold };
                some(probability > 0.0 && threshold <= 0.5, step)
            }
            Link::Temperature if self.temperature == 0.0 => Some(Step::Greedy),
            Link::Temperature if self.dynatemp_range > 0.0 => Some(Step::DynamicTemperature {
                least: (self.temperature - self.dynatemp_range).max(0.0),
                most: self.temperature + self.dynatemp_range,
                exponent: self.dynatemp_exp,
            }),
            Link::Temperature => some(self.temperature != 1.0, Step::Temperature(self.temperature)),
        }
    }
}
