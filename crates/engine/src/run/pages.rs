//! Where a pass's keys and values stand: in a cache's pages, or in pages of its own.

use lookback_kernels::attend::{self, Heads, Pages, PagesMut};
use lookback_model::Attend;

use super::Run;
use crate::cache::Cache;

/// Where keys and values go.
#[derive(Debug)]
pub(crate) enum Keys<'a> {
    /// Into a cache, to be seen by later passes.
    Cache(&'a mut Cache),
    /// Into pages for one layer, written anew by each.
    Scratch(&'a mut [f32]),
}

impl Run<'_> {
    /// An attention's shape, with products in this pass's precision.
    pub(crate) fn heads(&self, how: &Attend) -> Heads {
        super::heads(how, self.weights.compute())
    }

    /// The pages that an attention of this layer reads.
    pub(crate) fn pages(&self, how: &Attend) -> PagesOf {
        match &self.keys {
            Keys::Cache(cache) => cache.place(how.layer),
            Keys::Scratch(_) => {
                let half = attend::keys_len(&self.heads(how));
                PagesOf { stride: 2 * half, keys_at: 0, values_at: half }
            }
        }
    }

    /// The numbers that pages are made of.
    pub(crate) fn storage(&self) -> &[f32] {
        match &self.keys {
            Keys::Cache(cache) => cache.storage(),
            Keys::Scratch(pages) => pages,
        }
    }
}

/// A layer's place inside every page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PagesOf {
    pub stride: usize,
    pub keys_at: usize,
    pub values_at: usize,
}

impl PagesOf {
    /// With the numbers, for reading.
    pub(crate) fn over<'p>(self, storage: &'p [f32], table: &'p [u32]) -> Pages<'p> {
        let Self { stride, keys_at, values_at } = self;
        Pages { storage, stride, keys_at, values_at, table }
    }

    /// With the numbers, for writing.
    pub(super) fn over_mut<'p>(self, storage: &'p mut [f32], table: &'p [u32]) -> PagesMut<'p> {
        let Self { stride, keys_at, values_at } = self;
        PagesMut { storage, stride, keys_at, values_at, table }
    }
}
