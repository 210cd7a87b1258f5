//! Max pooling of attention patterns while a pass computes them, never all of them in full size at once.

use lookback_engine::{Observer, SiteView};
use lookback_model::{BlockSite, Config, Site};

/// The patterns of all heads, each `[side, side]`.
#[derive(Clone, Debug, PartialEq)]
pub struct PatternThumbnails {
    /// `[layers, heads, side, side]`: the largest weight of each patch.
    pub values: Vec<f32>,
    /// Rows and columns of a small pattern.
    pub side: usize,
}

/// A watcher that max-pools every pattern.
#[derive(Debug)]
pub(crate) struct ThumbnailPooling {
    heads: usize,
    side: usize,
    values: Vec<f32>,
}

impl ThumbnailPooling {
    pub(crate) fn thumbnails(self) -> PatternThumbnails {
        PatternThumbnails { values: self.values, side: self.side }
    }

    pub(crate) fn new(config: &Config, side: usize) -> Self {
        let len = config.layers * config.heads * side * side;
        Self { heads: config.heads, side, values: vec![0.0; len] }
    }
}

impl Observer for ThumbnailPooling {
    fn wants(&self, site: Site) -> bool {
        matches!(site, Site::Block(_, BlockSite::Pattern))
    }

    fn observe(&mut self, site: Site, view: SiteView<'_>) {
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
