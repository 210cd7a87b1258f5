//! Path patching: what a sender does to the metric along its direct paths to some receivers alone (Wang et al. 2022,
//! section 3.1; Goldowsky-Dill et al. 2023).
//!
//! ```text
//! 1. clean pass, the sender as in the corrupted one, what attention and MLPs add to the stream frozen as it was
//! 2. what the receivers read or project there is written down
//! 3. clean pass, nothing changed but that: the metric
//! ```
//! The first pass is a program in which frozen outputs are constants, so that no attention is left behind the
//! sender: it begins there, and has the rows alone in which the sender differs. Read `receivers` for the last one.

use std::{collections::BTreeSet, ops::Range, sync::Arc};

use lookback_engine::{KvCache, Shape, ThreadPool, Weights, Workspace, forward_between_sites};
use lookback_files::{Kind, Refusal, Result};
use lookback_model::{Batch, BlockSite, Edits, Program, SequenceId, Site, TokenId, forward};

use crate::{
    SiteFilter,
    received::Received,
    source_contributions::required_capture,
    sweep::{
        grid::SweepGrid,
        metric::{MetricReader, SweepMetric},
        pair::{PatchingGrids, check_pair},
        patched_passes::batch_bounds,
        path::{PathReceivers, PathSenders},
        path_ends::PathEnd,
        receivers::ReceiverPasses,
    },
    trace::{Trace, trace_with_edits},
};

/// A clean and a corrupted prompt, and the paths between that are patched.
#[derive(Clone, Debug)]
pub struct PathSweep<'a> {
    /// The prompt of the passes that are changed.
    pub clean: &'a [TokenId],
    /// The prompt from which senders are taken; as many tokens.
    pub corrupted: &'a [TokenId],
    /// What is judged, after the last token.
    pub metric: SweepMetric,
    /// The token that is right, and the one that is compared with.
    pub answers: [Option<TokenId>; 2],
    /// Each of them by itself.
    pub senders: &'a PathSenders,
    /// All of them together.
    pub receivers: &'a PathReceivers,
    /// MLPs between sender and receivers are not frozen: what they read there goes on through them.
    pub recomputes_mlps: bool,
    /// What is changed of the clean passes, and of the corrupted ones.
    pub edits: [&'a Edits; 2],
}

/// Sites at which both passes are kept.
const KEPT_SITES: usize = 12;

/// Bytes that path patching takes beside the model: those of a sweep, and the buffers of first passes.
pub fn path_sweep_bytes(weights: &Weights, tokens: usize, threads: usize) -> usize {
    let (network, compute) = (weights.network(), weights.compute());
    let (rows, changes) = batch_bounds(weights, tokens);
    let shape = Shape::Inference { rows, logit_rows: changes };
    let pages = (1 + changes) * KvCache::pages(tokens);
    let config = &network.config;
    // A stream beside each kind, of both passes.
    let values = 4 * tokens * config.layers * 2 * (KEPT_SITES + 2) * config.width;
    2 * Workspace::bytes(network, shape, compute, tokens, threads)
        + KvCache::bytes(network, compute, pages)
        + values
}

/// Patches every path. `each` is called with how many senders are done, of how many.
///
/// # Errors
/// As of a patching sweep; when a sender that is named alone, or every sender, stands behind all receivers; when
/// there is no such sender or receiver.
pub fn path_sweep(
    weights: &Weights,
    pool: &ThreadPool,
    sweep: &PathSweep<'_>,
    each: &mut dyn FnMut(usize, usize) -> Result<()>,
) -> Result<PatchingGrids> {
    check_pair(sweep.clean, sweep.corrupted)?;
    let (config, tokens) = (&weights.network().config, sweep.clean.len());
    let grids = sweep.senders.grids(config, tokens)?;
    let ends = sweep.receivers.ends(config, tokens)?;
    let senders: Vec<&PathEnd> = grids.iter().flat_map(|grid| &grid.senders).collect();
    let sites: BTreeSet<Site> = senders.iter().map(|sender| sender.site).collect();
    let [edits, corrupted_edits] = sweep.edits;

    let wanted = SiteFilter::only(sites.iter().copied().chain([Site::Logits]));
    let corrupted = trace_with_edits(weights, pool, sweep.corrupted, &wanted, corrupted_edits)?;
    let corrupted_logits = required_capture(&corrupted, Site::Logits)?.part(tokens - 1);
    let read = sites_of_base(config.layers as u16, &sites);
    let mut passes = ReceiverPasses::new(weights, pool, (sweep.clean, edits), ends, read)?;
    let metric = MetricReader::new(sweep.metric, sweep.answers, passes.base_logits())?;
    let base_value = metric.value(passes.base_logits());

    let mut values = vec![base_value; senders.len()];
    let mut done = 0;
    let mut has_path = false;
    for site in sites {
        let own = (0..senders.len()).filter(|&cell| senders[cell].site == site);
        let own: Vec<usize> = own.collect();
        let mut tick = |count: usize| {
            (0..count).try_for_each(|_| {
                done += 1;
                each(done, senders.len())
            })
        };
        let frozen = FrozenProgram { site, sweep, receivers: &passes.sites() };
        let (program, reached) = frozen.program(weights, passes.base())?;
        for &cell in &own {
            let is_reached = reached.iter().any(|site| passes.receives(*site, senders[cell]));
            has_path |= is_reached;
            if !is_reached && !senders[cell].name.is_empty() {
                return Err(no_path(&senders[cell].name, sweep.receivers));
            }
        }
        if reached.is_empty() {
            tick(own.len())?;
            continue;
        }
        let mut direct = DirectPasses::new(weights, pool, (site, program, reached), &passes)?;
        let other = &required_capture(&corrupted, site)?.values;
        let mut changed = Vec::new();
        for cell in own {
            match direct.changed_rows(passes.base(), other, senders[cell], &passes)? {
                Some(rows) => changed.push((cell, rows)),
                None => tick(1)?,
            }
        }
        for part in changed.chunks(passes.max_changes()) {
            let received = direct.run(passes.base(), other, &senders, part)?;
            passes.run(&received, part, &mut |cell, logits| {
                values[cell] = metric.value(logits);
                Ok(())
            })?;
            tick(part.len())?;
        }
    }
    if !has_path {
        return Err(no_path(&sweep.senders.to_string(), sweep.receivers));
    }
    let mut first = 0;
    let mut found = Vec::with_capacity(grids.len());
    for grid in grids {
        let names = grid.senders.iter().map(|sender| sender.name.clone());
        let names = names.filter(|name| !name.is_empty()).collect();
        let values = values[first..first + grid.senders.len()].to_vec();
        first += grid.senders.len();
        let kind = format!("{} to {}", grid.name, sweep.receivers);
        let (axes, shape) = (grid.axes, grid.shape);
        found.push(SweepGrid { kind, axes, shape, values, senders: names, ..SweepGrid::default() });
    }
    Ok((base_value, metric.value(corrupted_logits), found))
}

/// Refuses senders from which nothing comes to the receivers.
fn no_path(senders: &str, receivers: &PathReceivers) -> Refusal {
    Refusal::of(
        Kind::InvalidInput,
        format!(
            "there is no direct path from {senders} to {receivers}: a sender stands in front of a receiver, and \
             at a position of it"
        ),
    )
}

/// Where the clean pass is kept: senders, what is frozen, and what is read behind a sender.
fn sites_of_base(layers: u16, senders: &BTreeSet<Site>) -> Vec<Site> {
    use BlockSite::{AttnOut, Ln1, Ln2, MlpOut, ResidMid, ResidPost, ResidPre};

    let of_block = [ResidPre, Ln1, AttnOut, ResidMid, Ln2, MlpOut, ResidPost];
    let blocks = (0..layers).flat_map(|layer| of_block.map(|site| Site::Block(layer, site)));
    blocks.chain(senders.iter().copied()).chain([Site::Embed]).collect()
}

/// The pass of a sender's site in which all but direct paths to the receivers is frozen.
struct FrozenProgram<'a> {
    site: Site,
    sweep: &'a PathSweep<'a>,
    receivers: &'a [Site],
}

impl FrozenProgram<'_> {
    /// The program, and the receivers' sites that depend on the sender in it.
    fn program(&self, weights: &Weights, base: &Trace) -> Result<(Program, Vec<Site>)> {
        let network = weights.network();
        let tokens = self.sweep.clean.len();
        let mut program = self.sweep.edits[0].logits(network, forward::Rows::LogitRows)?;
        let Site::Block(from, of_block) = self.site else { return Ok((program, Vec::new())) };
        for layer in from..network.config.layers as u16 {
            for added in [BlockSite::AttnOut, BlockSite::MlpOut] {
                let is_recomputed = added == BlockSite::MlpOut && self.sweep.recomputes_mlps;
                // The sender's own output is what is computed of it.
                let is_own = layer == from && (added == BlockSite::AttnOut || added == of_block);
                if is_recomputed || is_own {
                    continue;
                }
                let site = Site::Block(layer, added);
                let numbers = Arc::from(&required_capture(base, site)?.values[..]);
                if !program.freeze(site, tokens, numbers) {
                    return Err(Refusal::ours(format!("{site} cannot be frozen")));
                }
            }
        }
        let reached = self.receivers.iter().copied();
        let reached: Vec<Site> = reached.filter(|at| program.depends(*at, self.site)).collect();
        program.keep(&reached);
        Ok((program, reached))
    }
}

/// First passes, of the senders of one site.
struct DirectPasses<'a> {
    weights: &'a Weights,
    pool: &'a ThreadPool,
    ids: &'a [TokenId],
    site: Site,
    workspace: Workspace,
    /// The receivers' sites that the sender reaches.
    reached: Vec<Site>,
    /// Elements of a row of the sender's site.
    width: usize,
}

impl<'a> DirectPasses<'a> {
    fn new(
        weights: &'a Weights,
        pool: &'a ThreadPool,
        (site, program, reached): (Site, Program, Vec<Site>),
        passes: &ReceiverPasses<'a>,
    ) -> Result<Self> {
        let network = weights.network();
        let (ids, threads) = (passes.ids(), pool.threads());
        let width = program.at(site).map_or(0, |value| program.value(value).width);
        let is_visible = |at: Site| at == site || reached.contains(&at);
        let bounds = [passes.max_rows(), passes.max_changes()];
        let workspace =
            Workspace::for_logit_rows(network, program, bounds, is_visible, ids.len(), threads)
                .with_precision(network, weights.compute());
        Ok(Self { weights, pool, ids, site, workspace, reached, width })
    }

    /// From the first to behind the last position at which a sender differs and a receiver reads; none if there is
    /// none, so that no bit changes.
    fn changed_rows(
        &self,
        base: &Trace,
        other: &[f32],
        sender: &PathEnd,
        passes: &ReceiverPasses<'_>,
    ) -> Result<Option<Range<usize>>> {
        let own = &required_capture(base, self.site)?.values;
        let is_other = |position: &usize| {
            let row = position * self.width;
            let columns = row + sender.place.columns.start..row + sender.place.columns.end;
            let pairs = own[columns.clone()].iter().zip(&other[columns]);
            passes.reads(&self.reached, *position)
                && pairs.into_iter().any(|(x, y)| x.to_bits() != y.to_bits())
        };
        let mut positions = sender.place.positions.clone().filter(is_other);
        let Some(first) = positions.next() else { return Ok(None) };
        Ok(Some(first..positions.next_back().unwrap_or(first) + 1))
    }

    /// What the receivers' sites hold in passes of some senders, one below the other.
    fn run(
        &mut self,
        base: &Trace,
        other: &[f32],
        senders: &[&PathEnd],
        changed: &[(usize, Range<usize>)],
    ) -> Result<Received> {
        let mut batch = Batch::new();
        let has_logits = self.reached.contains(&Site::Logits);
        for ((_, rows), sequence) in changed.iter().zip(0..) {
            batch.push(SequenceId(sequence), rows.start, &self.ids[rows.clone()]);
            if has_logits {
                batch.add_last_logit_row();
            }
        }
        let mut known = Vec::new();
        for read in self.workspace.sites_read_behind(self.site)? {
            let values = &required_capture(base, read)?.values;
            let width = values.len() / self.ids.len();
            let mut all = Vec::with_capacity(batch.rows() * width);
            for (cell, rows) in changed {
                let begins = all.len();
                all.extend_from_slice(&values[rows.start * width..rows.end * width]);
                if read != self.site {
                    continue;
                }
                let columns = &senders[*cell].place.columns;
                for (row, position) in all[begins..].chunks_exact_mut(width).zip(rows.clone()) {
                    let from = &other[position * width..(position + 1) * width];
                    if senders[*cell].place.positions.contains(&position) {
                        row[columns.clone()].copy_from_slice(&from[columns.clone()]);
                    }
                }
            }
            known.push((read, all));
        }
        let known: Vec<(Site, &[f32])> =
            known.iter().map(|(site, rows)| (*site, &rows[..])).collect();
        let mut received = Received::new(self.reached.iter().copied());
        let Self { weights, pool, workspace, reached, .. } = self;
        let between = (&known[..], &reached[..]);
        forward_between_sites(weights, workspace, None, pool, &batch, between, &mut received)?;
        Ok(received)
    }
}
