//! The three lines of attention, step by step: how the engine's scores and weights came about.
//!
//! The engine keeps scores that are scaled, capped or lowered by distance where a family does that, and
//! masked; and weights. What lies before and between is worked out here from queries and keys in the order of
//! `docs/arithmetic.md`, so it ends at the engine's own numbers, bit for bit, unless an edit changes a score or a
//! weight: which it does, is told, and what stood there before.

use lookback_engine::{ScoreSteps, Weights};
use lookback_model::{Attend, BlockSite};

use crate::{row_change::is_entry_chosen, trace::Trace};

/// The sites of a layer that both functions read.
pub const ATTENTION_STEP_SITES: [BlockSite; 4] =
    [BlockSite::RotQ, BlockSite::RotK, BlockSite::Scores, BlockSite::Pattern];

/// One head's products of queries and keys, `[queries, keys]`. Before the mask those with later keys are
/// computed as well, which attention never does.
#[derive(Clone, Debug, PartialEq)]
pub struct HeadScores {
    /// query · key
    pub products: Vec<f32>,
    /// query · key · scale
    pub scaled: Vec<f32>,
    /// That under the soft cap of scores, where there is one.
    pub capped: Option<Vec<f32>>,
    /// The score before the mask, where ALiBi makes it another number than the one before.
    pub biased: Option<Vec<f32>>,
    /// exp(score − the row's largest), 0 where hidden: what a row's sum divides into weights.
    pub exponentials: Vec<f32>,
    /// The factor, 1/√head_dim unless the model says otherwise.
    pub scale: f32,
}

/// Compares every token of a head with every other. `None` where the trace lacks [`ATTENTION_STEP_SITES`].
pub fn head_scores(
    trace: &Trace,
    weights: &Weights,
    layer: usize,
    head: usize,
) -> Option<HeadScores> {
    let attend = &attend_of(trace, weights, layer);
    let tokens = trace.ids.len();
    let mut products = Vec::with_capacity(tokens * tokens);
    let mut steps = Vec::with_capacity(tokens * tokens);
    for token in 0..tokens {
        for other in 0..tokens {
            let (query, key) = vectors(trace, attend, head, token, other)?;
            let product = partial_sums(query, key).last().copied().unwrap_or(0.0);
            products.push(product);
            steps.push(ScoreSteps::new(attend, head, [token, other], product));
        }
    }
    let scores = trace.block(layer, BlockSite::Scores)?.part(head);
    let sink = sink(weights, attend, head);
    let exponentials = scores.chunks_exact(tokens).flat_map(|row| exponentials(row, sink));
    Some(HeadScores {
        products,
        scaled: steps.iter().map(|step| step.scaled).collect(),
        capped: steps.iter().map(|step| step.capped).collect(),
        biased: steps.iter().map(|step| step.slope.map(|_| step.score)).collect(),
        exponentials: exponentials.map(|e| e as f32).collect(),
        scale: attend.scale,
    })
}

/// The steps from a query and a key to one attention weight.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightSteps {
    /// The query of the token that looks, `[head_dim]`.
    pub query: Vec<f32>,
    /// The key of the token that is looked at, `[head_dim]`.
    pub key: Vec<f32>,
    /// Each dimension's product, `[head_dim]`.
    pub products: Vec<f32>,
    /// The sum so far after each dimension, `[head_dim]`: the last is query · key.
    pub sums: Vec<f32>,
    /// The factor of the sum.
    pub scale: f32,
    /// The sum times the factor.
    pub scaled: f32,
    /// That under the soft cap of scores, where there is one.
    pub capped: Option<f32>,
    /// What ALiBi subtracts for each position that the key is further away, where it does.
    pub slope: Option<f32>,
    /// What comes of all that, before the mask.
    pub unmasked: f32,
    /// The engine's score, −∞ where the mask hides the key.
    pub score: f32,
    /// The largest score of the query's row, or its sink: it is moved to 0 before anything is exponentiated.
    pub largest: f32,
    /// exp(score − largest) of every key, `[keys]`, 0 where hidden.
    pub exponentials: Vec<f64>,
    /// The head's attention sink, where it has one.
    pub sink: Option<f32>,
    /// exp(sink − largest), a term of the total that is no key's; 0 without a sink.
    pub sink_exponential: f64,
    /// The sum of all of them.
    pub total: f64,
    /// The share of the total, exponential by total.
    pub softmax: f64,
    /// The engine's weight.
    pub weight: f32,
    /// Whether an edit of scores chooses this one: it is then what the edits made of `unmasked`.
    pub is_score_edited: bool,
    /// Whether an edit of the pattern chooses this weight: it is then what the edits made of `softmax`.
    pub is_weight_edited: bool,
}

/// Unfolds one weight of a head. `None` where the trace lacks [`ATTENTION_STEP_SITES`] or the tokens.
pub fn weight_steps(
    trace: &Trace,
    weights: &Weights,
    [layer, head]: [usize; 2],
    [token, other]: [usize; 2],
) -> Option<WeightSteps> {
    let attend = &attend_of(trace, weights, layer);
    let tokens = trace.ids.len();
    let (query, key) = vectors(trace, attend, head, token, other)?;
    let sums = partial_sums(query, key);
    let product = sums.last().copied().unwrap_or(0.0);
    let steps = ScoreSteps::new(attend, head, [token, other], product);
    let row = |site| {
        let capture = trace.block(layer, site)?;
        capture.part(head).get(token * tokens..(token + 1) * tokens)
    };
    let (scores, pattern) = (row(BlockSite::Scores)?, row(BlockSite::Pattern)?);
    let sink = sink(weights, attend, head);
    let largest = largest(scores, sink);
    let exponentials = exponentials(scores, sink);
    let sink_exponential = sink.map_or(0.0, |sink| libm::exp(f64::from(sink) - f64::from(largest)));
    let total = exponentials.iter().fold(sink_exponential, |sum, term| sum + term);
    let is_edited =
        |is_of_scores| is_entry_chosen(&trace.edits, layer, [head, token, other], is_of_scores);
    Some(WeightSteps {
        query: query.to_vec(),
        key: key.to_vec(),
        products: query.iter().zip(key).map(|(q, k)| q * k).collect(),
        sums,
        scale: attend.scale,
        scaled: steps.scaled,
        capped: steps.capped,
        slope: steps.slope,
        unmasked: steps.score,
        score: scores[other],
        largest,
        sink,
        sink_exponential,
        total,
        softmax: exponentials[other] / total,
        exponentials,
        weight: pattern[other],
        is_score_edited: is_edited(true),
        is_weight_edited: is_edited(false),
    })
}

/// The attention sink of a head, one more term of the total of each of its rows.
fn sink(weights: &Weights, attend: &Attend, head: usize) -> Option<f32> {
    weights.rows(attend.sinks?).get(head).copied()
}

/// A layer's attention in the pass that was traced.
fn attend_of(trace: &Trace, weights: &Weights, layer: usize) -> Attend {
    trace.edits.variant().attend(&weights.network().blocks[layer].attend)
}

/// The largest score of a row, or the sink, is moved to 0 before anything is exponentiated.
fn exponentials(scores: &[f32], sink: Option<f32>) -> Vec<f64> {
    let largest = f64::from(largest(scores, sink));
    scores.iter().map(|&score| libm::exp(f64::from(score) - largest)).collect()
}

fn largest(scores: &[f32], sink: Option<f32>) -> f32 {
    scores.iter().chain(&sink).fold(f32::NEG_INFINITY, |a, &b| if b > a { b } else { a })
}

/// The sum of products after each of them, in the order in which the kernel adds them.
fn partial_sums(query: &[f32], key: &[f32]) -> Vec<f32> {
    let mut sum = 0.0f32;
    let after = |(q, k): (&f32, &f32)| {
        sum = q.mul_add(*k, sum);
        sum
    };
    query.iter().zip(key).map(after).collect()
}

/// A token's query of a head and another's key, as they are multiplied.
fn vectors<'a>(
    trace: &'a Trace,
    attend: &Attend,
    head: usize,
    token: usize,
    other: usize,
) -> Option<(&'a [f32], &'a [f32])> {
    let part = |site, token: usize, head: usize| {
        let capture = trace.block(attend.layer, site)?;
        if token >= trace.ids.len() {
            return None;
        }
        capture.part(token).get(head * attend.head_dim..(head + 1) * attend.head_dim)
    };
    let key_head = head / (attend.heads / attend.key_heads);
    Some((part(BlockSite::RotQ, token, head)?, part(BlockSite::RotK, other, key_head)?))
}
