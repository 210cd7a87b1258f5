//! Keys and values of a pass that was captured, put into a cache: passes over some of its rows then go on behind them.

use std::ops::Range;

use lookback_engine::{KvCache, ThreadPool, Workspace};
use lookback_files::Result;
use lookback_model::{Batch, BlockSite, Program, SequenceId, Site};

use crate::{Trace, source_contributions::required_capture};

/// The captured pass, in the cache.
pub(super) const KNOWN: SequenceId = SequenceId(0);

/// What is captured of each block for passes that go on: the stream before it, its keys and its values.
pub(super) const KNOWN_SITES: [BlockSite; 3] = [BlockSite::ResidPre, BlockSite::RotK, BlockSite::V];

/// Puts the keys and values of the first tokens into a cache, from a layer on.
pub(super) fn store_known(
    cache: &mut KvCache,
    pool: &ThreadPool,
    (known, tokens): (&Trace, usize),
    (program, layer): (&Program, usize),
) -> Result<()> {
    let mut batch = Batch::new();
    batch.push(KNOWN, 0, &known.ids[..tokens]);
    let mut layers = Vec::new();
    for attend in program.attentions().filter(|attend| attend.layer >= layer) {
        let rows = |site| -> Result<&[f32]> {
            let values = &required_capture(known, Site::Block(attend.layer as u16, site))?.values;
            Ok(&values[..tokens * attend.key_heads * attend.head_dim])
        };
        layers.push((attend, [rows(BlockSite::RotK)?, rows(BlockSite::V)?]));
    }
    cache.store(pool, &batch, layers)
}

/// What a pass reads that begins behind a site, of the tokens of some sequences one below the other.
pub(super) fn known_rows(
    known: &Trace,
    workspace: &Workspace,
    start: Site,
    sequences: &[Range<usize>],
) -> Result<Vec<(Site, Vec<f32>)>> {
    let of_site = |site| {
        let values = &required_capture(known, site)?.values;
        let width = values.len() / known.ids.len();
        let rows = sequences.iter().map(|tokens| &values[tokens.start * width..tokens.end * width]);
        Ok((site, rows.collect::<Vec<_>>().concat()))
    };
    workspace.sites_read_behind(start)?.into_iter().map(of_site).collect()
}
