//! What other attention weights make of a pass's own values: the z of heads whose pattern is replaced.
//!
//! A head's z depends on its own pattern alone, and a row on its own query alone, so one pass of a layer with all
//! of it replaced has the rows of every change of a head, of a query, or of both. The arithmetic is that of an
//! edit of the pattern (`docs/arithmetic.md`).

use std::sync::Arc;

use lookback_engine::{KvCache, Observer, SiteView, ThreadPool, Weights, Workspace, forward_layer};
use lookback_files::Result;
use lookback_model::{
    AttentionChange, AttentionEdit, Batch, BlockSite, Edits, ElementChange, Site, forward,
};

use crate::{
    source_contributions::{pattern_row, required_capture},
    trace::Trace,
};

/// The z of a layer, `[tokens, heads · head_dim]`, of the base's values under the other pass's patterns.
pub(crate) fn patched_z(
    weights: &Weights,
    pool: &ThreadPool,
    ([base, other], edits): ([&Trace; 2], &Edits),
    layer: usize,
) -> Result<Vec<f32>> {
    let pattern = required_capture(other, site_of(layer, BlockSite::Pattern))?;
    let all: Arc<[u32]> = (0..base.ids.len() as u32).collect();
    let change = AttentionChange::Pattern(ElementChange::Set, pattern.values.as_slice().into());
    let edit = AttentionEdit { heads: None, queries: Some(all.clone()), keys: Some(all), change };
    edited_z(weights, pool, (base, edits), layer, edit)
}

/// The same where of one head only the weights of one source are replaced, in the rows of all destinations.
pub(crate) fn z_with_patched_source(
    weights: &Weights,
    pool: &ThreadPool,
    ([base, other], edits): ([&Trace; 2], &Edits),
    [layer, head]: [usize; 2],
    source: usize,
) -> Result<Vec<f32>> {
    let pattern = required_capture(other, site_of(layer, BlockSite::Pattern))?;
    let queries = source..base.ids.len();
    let numbers = queries.clone().map(|query| pattern_row(pattern, head, query)[source]);
    let change = AttentionChange::Pattern(ElementChange::Set, numbers.collect());
    let edit = AttentionEdit {
        heads: Some([head as u32].into()),
        queries: Some(queries.map(|query| query as u32).collect()),
        keys: Some([source as u32].into()),
        change,
    };
    edited_z(weights, pool, (base, edits), layer, edit)
}

fn site_of(layer: usize, site: BlockSite) -> Site {
    Site::Block(layer as u16, site)
}

/// The z of one layer with an edit of its attention behind those of the pass, from the stream that enters it.
fn edited_z(
    weights: &Weights,
    pool: &ThreadPool,
    (base, edits): (&Trace, &Edits),
    layer: usize,
    edit: AttentionEdit,
) -> Result<Vec<f32>> {
    let network = weights.network();
    let rows = base.ids.len();
    let mut program = edits.logits(network, forward::Rows::LogitRows)?;
    program.edit_attention(layer, edit)?;
    let z = site_of(layer, BlockSite::Z);
    let mut cache = KvCache::for_program(&program, weights.compute(), 1, KvCache::pages(rows));
    let is_visible = |site| site == z;
    let bounds = [rows, 1];
    let mut workspace =
        Workspace::for_logit_rows(network, program, bounds, is_visible, rows, pool.threads())
            .with_precision(network, weights.compute());
    let mut batch = Batch::whole(&base.ids);
    batch.logit_rows.clear();
    batch.add_last_logit_row();
    let stream = required_capture(base, site_of(layer, BlockSite::ResidPre))?;
    let from = (layer, &stream.values[..]);
    let mut kept = KeptZ { site: z, values: Vec::new() };
    forward_layer(weights, &mut workspace, &mut cache, pool, &batch, from, &mut kept)?;
    Ok(kept.values)
}

/// Keeps the z of one layer.
struct KeptZ {
    site: Site,
    values: Vec<f32>,
}

impl Observer for KeptZ {
    fn wants(&self, site: Site) -> bool {
        site == self.site
    }

    fn observe(&mut self, _: Site, view: SiteView<'_>) {
        self.values = view.values.to_vec();
    }
}
