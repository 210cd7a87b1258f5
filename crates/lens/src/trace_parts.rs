//! Passes of which some sites are kept whole, of others only parts, and of all patterns thumbnails; and parts of a
//! pass: one layer alone, or the layers from one on. Read `trace` first.

use std::collections::BTreeSet;

use lookback_engine::{ThreadPool, Weights, forward_layer, forward_observed_from_layer};
use lookback_files::Result;
use lookback_model::{Batch, Edits, Site, TokenId};

use crate::{
    capture::{Capture, CaptureRecorder, Captures},
    pooling::ThumbnailPooling,
    site_filter::SiteFilter,
    sites::is_on_demand,
    trace::{check, edited_workspace, run_edited, run_watched, workspace_and_cache},
};

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
    let config = &weights.network().config;
    let small = ThumbnailPooling::new(config, ids.len().min(max_side));
    let mut recorder = CaptureRecorder::new(config, filter, parts, Some(small));
    run_watched(weights, pool, ids, &mut recorder)?;
    Ok(recorder.captures())
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
    if edits.is_empty() {
        return trace_with_parts(weights, pool, ids, filter, parts, max_side);
    }
    let config = &weights.network().config;
    check(ids, config)?;
    let small = ThumbnailPooling::new(config, ids.len().min(max_side));
    let mut recorder =
        CaptureRecorder::new(config, filter, parts, Some(small)).of_variant(edits.variant());
    run_edited((weights, edits), pool, ids, is_visible(filter, parts), &mut recorder)?;
    Ok(recorder.captures())
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
    let config = &weights.network().config;
    check(ids, config)?;
    let small = ThumbnailPooling::new(config, ids.len().min(max_side));
    let mut recorder =
        CaptureRecorder::new(config, filter, parts, Some(small)).of_variant(edits.variant());
    let (mut workspace, mut cache) =
        edited_workspace((weights, edits), pool, ids, is_visible(filter, parts))?;
    let batch = Batch::whole(ids);
    let from = (layer, &stream.values[..]);
    forward_observed_from_layer(
        weights,
        &mut workspace,
        &mut cache,
        pool,
        &batch,
        from,
        &mut recorder,
    )?;
    Ok(recorder.captures())
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
    let config = &weights.network().config;
    let mut recorder =
        CaptureRecorder::new(config, filter, parts, None).of_variant(edits.variant());
    let (mut workspace, mut cache) = match edits.is_empty() {
        true => workspace_and_cache(weights, pool, ids.len()),
        false => edited_workspace((weights, edits), pool, ids, is_visible(filter, parts))?,
    };
    let batch = Batch::whole(ids);
    let from = (layer, &stream.values[..]);
    forward_layer(weights, &mut workspace, &mut cache, pool, &batch, from, &mut recorder)?;
    Ok(recorder.captures())
}

/// Which sites a pass shows: all that cost nothing, and those that are wanted.
fn is_visible(filter: &SiteFilter, parts: &BTreeSet<(Site, usize)>) -> impl Fn(Site) -> bool {
    move |site| {
        let is_wanted = || parts.range((site, 0)..=(site, usize::MAX)).next().is_some();
        !is_on_demand(site) || filter.contains(site) || is_wanted()
    }
}
