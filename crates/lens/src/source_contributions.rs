//! The contributions of source tokens to one head's output: weight × value of each, and their sum.
//!
//! A weight alone does not say how much a source moves: a large weight on a short value moves little
//! (Kobayashi et al. 2020, *Attention is not only a weight*), so both stand here side by side. The
//! terms are f64 products of the engine's own weights and values; the sum shown is the engine's `z`,
//! whose order of adding is that of `docs/arithmetic.md`. Read `ov` next, which follows the
//! terms through the output projection.

use lookback_files::{Refusal, Result};
use lookback_model::{Attend, BlockSite, Network, Site};
use serde::Serialize;

use crate::{Capture, Trace, row_change::RowChange};

/// One token's weighted sum in one head.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SourceContributions {
    /// Which layer.
    pub layer: usize,
    /// Which query head.
    pub head: usize,
    /// The key and value head that it reads, which a group of query heads shares.
    pub key_head: usize,
    /// Whose sum it is.
    pub token: usize,
    /// Every token of the sequence, also those that are not visible.
    pub sources: Vec<SourceWeight>,
    /// The terms that are written out, in the order of their tokens.
    pub terms: Vec<WeightedValue>,
    /// The other visible tokens, taken together.
    pub rest: Option<RemainingSources>,
    /// What edits of `attn.z` added to the sum, or took from it, `[head_dim]`: what comes behind all terms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edit: Option<Vec<f64>>,
    /// The engine's sum, `[head_dim]`.
    pub z: Vec<f32>,
    /// The mean length of the values, each counted by its weight.
    pub mean: f64,
    /// The furthest that the plain sum of all terms is from the engine's, in any dimension.
    #[serde(rename = "apart")]
    pub max_error: f64,
}

/// A token as a source of the sum.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SourceWeight {
    /// Whether it is visible to the query token. If not, its value is in no sum.
    pub seen: bool,
    /// The pattern's entry; exactly 0 where the source is not seen.
    pub weight: f32,
    /// The length of its value, where it is seen.
    pub value: Option<f64>,
    /// weight × norm of the value (Kobayashi et al. 2020).
    #[serde(rename = "moves")]
    pub contribution: f64,
    /// Its share of all such moves.
    pub share: f64,
}

/// One source's weight × value.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WeightedValue {
    /// The source.
    pub token: usize,
    /// `[head_dim]`
    pub products: Vec<f64>,
    /// The sum of the products up to and with this one, `[head_dim]`.
    pub sum: Vec<f64>,
}

/// The sources that are not written out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RemainingSources {
    /// How many they are.
    pub sources: usize,
    /// Their weights together.
    pub weight: f64,
    /// Their products together, `[head_dim]`.
    pub products: Vec<f64>,
    /// The sum of all products, `[head_dim]`.
    pub sum: Vec<f64>,
}

impl SourceContributions {
    /// The sites that [`source_contributions`] reads.
    pub fn sites(layer: usize) -> [Site; 3] {
        [BlockSite::Pattern, BlockSite::V, BlockSite::Z].map(|site| Site::Block(layer as u16, site))
    }
}

/// Takes one head's weighted sum apart; at most `max_terms` terms are written out, those that move most.
pub fn source_contributions(
    trace: &Trace,
    network: &Network,
    [layer, head, token]: [usize; 3],
    max_terms: usize,
) -> Result<SourceContributions> {
    check_place(trace, network, layer, token)?;
    let attend = &trace.edits.variant().attend(&network.blocks[layer].attend);
    if head >= attend.heads {
        return Err(Refusal::user(format!(
            "there is no head {head}; this model's heads are 0 to {}",
            attend.heads - 1
        )));
    }
    let [pattern, v, z] =
        SourceContributions::sites(layer).map(|site| required_capture(trace, site));
    let (weights, v, z) = (pattern_row(pattern?, head, token), v?, z?);
    let key_head = key_head(attend, head);
    let value = |source: usize| head_slice(v, source, key_head, attend.head_dim);

    let sources = sources(attend, token, weights, value);
    let shown = largest_contributions(&sources, max_terms);
    let mut sum = vec![0.0; attend.head_dim];
    let terms = shown.iter().map(|&source| {
        let products = products(weights[source], value(source));
        add_to(&mut sum, &products);
        WeightedValue { token: source, products, sum: sum.clone() }
    });
    let terms = terms.collect();

    let others: Vec<usize> =
        (0..sources.len()).filter(|at| sources[*at].seen && !shown.contains(at)).collect();
    let rest = (!others.is_empty()).then(|| {
        let mut rest = vec![0.0; attend.head_dim];
        others.iter().for_each(|&at| add_to(&mut rest, &products(weights[at], value(at))));
        add_to(&mut sum, &rest);
        let weight = others.iter().fold(0.0, |total, &at| total + f64::from(weights[at]));
        RemainingSources { sources: others.len(), weight, products: rest, sum: sum.clone() }
    });
    let z = head_slice(z, token, head, attend.head_dim).to_vec();
    let edit = head_edit(trace, attend, [layer, head, token], &sum, &z);
    edit.iter().for_each(|edit| add_to(&mut sum, edit));
    let max_error = max_abs_difference(&sum, &z);
    let weighed = sources.iter().fold((0.0, 0.0), |(contribution, weights), source| {
        (contribution + source.contribution, weights + f64::from(source.weight))
    });
    // A sink may leave nothing to the tokens.
    let mean = if weighed.1 > 0.0 { weighed.0 / weighed.1 } else { 0.0 };
    Ok(SourceContributions {
        layer,
        head,
        key_head,
        token,
        sources,
        terms,
        rest,
        edit,
        z,
        mean,
        max_error,
    })
}

/// What edits of a layer's z made of one head's sum, less that sum.
fn head_edit(
    trace: &Trace,
    attend: &Attend,
    [layer, head, token]: [usize; 3],
    sum: &[f64],
    z: &[f32],
) -> Option<Vec<f64>> {
    let site = Site::Block(layer as u16, BlockSite::Z);
    let change = RowChange::new(&trace.edits, site, token, attend.heads * attend.head_dim)?;
    let columns = head * attend.head_dim..(head + 1) * attend.head_dim;
    if change.is_steered {
        return Some(sum.iter().zip(z).map(|(sum, z)| f64::from(*z) - sum).collect());
    }
    let made = change.factors[columns.clone()].iter().zip(&change.added[columns]).zip(sum);
    let edit: Vec<f64> = made.map(|((left, added), sum)| left * sum + added - sum).collect();
    edit.iter().any(|edit| *edit != 0.0).then_some(edit)
}

/// Each token's weight, value and what they move together.
fn sources<'a>(
    attend: &Attend,
    token: usize,
    weights: &[f32],
    value: impl Fn(usize) -> &'a [f32],
) -> Vec<SourceWeight> {
    let one = |(source, &weight): (usize, &f32)| {
        let seen = is_visible(attend, token, source);
        let value = seen.then(|| crate::norm(value(source)));
        let contribution = value.map_or(0.0, |value| f64::from(weight) * value);
        SourceWeight { seen, weight, value, contribution, share: 0.0 }
    };
    let mut sources: Vec<SourceWeight> = weights.iter().enumerate().map(one).collect();
    let all = sources.iter().fold(0.0, |sum, source| sum + source.contribution);
    if all > 0.0 {
        sources.iter_mut().for_each(|source| source.share = source.contribution / all);
    }
    sources
}

/// The tokens that move the sum most, in the order of the sequence.
fn largest_contributions(sources: &[SourceWeight], max_terms: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..sources.len()).filter(|&at| sources[at].seen).collect();
    order.sort_by(|&a, &b| {
        sources[b].contribution.total_cmp(&sources[a].contribution).then(a.cmp(&b))
    });
    order.truncate(max_terms);
    order.sort_unstable();
    order
}

/// Whether a key is visible to a query: it is not later, nor before the sliding window.
pub(crate) fn is_visible(attend: &Attend, query: usize, key: usize) -> bool {
    if !attend.is_causal {
        return true;
    }
    key <= query && attend.window.is_none_or(|window| query - key < window)
}

/// The value head that a query head reads.
pub(crate) fn key_head(attend: &Attend, head: usize) -> usize {
    head / (attend.heads / attend.key_heads)
}

/// A query's row of a pattern `[heads, queries, keys]`.
pub(crate) fn pattern_row(pattern: &Capture, head: usize, query: usize) -> &[f32] {
    let keys = pattern.shape[2];
    &pattern.part(head)[query * keys..(query + 1) * keys]
}

/// One head of one token, of `[tokens, heads, head_dim]`.
pub(crate) fn head_slice(seen: &Capture, token: usize, head: usize, head_dim: usize) -> &[f32] {
    &seen.part(token)[head * head_dim..(head + 1) * head_dim]
}

/// weight × value. A product of two f32 is exact in f64.
fn products(weight: f32, value: &[f32]) -> Vec<f64> {
    value.iter().map(|&value| f64::from(weight) * f64::from(value)).collect()
}

/// Adds a vector.
pub(crate) fn add_to(sum: &mut [f64], vector: &[f64]) {
    sum.iter_mut().zip(vector).for_each(|(sum, x)| *sum += x);
}

/// The largest difference of two vectors.
pub(crate) fn max_abs_difference(ours: &[f64], theirs: &[f32]) -> f64 {
    let max_error = ours.iter().zip(theirs).map(|(ours, &theirs)| (ours - f64::from(theirs)).abs());
    max_error.fold(0.0, f64::max)
}

/// Refuses a layer or a token that is not there.
pub(crate) fn check_place(
    trace: &Trace,
    network: &Network,
    layer: usize,
    token: usize,
) -> Result<()> {
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
pub(crate) fn required_capture(trace: &Trace, site: Site) -> Result<&Capture> {
    trace.at(site).ok_or_else(|| Refusal::ours(format!("{site} was not traced")))
}
