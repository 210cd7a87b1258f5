//! The passes of attribution patching: the prompts of several pairs go forward as one batch, and the corrupted ones
//! alone back.
//!
//! ```text
//! forward   corrupted 1 … n, then clean 1 … n: each weight is read once for all of them
//! back      the rows of corrupted 1 … n, which come first in every buffer
//! ```
//! No sequence of a batch reads another, so each pair has the bits that it has alone. Where the passes of a pair have
//! other edits than those of its neighbour, they are batches of their own. The buffers are kept from batch to batch.

use std::{borrow::Cow, collections::BTreeMap, ops::Range};

use lookback_engine::{
    BackwardShape, Gradients, Observer, SiteView, ThreadPool, Weights, Workspace,
    forward_backward_from_site,
};
use lookback_files::{Refusal, Result};
use lookback_model::{Batch, BlockSite, Edits, Network, Program, SequenceId, Site, forward};

use crate::{
    SiteFilter,
    capture_recorder::CaptureRecorder,
    source_contributions::required_capture,
    sweep::{
        attribution::{PassGradients, attributions, check_weights},
        grid::SweepGrid,
        kind::{SweepKind, block_sites, is_of},
        metric::MetricReader,
        pair::{PatchingGrids, PatchingSweep, check_pair, empty_grid},
    },
    trace::{Trace, check, trace_with_last_logits},
};

/// Rows of a batch of several pairs, at most: those of each are kept in every layer until they go back.
const MAX_ROWS: usize = 128;

/// A clean pass, and a corrupted one with its gradients.
pub(crate) struct PairPasses {
    pub clean: Trace,
    pub metric: MetricReader,
    pub gradients: PassGradients,
}

impl PairPasses {
    /// What one backward pass says of a pair, and nothing else.
    fn grids(&self, weights: &Weights, kinds: &[SweepKind]) -> Result<PatchingGrids> {
        let Self { clean, metric, gradients } = self;
        let (config, tokens) = (&weights.network().config, clean.ids.len());
        let clean_logits = required_capture(clean, Site::Logits)?.part(0);
        let mut grids = Vec::with_capacity(kinds.len());
        for kind in kinds {
            let attribution = Some(attributions(weights, gradients, clean, *kind)?);
            grids.push(SweepGrid { attribution, ..empty_grid(config, tokens, *kind) });
        }
        Ok((metric.value(clean_logits), gradients.metric, grids))
    }
}

/// Attributions of pairs of prompts, batch by batch, in buffers that are kept.
#[derive(Debug)]
pub struct AttributionPasses<'a> {
    weights: &'a Weights,
    pool: &'a ThreadPool,
    bounds: Bounds,
    workspace: Option<(Edits, Workspace)>,
}

/// The largest batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Bounds {
    rows: usize,
    sequences: usize,
    positions: usize,
}

/// Neighbours among pairs whose passes are one batch.
pub fn attribution_batches(sweeps: &[PatchingSweep<'_>]) -> Vec<Range<usize>> {
    let mut batches: Vec<Range<usize>> = Vec::new();
    for (index, sweep) in sweeps.iter().enumerate() {
        let fits = |batch: &Range<usize>| {
            let of_batch = &sweeps[batch.start..=index];
            let edits = of_batch.iter().flat_map(|sweep| sweep.edits);
            edits.into_iter().all(|edits| edits == sweep.edits[0])
                && Bounds::of(of_batch).rows <= MAX_ROWS
        };
        match batches.last_mut() {
            Some(batch) if fits(batch) => batch.end = index + 1,
            _ => batches.push(index..index + 1),
        }
    }
    batches
}

impl Bounds {
    /// Of the batch of these pairs.
    fn of(sweeps: &[PatchingSweep<'_>]) -> Self {
        sweeps.iter().fold(Self::default(), |bounds, sweep| {
            let tokens = sweep.corrupted.len();
            let prompts = if is_one_batch(sweep) { 2 } else { 1 };
            Self {
                rows: bounds.rows + prompts * tokens,
                sequences: bounds.sequences + prompts,
                positions: bounds.positions.max(tokens),
            }
        })
    }

    /// Of the largest of several batches.
    fn of_batches(sweeps: &[PatchingSweep<'_>]) -> Self {
        let batches = attribution_batches(sweeps).into_iter();
        batches.map(|batch| Self::of(&sweeps[batch])).fold(Self::default(), |a, b| Self {
            rows: a.rows.max(b.rows),
            sequences: a.sequences.max(b.sequences),
            positions: a.positions.max(b.positions),
        })
    }

    fn shape(self) -> BackwardShape {
        let Self { rows, sequences, .. } = self;
        BackwardShape { rows, logit_rows: sequences, sequences }
    }
}

/// Whether both passes of a pair are of one program.
pub(super) fn is_one_batch(sweep: &PatchingSweep<'_>) -> bool {
    sweep.edits[0] == sweep.edits[1]
}

/// The program of the passes: logits after the last token, and what is read of what is derived.
fn program(network: &Network, sweep: &PatchingSweep<'_>) -> Result<Program> {
    let filter = sweep.attributed_sites(&network.config);
    let mut program = sweep.edits[1].logits(network, forward::Rows::LogitRows)?;
    program.derive(|site| filter.contains(site));
    Ok(program)
}

/// Bytes of the buffers of passes over these pairs, by the batches of all. Edits that the model does not have take
/// none: their pass refuses them.
pub(super) fn workspace_bytes(
    weights: &Weights,
    sweeps: &[PatchingSweep<'_>],
    threads: usize,
) -> usize {
    let network = weights.network();
    let bounds = Bounds::of_batches(sweeps);
    let mut largest = 0;
    let mut before: Option<&Edits> = None;
    for sweep in sweeps {
        let edits = sweep.edits[1];
        if before == Some(edits) {
            continue;
        }
        before = Some(edits);
        let Ok(program) = program(network, sweep) else { continue };
        let sites = block_sites(sweep.kinds);
        largest = largest.max(Workspace::backward_bytes(
            network,
            (program, Some(Site::Logits)),
            bounds.shape(),
            |site| is_of(&sites, site),
            weights.compute(),
            bounds.positions,
            threads,
        ));
    }
    largest
}

impl<'a> AttributionPasses<'a> {
    /// For these pairs, whose kinds are the same.
    pub fn new(weights: &'a Weights, pool: &'a ThreadPool, sweeps: &[PatchingSweep<'_>]) -> Self {
        Self { weights, pool, bounds: Bounds::of_batches(sweeps), workspace: None }
    }

    /// The attributions of one of [`attribution_batches`], in the order of its pairs.
    ///
    /// # Errors
    /// As of a [`patching_sweep`](super::patching_sweep), with the place of the pair that is refused.
    pub fn grids(
        &mut self,
        sweeps: &[PatchingSweep<'_>],
    ) -> Result<Vec<PatchingGrids>, (usize, Refusal)> {
        for (place, sweep) in sweeps.iter().enumerate() {
            check_pair(sweep.clean, sweep.corrupted).map_err(|refusal| (place, refusal))?;
        }
        let passes = self.pair_passes(sweeps)?;
        let grids = |(place, (passes, sweep)): (usize, (&PairPasses, &PatchingSweep<'_>))| {
            let grids = passes.grids(self.weights, sweep.kinds);
            grids.map_err(|refusal| (place, refusal))
        };
        passes.iter().zip(sweeps).enumerate().map(grids).collect()
    }

    /// The passes of such a batch.
    pub(crate) fn pair_passes(
        &mut self,
        sweeps: &[PatchingSweep<'_>],
    ) -> Result<Vec<PairPasses>, (usize, Refusal)> {
        let config = &self.weights.network().config;
        let Some(first) = sweeps.first() else { return Ok(Vec::new()) };
        for (place, sweep) in sweeps.iter().enumerate() {
            let checked = [sweep.clean, sweep.corrupted].into_iter().zip(sweep.edits);
            let mut checked = checked.map(|(ids, edits)| {
                check(ids, config)?;
                edits.check_positions(ids.len())
            });
            let checked = checked.try_for_each(|checked| checked);
            let checked = checked.and_then(|()| check_weights(sweep.kinds, sweep.edits[1]));
            checked.map_err(|refusal| (place, refusal))?;
        }
        if is_one_batch(first) {
            return self.run(sweeps, Vec::new());
        }
        let one = |sweep: &PatchingSweep<'_>| {
            let filter = sweep.clean_sites(config);
            trace_with_last_logits((self.weights, sweep.edits[0]), self.pool, sweep.clean, &filter)
        };
        let clean = sweeps.iter().map(one).collect::<Result<Vec<_>>>();
        self.run(sweeps, clean.map_err(|refusal| (0, refusal))?)
    }

    /// Runs corrupted prompts, and clean ones that were not traced before.
    fn run(
        &mut self,
        sweeps: &[PatchingSweep<'_>],
        mut clean: Vec<Trace>,
    ) -> Result<Vec<PairPasses>, (usize, Refusal)> {
        let (weights, pool, pairs) = (self.weights, self.pool, sweeps.len());
        let config = &weights.network().config;
        let sites = block_sites(sweeps[0].kinds);
        let edits = sweeps[0].edits[1];
        let is_traced = !clean.is_empty();
        let workspace = self.workspace(&sweeps[0], &sites).map_err(|refusal| (0, refusal))?;
        let mut batch = Batch::new();
        let corrupted = sweeps.iter().map(|sweep| sweep.corrupted);
        let others = sweeps.iter().filter(|_| !is_traced).map(|sweep| sweep.clean);
        for (ids, sequence) in corrupted.chain(others).zip(0..) {
            batch.push(SequenceId(sequence), 0, ids);
            batch.add_last_logit_row();
        }
        let leading = batch.leading(pairs);
        let filters: [SiteFilter; 2] =
            [sweeps[0].attributed_sites(config), sweeps[0].clean_sites(config)];
        let recorder = |sequence: usize| {
            let filter = &filters[usize::from(sequence >= pairs)];
            CaptureRecorder::of_sites(config, filter).of_variant(edits.variant())
        };
        let recorders = (0..batch.segments.len()).map(recorder).collect();
        let mut captured = BySequence { batch: &batch, recorders, attention: None };
        let kept = || KeptGradients { sites: &sites, gradients: BTreeMap::new() };
        let recorders = (0..pairs).map(|_| kept()).collect();
        let mut kept = BySequence { batch: &leading, recorders, attention: None };
        let mut judged = Vec::with_capacity(pairs);
        let gradient = |logits: &[f32]| {
            let vocabulary = logits.len() / batch.logit_rows.len();
            let row = |row: usize| &logits[row * vocabulary..(row + 1) * vocabulary];
            let mut gradients = Vec::with_capacity(pairs * vocabulary);
            for (place, sweep) in sweeps.iter().enumerate() {
                let mut judge = || {
                    let clean_logits = match clean.get(place) {
                        Some(clean) => required_capture(clean, Site::Logits)?.part(0),
                        None => row(pairs + place),
                    };
                    let metric = MetricReader::new(sweep.metric, sweep.answers, clean_logits)?;
                    gradients.extend(metric.gradient(row(place))?);
                    judged.push((metric.value(row(place)), metric));
                    Ok(())
                };
                judge().map_err(|refusal: Refusal| (place, refusal))?;
            }
            Ok(Cow::Owned(gradients))
        };
        let mut none = Gradients::for_weights(weights.network(), |_| false);
        let given = ((&batch, &leading), gradient);
        let observers = (&mut captured, &mut kept);
        forward_backward_from_site(weights, &mut none, workspace, pool, given, observers)
            .ok_or_else(|| (0, no_logits()))??;
        let mut traces =
            captured.recorders.into_iter().zip(&batch.segments).map(|(recorder, segment)| {
                Trace::new(&batch.ids[segment.rows.clone()], recorder, edits)
            });
        let bases: Vec<Trace> = traces.by_ref().take(pairs).collect();
        clean.extend(traces);
        let made = bases.into_iter().zip(clean).zip(judged).zip(kept.recorders);
        let made = made.map(|(((base, clean), (value, metric)), kept)| PairPasses {
            clean,
            metric,
            gradients: PassGradients { base, metric: value, gradients: kept.gradients },
        });
        Ok(made.collect())
    }

    /// The buffers of passes with the edits of a pair.
    fn workspace(
        &mut self,
        sweep: &PatchingSweep<'_>,
        sites: &[BlockSite],
    ) -> Result<&mut Workspace> {
        let (network, edits) = (self.weights.network(), sweep.edits[1]);
        // Those of other edits are given back before others are taken.
        let kept = self.workspace.take().filter(|(own, _)| own == edits);
        let workspace = match kept {
            Some((_, workspace)) => workspace,
            None => Workspace::for_backward(
                network,
                (program(network, sweep)?, Some(Site::Logits)),
                self.bounds.shape(),
                |_| false,
                |site| is_of(sites, site),
                self.bounds.positions,
                self.pool.threads(),
            )
            .ok_or_else(no_logits)?
            .with_precision(network, self.weights.compute()),
        };
        Ok(&mut self.workspace.insert((edits.clone(), workspace)).1)
    }
}

fn no_logits() -> Refusal {
    Refusal::ours("this program has no logits to walk back from")
}

/// Hands each sequence of a batch what stands in its rows, of which the last has logits.
struct BySequence<'b, R> {
    batch: &'b Batch,
    /// One for each.
    recorders: Vec<R>,
    /// The site of attention that was shown last, and of which sequence.
    attention: Option<(Site, usize)>,
}

impl<R: Observer> Observer for BySequence<'_, R> {
    fn wants(&self, site: Site) -> bool {
        self.recorders.iter().any(|recorder| recorder.wants(site))
    }

    fn observe(&mut self, site: Site, view: SiteView<'_>) {
        if matches!(site, Site::Block(_, BlockSite::Scores | BlockSite::Pattern)) {
            // Is shown once for each sequence, in their order.
            let sequence = match self.attention {
                Some((before, sequence)) if before == site => sequence + 1,
                _ => 0,
            };
            self.attention = Some((site, sequence));
            let recorder = &mut self.recorders[sequence];
            if recorder.wants(site) {
                recorder.observe(site, view);
            }
            return;
        }
        let [_, rows, width] = view.shape;
        let has_all = rows == self.batch.rows();
        let segments = self.batch.segments.iter().enumerate();
        for ((sequence, segment), recorder) in segments.zip(&mut self.recorders) {
            if !recorder.wants(site) {
                continue;
            }
            let own = if has_all { segment.rows.clone() } else { sequence..sequence + 1 };
            let values = &view.values[own.start * width..own.end * width];
            recorder.observe(site, SiteView { shape: [1, own.len(), width], values });
        }
    }
}

/// Keeps the gradients at some sites.
struct KeptGradients<'s> {
    sites: &'s [BlockSite],
    gradients: BTreeMap<Site, Vec<f32>>,
}

impl Observer for KeptGradients<'_> {
    fn wants(&self, site: Site) -> bool {
        is_of(self.sites, site)
    }

    fn observe(&mut self, site: Site, view: SiteView<'_>) {
        self.gradients.insert(site, view.values.to_vec());
    }
}
