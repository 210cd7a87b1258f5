//! Activation patching: at each place in turn the clean pass's activation stands in the corrupted pass.
//!
//! The direction is that of TransformerLens: from clean into corrupted, so that a place with all of the
//! information that differs restores the clean answer. Read `attribution` for what one backward pass says of it.

use lookback_engine::{ThreadPool, Weights};
use lookback_files::Result;
use lookback_model::{BlockSite, Edits, Site};

use crate::{
    source_contributions::required_capture,
    sweep::{
        attribution::attributions,
        attribution_passes::{AttributionPasses, PairPasses},
        kind::{SweepAxes, SweepKind, block_sites},
        metric::MetricReader,
        pair::{PatchingGrids, PatchingSweep, check_pair, empty_grid},
        patched_passes::PatchedPasses,
        pattern::{patched_z, z_with_patched_source},
    },
    trace::{Trace, trace_with_last_logits},
};

/// Sweeps. `each` is called with how many cells are done, of how many.
///
/// # Errors
/// When the prompts are the same or of different lengths, when the metric needs an answer that is not given, or
/// has no gradient; as of a trace; what `each` says.
pub fn patching_sweep(
    weights: &Weights,
    pool: &ThreadPool,
    sweep: &PatchingSweep<'_>,
    each: &mut dyn FnMut(usize, usize) -> Result<()>,
) -> Result<PatchingGrids> {
    check_pair(sweep.clean, sweep.corrupted)?;
    let config = &weights.network().config;
    let tokens = sweep.corrupted.len();
    let sites = block_sites(sweep.kinds);
    let [clean_edits, edits] = sweep.edits;
    let made = if sweep.attributes {
        let pair = std::slice::from_ref(sweep);
        let made = AttributionPasses::new(weights, pool, pair).pair_passes(pair);
        made.map_err(|(_, refusal)| refusal)?.pop()
    } else {
        None
    };
    let (clean, metric, gradients) = match made {
        Some(PairPasses { clean, metric, gradients }) => (clean, metric, Some(gradients)),
        None => {
            let filter = sweep.clean_sites(config);
            let clean = trace_with_last_logits((weights, clean_edits), pool, sweep.clean, &filter)?;
            let clean_logits = required_capture(&clean, Site::Logits)?.part(0);
            let metric = MetricReader::new(sweep.metric, sweep.answers, clean_logits)?;
            (clean, metric, None)
        }
    };
    let clean_logits = required_capture(&clean, Site::Logits)?.part(0);
    let mut corrupted = gradients.as_ref().map_or(0.0, |gradients| gradients.metric);
    let mut passes = None;
    if sweep.patches || gradients.is_none() {
        let made = PatchedPasses::new(weights, pool, (sweep.corrupted, edits), &sites)?;
        corrupted = metric.value(made.base_logits());
        passes = Some(made);
    }
    let cells = |kind: &SweepKind| kind.shape(config, tokens).iter().product::<usize>();
    let all: usize = if sweep.patches { sweep.kinds.iter().map(cells).sum() } else { 0 };
    let mut done = 0;
    let mut grids = Vec::with_capacity(sweep.kinds.len());
    for kind in sweep.kinds {
        let mut grid = empty_grid(config, tokens, *kind);
        if let Some(passes) = passes.as_mut().filter(|_| sweep.patches) {
            let mut tick = || {
                done += 1;
                each(done, all)
            };
            let clean = (&clean, edits);
            grid.values = values(weights, pool, passes, clean, *kind, &metric, &mut tick)?;
        }
        if let Some(gradients) = &gradients {
            grid.attribution = Some(attributions(weights, gradients, &clean, *kind)?);
        }
        grids.push(grid);
    }
    Ok((metric.value(clean_logits), corrupted, grids))
}

/// The metric of a pass for each cell of a kind.
fn values(
    weights: &Weights,
    pool: &ThreadPool,
    passes: &mut PatchedPasses<'_>,
    (clean, edits): (&Trace, &Edits),
    kind: SweepKind,
    metric: &MetricReader,
    tick: &mut dyn FnMut() -> Result<()>,
) -> Result<Vec<f64>> {
    let config = &weights.network().config;
    let tokens = clean.ids.len();
    let places = kind.places(config, tokens);
    let mut values = Vec::new();
    if let SweepAxes::DestinationSource { layer, head } = kind.axes {
        // A source that a destination does not see has no weight to replace.
        values = vec![metric.value(passes.base_logits()); tokens * tokens];
        for source in 0..tokens {
            let base = passes.base();
            let traces = ([base, clean], edits);
            let z = z_with_patched_source(weights, pool, traces, [layer, head], source)?;
            passes.run(kind.row_site(layer), &z, &places, &mut |query, logits| {
                values[query * tokens + source] = metric.value(logits);
                tick()
            })?;
        }
        return Ok(values);
    }
    for layer in 0..config.layers {
        let own;
        let rows = if kind.site == BlockSite::Pattern {
            own = patched_z(weights, pool, ([passes.base(), clean], edits), layer)?;
            &own
        } else {
            &required_capture(clean, kind.row_site(layer))?.values
        };
        let first = values.len();
        values.resize(first + places.len(), 0.0);
        passes.run(kind.row_site(layer), rows, &places, &mut |cell, logits| {
            values[first + cell] = metric.value(logits);
            tick()
        })?;
    }
    Ok(values)
}
