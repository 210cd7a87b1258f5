//! An attention's shape as the kernels have it, and where a layer's keys and values stand in a page.

use lookback_kernels::attend::{self, AttentionParams, Pages, PagesMut};
use lookback_model::{Attend, Network};

use crate::packed::Compute;

/// An attention's shape, with products in this precision.
pub(crate) fn heads(attend: &Attend, compute: Compute) -> AttentionParams {
    AttentionParams {
        heads: attend.heads,
        key_heads: attend.key_heads,
        head_dim: attend.head_dim,
        scale: attend.scale,
        window: attend.window,
        products: compute,
    }
}

/// Words of one layer's keys and values in a page.
pub(crate) fn layer_len(network: &Network, compute: Compute) -> usize {
    let first = network.blocks.first();
    first.map_or(0, |block| 2 * attend::keys_len(&heads(&block.attend, compute)))
}

/// A layer's place inside every page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LayerPages {
    pub stride: usize,
    pub keys_at: usize,
    pub values_at: usize,
}

impl LayerPages {
    /// With the numbers, for reading.
    pub(crate) fn pages<'p>(self, storage: &'p [f32], table: &'p [u32]) -> Pages<'p> {
        let Self { stride, keys_at, values_at } = self;
        Pages { storage, stride, keys_at, values_at, table }
    }

    /// With the numbers, for writing.
    pub(crate) fn pages_mut<'p>(self, storage: &'p mut [f32], table: &'p [u32]) -> PagesMut<'p> {
        let Self { stride, keys_at, values_at } = self;
        PagesMut { storage, stride, keys_at, values_at, table }
    }
}
