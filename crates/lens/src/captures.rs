//! Passes of which some sites are kept whole, of others only parts, and of all patterns thumbnails; and parts of a
//! pass: one layer alone, or the layers from one on. Read `trace` first.

use std::collections::BTreeSet;

use lookback_engine::{
    KvCache, ThreadPool, Weights, Workspace, forward_layer, forward_observed,
    forward_observed_from_layer,
};
use lookback_files::Result;
use lookback_model::{Batch, Edits, Site, TokenId};

use crate::{
    capture_recorder::{Capture, CaptureParts, CaptureRecorder, SiteCaptures},
    pooling::{PatternThumbnails, ThumbnailPooling},
    site_filter::SiteFilter,
    sites::is_on_demand,
    trace::{check, edited_workspace, workspace_and_cache},
};

/// What one pass captured.
#[derive(Clone, Debug, Default)]
pub struct Captures {
    /// Whole sites.
    pub sites: SiteCaptures,
    /// Of other sites the parts that were wanted.
    pub parts: CaptureParts,
    /// Thumbnails of all patterns.
    pub thumbnails: Option<PatternThumbnails>,
}

impl Captures {
    /// What a pass was recorded to have at its sites.
    fn of(recorder: CaptureRecorder<'_>) -> Self {
        let (sites, parts, small) = recorder.finish();
        Self { sites, parts, thumbnails: small.map(ThumbnailPooling::thumbnails) }
    }
}

/// As [`crate::trace`]; of other sites keeps only the parts that are wanted, where those are there, and of all
/// patterns a small picture of so many cells a side.
pub fn trace_with_parts(
    weights: &Weights,
    pool: &ThreadPool,
    ids: &[TokenId],
    filter: &SiteFilter,
    parts: &BTreeSet<(Site, usize)>,
    max_side: usize,
) -> Result<Captures> {
    let none = Edits::default();
    edited_trace_with_parts((weights, &none), pool, ids, filter, parts, max_side)
}

/// As [`trace_with_parts`], of a pass with edits. A position that the sequence does not have is not changed.
pub fn edited_trace_with_parts(
    (weights, edits): (&Weights, &Edits),
    pool: &ThreadPool,
    ids: &[TokenId],
    filter: &SiteFilter,
    parts: &BTreeSet<(Site, usize)>,
    max_side: usize,
) -> Result<Captures> {
    check(ids, &weights.network().config)?;
    let kept = Kept { filter, parts, max_side: Some(max_side) };
    let mut recorder = kept.recorder((weights, edits), ids);
    let (mut workspace, mut cache) = kept.buffers((weights, edits), pool, ids)?;
    let batch = Batch::whole(ids);
    forward_observed(weights, &mut workspace, &mut cache, pool, &batch, &mut recorder)?;
    Ok(Captures::of(recorder))
}

/// The sites and parts of [`edited_trace_with_parts`] from a layer on, from the residual stream that it reads,
/// `[tokens, width]`, as edits of lower layers left it: each bit is that of a whole pass. Thumbnails of lower layers
/// are zeros.
pub fn edited_trace_from_layer(
    (weights, edits): (&Weights, &Edits),
    pool: &ThreadPool,
    ids: &[TokenId],
    (layer, stream): (usize, &Capture),
    filter: &SiteFilter,
    parts: &BTreeSet<(Site, usize)>,
    max_side: usize,
) -> Result<Captures> {
    check(ids, &weights.network().config)?;
    let kept = Kept { filter, parts, max_side: Some(max_side) };
    let mut recorder = kept.recorder((weights, edits), ids);
    let (mut workspace, mut cache) = kept.buffers((weights, edits), pool, ids)?;
    let (batch, from) = (Batch::whole(ids), (layer, &stream.values[..]));
    let recorded = &mut recorder;
    forward_observed_from_layer(weights, &mut workspace, &mut cache, pool, &batch, from, recorded)?;
    Ok(Captures::of(recorder))
}

/// The same of one layer alone: no whole pass is needed.
pub fn trace_of_layer(
    (weights, edits): (&Weights, &Edits),
    pool: &ThreadPool,
    ids: &[TokenId],
    (layer, stream): (usize, &Capture),
    filter: &SiteFilter,
    parts: &BTreeSet<(Site, usize)>,
) -> Result<Captures> {
    let kept = Kept { filter, parts, max_side: None };
    let mut recorder = kept.recorder((weights, edits), ids);
    let (mut workspace, mut cache) = kept.buffers((weights, edits), pool, ids)?;
    let (batch, from) = (Batch::whole(ids), (layer, &stream.values[..]));
    forward_layer(weights, &mut workspace, &mut cache, pool, &batch, from, &mut recorder)?;
    Ok(Captures::of(recorder))
}

/// What is kept of a pass.
#[derive(Clone, Copy)]
struct Kept<'a> {
    filter: &'a SiteFilter,
    parts: &'a BTreeSet<(Site, usize)>,
    /// Cells of thumbnails, at most.
    max_side: Option<usize>,
}

impl<'a> Kept<'a> {
    /// What records it.
    fn recorder(
        self,
        (weights, edits): (&'a Weights, &Edits),
        ids: &[TokenId],
    ) -> CaptureRecorder<'a> {
        let config = &weights.network().config;
        let small = self.max_side.map(|side| ThumbnailPooling::new(config, ids.len().min(side)));
        CaptureRecorder::new(config, self.filter, self.parts, small).of_variant(edits.variant())
    }

    /// What the pass is computed in.
    fn buffers(
        self,
        (weights, edits): (&Weights, &Edits),
        pool: &ThreadPool,
        ids: &[TokenId],
    ) -> Result<(Workspace, KvCache)> {
        if edits.is_empty() {
            return Ok(workspace_and_cache(weights, pool, ids.len()));
        }
        edited_workspace((weights, edits), pool, ids, is_visible(self.filter, self.parts))
    }
}

/// Which sites a pass shows: all that cost nothing, and those that are wanted.
fn is_visible(filter: &SiteFilter, parts: &BTreeSet<(Site, usize)>) -> impl Fn(Site) -> bool {
    move |site| {
        let is_wanted = || parts.range((site, 0)..=(site, usize::MAX)).next().is_some();
        !is_on_demand(site) || filter.contains(site) || is_wanted()
    }
}
