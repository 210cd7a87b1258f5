//! Agreement with another implementation, site by site.
//!
//! The other's numbers come as safetensors: `input_ids` `[tokens]` or `[prompts, tokens]`, and any of
//! the sites by name; or `hidden_<i>` (what enters block i; the last is after the final norm),
//! `attn_<i>`, `logits` and `greedy` as transformers names its outputs, each with a first axis of
//! prompts.

use std::path::Path;

use lookback_engine::{Session, ThreadPool, Weights};
use lookback_files::{Kind, Refusal, Result, excerpt, map};
use lookback_model::{BlockSite, Site, TokenId};
use safetensors::{SafeTensors, tensor::Dtype, tensor::TensorView};

use crate::{
    site_filter::SiteFilter,
    trace::{Trace, trace},
};

/// How far one tensor is from ours.
#[derive(Clone, Debug, PartialEq)]
pub struct SiteDifference {
    /// Its name in the file.
    pub name: String,
    /// Our name for it.
    pub site: String,
    /// Elements compared.
    pub elements: usize,
    /// The largest absolute difference; infinite where one is NaN and the other is not.
    pub largest: f64,
    /// The largest of the differences, each divided by the largest absolute value of its row: of the same
    /// position, and for scores and patterns of the same head and query. A residual stream may reach
    /// 20,000, where neighbouring f32 lie 2e-3 apart, while a pattern stays below 1.
    pub relative: f64,
    /// The root of the mean square of the differences.
    pub typical: f64,
    /// The root of the mean square of their values, to judge the differences by.
    pub scale: f64,
}

/// What was compared.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifyReport {
    /// In the order of the sites.
    pub sites: Vec<SiteDifference>,
    /// Tensors of the file that name no site of this model.
    pub unknown: Vec<String>,
    /// Of greedy continuations: how many ids agree before the first that does not, and of how many.
    pub greedy: Option<(usize, usize)>,
}

impl VerifyReport {
    /// The largest absolute difference of all sites.
    pub fn largest(&self) -> f64 {
        self.sites.iter().fold(0.0, |largest, site| largest.max(site.largest))
    }

    /// The site whose difference is the largest relative to its row, if anything was compared.
    pub fn farthest(&self) -> Option<&SiteDifference> {
        self.sites.iter().max_by(|a, b| a.relative.total_cmp(&b.relative))
    }
}

/// Compares a model with the numbers in a file.
pub fn verify(weights: &Weights, pool: &ThreadPool, path: &Path) -> Result<VerifyReport> {
    let bytes = map(path)?;
    let broken = |error: safetensors::SafeTensorError| {
        Refusal::corrupt(format!("{}: it is no whole safetensors file ({error})", path.display()))
    };
    let file = SafeTensors::deserialize(&bytes).map_err(broken)?;
    let here = |refusal: Refusal| refusal.at(path.display());
    let prompts = prompts(&file, weights).map_err(here)?;
    let traces = prompts
        .iter()
        .map(|ids| trace(weights, pool, ids, &SiteFilter::all()))
        .collect::<Result<Vec<_>>>()?;

    let mut verdict = VerifyReport { sites: Vec::new(), unknown: Vec::new(), greedy: None };
    let mut found = Vec::new();
    for (name, theirs) in file.tensors() {
        if name == "input_ids" {
            continue;
        }
        if name == "greedy" {
            verdict.greedy = Some(greedy(weights, pool, &theirs).map_err(here)?);
            continue;
        }
        match site(&name, weights.network().blocks.len()) {
            Some(site) if traces[0].at(site).is_some() => {
                let agreement = compare(&name, site, &theirs, &traces).map_err(here)?;
                found.push((site, agreement));
            }
            _ => verdict.unknown.push(name),
        }
    }
    found.sort_by_key(|(site, _)| order(*site));
    verdict.sites = found.into_iter().map(|(_, agreement)| agreement).collect();
    verdict.unknown.sort();
    Ok(verdict)
}

/// The site of a tensor's name.
fn site(name: &str, layers: usize) -> Option<Site> {
    if let Ok(site) = name.parse() {
        return Some(site);
    }
    if let Some(index) = name.strip_prefix("hidden_") {
        let index: usize = index.parse().ok()?;
        return match index {
            _ if index < layers => Some(Site::Block(index as u16, BlockSite::ResidPre)),
            _ if index == layers => Some(Site::LnFinal),
            _ => None,
        };
    }
    let index = name.strip_prefix("attn_")?.parse().ok()?;
    Some(Site::Block(index, BlockSite::Pattern))
}

/// Embedding first, logits last.
fn order(site: Site) -> (u32, Site) {
    let stage = match site {
        Site::Embed | Site::PosEmbed => 0,
        Site::Block(layer, _) => 1 + u32::from(layer),
        Site::LnFinal => u32::MAX - 2,
        Site::Logits => u32::MAX - 1,
        Site::Probabilities => u32::MAX,
    };
    (stage, site)
}

fn prompts(file: &SafeTensors<'_>, weights: &Weights) -> Result<Vec<Vec<TokenId>>> {
    let tensor = file
        .tensor("input_ids")
        .map_err(|_| Refusal::user("it has no input_ids, which say what was read; add them"))?;
    ids(&tensor, "input_ids", weights)
}

/// Rows of ids, of one or two axes.
fn ids(tensor: &TensorView<'_>, name: &str, weights: &Weights) -> Result<Vec<Vec<TokenId>>> {
    let bytes = tensor.data();
    let values: Vec<i64> = match tensor.dtype() {
        Dtype::I64 => bytes.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b)).collect(),
        Dtype::I32 => {
            bytes.as_chunks().0.iter().map(|b| i64::from(i32::from_le_bytes(*b))).collect()
        }
        other => {
            return Err(Refusal::user(format!(
                "{name} is {other:?}, and ids must be int64 or int32"
            )));
        }
    };
    let vocabulary = weights.network().config.vocabulary;
    if let Some(id) = values.iter().find(|&&id| id < 0 || id >= vocabulary as i64) {
        return Err(Refusal::of(
            Kind::TokenOutOfRange,
            format!(
                "{name} holds the id {id}, and this model's vocabulary ends at {}",
                vocabulary - 1
            ),
        ));
    }
    let row = match *tensor.shape() {
        [tokens] | [_, tokens] if tokens > 0 => tokens,
        _ => {
            return Err(Refusal::user(format!(
                "{name} has the shape {}; it must be [tokens] or [prompts, tokens], not empty",
                excerpt(&format!("{:?}", tensor.shape()))
            )));
        }
    };
    let ids: Vec<TokenId> = values.iter().map(|&id| TokenId(id as u32)).collect();
    Ok(ids.chunks(row).map(<[TokenId]>::to_vec).collect())
}

fn compare(
    name: &str,
    site: Site,
    theirs: &TensorView<'_>,
    traces: &[Trace],
) -> Result<SiteDifference> {
    if theirs.dtype() != Dtype::F32 {
        return Err(Refusal::user(format!(
            "{name} is {:?}, and only float32 is compared; save it as float32",
            theirs.dtype()
        )));
    }
    let one = traces[0].at(site).map(|capture| capture.shape.clone()).unwrap_or_default();
    let mut all = vec![traces.len()];
    all.extend(&one);
    let fits = theirs.shape() == all || (traces.len() == 1 && theirs.shape() == one);
    if !fits {
        return Err(Refusal::user(format!(
            "{name} has the shape {}, and {site} of these prompts has {all:?}",
            excerpt(&format!("{:?}", theirs.shape()))
        )));
    }
    let ours = traces.iter().filter_map(|trace| trace.at(site)).flat_map(|capture| &capture.values);
    let ours: Vec<f32> = ours.copied().collect();
    let theirs = theirs.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
    let theirs: Vec<f32> = theirs.collect();
    let row = row_length(site, &one).max(1);
    let distance = distance(&ours, &theirs, row);
    Ok(SiteDifference {
        name: name.to_owned(),
        site: site.to_string(),
        elements: ours.len(),
        largest: distance.largest,
        relative: distance.relative,
        typical: distance.typical,
        scale: distance.scale,
    })
}

/// How far two tensors are from each other; the fields are those of [`SiteDifference`].
struct Distance {
    largest: f64,
    relative: f64,
    typical: f64,
    scale: f64,
}

/// Compares two tensors whose rows have `row` values.
fn distance(ours: &[f32], theirs: &[f32], row: usize) -> Distance {
    let (mut largest, mut relative, mut squares, mut scale) = (0.0f64, 0.0f64, 0.0, 0.0);
    for (ours, theirs) in ours.chunks(row).zip(theirs.chunks(row)) {
        let (mut of_row, mut magnitude) = (0.0f64, 0.0f64);
        for (&ours, &theirs) in ours.iter().zip(theirs) {
            let difference = difference(ours, theirs);
            of_row = of_row.max(difference);
            squares += difference * difference;
            for value in [ours, theirs].map(|value| f64::from(value).abs()) {
                if value.is_finite() {
                    magnitude = magnitude.max(value);
                }
            }
            if theirs.is_finite() {
                scale += f64::from(theirs) * f64::from(theirs);
            }
        }
        largest = largest.max(of_row);
        if of_row > 0.0 {
            relative = relative.max(of_row / magnitude);
        }
    }
    let root_mean = |total: f64| (total / ours.len().max(1) as f64).sqrt();
    Distance { largest, relative, typical: root_mean(squares), scale: root_mean(scale) }
}

/// How many values of a site of this shape share one largest value to be compared with: those of one position, and of
/// scores and patterns those of one query of one head.
fn row_length(site: Site, shape: &[usize]) -> usize {
    match site {
        Site::Block(_, BlockSite::Scores | BlockSite::Pattern) => {
            shape.last().copied().unwrap_or(1)
        }
        _ => shape.iter().skip(1).product(),
    }
}

/// The absolute difference; 0 for equal bits and for two NaNs, infinite where only one is finite.
fn difference(ours: f32, theirs: f32) -> f64 {
    if ours.to_bits() == theirs.to_bits() || (ours.is_nan() && theirs.is_nan()) {
        return 0.0;
    }
    let difference = (f64::from(ours) - f64::from(theirs)).abs();
    if difference.is_nan() { f64::INFINITY } else { difference }
}

/// How far our greedy continuation follows theirs, which holds the prompt: the shortest prefix from
/// which the likeliest id is theirs at every step.
fn greedy(weights: &Weights, pool: &ThreadPool, theirs: &TensorView<'_>) -> Result<(usize, usize)> {
    let rows = ids(theirs, "greedy", weights)?;
    let Some(row) = rows.first() else { return Ok((0, 0)) };
    let context = weights.network().config.context.min(row.len());
    let mut session = Session::new(weights, pool, context);
    // The prompt's own length is not in the file: what follows the last id that we would not have
    // said is what was generated.
    let mut agreeing = 0;
    let mut steps = 0;
    for pair in row[..context].windows(2) {
        let logits = session.read(&pair[..1])?;
        let best = (0..logits.len()).fold(0, |a, b| if logits[b] > logits[a] { b } else { a });
        steps += 1;
        agreeing = if best == pair[1].index() { agreeing + 1 } else { 0 };
    }
    Ok((agreeing, steps))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_counts_relative_to_the_largest_value_of_its_row() {
        let theirs = [20_000.0, 1.0, 0.5, 0.25];
        let near = distance(&[20_000.002, 1.0, 0.5, 0.25], &theirs, 2);
        assert!(near.largest > 1e-3 && near.relative < 2e-7, "{} {}", near.largest, near.relative);
        // As far apart in absolute terms, but in a row of small values.
        let far = distance(&[20_000.0, 1.0, 0.502, 0.25], &theirs, 2);
        assert!((far.relative - 0.002 / 0.502).abs() < 1e-6, "{}", far.relative);
    }

    #[test]
    fn rows_of_zeros_and_hidden_scores_agree_and_a_nan_does_not() {
        let hidden = [0.0, 0.0, 1.0, f32::NEG_INFINITY];
        assert_eq!(distance(&hidden, &hidden, 2).relative, 0.0);
        assert_eq!(distance(&[f32::NAN], &[f32::NAN], 1).relative, 0.0);
        assert_eq!(distance(&[f32::NAN], &[1.0], 1).relative, f64::INFINITY);
        assert_eq!(distance(&[0.0], &[1e-30], 1).relative, 1.0);
        assert_eq!(distance(&[1.0], &[f32::NEG_INFINITY], 1).relative, f64::INFINITY);
    }

    #[test]
    fn rows_are_positions_and_of_a_pattern_the_queries_of_a_head() {
        let at = |site| row_length(Site::Block(0, site), &[3, 4, 5]);
        assert_eq!(at(BlockSite::Q), 20);
        assert_eq!(at(BlockSite::Pattern), 5);
        assert_eq!(at(BlockSite::Scores), 5);
        assert_eq!(row_length(Site::Logits, &[3, 7]), 7);
    }
}
