//! All heads at a glance: every pattern made small, without ever holding all of them.

use lookback_engine::{Team, View, Watch, Weights};
use lookback_files::Result;
use lookback_model::{BlockSite, Config, Site, TokenId};

use crate::trace::{Trace, watched};

/// The patterns of all heads, each `[side, side]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Glance {
    /// `[layers, heads, side, side]`: the largest weight of each patch.
    pub values: Vec<f32>,
    /// Rows and columns of a small pattern.
    pub side: usize,
}

/// Passes a sequence through and keeps a small picture of every pattern, at most `most` cells a side.
pub fn glance(weights: &Weights, team: &Team, ids: &[TokenId], most: usize) -> Result<Glance> {
    let config = &weights.network().config;
    let side = ids.len().min(most.max(1));
    let mut small = Small::new(config, side);
    watched(weights, team, ids, &mut small)?;
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
            small.see(
                Site::Block(layer as u16, BlockSite::Pattern),
                View { shape, values: &seen.values },
            );
        }
        Some(small.glance())
    }
}

/// A watcher that keeps the largest weight of every patch.
#[derive(Debug)]
pub(crate) struct Small {
    heads: usize,
    side: usize,
    values: Vec<f32>,
}

impl Small {
    pub(crate) fn glance(self) -> Glance {
        Glance { values: self.values, side: self.side }
    }

    pub(crate) fn new(config: &Config, side: usize) -> Self {
        let len = config.layers * config.heads * side * side;
        Self { heads: config.heads, side, values: vec![0.0; len] }
    }
}

impl Watch for Small {
    fn wants(&self, site: Site) -> bool {
        matches!(site, Site::Block(_, BlockSite::Pattern))
    }

    fn see(&mut self, site: Site, view: View<'_>) {
        let Site::Block(layer, _) = site else { return };
        let [heads, queries, keys] = view.shape;
        let side = self.side;
        for head in 0..heads {
            let at = (layer as usize * self.heads + head) * side * side;
            let small = &mut self.values[at..at + side * side];
            let pattern = &view.values[head * queries * keys..(head + 1) * queries * keys];
            for (query, row) in pattern.chunks_exact(keys).enumerate() {
                let small = &mut small[query * side / queries * side..][..side];
                for (key, &weight) in row.iter().enumerate() {
                    let cell = &mut small[key * side / keys];
                    if weight > *cell {
                        *cell = weight;
                    }
                }
            }
        }
    }
}
