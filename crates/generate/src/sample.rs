//! Chooses one token from a row of logits, whichever model made them.
//!
//! A sampler chain has stages over candidates: at first every token with a finite logit, then each
//! stage changes logits or removes candidates, and one draw ends it. Order and default values are
//! llama.cpp's. What each stage keeps can be asked for ([`SamplerChain::trace`]), and is the same
//! as what [`SamplerChain::next`] does. The arithmetic is f64 with the pinned `libm`, so a seed gives the
//! same tokens on every machine: weights are exp(logit − largest), every total runs over ids in
//! ascending order, and of two equal logits the lower id is the larger.
//!
//! Read [`Settings`] next, then `candidates`, and `repetition`, `entropy` and `logit_bias` for the
//! samplers that look at more than ranks.

mod candidates;
mod entropy;
mod logit_bias;
mod logits_rules;
mod parameters;
mod repetition;
mod settings;
mod stage;

use lookback_files::Result;
use lookback_text::{TokenId, Tokenizer};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

pub use entropy::Mirostat;
pub use logit_bias::LogitBias;
pub use logits_rules::LogitsRules;
pub use parameters::{SAMPLER_PARAMETERS, SamplerParameter};
pub use repetition::{Dry, Penalties};
pub use settings::Settings;
pub use stage::{SamplerKind, SamplerStage};

use candidates::Candidates;
use logits_rules::Completion;
use stage::StageInput;

/// The sequence breakers of DRY unless others are named.
pub const SEQUENCE_BREAKERS: [&str; 4] = ["\n", ":", "\"", "*"];

/// The tokens whose text contains one of these sequence breakers of DRY.
pub fn sequence_breakers(tokenizer: &Tokenizer, texts: &[impl AsRef<str>]) -> Vec<TokenId> {
    let ids = (0..tokenizer.vocabulary() as u32).map(TokenId);
    let breaks = |id: &TokenId| {
        let spelled = tokenizer.decode(&[*id]);
        texts.iter().any(|text| spelled.contains(text.as_ref()))
    };
    ids.filter(breaks).collect()
}

/// The candidates after one stage of the chain.
#[derive(Clone, Debug, PartialEq)]
pub struct StageOutput {
    /// The stage; `None` for the model's own distribution, before the chain.
    pub stage: Option<SamplerStage>,
    /// What is kept, the likeliest first, with probabilities that add up to 1.
    pub kept: Vec<(TokenId, f64)>,
    /// How many candidates this stage removed.
    pub removed: usize,
    /// The share of the probability that these had before the stage.
    pub removed_share: f64,
}

/// A chain of samplers and the random stream that goes with it.
#[derive(Clone, Debug)]
pub struct SamplerChain {
    stages: Vec<SamplerStage>,
    draws: ChaCha8Rng,
    /// One draw a token, which XTC alone looks at, apart from those that choose: the same seed
    /// chooses alike with XTC and without, wherever XTC does nothing.
    xtc: ChaCha8Rng,
    mu: f64,
    completion: Completion,
    candidates: Candidates,
}

impl SamplerChain {
    /// A sampler at the beginning of its seed's draws. Impossible settings are refused by name.
    pub fn new(settings: &Settings) -> Result<Self> {
        let stages = settings.stages()?;
        let mirostat = stages.iter().find_map(mirostat);
        Ok(Self {
            mu: mirostat.map_or(0.0, Mirostat::initial_mu),
            stages,
            draws: stream(settings.seed),
            xtc: xtc_stream(settings.seed),
            completion: Completion::default(),
            candidates: Candidates::default(),
        })
    }

    /// The chain, in order.
    pub fn stages(&self) -> &[SamplerStage] {
        &self.stages
    }

    /// Chooses the token that follows a text. Exactly one draw is made, and none by a greedy chain.
    ///
    /// `logits`: `[vocabulary]`; `past`: the whole text, the prompt's tokens included
    pub fn next(&mut self, logits: &[f32], past: &[TokenId]) -> Result<TokenId> {
        if self.stages == [SamplerStage::Greedy] {
            return candidates::argmax(logits);
        }
        let input = StageInput {
            past,
            xtc_draw: draw(&mut self.xtc),
            mu: self.mu,
            completion: self.completion,
        };
        self.candidates.fill(logits)?;
        for stage in &self.stages {
            stage.apply(&mut self.candidates, input)?;
        }
        let chosen = self.candidates.sample(draw(&mut self.draws));
        if let Some(mirostat) = self.stages.iter().find_map(mirostat) {
            let probability = self.candidates.probabilities(&[chosen])[0].unwrap_or(1.0);
            self.mu = mirostat.next_mu(self.mu, probability);
        }
        Ok(chosen)
    }

    /// What each stage keeps of these logits after this text, beginning with the model's own
    /// distribution. Draws nothing.
    ///
    /// `logits`: `[vocabulary]`
    pub fn trace(&self, logits: &[f32], past: &[TokenId]) -> Result<Vec<StageOutput>> {
        let mut candidates = Candidates::default();
        candidates.fill(logits)?;
        let mut before = candidates.len();
        let removed = logits.len() - before;
        let own =
            StageOutput { stage: None, kept: candidates.ranked(), removed, removed_share: 0.0 };
        let mut outputs = vec![own];
        let input = self.stage_input(past);
        for stage in &self.stages {
            let mut earlier = candidates.clone();
            stage.apply(&mut candidates, input)?;
            let removed = before - candidates.len();
            before = candidates.len();
            let removed_share =
                if removed > 0 { earlier.removed_share_beside(&candidates) } else { 0.0 };
            outputs.push(StageOutput {
                stage: Some(stage.clone()),
                kept: candidates.ranked(),
                removed,
                removed_share,
            });
        }
        Ok(outputs)
    }

    /// The probabilities of some tokens after the chain; `None` for those it removes. Draws
    /// nothing.
    ///
    /// `logits`: `[vocabulary]`
    pub fn chain_probabilities(
        &self,
        logits: &[f32],
        past: &[TokenId],
        ids: &[TokenId],
    ) -> Result<Vec<Option<f64>>> {
        Ok(self.chain_output(logits, self.stage_input(past))?.probabilities(ids))
    }

    /// Begins an answer of at most `max_tokens` tokens behind `prompt_tokens` others, which [`LogitsRules`] go by.
    pub fn begin_completion(&mut self, prompt_tokens: usize, max_tokens: usize) {
        self.completion = Completion { prompt_tokens, max_tokens };
    }

    /// Goes past the draws of so many tokens, as if they had been chosen.
    pub fn skip(&mut self, tokens: usize) {
        // A draw takes 64 bits, which is two of the stream's words.
        let words = 2 * tokens as u128;
        for draws in [&mut self.draws, &mut self.xtc] {
            draws.set_word_pos(draws.get_word_pos() + words);
        }
    }

    /// Mirostat's μ, the largest surprisal in bits; `None` for any other chain. It follows what was drawn
    /// before, so a text that is continued later restores it with [`SamplerChain::set_mirostat_mu`].
    pub fn mirostat_mu(&self) -> Option<f64> {
        self.stages.iter().find_map(mirostat).map(|_| self.mu)
    }

    /// Restores a μ that [`SamplerChain::mirostat_mu`] gave before.
    pub fn set_mirostat_mu(&mut self, mu: f64) {
        self.mu = mu;
    }

    /// What samplers with the seeds `seed`, `seed + 1` and so on choose first after a text: each makes
    /// its own draws, but the chain, which is the same for all, runs once (and once more where XTC
    /// does its step for some).
    ///
    /// `logits`: `[vocabulary]`
    pub fn first_tokens(
        settings: &Settings,
        logits: &[f32],
        past: &[TokenId],
        samplers: usize,
    ) -> Result<Vec<TokenId>> {
        let first = Self::new(settings)?;
        if first.stages == [SamplerStage::Greedy] {
            return Ok(vec![candidates::argmax(logits)?; samplers]);
        }
        let probability = first.stages.iter().find_map(|stage| match stage {
            SamplerStage::Xtc { probability, .. } => Some(*probability),
            _ => None,
        });
        // With XTC's step, and without.
        let mut left: [Option<Candidates>; 2] = [None, None];
        let mut chosen = Vec::with_capacity(samplers);
        for index in 0..samplers as u64 {
            let seed = settings.seed.wrapping_add(index);
            let input = StageInput {
                past,
                xtc_draw: draw(&mut xtc_stream(seed)),
                mu: first.mu,
                completion: first.completion,
            };
            let place =
                usize::from(probability.is_none_or(|probability| input.xtc_draw >= probability));
            let candidates = match &mut left[place] {
                Some(candidates) => candidates,
                none => none.insert(first.chain_output(logits, input)?),
            };
            chosen.push(candidates.sample(draw(&mut stream(seed))));
        }
        Ok(chosen)
    }

    /// The inputs of every stage for the next token.
    fn stage_input<'a>(&self, past: &'a [TokenId]) -> StageInput<'a> {
        StageInput {
            past,
            xtc_draw: draw(&mut self.xtc.clone()),
            mu: self.mu,
            completion: self.completion,
        }
    }

    /// The candidates that the chain leaves.
    fn chain_output(&self, logits: &[f32], input: StageInput<'_>) -> Result<Candidates> {
        let mut candidates = Candidates::default();
        candidates.fill(logits)?;
        for stage in &self.stages {
            stage.apply(&mut candidates, input)?;
        }
        Ok(candidates)
    }
}

fn mirostat(stage: &SamplerStage) -> Option<&Mirostat> {
    if let SamplerStage::Mirostat(mirostat) = stage { Some(mirostat) } else { None }
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
