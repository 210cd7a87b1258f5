//! The weighted sum of one head, term by term: each source's weight × value, and what they add up to.
//!
//! A weight alone does not say how much a source moves: a large weight on a short value moves little
//! (Kobayashi et al. 2020, *Attention is not only a weight*), so both stand here side by side. The
//! terms are f64 products of the engine's own weights and values; the sum shown is the engine's `z`,
//! whose order of adding is that of `docs/arithmetic.md`. Read `exchange` next, which follows the
//! terms through the output projection.

use lookback_files::{Refusal, Result};
use lookback_model::{Attend, BlockSite, Network, Site};
use serde::Serialize;

use crate::{Seen, Trace};

/// One token's weighted sum in one head.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Context {
    /// Which layer.
    pub layer: usize,
    /// Which query head.
    pub head: usize,
    /// The key and value head that it reads, which a group of query heads shares.
    pub key_head: usize,
    /// Whose sum it is.
    pub token: usize,
    /// Every token of the sequence, also those that are not seen.
    pub sources: Vec<Source>,
    /// The terms that are written out, in the order of their tokens.
    pub terms: Vec<Term>,
    /// The other tokens that are seen, taken together.
    pub rest: Option<Rest>,
    /// The engine's sum, `[head_dim]`.
    pub z: Vec<f32>,
    /// The mean length of the values, each counted by its weight.
    pub mean: f64,
    /// The furthest that the plain sum of all terms is from the engine's, in any dimension.
    pub apart: f64,
}

/// A token as a source of the sum.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Source {
    /// Whether the token that asks sees it. If not, its value is in no sum.
    pub seen: bool,
    /// The pattern's entry; exactly 0 where the source is not seen.
    pub weight: f32,
    /// The length of its value, where it is seen.
    pub value: Option<f64>,
    /// weight × length of the value: how far the source moves the sum.
    pub moves: f64,
    /// Its share of all such moves.
    pub share: f64,
}

/// One source's weight × value.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Term {
    /// The source.
    pub token: usize,
    /// `[head_dim]`
    pub products: Vec<f64>,
    /// The sum of the products up to and with this one, `[head_dim]`.
    pub sum: Vec<f64>,
}

/// The sources that are not written out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rest {
    /// How many they are.
    pub sources: usize,
    /// Their weights together.
    pub weight: f64,
    /// Their products together, `[head_dim]`.
    pub products: Vec<f64>,
    /// The sum of all products, `[head_dim]`.
    pub sum: Vec<f64>,
}

impl Context {
    /// The sites that [`context`] reads.
    pub fn sites(layer: usize) -> [Site; 3] {
        [BlockSite::Pattern, BlockSite::V, BlockSite::Z].map(|site| Site::Block(layer as u16, site))
    }
}

/// Takes one head's weighted sum apart; at most `most` terms are written out, those that move most.
pub fn context(
    trace: &Trace,
    network: &Network,
    [layer, head, token]: [usize; 3],
    most: usize,
) -> Result<Context> {
    check(trace, network, layer, token)?;
    let how = &network.blocks[layer].attend;
    if head >= how.heads {
        return Err(Refusal::user(format!(
            "there is no head {head}; this model's heads are 0 to {}",
            how.heads - 1
        )));
    }
    let [pattern, v, z] = Context::sites(layer).map(|site| needed(trace, site));
    let (weights, v, z) = (weights(pattern?, head, token), v?, z?);
    let key_head = key_head(how, head);
    let value = |source: usize| slice(v, source, key_head, how.head_dim);

    let sources = sources(how, token, weights, value);
    let shown = furthest_moves(&sources, most);
    let mut sum = vec![0.0; how.head_dim];
    let terms = shown.iter().map(|&source| {
        let products = products(weights[source], value(source));
        add(&mut sum, &products);
        Term { token: source, products, sum: sum.clone() }
    });
    let terms = terms.collect();

    let others: Vec<usize> =
        (0..sources.len()).filter(|at| sources[*at].seen && !shown.contains(at)).collect();
    let rest = (!others.is_empty()).then(|| {
        let mut rest = vec![0.0; how.head_dim];
        others.iter().for_each(|&at| add(&mut rest, &products(weights[at], value(at))));
        add(&mut sum, &rest);
        let weight = others.iter().fold(0.0, |total, &at| total + f64::from(weights[at]));
        Rest { sources: others.len(), weight, products: rest, sum: sum.clone() }
    });
    let z = slice(z, token, head, how.head_dim).to_vec();
    let apart = furthest_apart(&sum, &z);
    let weighed = sources.iter().fold((0.0, 0.0), |(moves, weights), source| {
        (moves + source.moves, weights + f64::from(source.weight))
    });
    let mean = weighed.0 / weighed.1;
    Ok(Context { layer, head, key_head, token, sources, terms, rest, z, mean, apart })
}

/// Each token's weight, value and what they move together.
fn sources<'a>(
    how: &Attend,
    token: usize,
    weights: &[f32],
    value: impl Fn(usize) -> &'a [f32],
) -> Vec<Source> {
    let one = |(source, &weight): (usize, &f32)| {
        let seen = sees(how, token, source);
        let value = seen.then(|| crate::length(value(source)));
        let moves = value.map_or(0.0, |value| f64::from(weight) * value);
        Source { seen, weight, value, moves, share: 0.0 }
    };
    let mut sources: Vec<Source> = weights.iter().enumerate().map(one).collect();
    let all = sources.iter().fold(0.0, |sum, source| sum + source.moves);
    if all > 0.0 {
        sources.iter_mut().for_each(|source| source.share = source.moves / all);
    }
    sources
}

/// The tokens that move the sum most, in the order of the sequence.
fn furthest_moves(sources: &[Source], most: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..sources.len()).filter(|&at| sources[at].seen).collect();
    order.sort_by(|&a, &b| sources[b].moves.total_cmp(&sources[a].moves).then(a.cmp(&b)));
    order.truncate(most);
    order.sort_unstable();
    order
}

/// Whether a query sees a key: it is not later, nor so early that the window has left it behind.
pub(crate) fn sees(how: &Attend, query: usize, key: usize) -> bool {
    key <= query && how.window.is_none_or(|window| query - key < window)
}

/// The value head that a query head reads.
pub(crate) fn key_head(how: &Attend, head: usize) -> usize {
    head / (how.heads / how.key_heads)
}

/// A query's row of a pattern `[heads, queries, keys]`.
pub(crate) fn weights(pattern: &Seen, head: usize, query: usize) -> &[f32] {
    let keys = pattern.shape[2];
    &pattern.part(head)[query * keys..(query + 1) * keys]
}

/// One head of one token, of `[tokens, heads, head_dim]`.
pub(crate) fn slice(seen: &Seen, token: usize, head: usize, head_dim: usize) -> &[f32] {
    &seen.part(token)[head * head_dim..(head + 1) * head_dim]
}

/// weight × value. A product of two f32 is exact in f64.
fn products(weight: f32, value: &[f32]) -> Vec<f64> {
    value.iter().map(|&value| f64::from(weight) * f64::from(value)).collect()
}

/// Adds a vector.
pub(crate) fn add(to: &mut [f64], vector: &[f64]) {
    to.iter_mut().zip(vector).for_each(|(to, x)| *to += x);
}

/// The largest difference of two vectors.
pub(crate) fn furthest_apart(ours: &[f64], theirs: &[f32]) -> f64 {
    let apart = ours.iter().zip(theirs).map(|(ours, &theirs)| (ours - f64::from(theirs)).abs());
    apart.fold(0.0, f64::max)
}

/// Refuses a layer or a token that is not there.
pub(crate) fn check(trace: &Trace, network: &Network, layer: usize, token: usize) -> Result<()> {
    let (layers, tokens) = (network.blocks.len(), trace.ids.len());
    if layer >= layers {
        return Err(Refusal::user(format!(
            "there is no layer {layer}; this model's layers are 0 to {}",
            layers - 1
        )));
    }
    if token >= tokens {
        return Err(Refusal::user(format!(
            "there is no token {token}; the prompt's tokens are 0 to {}",
            tokens - 1
        )));
    }
    Ok(())
}

/// A site that the caller was to have traced.
pub(crate) fn needed(trace: &Trace, site: Site) -> Result<&Seen> {
    trace.at(site).ok_or_else(|| Refusal::ours(format!("{site} was not traced")))
}
