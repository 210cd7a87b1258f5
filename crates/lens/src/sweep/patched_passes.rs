//! Passes in which some rows of one site are those of another pass. Everything before the change is computed
//! once: a pass begins behind the changed site, at the first changed position, and several are one batch.
//!
//! ```text
//! base pass   keys and values of all layers in the cache, and the values that stand behind each site
//! a change    at site s of layer l, positions p..: rows p.. of what is read behind s, the changed ones replaced
//! batch       the rows of several changes of one site, each a sequence that shares the base's pages
//! ```
//! A row's numbers depend on no other row of a batch, and a layer's on no chunk, so each result has the bits of a
//! whole pass with the change as an edit. A change of no bit is not computed: its logits are those of the base.

use std::ops::Range;

use lookback_engine::{KvCache, ThreadPool, Weights, Workspace, forward, forward_from_sites};
use lookback_files::Result;
use lookback_model::{
    Batch, BlockSite, Edits, Network, Program, SequenceId, Site, TokenId, forward as passes,
};

use crate::{
    SiteFilter,
    source_contributions::required_capture,
    sweep::kind::{Place, is_of},
    trace::{Trace, check, trace_with_edits},
};

/// Rows of a batch of changes.
const BATCH_ROWS: usize = 256;
/// Changes in a batch, at most.
const MAX_CHANGES: usize = 32;
/// Bytes of the cache that they may take.
const MAX_CACHE: usize = 256 << 20;

/// The unchanged pass of a sweep.
pub(super) const BASE: SequenceId = SequenceId(0);

/// Rows of a batch, and changes in it.
pub(crate) fn batch_bounds(weights: &Weights, tokens: usize) -> (usize, usize) {
    let pages = KvCache::pages(tokens);
    let each = KvCache::bytes(weights.network(), weights.compute(), pages);
    let changes = (MAX_CACHE / each.max(1)).clamp(1, MAX_CHANGES);
    (BATCH_ROWS.max(tokens), changes)
}

/// Changed passes over one sequence.
#[derive(Debug)]
pub struct PatchedPasses<'a> {
    pub(super) weights: &'a Weights,
    pub(super) pool: &'a ThreadPool,
    pub(super) ids: &'a [TokenId],
    base: Trace,
    base_logits: Vec<f32>,
    pub(super) workspace: Workspace,
    pub(super) cache: KvCache,
    pub(super) batch: Batch,
    pub(super) max_rows: usize,
    pub(super) max_changes: usize,
    /// Whether what stands before a changed position stays as it is.
    pub(super) is_causal: bool,
}

/// A change that is to be computed: which cell it is, and from which position on something is another.
struct Change<'p> {
    cell: usize,
    first: usize,
    place: &'p Place,
}

impl<'a> PatchedPasses<'a> {
    /// Makes the unchanged pass, for changes at these sites of blocks. It and all that are changed have these edits.
    ///
    /// # Errors
    /// As of a trace with edits.
    pub fn new(
        weights: &'a Weights,
        pool: &'a ThreadPool,
        (ids, edits): (&'a [TokenId], &Edits),
        sites: &[BlockSite],
    ) -> Result<Self> {
        let network: &Network = weights.network();
        check(ids, &network.config)?;
        let program = edits.logits(network, passes::Rows::LogitRows)?;
        let is_changed = |site| is_of(sites, site);
        let read = |workspace: &Workspace| {
            let mut read = Vec::new();
            for layer in 0..network.config.layers as u16 {
                read.push(Site::Block(layer, BlockSite::ResidPre));
                for &site in sites {
                    read.extend(workspace.sites_read_behind(Site::Block(layer, site))?);
                }
            }
            Ok(read)
        };
        Self::of_program(weights, pool, (ids, edits), program, is_changed, read)
    }

    /// The same of a program that makes the values of the edited pass, for changes at the sites that `is_changed`.
    /// The unchanged pass is kept at those that `read` names.
    pub(super) fn of_program(
        weights: &'a Weights,
        pool: &'a ThreadPool,
        (ids, edits): (&'a [TokenId], &Edits),
        program: Program,
        is_changed: impl Fn(Site) -> bool,
        read: impl FnOnce(&Workspace) -> Result<Vec<Site>>,
    ) -> Result<Self> {
        let network: &Network = weights.network();
        let (max_rows, max_changes) = batch_bounds(weights, ids.len());
        let is_causal = program.is_causal();
        let pages = (1 + max_changes) * KvCache::pages(ids.len());
        let mut cache = KvCache::for_program(&program, weights.compute(), 1 + max_changes, pages);
        let bounds = [max_rows, max_changes];
        let (positions, threads) = (ids.len(), pool.threads());
        let mut workspace =
            Workspace::for_logit_rows(network, program, bounds, is_changed, positions, threads)
                .with_precision(network, weights.compute());
        let read = read(&workspace)?;
        let base = trace_with_edits(weights, pool, ids, &SiteFilter::only(read), edits)?;
        let mut batch = Batch::new();
        batch.push(BASE, 0, ids);
        batch.add_last_logit_row();
        let logits = forward(weights, &mut workspace, &mut cache, pool, &batch)?;
        let base_logits = logits.to_vec();
        Ok(Self {
            weights,
            pool,
            ids,
            base,
            base_logits,
            workspace,
            cache,
            batch,
            max_rows,
            max_changes,
            is_causal,
        })
    }

    /// What the unchanged pass says of the next token, `[vocabulary]`.
    pub fn base_logits(&self) -> &[f32] {
        &self.base_logits
    }

    /// The unchanged pass at the sites that are changed, at those that are read behind them, and where each block
    /// begins.
    pub fn base(&self) -> &Trace {
        &self.base
    }

    /// Replaces, one change a place, rows of a site by those of another pass, `[tokens, width]`, and hands the
    /// number of the place and the logits after the last token to `each`. The order of places is not kept.
    pub(crate) fn run(
        &mut self,
        site: Site,
        other: &[f32],
        places: &[Place],
        each: &mut dyn FnMut(usize, &[f32]) -> Result<()>,
    ) -> Result<()> {
        let own = &required_capture(&self.base, site)?.values;
        let width = own.len() / self.ids.len();
        let mut changes = Vec::new();
        let mut same = Vec::new();
        for (cell, place) in places.iter().enumerate() {
            let is_other = |position: &usize| {
                let row = position * width;
                let columns = row + place.columns.start..row + place.columns.end;
                own[columns.clone()]
                    .iter()
                    .zip(&other[columns])
                    .any(|(x, y)| x.to_bits() != y.to_bits())
            };
            match place.positions.clone().find(is_other) {
                Some(first) => {
                    let first = if self.is_causal { first } else { 0 };
                    changes.push(Change { cell, first, place });
                }
                None => same.push(cell),
            }
        }
        for cell in same {
            each(cell, &self.base_logits)?;
        }
        for part in self.batches(&changes) {
            self.run_batch(site, other, &changes[part], each)?;
        }
        Ok(())
    }

    /// Neighbours that fit into a batch.
    fn batches(&self, changes: &[Change<'_>]) -> Vec<Range<usize>> {
        let mut parts: Vec<Range<usize>> = Vec::new();
        let mut rows = usize::MAX;
        for (index, change) in changes.iter().enumerate() {
            let own = self.ids.len() - change.first;
            match parts.last_mut() {
                Some(part) if part.len() < self.max_changes && rows + own <= self.max_rows => {
                    part.end = index + 1;
                    rows += own;
                }
                _ => {
                    parts.push(index..index + 1);
                    rows = own;
                }
            }
        }
        parts
    }

    fn run_batch(
        &mut self,
        site: Site,
        other: &[f32],
        changes: &[Change<'_>],
        each: &mut dyn FnMut(usize, &[f32]) -> Result<()>,
    ) -> Result<()> {
        let Self { weights, pool, ids, base, workspace, cache, batch, .. } = self;
        batch.clear();
        for (change, sequence) in changes.iter().zip(1..) {
            cache.fork(BASE, SequenceId(sequence));
            batch.push(SequenceId(sequence), change.first, &ids[change.first..]);
            batch.add_last_logit_row();
        }
        let mut known = Vec::new();
        for read in workspace.sites_read_behind(site)? {
            let values = &required_capture(base, read)?.values;
            let width = values.len() / ids.len();
            let mut rows = Vec::with_capacity(batch.rows() * width);
            for change in changes {
                let begins = rows.len();
                rows.extend_from_slice(&values[change.first * width..]);
                if read == site {
                    replace(&mut rows[begins..], other, width, change);
                }
            }
            known.push((read, rows));
        }
        let known: Vec<(Site, &[f32])> =
            known.iter().map(|(site, rows)| (*site, &rows[..])).collect();
        let logits = forward_from_sites(weights, workspace, cache, pool, batch, &known)?;
        let vocabulary = logits.len() / changes.len();
        for (change, logits) in changes.iter().zip(logits.chunks_exact(vocabulary)) {
            each(change.cell, logits)?;
        }
        Ok(())
    }
}

/// Writes the rows of another pass over those of a change, which begin at its first position.
fn replace(rows: &mut [f32], other: &[f32], width: usize, change: &Change<'_>) {
    let Place { positions, columns } = change.place;
    for position in change.first.max(positions.start)..positions.end {
        let to = (position - change.first) * width;
        let from = position * width;
        rows[to + columns.start..to + columns.end]
            .copy_from_slice(&other[from + columns.start..from + columns.end]);
    }
}
