//! Activation patching: at each place in turn the clean pass's activation stands in the corrupted pass.
//!
//! The direction is that of TransformerLens: from clean into corrupted, so that a place with all of the
//! information that differs restores the clean answer. Read `attribution` for what one backward pass says of it.

use lookback_engine::{ThreadPool, Weights};
use lookback_files::{Kind, Refusal, Result, counted};
use lookback_model::{BlockSite, Config, Edits, Site, TokenId};

use crate::{
    SiteFilter,
    source_contributions::required_capture,
    sweep::{
        attribution::PassGradients,
        attribution_passes::{AttributionPasses, PairPasses},
        grid::SweepGrid,
        kind::{SweepAxes, SweepKind, block_sites},
        metric::{MetricReader, SweepMetric},
        patched_passes::PatchedPasses,
        pattern::{patched_z, z_with_patched_source},
    },
    trace::{Trace, trace_with_last_logits},
};

/// A clean and a corrupted prompt, and what is asked of each place between them.
#[derive(Clone, Debug)]
pub struct PatchingSweep<'a> {
    /// The prompt whose activations are taken.
    pub clean: &'a [TokenId],
    /// The prompt into which they are put; as many tokens.
    pub corrupted: &'a [TokenId],
    /// What is judged, after the last token.
    pub metric: SweepMetric,
    /// The token that is right, and the one that is compared with.
    pub answers: [Option<TokenId>; 2],
    /// What is swept over.
    pub kinds: &'a [SweepKind],
    /// Makes a pass for each cell.
    pub patches: bool,
    /// Also says what one backward pass predicts of each cell.
    pub attributes: bool,
    /// What is changed of the clean passes, and of the corrupted ones.
    pub edits: [&'a Edits; 2],
}

/// The metric of both prompts, and a grid for each kind whose values are not yet shares.
pub type PatchingGrids = (f64, f64, Vec<SweepGrid>);

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

/// A grid without numbers.
fn empty_grid(config: &Config, tokens: usize, kind: SweepKind) -> SweepGrid {
    SweepGrid {
        kind: kind.name(),
        axes: kind.axis_names(),
        shape: kind.shape(config, tokens),
        ..SweepGrid::default()
    }
}

/// What one backward pass says of a pair, and nothing else.
pub(super) fn attribution_grids(
    weights: &Weights,
    PairPasses { clean, metric, gradients }: &PairPasses,
    kinds: &[SweepKind],
) -> Result<PatchingGrids> {
    let (config, tokens) = (&weights.network().config, clean.ids.len());
    let clean_logits = required_capture(clean, Site::Logits)?.part(0);
    let mut grids = Vec::with_capacity(kinds.len());
    for kind in kinds {
        let attribution = Some(attributions(weights, gradients, clean, *kind)?);
        grids.push(SweepGrid { attribution, ..empty_grid(config, tokens, *kind) });
    }
    Ok((metric.value(clean_logits), gradients.metric, grids))
}

impl PatchingSweep<'_> {
    /// What is read of the clean pass.
    pub(crate) fn clean_sites(&self, config: &Config) -> SiteFilter {
        SiteFilter::only(self.replaced_sites(config).chain([Site::Logits]))
    }

    /// What attributions read of the corrupted pass: where it is replaced; of weights also what they weigh.
    pub(crate) fn attributed_sites(&self, config: &Config) -> SiteFilter {
        let values = in_blocks(config, has_pattern(self.kinds).then_some(BlockSite::V));
        SiteFilter::only(self.replaced_sites(config).chain(values))
    }

    fn replaced_sites(&self, config: &Config) -> impl Iterator<Item = Site> {
        let pattern = has_pattern(self.kinds).then_some(BlockSite::Pattern);
        in_blocks(config, block_sites(self.kinds).into_iter().chain(pattern))
    }
}

fn has_pattern(kinds: &[SweepKind]) -> bool {
    kinds.iter().any(|kind| kind.site == BlockSite::Pattern)
}

/// These sites of every block.
fn in_blocks(
    config: &Config,
    sites: impl IntoIterator<Item = BlockSite>,
) -> impl Iterator<Item = Site> {
    let layers = 0..config.layers as u16;
    sites
        .into_iter()
        .flat_map(move |site| layers.clone().map(move |layer| Site::Block(layer, site)))
}

/// Refuses prompts that cannot be patched into each other.
pub(super) fn check_pair(clean: &[TokenId], corrupted: &[TokenId]) -> Result<()> {
    let refused = |what: String| Err(Refusal::of(Kind::InvalidInput, what));
    if clean.len() != corrupted.len() {
        return refused(format!(
            "the clean prompt has {} and the corrupted one {}; a place of one is that of the other only where \
             both have as many",
            counted(clean.len(), "token"),
            counted(corrupted.len(), "token")
        ));
    }
    // That there is no token at all the pass says.
    if clean == corrupted && !clean.is_empty() {
        return refused(
            "the clean and the corrupted prompt are the same tokens; change one of them".into(),
        );
    }
    Ok(())
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

/// What one backward pass says of each cell.
fn attributions(
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
