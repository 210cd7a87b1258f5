//! All heads at a glance: every pattern made small, without ever holding all of them.

use lookback_engine::{Observer, SiteView, ThreadPool, Weights};
use lookback_files::Result;
use lookback_model::{BlockSite, Config, Site, TokenId};

use crate::{
    pooling::{Glance, Small},
    trace::{Trace, watched},
};

/// Passes a sequence through and keeps a small picture of every pattern, at most `most` cells a side.
pub fn glance(
    weights: &Weights,
    pool: &ThreadPool,
    ids: &[TokenId],
    most: usize,
) -> Result<Glance> {
    let config = &weights.network().config;
    let side = ids.len().min(most.max(1));
    let mut small = Small::new(config, side);
    watched(weights, pool, ids, &mut small)?;
    Ok(small.glance())
}

impl Glance {
    /// The same of patterns that a trace holds already. `None` where it lacks one.
    pub fn of(trace: &Trace, config: &Config, most: usize) -> Option<Self> {
        let side = trace.ids.len().min(most.max(1));
        let mut small = Small::new(config, side);
        for layer in 0..config.layers {
            let seen = trace.block(layer, BlockSite::Pattern)?;
            let shape = seen.shape.as_slice().try_into().ok()?;
            small.observe(
                Site::Block(layer as u16, BlockSite::Pattern),
                SiteView { shape, values: &seen.values },
            );
        }
        Some(small.glance())
    }
}
