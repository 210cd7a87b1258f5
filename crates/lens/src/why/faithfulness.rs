//! Whether the parts of a logit mean anything: the strongest are switched off, and the change that their sum
//! predicts stands beside the one that the pass shows.
//!
//! The prediction holds patterns and norms fixed, and takes MLPs by their tangents; a pass with an edit
//! computes them anew. How far the two are apart says how far the paths are the model's own.

use std::collections::{BTreeMap, BTreeSet};

use lookback_engine::{ThreadPool, Weights};
use lookback_files::Result;
use lookback_model::{BlockSite, Change, Config, Edit, Edits, PassEdit, Site, TokenId};
use serde::Serialize;

use super::{
    ablated_passes::{Ablated, normed_rows, sites_of_known},
    component::Component,
    logit_sum::Why,
    paths::PathStep,
    unfolding::Unfolding,
};
use crate::{Trace, frozen_norm::logit_before_cap};

/// The strongest heads and MLPs switched off together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FaithfulnessPoint {
    /// How many.
    pub off: usize,
    /// The one that was added last.
    pub last: PathStep,
    /// The change of the logit that the unfolded parts predict: less all that goes through one of them.
    pub predicted: f64,
    /// The change that a pass shows in which each of them adds nothing at its token.
    pub real: f64,
}

/// The sites that [`faithfulness`] reads of a pass.
pub fn faithfulness_sites(config: &Config) -> Vec<Site> {
    sites_of_known(config).collect()
}

/// Switches off the 1, 2, 4 … `max_off` heads and MLPs through which most of an unfolded logit goes, in the pass
/// that the logit is of, with its edits.
///
/// # Errors
/// When a site of [`faithfulness_sites`] was not traced; as of a trace with edits.
pub fn faithfulness(
    weights: &Weights,
    pool: &ThreadPool,
    trace: &Trace,
    why: &Why,
    max_off: usize,
) -> Result<Vec<FaithfulnessPoint>> {
    let Some(unfolding) = &why.unfolding else { return Ok(Vec::new()) };
    let steps = strongest(unfolding, max_off);
    let mut counts: Vec<usize> =
        (0..).map(|power| 1 << power).take_while(|&count| count < steps.len()).collect();
    counts.extend((!steps.is_empty()).then_some(steps.len()));
    let ablated = |&count: &usize| ablated(weights, &trace.edits, &steps[..count]);
    let passes: Vec<Ablated> = counts.iter().map(ablated).collect();
    let all_normed = normed_rows(weights, pool, trace, why.position, &passes)?;
    let point = |(count, normed): (usize, Vec<f32>)| {
        let against = why.against.map_or(0.0, |id| logit_before_cap(weights, &normed, TokenId(id)));
        let logit = logit_before_cap(weights, &normed, TokenId(why.target)) - against;
        FaithfulnessPoint {
            off: count,
            last: steps[count - 1],
            predicted: -through(unfolding, &steps[..count].iter().copied().collect()),
            real: logit - why.before_cap,
        }
    };
    Ok(counts.into_iter().zip(all_normed).map(point).collect())
}

/// The pass in which some heads and MLPs are switched off, each at its token, behind these edits.
fn ablated(weights: &Weights, edits: &Edits, off: &[PathStep]) -> Ablated {
    let layers = off.iter().filter_map(|step| step.component.layer());
    let (layer, token) = (layers.min(), off.iter().map(|step| step.token).min());
    let variant = edits.variant();
    let off = off.iter().map(|step| PassEdit::from(switched_off(weights, step)));
    let edits = Edits::new(edits.iter().cloned().chain(off)).of_variant(variant);
    Ablated { edits, layer: layer.unwrap_or(0), token: token.unwrap_or(0) }
}

/// The heads and MLPs, each at a token, through which most goes, in absolute value; equal ones in order.
fn strongest(unfolding: &Unfolding, max_count: usize) -> Vec<PathStep> {
    let mut totals: BTreeMap<PathStep, f64> = BTreeMap::new();
    for part in &unfolding.parts {
        if matches!(part.component, Component::Head { .. } | Component::Mlp { .. }) {
            let step = PathStep { component: part.component, token: part.token };
            *totals.entry(step).or_default() += part.contribution;
        }
    }
    let mut steps: Vec<(PathStep, f64)> = totals.into_iter().collect();
    steps.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0)));
    steps.into_iter().take(max_count).map(|(step, _)| step).collect()
}

/// What goes through any of some heads and MLPs, each path counted once.
fn through(unfolding: &Unfolding, off: &BTreeSet<PathStep>) -> f64 {
    let is_off = |at: usize| {
        let part = &unfolding.parts[at];
        off.contains(&PathStep { component: part.component, token: part.token })
    };
    // A part stands behind that which it is a part of.
    let mut is_counted = vec![false; unfolding.parts.len()];
    let mut total = 0.0;
    for (index, part) in unfolding.parts.iter().enumerate() {
        let above = part.parent.is_some_and(|parent| is_counted[parent]);
        let here = is_off(index);
        is_counted[index] = above || here;
        if here && !above {
            total += part.contribution;
        }
    }
    total
}

/// The edit after which a head or an MLP adds nothing at its token but biases.
fn switched_off(weights: &Weights, step: &PathStep) -> (Site, Edit) {
    let network = weights.network();
    let (site, columns) = match step.component {
        Component::Head { layer, head } => {
            let head_dim = network.blocks[layer].attend.head_dim;
            let site = Site::Block(layer as u16, BlockSite::Z);
            (site, head * head_dim..(head + 1) * head_dim)
        }
        component => {
            let layer = component.layer().unwrap_or(0);
            let site = Site::Block(layer as u16, BlockSite::MlpOut);
            (site, 0..network.config.width)
        }
    };
    let positions = Some([step.token as u32].into());
    (site, Edit { change: Change::Set, positions, columns, numbers: [0.0].into() })
}
