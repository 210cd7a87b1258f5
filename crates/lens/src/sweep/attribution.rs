//! Attribution patching: what a replacement would change of the metric, by one backward pass.
//!
//! ```text
//! attribution = Σ_columns (other − base) · ∂metric/∂base        gradients of the base pass, sums in f64
//! of weights  = Σ (other − base) · (∂metric/∂z_query · v_key)    keys ascending, then queries
//! ```
//! First order, so exact only where the metric is linear in what is replaced (Nanda 2023). Read `patching` next.

use std::{borrow::Cow, collections::BTreeMap};

use lookback_engine::{
    BackwardShape, Gradients, Observer, SiteView, ThreadPool, Weights, Workspace,
    forward_backward_from_site,
};
use lookback_files::{Kind, Refusal, Result};
use lookback_model::{BlockSite, Edits, Network, Program, Site, TokenId, forward};

use crate::{
    SiteFilter,
    capture_recorder::CaptureRecorder,
    frozen_norm::dot,
    source_contributions::{head_slice, key_head, pattern_row, required_capture},
    sweep::{
        kind::{Place, SweepAxes, SweepKind, is_of},
        metric::MetricReader,
    },
    trace::{Trace, check, with_last_logits},
};

/// A pass, and the gradients of a metric of its last logits: one pass forward and one back.
pub(crate) struct PassGradients {
    /// The pass at the sites of a filter.
    pub base: Trace,
    /// What the metric says of it.
    pub metric: f64,
    /// `[tokens, width]` each.
    gradients: BTreeMap<Site, Vec<f32>>,
}

impl PassGradients {
    /// Of the pass over `ids`, at these sites of every block. The filter names what else is read of the pass.
    pub(crate) fn new(
        weights: &Weights,
        pool: &ThreadPool,
        (ids, edits): (&[TokenId], &Edits),
        sites: &[BlockSite],
        filter: &SiteFilter,
        metric: &MetricReader,
    ) -> Result<Self> {
        let (network, tokens) = (weights.network(), ids.len());
        check(ids, &network.config)?;
        let wants = |site| is_of(sites, site);
        let refused = || Refusal::ours("this program has no logits to walk back from");
        let from = (program(network, edits, filter)?, Some(Site::Logits));
        let (shape, threads) = (shape(tokens), pool.threads());
        let workspace =
            Workspace::for_backward(network, from, shape, |_| false, wants, tokens, threads);
        let mut workspace =
            workspace.ok_or_else(refused)?.with_precision(network, weights.compute());
        let batch = with_last_logits(ids);
        let mut none = Gradients::for_weights(network, |_| false);
        let mut captured =
            CaptureRecorder::of_sites(&network.config, filter).of_variant(edits.variant());
        let mut kept = KeptGradients { wants, gradients: BTreeMap::new() };
        let mut value = 0.0;
        let gradient = |logits: &[f32]| {
            value = metric.value(logits);
            metric.gradient(logits).map(Cow::Owned)
        };
        let observers = (&mut captured, &mut kept);
        let given = (&batch, gradient);
        forward_backward_from_site(weights, &mut none, &mut workspace, pool, given, observers)
            .ok_or_else(refused)??;
        let base = Trace::new(ids, captured, edits);
        Ok(Self { base, metric: value, gradients: kept.gradients })
    }

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

/// The program of the pass: logits after the last token, and what the filter names of what is derived.
fn program(network: &Network, edits: &Edits, filter: &SiteFilter) -> Result<Program> {
    let mut program = edits.logits(network, forward::Rows::LogitRows)?;
    program.derive(|site| filter.contains(site));
    Ok(program)
}

/// Bytes of the buffers of both passes. Edits that the model does not have take none: their pass refuses them.
pub(crate) fn pass_gradients_bytes(
    weights: &Weights,
    (tokens, edits): (usize, &Edits),
    sites: &[BlockSite],
    filter: &SiteFilter,
    threads: usize,
) -> usize {
    let network = weights.network();
    let Ok(program) = program(network, edits, filter) else { return 0 };
    let from = (program, Some(Site::Logits));
    let (wants, compute) = (|site| is_of(sites, site), weights.compute());
    Workspace::backward_bytes(network, from, shape(tokens), wants, compute, tokens, threads)
}

fn shape(tokens: usize) -> BackwardShape {
    BackwardShape { rows: tokens, logit_rows: 1, sequences: 1 }
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

/// Keeps the gradients at some sites.
struct KeptGradients<F> {
    wants: F,
    gradients: BTreeMap<Site, Vec<f32>>,
}

impl<F: Fn(Site) -> bool> Observer for KeptGradients<F> {
    fn wants(&self, site: Site) -> bool {
        (self.wants)(site)
    }

    fn observe(&mut self, site: Site, view: SiteView<'_>) {
        self.gradients.insert(site, view.values.to_vec());
    }
}
