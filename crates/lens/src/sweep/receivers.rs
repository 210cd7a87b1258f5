//! The last passes of path patching: the clean pass, in which receivers read what came along the direct paths.
//!
//! A pass begins behind the first receiver, at the first position that differs, and several are one batch, in which
//! each sequence has what its own receivers read. Where there are receivers in several layers it is made in pieces,
//! from receiver to receiver, which have the bits of a whole one.

use std::{collections::BTreeSet, ops::Range};

use lookback_engine::{ThreadPool, Weights, Workspace, forward_between_sites, forward_from_sites};
use lookback_files::{Refusal, Result};
use lookback_model::{Edits, Program, SequenceId, Site, TokenId, forward};

use crate::{
    received::Received,
    source_contributions::required_capture,
    sweep::{
        patched_passes::{BASE, PatchedPasses},
        path_ends::PathEnd,
    },
    trace::Trace,
};

/// Passes of the clean prompt with other values at the receivers.
pub(crate) struct ReceiverPasses<'a> {
    passes: PatchedPasses<'a>,
    /// What receives; none where the logits do, which no pass follows.
    ends: Option<Vec<PathEnd>>,
    /// Where a pass begins, and where it is interrupted: sites of receivers, with all that is read behind each.
    starts: Vec<Vec<Site>>,
}

/// What a sender changes: which one it is, its rows among those received, and the first that receivers see.
struct Change {
    cell: usize,
    /// Positions of the received rows.
    rows: Range<usize>,
    /// Where they begin among all of the batch.
    begins: usize,
    first: usize,
}

impl<'a> ReceiverPasses<'a> {
    /// Makes the clean pass, and keeps it at the sites that are read behind receivers, and at those of `read`.
    pub fn new(
        weights: &'a Weights,
        pool: &'a ThreadPool,
        (ids, edits): (&'a [TokenId], &Edits),
        ends: Option<Vec<PathEnd>>,
        mut read: Vec<Site>,
    ) -> Result<Self> {
        let mut program = edits.logits(weights.network(), forward::Rows::LogitRows)?;
        let sites: BTreeSet<Site> = ends.iter().flatten().map(|end| end.site).collect();
        // What an MLP reads may be what others read, too.
        if let Some(site) = sites.iter().find(|site| !program.set_apart(**site)) {
            return Err(Refusal::ours(format!("{site} cannot be told from others")));
        }
        let mut order: Vec<Site> = sites.iter().copied().collect();
        order.sort_by_key(|site| place(&program, *site));
        let mut starts = Vec::new();
        let find_starts = |workspace: &Workspace| {
            starts = self::starts(workspace, &order)?;
            read.extend(starts.iter().flatten());
            Ok(read)
        };
        let is_changed = |site| sites.contains(&site);
        let passes = PatchedPasses::of_program(
            weights,
            pool,
            (ids, edits),
            program,
            is_changed,
            find_starts,
        )?;
        Ok(Self { passes, ends, starts })
    }

    /// What the clean pass says of the next token.
    pub fn base_logits(&self) -> &[f32] {
        self.passes.base_logits()
    }

    pub fn base(&self) -> &Trace {
        self.passes.base()
    }

    pub fn ids(&self) -> &'a [TokenId] {
        self.passes.ids
    }

    /// Rows of a batch.
    pub fn max_rows(&self) -> usize {
        self.passes.max_rows
    }

    /// Senders of a batch, each of which may take all positions.
    pub fn max_changes(&self) -> usize {
        (self.passes.max_rows / self.passes.ids.len()).clamp(1, self.passes.max_changes)
    }

    /// The sites at which something receives.
    pub fn sites(&self) -> Vec<Site> {
        let sites = self.ends.iter().flatten().map(|end| end.site);
        let sites: BTreeSet<Site> = match self.ends {
            None => [Site::Logits].into(),
            Some(_) => sites.collect(),
        };
        sites.into_iter().collect()
    }

    /// Whether a receiver at one of some sites reads a position.
    pub fn reads(&self, sites: &[Site], position: usize) -> bool {
        match &self.ends {
            None => position + 1 == self.passes.ids.len(),
            Some(ends) => ends
                .iter()
                .any(|end| sites.contains(&end.site) && end.place.positions.contains(&position)),
        }
    }

    /// Whether a receiver at a site reads a position of a sender.
    pub fn receives(&self, site: Site, sender: &PathEnd) -> bool {
        sender.place.positions.clone().any(|position| self.reads(&[site], position))
    }

    /// Hands the number of each sender and the logits after the last token to `each`. `received` has the rows of
    /// each one after the other. Where receivers read nothing new, no pass is made.
    pub fn run(
        &mut self,
        received: &Received,
        senders: &[(usize, Range<usize>)],
        each: &mut dyn FnMut(usize, &[f32]) -> Result<()>,
    ) -> Result<()> {
        if self.ends.is_none() {
            let logits = received.0.get(&Site::Logits).map_or(&[][..], |logits| logits);
            let vocabulary = logits.len() / senders.len().max(1);
            let rows = senders.iter().zip(logits.chunks_exact(vocabulary.max(1)));
            return rows.into_iter().try_for_each(|((cell, _), logits)| each(*cell, logits));
        }
        let (mut changes, mut begins) = (Vec::new(), 0);
        for (cell, rows) in senders {
            let own = Change { cell: *cell, rows: rows.clone(), begins, first: 0 };
            begins += rows.len();
            match self.first_other(received, &own)? {
                Some(first) => changes.push(Change { first, ..own }),
                None => each(*cell, self.passes.base_logits())?,
            }
        }
        if changes.is_empty() { Ok(()) } else { self.run_batch(received, &changes, each) }
    }

    /// The first position at which receivers read something else than in the clean pass.
    fn first_other(&self, received: &Received, change: &Change) -> Result<Option<usize>> {
        let mut first = None;
        for (end, rows) in self.received_ends(received) {
            let own = &required_capture(self.passes.base(), end.site)?.values;
            let width = own.len() / self.passes.ids.len();
            let positions = change.rows.clone();
            let mut positions = positions.filter(|position| end.place.positions.contains(position));
            let is_other = |position: &usize| {
                let row = (change.begins + position - change.rows.start) * width;
                let columns = end.place.columns.clone();
                let new = rows[row..row + width][columns.clone()].iter();
                let own = &own[position * width..(position + 1) * width][columns];
                new.zip(own).any(|(x, y)| x.to_bits() != y.to_bits())
            };
            let found = positions.find(is_other);
            first = [first, found].into_iter().flatten().min();
        }
        Ok(first.map(|first| if self.passes.is_causal { first } else { 0 }))
    }

    /// The receivers whose sites some sender reaches, with the rows that came there.
    fn received_ends<'r>(
        &'r self,
        received: &'r Received,
    ) -> impl Iterator<Item = (&'r PathEnd, &'r [f32])> {
        let ends = self.ends.iter().flatten();
        ends.filter_map(move |end| Some((end, &received.0.get(&end.site)?[..])))
    }

    fn run_batch(
        &mut self,
        received: &Received,
        changes: &[Change],
        each: &mut dyn FnMut(usize, &[f32]) -> Result<()>,
    ) -> Result<()> {
        let ids = self.passes.ids;
        self.passes.batch.clear();
        for (change, sequence) in changes.iter().zip(1..) {
            self.passes.cache.fork(BASE, SequenceId(sequence));
            self.passes.batch.push(SequenceId(sequence), change.first, &ids[change.first..]);
            self.passes.batch.add_last_logit_row();
        }
        let mut made = Received::default();
        for at in 0..self.starts.len() {
            let mut known = Vec::new();
            for &read in &self.starts[at] {
                let mut rows = match made.0.remove(&read) {
                    Some(rows) => rows,
                    None => self.base_rows(read, changes)?,
                };
                self.replace(&mut rows, read, received, changes)?;
                known.push((read, rows));
            }
            let rows: Vec<(Site, &[f32])> =
                known.iter().map(|(site, rows)| (*site, &rows[..])).collect();
            let PatchedPasses { weights, pool, workspace, cache, batch, .. } = &mut self.passes;
            let Some(next) = self.starts.get(at + 1) else {
                let logits = forward_from_sites(weights, workspace, cache, pool, batch, &rows)?;
                let vocabulary = logits.len() / changes.len();
                let logits = changes.iter().zip(logits.chunks_exact(vocabulary));
                return logits.into_iter().try_for_each(|(of, logits)| each(of.cell, logits));
            };
            let mut observed = Received::new(next.iter().copied());
            let (cache, between) = (Some(cache), (&rows[..], &next[..]));
            forward_between_sites(weights, workspace, cache, pool, batch, between, &mut observed)?;
            // What stood before is read on.
            made.0.extend(known);
            made.0.extend(observed.0.into_iter().filter(|(_, rows)| !rows.is_empty()));
        }
        Ok(())
    }

    /// The clean pass's rows of a site, for each change from its first position on.
    fn base_rows(&self, site: Site, changes: &[Change]) -> Result<Vec<f32>> {
        let values = &required_capture(self.passes.base(), site)?.values;
        let width = values.len() / self.passes.ids.len();
        let rows = changes.iter().flat_map(|change| &values[change.first * width..]);
        Ok(rows.copied().collect())
    }

    /// Writes what receivers of a site read over its rows.
    fn replace(
        &self,
        all: &mut [f32],
        site: Site,
        received: &Received,
        changes: &[Change],
    ) -> Result<()> {
        let tokens = self.passes.ids.len();
        let ends = self.received_ends(received).filter(|(end, _)| end.site == site);
        for (end, rows) in ends {
            let width = required_capture(self.passes.base(), site)?.values.len() / tokens;
            let mut begins = 0;
            for change in changes {
                let own = &mut all[begins..begins + (tokens - change.first) * width];
                begins += own.len();
                let positions = end.place.positions.clone();
                let first = change.rows.start.max(change.first).max(positions.start);
                for position in first..change.rows.end.min(positions.end) {
                    let from = (change.begins + position - change.rows.start) * width;
                    let to = (position - change.first) * width;
                    let columns = end.place.columns.clone();
                    own[to..to + width][columns.clone()]
                        .copy_from_slice(&rows[from..from + width][columns]);
                }
            }
        }
        Ok(())
    }
}

/// Where a program makes the value at a site.
fn place(program: &Program, site: Site) -> usize {
    program.at(site).and_then(|value| program.producer(value)).unwrap_or(0)
}

/// What passes read that begin behind the first of some sites, which stand in their order, and behind each later one
/// that is not among what an earlier one reads.
fn starts(workspace: &Workspace, order: &[Site]) -> Result<Vec<Vec<Site>>> {
    let mut starts: Vec<Vec<Site>> = Vec::new();
    for &site in order {
        if !starts.iter().flatten().any(|read| *read == site) {
            starts.push(workspace.sites_read_behind(site)?);
        }
    }
    Ok(starts)
}
