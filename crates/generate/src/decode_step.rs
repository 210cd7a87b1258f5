//! One step of decoding, shown: what may follow a text, which token a seed draws, and how long it
//! took with and without the prefix cache.

use std::time::{Duration, Instant};

use lookback_engine::{ThreadPool, Weights};
use lookback_files::Result;
use lookback_text::TokenId;

use crate::{
    context_window::ContextWindow,
    prefix_cache::{CachedSequence, PrefillStats, PrefixCache},
    repeat::sample_next,
    sample::SamplerChain,
};

/// A token that may follow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alternative {
    /// The token.
    pub id: TokenId,
    /// The model's own probability, which the site `probabilities` holds.
    pub probability: f32,
    /// Its probability after the sampler chain; `None` if the chain removes it.
    pub chain_probability: Option<f64>,
}

/// A step of decoding, before its token is appended.
#[derive(Clone, Debug, PartialEq)]
pub struct DecodeStep {
    /// The token that the sampler draws.
    pub drawn: TokenId,
    /// The likeliest, and the drawn one, by falling probability.
    pub alternatives: Vec<Alternative>,
    /// What was cached and what was computed.
    pub reading: PrefillStats,
    /// How long reading took.
    pub read_time: Duration,
    /// How long the chain and its draw took.
    pub sampling_time: Duration,
    /// The same text read without a cache, if asked for.
    pub uncached: Option<UncachedRun>,
}

/// The same text read once more without a cache, for comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UncachedRun {
    /// How long reading took.
    pub read_time: Duration,
    /// Logits whose bits are not those that were read with the cache.
    pub different_logits: usize,
}

/// What a step shows besides its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeOptions {
    /// How many of the likeliest tokens are listed.
    pub alternatives: usize,
    /// Whether a text of which a prefix was cached is read without a cache too.
    pub compares_uncached: bool,
}

/// Reads what is new in the tokens that a window shows of a text, and draws what follows.
pub fn decode_step(
    cache: &mut PrefixCache,
    weights: &Weights,
    pool: &ThreadPool,
    window: &ContextWindow,
    sampler: &mut SamplerChain,
    options: DecodeOptions,
) -> Result<DecodeStep> {
    // Threads that sleep are woken first, or the first of two readings would pay for both.
    pool.for_each_task(pool.threads(), &|_| {});
    let past = window.ids();
    // The probabilities of the alternatives are those of the draw, before it.
    let before = sampler.clone();
    let mut sequence = CachedSequence::new(cache, weights, pool);
    let mut uncached_window = window.clone();
    uncached_window.truncate_cached(0);
    let step = sample_next(&mut sequence, &mut uncached_window, sampler)?;
    let reading = sequence.reading();
    let (drawn, visible) = (step.token, &window.visible_ids());
    let ids = shown_ids(cache, drawn, options.alternatives);
    let after = before.chain_probabilities(cache.logits(), past, &ids)?;
    let probabilities = cache.probabilities(pool);
    let alternative = |(&id, chain_probability)| Alternative {
        id,
        probability: probabilities[id.index()],
        chain_probability,
    };
    let alternatives = ids.iter().zip(after).map(alternative).collect();
    // Where nothing was cached, the text was read without a cache already.
    let compares = options.compares_uncached && reading.cached > 0;
    let uncached = if compares { Some(run_uncached(cache, weights, pool, visible)?) } else { None };
    let (read_time, sampling_time) = (step.read_time, step.sampling_time);
    Ok(DecodeStep { drawn, alternatives, reading, read_time, sampling_time, uncached })
}

/// The likeliest tokens, and the drawn one if it is not among them.
fn shown_ids(cache: &PrefixCache, drawn: TokenId, count: usize) -> Vec<TokenId> {
    let mut ids = top_k_ids(cache.logits(), count);
    if !ids.contains(&drawn) {
        ids.push(drawn);
    }
    ids
}

fn run_uncached(
    cache: &mut PrefixCache,
    weights: &Weights,
    pool: &ThreadPool,
    visible: &[TokenId],
) -> Result<UncachedRun> {
    let cached = cache.logits().to_vec();
    let start = Instant::now();
    cache.read_uncached(weights, pool, visible)?;
    let read_time = start.elapsed();
    let pairs = cached.iter().zip(cache.logits());
    let different_logits =
        pairs.filter(|(cached, again)| cached.to_bits() != again.to_bits()).count();
    Ok(UncachedRun { read_time, different_logits })
}

/// The ids of the `count` largest of a row, the largest first; of two that are equal, the lower id.
pub fn top_k_ids(values: &[f32], count: usize) -> Vec<TokenId> {
    let mut ids: Vec<u32> = (0..values.len() as u32).collect();
    let by_rank = |left: &u32, right: &u32| {
        // Adding +0 makes −0 into +0, which `total_cmp` would tell apart.
        let value = |id: &u32| values[*id as usize] + 0.0;
        value(right).total_cmp(&value(left)).then(left.cmp(right))
    };
    if count < ids.len() {
        if count > 0 {
            ids.select_nth_unstable_by(count - 1, by_rank);
        }
        ids.truncate(count);
    }
    ids.sort_unstable_by(by_rank);
    ids.into_iter().map(TokenId).collect()
}
