//! Thumbnails of the attention patterns of all heads, without ever holding all patterns in full size.

use lookback_engine::{Observer, SiteView, ThreadPool, Weights};
use lookback_files::Result;
use lookback_model::{BlockSite, Config, Edits, Site, TokenId};

use crate::{
    pooling::{PatternThumbnails, ThumbnailPooling},
    sites::is_on_demand,
    trace::{Trace, check, run_edited, run_watched},
};

/// Runs a sequence, with edits, and keeps a thumbnail of every pattern, at most `max_side` cells a side.
pub fn pattern_thumbnails(
    (weights, edits): (&Weights, &Edits),
    pool: &ThreadPool,
    ids: &[TokenId],
    max_side: usize,
) -> Result<PatternThumbnails> {
    let config = &weights.network().config;
    let side = ids.len().min(max_side.max(1));
    let mut pooling = ThumbnailPooling::new(config, side);
    if edits.is_empty() {
        run_watched(weights, pool, ids, &mut pooling)?;
    } else {
        check(ids, config)?;
        let is_visible = |site| !is_on_demand(site);
        run_edited((weights, edits), pool, ids, is_visible, &mut pooling)?;
    }
    Ok(pooling.thumbnails())
}

impl PatternThumbnails {
    /// The same of patterns that a trace holds already. `None` where it lacks one.
    pub fn of_trace(trace: &Trace, config: &Config, max_side: usize) -> Option<Self> {
        let side = trace.ids.len().min(max_side.max(1));
        let mut pooling = ThumbnailPooling::new(config, side);
        for layer in 0..config.layers {
            let capture = trace.block(layer, BlockSite::Pattern)?;
            let shape = capture.shape.as_slice().try_into().ok()?;
            pooling.observe(
                Site::Block(layer as u16, BlockSite::Pattern),
                SiteView { shape, values: &capture.values },
            );
        }
        Some(pooling.thumbnails())
    }
}
