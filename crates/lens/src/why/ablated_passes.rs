//! Passes over one text in each of which some heads and MLPs add nothing, up to the last norm of one token.
//!
//! ```text
//! known    the stream before the first layer in which something is switched off; keys and values from there on
//! batch    a sequence for each pass, with edits of its own, from the first token at which something is switched off
//! ```
//! What stands below and before has the bits of the pass that is known already: its keys and values are put into the
//! cache as they were captured. A row's numbers depend on no other row of a batch, and a layer's on no chunk, so
//! each result has the bits of a whole pass with the edits. Read `faithfulness` for what is asked of them.

use std::ops::Range;

use lookback_engine::{KvCache, ThreadPool, Weights, Workspace, forward_between_sites};
use lookback_files::Result;
use lookback_model::{
    Batch, BlockSite, Config, Edits, SequenceId, SequencePrograms, Site, forward,
};

use super::known_pass::{KNOWN, KNOWN_SITES, known_rows, store_known};
use crate::{Trace, received::Received};

/// Rows of a batch, unless one pass has more.
const BATCH_ROWS: usize = 512;

/// What is switched off in a pass.
pub(super) struct Ablated {
    /// All edits of the pass, also those of the known one.
    pub edits: Edits,
    /// The first layer in which it is another pass than the known one.
    pub layer: usize,
    /// The first token at which it is.
    pub token: usize,
}

/// The sites that are read of the known pass.
pub(super) fn sites_of_known(config: &Config) -> impl Iterator<Item = Site> {
    let layers = 0..config.layers as u16;
    layers.flat_map(|layer| KNOWN_SITES.map(|site| Site::Block(layer, site)))
}

/// What leaves the last norm at a token in each of some passes, `[width]` each.
pub(super) fn normed_rows(
    weights: &Weights,
    pool: &ThreadPool,
    known: &Trace,
    position: usize,
    passes: &[Ablated],
) -> Result<Vec<Vec<f32>>> {
    let (network, compute) = (weights.network(), weights.compute());
    let Some(layer) = passes.iter().map(|pass| pass.layer).min() else { return Ok(Vec::new()) };
    let all: Vec<&Edits> = passes.iter().map(|pass| &pass.edits).collect();
    let programs = SequencePrograms::new(network, forward::Rows::LogitRows, &all)?;
    let program = programs.program().clone();

    // Without a mask every token sees a change; with it none behind the one that is asked about matters.
    let is_causal = program.is_causal();
    let ids = if is_causal { &known.ids[..=position] } else { &known.ids[..] };
    let first = |pass: &Ablated| if is_causal { pass.token } else { 0 };
    let rows = |pass: &Ablated| ids.len() - first(pass);
    let batches = batches(passes, rows);
    let rows_of = |batch: &Range<usize>| passes[batch.clone()].iter().map(rows).sum::<usize>();
    let max_rows = batches.iter().map(rows_of).max().unwrap_or(0);

    let own_pages = |pass: &Ablated| KvCache::pages(ids.len()) - first(pass) / KvCache::PAGE;
    let pages = KvCache::pages(ids.len()) + passes.iter().map(own_pages).sum::<usize>();
    let mut cache = KvCache::for_program(&program, compute, 1 + passes.len(), pages);
    store_known(&mut cache, pool, (known, ids.len()), (&program, layer))?;

    let start = Site::Block(layer as u16, BlockSite::ResidPre);
    let is_visible = |site| site == start || site == Site::LnFinal;
    let (bounds, threads) = ([max_rows, passes.len()], pool.threads());
    let mut workspace =
        Workspace::for_logit_rows(network, program, bounds, is_visible, ids.len(), threads)
            .with_precision(network, compute);
    let mut normed = Vec::with_capacity(passes.len());
    for of_batch in batches {
        let mut batch = Batch::new();
        let mut sequences = Vec::new();
        for (pass, sequence) in passes[of_batch.clone()].iter().zip(of_batch.start as u32 + 1..) {
            let (sequence, first) = (SequenceId(sequence), first(pass));
            cache.fork(KNOWN, sequence);
            workspace.set_edits(sequence, Some(programs.bind(&pass.edits)?));
            batch.logit_rows.push(batch.rows() + position - first);
            batch.push(sequence, first, &ids[first..]);
            sequences.push(first..ids.len());
        }
        let stream = known_rows(known, &workspace, start, &sequences)?;
        let stream: Vec<(Site, &[f32])> =
            stream.iter().map(|(site, rows)| (*site, &rows[..])).collect();
        let mut received = Received::new([Site::LnFinal]);
        let between = (&stream[..], &[Site::LnFinal][..]);
        let (workspace, cache) = (&mut workspace, Some(&mut cache));
        forward_between_sites(weights, workspace, cache, pool, &batch, between, &mut received)?;
        let rows = received.0.remove(&Site::LnFinal).unwrap_or_default();
        normed.extend(rows.chunks_exact(network.config.width).map(<[f32]>::to_vec));
    }
    Ok(normed)
}

/// Neighbours that fit into a batch.
fn batches(passes: &[Ablated], rows: impl Fn(&Ablated) -> usize) -> Vec<Range<usize>> {
    let mut batches: Vec<Range<usize>> = Vec::new();
    let mut held = 0;
    for (index, pass) in passes.iter().enumerate() {
        let own = rows(pass);
        match batches.last_mut() {
            Some(batch) if held + own <= BATCH_ROWS => {
                batch.end = index + 1;
                held += own;
            }
            _ => {
                batches.push(index..index + 1);
                held = own;
            }
        }
    }
    batches
}
