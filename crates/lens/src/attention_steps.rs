//! The three lines of attention, step by step: how the engine's scores and weights came about.
//!
//! The engine keeps scores that are scaled and masked, and weights. What lies before and between is
//! worked out here from queries and keys in the order of `docs/arithmetic.md`, so it ends at the
//! engine's own numbers, bit for bit.

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
    /// exp(score − the row's largest), 0 where hidden: what a row's sum divides into weights.
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
    let exponentials = scores.chunks_exact(tokens).flat_map(exponentials).map(|e| e as f32);
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
    /// The sum times the factor, before the mask.
    pub scaled: f32,
    /// The engine's score, −∞ where the mask hides the key.
    pub score: f32,
    /// The largest score of the query's row: it is moved to 0 before anything is exponentiated.
    pub largest: f32,
    /// exp(score − largest) of every key, `[keys]`, 0 where hidden.
    pub exponentials: Vec<f64>,
    /// Their sum.
    pub total: f64,
    /// The engine's weight.
    pub weight: f32,
}

/// Unfolds one weight of a head. `None` where the trace lacks [`ATTENTION_STEP_SITES`] or the tokens.
pub fn weight_steps(
    trace: &Trace,
    network: &Network,
    [layer, head]: [usize; 2],
    [token, other]: [usize; 2],
) -> Option<WeightSteps> {
    let scale = network.blocks[layer].attend.scale;
    let tokens = trace.ids.len();
    let (query, key) = vectors(trace, network, layer, head, token, other)?;
    let sums = partial_sums(query, key);
    let row = |site| {
        let capture = trace.block(layer, site)?;
        capture.part(head).get(token * tokens..(token + 1) * tokens)
    };
    let (scores, weights) = (row(BlockSite::Scores)?, row(BlockSite::Pattern)?);
    let largest = largest(scores);
    let exponentials = exponentials(scores);
    Some(WeightSteps {
        query: query.to_vec(),
        key: key.to_vec(),
        products: query.iter().zip(key).map(|(q, k)| q * k).collect(),
        scaled: sums.last().copied().unwrap_or(0.0) * scale,
        sums,
        scale,
        score: scores[other],
        largest,
        total: exponentials.iter().fold(0.0, |sum, term| sum + term),
        exponentials,
        weight: weights[other],
    })
}

/// The largest score of a row is moved to 0 before anything is exponentiated.
fn exponentials(scores: &[f32]) -> Vec<f64> {
    let largest = f64::from(largest(scores));
    scores.iter().map(|&score| libm::exp(f64::from(score) - largest)).collect()
}

fn largest(scores: &[f32]) -> f32 {
    scores.iter().fold(f32::NEG_INFINITY, |a, &b| if b > a { b } else { a })
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
