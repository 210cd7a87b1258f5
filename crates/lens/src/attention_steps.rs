//! The three lines of attention, step by step: how the engine's scores and weights came about.
//!
//! The engine keeps scores that are scaled and masked, and weights. What lies before and between is
//! worked out here from queries and keys in the order of `docs/arithmetic.md`, so it ends at the
//! engine's own numbers, bit for bit.

use lookback_engine::{ScoreSteps, Weights};
use lookback_model::{BlockSite, Network};

use crate::trace::Trace;

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
    /// exp(score − the row's largest), 0 where masked: what a row's sum divides into weights.
    pub exponentials: Vec<f32>,
    /// The factor, 1/√head_dim unless the model says otherwise.
    pub scale: f32,
}

/// Compares every token of a head with every other. `None` where the trace lacks [`ATTENTION_STEP_SITES`].
pub fn head_scores(
    trace: &Trace,
    network: &Network,
    layer: usize,
    head: usize,
) -> Option<HeadScores> {
    let scale = network.blocks[layer].attend.scale;
    let tokens = trace.ids.len();
    let mut products = Vec::with_capacity(tokens * tokens);
    for token in 0..tokens {
        for other in 0..tokens {
            let (query, key) = vectors(trace, network, layer, head, token, other)?;
            products.push(partial_sums(query, key).last().copied().unwrap_or(0.0));
        }
    }
    let scaled = products.iter().map(|product| product * scale).collect();
    let scores = trace.block(layer, BlockSite::Scores)?.part(head);
    let of_row = |scores: &[f32]| exponentials(scores, largest(scores, None));
    let exponentials = scores.chunks_exact(tokens).flat_map(of_row).map(|e| e as f32);
    Some(HeadScores { products, scaled, exponentials: exponentials.collect(), scale })
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
    /// What the head makes of the sum, before the mask.
    pub score_steps: ScoreSteps,
    /// The engine's score, −∞ where the key is masked.
    pub score: f32,
    /// The head's sink, where it has one: one more term of the row's total.
    pub sink: Option<f32>,
    /// The largest score of the query's row, or its sink: it is moved to 0 before anything is exponentiated.
    pub largest: f32,
    /// exp(score − largest) of every key, `[keys]`, 0 where masked.
    pub exponentials: Vec<f64>,
    /// Their sum, with the sink's.
    pub total: f64,
    /// The engine's weight.
    pub weight: f32,
}

/// Unfolds one weight of a head. `None` where the trace lacks [`ATTENTION_STEP_SITES`] or the tokens.
pub fn weight_steps(
    trace: &Trace,
    weights: &Weights,
    [layer, head]: [usize; 2],
    [token, other]: [usize; 2],
) -> Option<WeightSteps> {
    let network = weights.network();
    let attend = &network.blocks[layer].attend;
    let tokens = trace.ids.len();
    let (query, key) = vectors(trace, network, layer, head, token, other)?;
    let sums = partial_sums(query, key);
    let row = |site| {
        let capture = trace.block(layer, site)?;
        capture.part(head).get(token * tokens..(token + 1) * tokens)
    };
    let (scores, pattern) = (row(BlockSite::Scores)?, row(BlockSite::Pattern)?);
    let sink = attend.sinks.map(|sinks| weights.rows(sinks)[head]);
    let largest = largest(scores, sink);
    let exponentials = exponentials(scores, largest);
    let of_sink = sink.map_or(0.0, |sink| libm::exp(f64::from(sink) - f64::from(largest)));
    let product = sums.last().copied().unwrap_or(0.0);
    Some(WeightSteps {
        query: query.to_vec(),
        key: key.to_vec(),
        products: query.iter().zip(key).map(|(q, k)| q * k).collect(),
        score_steps: ScoreSteps::new(attend, head, [token, other], product),
        sums,
        scale: attend.scale,
        score: scores[other],
        sink,
        largest,
        total: exponentials.iter().fold(of_sink, |sum, term| sum + term),
        exponentials,
        weight: pattern[other],
    })
}

/// The largest score of a row is moved to 0 before anything is exponentiated.
fn exponentials(scores: &[f32], largest: f32) -> Vec<f64> {
    let largest = f64::from(largest);
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
    network: &Network,
    layer: usize,
    head: usize,
    token: usize,
    other: usize,
) -> Option<(&'a [f32], &'a [f32])> {
    let attend = &network.blocks[layer].attend;
    let part = |site, token: usize, head: usize| {
        let capture = trace.block(layer, site)?;
        if token >= trace.ids.len() {
            return None;
        }
        capture.part(token).get(head * attend.head_dim..(head + 1) * attend.head_dim)
    };
    let key_head = head / (attend.heads / attend.key_heads);
    Some((part(BlockSite::RotQ, token, head)?, part(BlockSite::RotK, other, key_head)?))
}
