//! Attribution patching: what a replacement would change of the metric, by one backward pass.
//!
//! ```text
//! attribution = Σ_columns (other − base) · ∂metric/∂base        gradients of the base pass, sums in f64
//! of weights  = Σ (other − base) · (∂metric/∂z_query · v_key)    keys ascending, then queries
//! ```
//! First order, so exact only where the metric is linear in what is replaced (Nanda 2023). Read `attribution_passes`
//! next, which makes the passes.

use std::collections::BTreeMap;

use lookback_engine::Weights;
use lookback_files::{Kind, Refusal, Result};
use lookback_model::{BlockSite, Edits, Site};

use crate::{
    frozen_norm::dot,
    source_contributions::{head_slice, key_head, pattern_row, required_capture},
    sweep::kind::{Place, SweepAxes, SweepKind},
    trace::Trace,
};

/// A pass, and the gradients of a metric of its last logits: one pass forward and one back.
pub(crate) struct PassGradients {
    /// The pass at the sites of a filter.
    pub base: Trace,
    /// What the metric says of it.
    pub metric: f64,
    /// `[tokens, width]` each.
    pub gradients: BTreeMap<Site, Vec<f32>>,
}

impl PassGradients {
    /// What replacing each place of a layer would change, `[places]`.
    pub(crate) fn attributions(
        &self,
        weights: &Weights,
        other: &Trace,
        kind: SweepKind,
        layer: usize,
        places: &[Place],
    ) -> Result<Vec<f64>> {
        let base = &self.base;
        let site = kind.row_site(layer);
        let Some(gradient) = self.gradients.get(&site) else { return Ok(vec![0.0; places.len()]) };
        if kind.site == BlockSite::Pattern {
            return weight_attributions(weights, [base, other], layer, places, gradient);
        }
        let own = &required_capture(base, site)?.values;
        let new = &required_capture(other, site)?.values;
        let width = own.len() / base.ids.len();
        let of = |place: &Place| {
            let cells = place.positions.clone().flat_map(|position| {
                (place.columns.start..place.columns.end).map(move |at| position * width + at)
            });
            cells.fold(0.0, |sum, at| {
                sum + (f64::from(new[at]) - f64::from(own[at])) * f64::from(gradient[at])
            })
        };
        Ok(places.iter().map(of).collect())
    }

    /// Those of the destinations × sources of one head's weights, `[queries, keys]`.
    pub(crate) fn destination_source(
        &self,
        weights: &Weights,
        other: &Trace,
        kind: SweepKind,
    ) -> Result<Vec<f64>> {
        let SweepAxes::DestinationSource { layer, head } = kind.axes else {
            return Ok(Vec::new());
        };
        let tokens = self.base.ids.len();
        let Some(gradient) = self.gradients.get(&kind.row_site(layer)) else {
            return Ok(vec![0.0; tokens * tokens]);
        };
        let traces = [&self.base, other];
        let row = |query| row_attributions(weights, traces, [layer, head, query], gradient);
        Ok((0..tokens).map(row).collect::<Result<Vec<_>>>()?.concat())
    }
}

/// Refuses to attribute weights where an edit stands between them and the z that is read: its slope is not known.
pub(crate) fn check_weights(kinds: &[SweepKind], edits: &Edits) -> Result<()> {
    let is_z = |site| matches!(site, Site::Block(_, BlockSite::Z));
    let edited = edits.iter().map(|edit| edit.site()).find(|site| is_z(*site));
    let is_pattern = |kind: &SweepKind| kind.site == BlockSite::Pattern;
    match edited.filter(|_| kinds.iter().any(is_pattern)) {
        None => Ok(()),
        Some(site) => Err(Refusal::of(
            Kind::InvalidInput,
            format!(
                "an edit of {site} stands behind the weights, so what they make cannot be attributed; patch \
                 patterns without attribution, or edit attn_out"
            ),
        )),
    }
}

/// Of the weights of rows of heads.
fn weight_attributions(
    weights: &Weights,
    traces: [&Trace; 2],
    layer: usize,
    places: &[Place],
    gradient: &[f32],
) -> Result<Vec<f64>> {
    let tokens = traces[0].ids.len();
    let head_dim = weights.network().blocks[layer].attend.head_dim;
    let of = |place: &Place| {
        let head = place.columns.start / head_dim;
        place.positions.clone().try_fold(0.0, |sum, query| {
            let row = row_attributions(weights, traces, [layer, head, query], gradient)?;
            Ok(row.iter().take(tokens).fold(sum, |sum, x| sum + x))
        })
    };
    places.iter().map(of).collect()
}

/// Of each weight of one row of a head, `[keys]`.
fn row_attributions(
    weights: &Weights,
    [base, other]: [&Trace; 2],
    [layer, head, query]: [usize; 3],
    gradient: &[f32],
) -> Result<Vec<f64>> {
    let attend = &weights.network().blocks[layer].attend;
    let at = |trace, site| required_capture(trace, Site::Block(layer as u16, site));
    let (own, new) = (at(base, BlockSite::Pattern)?, at(other, BlockSite::Pattern)?);
    let values = at(base, BlockSite::V)?;
    let width = attend.heads * attend.head_dim;
    let first = query * width + head * attend.head_dim;
    let z: Vec<f64> =
        gradient[first..first + attend.head_dim].iter().copied().map(f64::from).collect();
    let rows = pattern_row(own, head, query).iter().zip(pattern_row(new, head, query));
    let of = |(key, (own, new)): (usize, (&f32, &f32))| {
        let value = head_slice(values, key, key_head(attend, head), attend.head_dim);
        (f64::from(*new) - f64::from(*own)) * dot(&z, value)
    };
    Ok(rows.enumerate().map(of).collect())
}

/// What one backward pass says of each cell.
pub(super) fn attributions(
    weights: &Weights,
    gradients: &PassGradients,
    clean: &Trace,
    kind: SweepKind,
) -> Result<Vec<f64>> {
    let config = &weights.network().config;
    if let SweepAxes::DestinationSource { .. } = kind.axes {
        return gradients.destination_source(weights, clean, kind);
    }
    let places = kind.places(config, clean.ids.len());
    let of = |layer| gradients.attributions(weights, clean, kind, layer, &places);
    Ok((0..config.layers).map(of).collect::<Result<Vec<_>>>()?.concat())
}
