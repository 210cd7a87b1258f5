//! Chooses one token from a row of logits. Does not know which model made them.
//!
//! A sampler is a chain of steps over candidates: first everything that the model thinks possible,
//! then each step changes the logits or takes candidates away, and one draw ends it. What each step
//! keeps can be asked for ([`Sampler::trace`]), and is the same as what [`Sampler::next`] does.
//! The arithmetic is f64 with the pinned `libm`, so a seed gives the same tokens on every machine:
//! weights are exp(logit − largest), every total runs over ids in ascending order, and of two equal
//! logits the lower id is the larger.

mod candidates;
mod samplers;

use std::fmt;

use lookback_files::{Refusal, Result};
use lookback_text::TokenId;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

pub use samplers::{Described, SAMPLERS};

use candidates::Candidates;

/// One link of the chain.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// Divides every logit: below 1 the likely become likelier, above 1 the odds even out.
    Temperature(f64),
    /// Keeps the `k` most likely.
    TopK(usize),
    /// Keeps the fewest most likely that together have this share of the probability.
    TopP(f64),
    /// Keeps those at least this share as likely as the likeliest.
    MinP(f64),
    /// Keeps the likeliest alone.
    Greedy,
}

impl Step {
    /// The sampler that it is a step of, by its name in [`SAMPLERS`].
    pub fn sampler(self) -> &'static str {
        match self {
            Self::Temperature(_) | Self::Greedy => "temperature",
            Self::TopK(_) => "top_k",
            Self::TopP(_) => "top_p",
            Self::MinP(_) => "min_p",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Temperature(temperature) => write!(to, "temperature {temperature}"),
            Self::TopK(k) => write!(to, "top-k {k}"),
            Self::TopP(p) => write!(to, "top-p {p}"),
            Self::MinP(p) => write!(to, "min-p {p}"),
            Self::Greedy => to.write_str("greedy"),
        }
    }
}

/// How the next token is chosen, as a user says it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// 0 is greedy: always the likeliest.
    pub temperature: f64,
    /// 0 keeps all.
    pub top_k: usize,
    /// 1 keeps all.
    pub top_p: f64,
    /// 0 keeps all.
    pub min_p: f64,
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
        Self { temperature: 1.0, top_k: 0, top_p: 1.0, min_p: 0.0, seed }
    }

    /// The chain in its order: temperature, top-k, top-p, min-p. Steps that change nothing are left out.
    pub fn steps(&self) -> Result<Vec<Step>> {
        let refuse = |name: &str, value: f64, range: &str| {
            Err(Refusal::user(format!("{name} {value}: {range}")))
        };
        // Written so that NaN is refused too.
        if !(self.temperature >= 0.0 && self.temperature < f64::INFINITY) {
            return refuse(
                "--temperature",
                self.temperature,
                "a temperature is 0 (always the likeliest token) or a number above it, such as 0.8",
            );
        }
        if !(0.0..=1.0).contains(&self.top_p) {
            let range = "a share of the probability is between 0 and 1, such as 0.95";
            return refuse("--top-p", self.top_p, range);
        }
        if !(0.0..=1.0).contains(&self.min_p) {
            let range = "a share of the largest probability is between 0 and 1, such as 0.05";
            return refuse("--min-p", self.min_p, range);
        }
        if self.temperature == 0.0 {
            return Ok(vec![Step::Greedy]);
        }
        let mut steps = Vec::new();
        if self.temperature != 1.0 {
            steps.push(Step::Temperature(self.temperature));
        }
        if self.top_k != 0 {
            steps.push(Step::TopK(self.top_k));
        }
        if self.top_p < 1.0 {
            steps.push(Step::TopP(self.top_p));
        }
        if self.min_p > 0.0 {
            steps.push(Step::MinP(self.min_p));
        }
        Ok(steps)
    }
}

/// What one step of the chain left.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// The step; `None` for the model's own distribution, before the chain.
    pub step: Option<Step>,
    /// What is kept, the likeliest first, with probabilities that add up to 1.
    pub kept: Vec<(TokenId, f64)>,
    /// How many candidates this step took away.
    pub removed: usize,
    /// The share of the probability that these had before the step.
    pub removed_share: f64,
}

/// A chain of steps and the stream of draws that goes with it.
#[derive(Clone, Debug)]
pub struct Sampler {
    steps: Vec<Step>,
    draws: ChaCha8Rng,
    candidates: Candidates,
}

impl Sampler {
    /// A sampler at the beginning of its seed's draws. Impossible settings are refused by name.
    pub fn new(settings: &Settings) -> Result<Self> {
        Ok(Self {
            steps: settings.steps()?,
            draws: stream(settings.seed),
            candidates: Candidates::default(),
        })
    }

    /// The chain, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Chooses the token that follows. Exactly one draw is made, and none by a greedy chain.
    ///
    /// `logits`: `[vocabulary]`
    pub fn next(&mut self, logits: &[f32]) -> Result<TokenId> {
        if self.steps == [Step::Greedy] {
            return candidates::likeliest(logits);
        }
        self.candidates.fill(logits)?;
        for &step in &self.steps {
            self.candidates.apply(step);
        }
        Ok(self.candidates.pick(draw(&mut self.draws)))
    }

    /// What each step keeps of these logits, beginning with the model's own distribution. Draws nothing.
    ///
    /// `logits`: `[vocabulary]`
    pub fn trace(&self, logits: &[f32]) -> Result<Vec<Stage>> {
        let mut candidates = Candidates::default();
        candidates.fill(logits)?;
        let mut before = candidates.len();
        let removed = logits.len() - before;
        let own = Stage { step: None, kept: candidates.ranked(), removed, removed_share: 0.0 };
        let mut stages = vec![own];
        for &step in &self.steps {
            let mut earlier = candidates.clone();
            candidates.apply(step);
            let removed = before - candidates.len();
            before = candidates.len();
            let removed_share = if removed > 0 { earlier.share_beyond(&candidates) } else { 0.0 };
            stages.push(Stage {
                step: Some(step),
                kept: candidates.ranked(),
                removed,
                removed_share,
            });
        }
        Ok(stages)
    }

    /// The probabilities of some tokens after the chain; `None` for those it takes away. Draws
    /// nothing.
    ///
    /// `logits`: `[vocabulary]`
    pub fn chances(&self, logits: &[f32], ids: &[TokenId]) -> Result<Vec<Option<f64>>> {
        let mut candidates = Candidates::default();
        candidates.fill(logits)?;
        for &step in &self.steps {
            candidates.apply(step);
        }
        Ok(candidates.probabilities(ids))
    }

    /// Goes past the draws of so many tokens, as if they had been chosen.
    pub fn skip(&mut self, tokens: usize) {
        // A draw takes 64 bits, which is two of the stream's words.
        let words = 2 * tokens as u128;
        self.draws.set_word_pos(self.draws.get_word_pos() + words);
    }

    /// What samplers with the seeds `seed`, `seed + 1` and so on choose first: each makes its own
    /// draw, but the chain, which is the same for all, runs once.
    ///
    /// `logits`: `[vocabulary]`
    pub fn firsts(settings: &Settings, logits: &[f32], samplers: usize) -> Result<Vec<TokenId>> {
        let mut first = Self::new(settings)?;
        if first.steps == [Step::Greedy] {
            return Ok(vec![candidates::likeliest(logits)?; samplers]);
        }
        let mut chosen = Vec::with_capacity(samplers);
        if samplers > 0 {
            chosen.push(first.next(logits)?);
        }
        for index in 1..samplers as u64 {
            let draw = draw(&mut stream(settings.seed.wrapping_add(index)));
            chosen.push(first.candidates.pick(draw));
        }
        Ok(chosen)
    }
}

/// A seed's draws, from the first.
fn stream(seed: u64) -> ChaCha8Rng {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    ChaCha8Rng::from_seed(bytes)
}

/// The next draw, in 0 .. 1.
fn draw(draws: &mut ChaCha8Rng) -> f64 {
    // 53 bits: as many as an f64 below 1 can tell apart.
    (draws.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}
