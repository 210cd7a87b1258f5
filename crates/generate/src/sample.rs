//! Chooses one token from a row of logits. Does not know which model made them.
//!
//! A sampler is a chain of steps over candidates: first everything that the model thinks possible,
//! then each step changes the logits or takes candidates away, and one draw ends it. Order and usual
//! values are llama.cpp's. What each step keeps can be asked for ([`Sampler::trace`]), and is the same
//! as what [`Sampler::next`] does. The arithmetic is f64 with the pinned `libm`, so a seed gives the
//! same tokens on every machine: weights are exp(logit − largest), every total runs over ids in
//! ascending order, and of two equal logits the lower id is the larger.
//!
//! Read [`Settings`] next, then `candidates`, and `repetition`, `surprise` and `words` for the links
//! that look at more than ranks.

mod candidates;
mod described;
mod repetition;
mod rules;
mod settings;
mod step;
mod surprise;
mod words;

use lookback_files::Result;
use lookback_text::{TokenId, Tokenizer};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

pub use described::{Described, SAMPLERS};
pub use repetition::{Dry, Penalties};
pub use rules::Rules;
pub use settings::Settings;
pub use step::{Link, Step};
pub use surprise::Mirostat;
pub use words::Words;

use candidates::Candidates;
use rules::Answer;
use step::At;

/// Texts that interrupt a repetition for DRY unless others are named.
pub const BREAKERS: [&str; 4] = ["\n", ":", "\"", "*"];

/// The tokens whose text has one of these in it.
pub fn breakers(tokenizer: &Tokenizer, texts: &[impl AsRef<str>]) -> Vec<TokenId> {
    let ids = (0..tokenizer.vocabulary() as u32).map(TokenId);
    let breaks = |id: &TokenId| {
        let spelled = tokenizer.decode(&[*id]);
        texts.iter().any(|text| spelled.contains(text.as_ref()))
    };
    ids.filter(breaks).collect()
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
    /// One draw a token, which XTC alone looks at, apart from those that choose: the same seed
    /// chooses alike with XTC and without, wherever XTC does nothing.
    xtc: ChaCha8Rng,
    bound: f64,
    answer: Answer,
    candidates: Candidates,
}

impl Sampler {
    /// A sampler at the beginning of its seed's draws. Impossible settings are refused by name.
    pub fn new(settings: &Settings) -> Result<Self> {
        let steps = settings.steps()?;
        let mirostat = steps.iter().find_map(mirostat);
        Ok(Self {
            bound: mirostat.map_or(0.0, Mirostat::first_bound),
            steps,
            draws: stream(settings.seed),
            xtc: xtc_stream(settings.seed),
            answer: Answer::default(),
            candidates: Candidates::default(),
        })
    }

    /// The chain, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Chooses the token that follows a text. Exactly one draw is made, and none by a greedy chain.
    ///
    /// `logits`: `[vocabulary]`; `past`: the whole text, the prompt's tokens included
    pub fn next(&mut self, logits: &[f32], past: &[TokenId]) -> Result<TokenId> {
        if self.steps == [Step::Greedy] {
            return candidates::likeliest(logits);
        }
        let at = At { past, xtc: draw(&mut self.xtc), bound: self.bound, answer: self.answer };
        self.candidates.fill(logits)?;
        for step in &self.steps {
            step.apply(&mut self.candidates, at)?;
        }
        let chosen = self.candidates.pick(draw(&mut self.draws));
        if let Some(mirostat) = self.steps.iter().find_map(mirostat) {
            let probability = self.candidates.probabilities(&[chosen])[0].unwrap_or(1.0);
            self.bound = mirostat.next_bound(self.bound, probability);
        }
        Ok(chosen)
    }

    /// What each step keeps of these logits after this text, beginning with the model's own
    /// distribution. Draws nothing.
    ///
    /// `logits`: `[vocabulary]`
    pub fn trace(&self, logits: &[f32], past: &[TokenId]) -> Result<Vec<Stage>> {
        let mut candidates = Candidates::default();
        candidates.fill(logits)?;
        let mut before = candidates.len();
        let removed = logits.len() - before;
        let own = Stage { step: None, kept: candidates.ranked(), removed, removed_share: 0.0 };
        let mut stages = vec![own];
        let at = self.at(past);
        for step in &self.steps {
            let mut earlier = candidates.clone();
            step.apply(&mut candidates, at)?;
            let removed = before - candidates.len();
            before = candidates.len();
            let removed_share = if removed > 0 { earlier.share_beyond(&candidates) } else { 0.0 };
            stages.push(Stage {
                step: Some(step.clone()),
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
    pub fn chances(
        &self,
        logits: &[f32],
        past: &[TokenId],
        ids: &[TokenId],
    ) -> Result<Vec<Option<f64>>> {
        Ok(self.left(logits, self.at(past))?.probabilities(ids))
    }

    /// Begins an answer of at most `most` tokens behind `begins` others, which [`Rules`] go by.
    pub fn begin(&mut self, begins: usize, most: usize) {
        self.answer = Answer { begins, most };
    }

    /// Goes past the draws of so many tokens, as if they had been chosen.
    pub fn skip(&mut self, tokens: usize) {
        // A draw takes 64 bits, which is two of the stream's words.
        let words = 2 * tokens as u128;
        for draws in [&mut self.draws, &mut self.xtc] {
            draws.set_word_pos(draws.get_word_pos() + words);
        }
    }

    /// Mirostat's bound, in bits; `None` for any other chain. It follows what was drawn before, so
    /// whoever goes on with a text hands it on with [`Sampler::set_bound`].
    pub fn bound(&self) -> Option<f64> {
        self.steps.iter().find_map(mirostat).map(|_| self.bound)
    }

    /// Goes on from a bound that was told before.
    pub fn set_bound(&mut self, bound: f64) {
        self.bound = bound;
    }

    /// What samplers with the seeds `seed`, `seed + 1` and so on choose first after a text: each makes
    /// its own draws, but the chain, which is the same for all, runs once (and once more where XTC
    /// does its step for some).
    ///
    /// `logits`: `[vocabulary]`
    pub fn firsts(
        settings: &Settings,
        logits: &[f32],
        past: &[TokenId],
        samplers: usize,
    ) -> Result<Vec<TokenId>> {
        let first = Self::new(settings)?;
        if first.steps == [Step::Greedy] {
            return Ok(vec![candidates::likeliest(logits)?; samplers]);
        }
        let probability = first.steps.iter().find_map(|step| match step {
            Step::Xtc { probability, .. } => Some(*probability),
            _ => None,
        });
        // With XTC's step, and without.
        let mut left: [Option<Candidates>; 2] = [None, None];
        let mut chosen = Vec::with_capacity(samplers);
        for index in 0..samplers as u64 {
            let seed = settings.seed.wrapping_add(index);
            let at = At {
                past,
                xtc: draw(&mut xtc_stream(seed)),
                bound: first.bound,
                answer: first.answer,
            };
            let place = usize::from(probability.is_none_or(|probability| at.xtc >= probability));
            let candidates = match &mut left[place] {
                Some(candidates) => candidates,
                none => none.insert(first.left(logits, at)?),
            };
            chosen.push(candidates.pick(draw(&mut stream(seed))));
        }
        Ok(chosen)
    }

    /// What the next token is chosen by.
    fn at<'a>(&self, past: &'a [TokenId]) -> At<'a> {
        At { past, xtc: draw(&mut self.xtc.clone()), bound: self.bound, answer: self.answer }
    }

    /// What the chain leaves.
    fn left(&self, logits: &[f32], at: At<'_>) -> Result<Candidates> {
        let mut candidates = Candidates::default();
        candidates.fill(logits)?;
        for step in &self.steps {
            step.apply(&mut candidates, at)?;
        }
        Ok(candidates)
    }
}

fn mirostat(step: &Step) -> Option<&Mirostat> {
    if let Step::Mirostat(mirostat) = step { Some(mirostat) } else { None }
}

/// The draws that decide whether XTC takes its step.
fn xtc_stream(seed: u64) -> ChaCha8Rng {
    let mut draws = stream(seed);
    draws.set_stream(1);
    draws
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
