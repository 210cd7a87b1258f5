//! An attention's parameters as the kernels have them, and where a layer's keys and values stand in a page.

use lookback_kernels::{
    attend::{self, AttentionParams, KvPages, KvPagesMut},
    naive::attend::capped_and_score,
};
use lookback_model::{Attend, Program};

use crate::packed::Compute;

/// An attention's parameters without its weights, with products in this precision.
pub(crate) fn heads(attend: &Attend, compute: Compute) -> AttentionParams<'static> {
    AttentionParams {
        heads: attend.heads,
        key_heads: attend.key_heads,
        head_dim: attend.head_dim,
        scale: attend.scale,
        is_causal: attend.is_causal,
        window: attend.window,
        score_cap: attend.score_cap,
        alibi: attend.alibi,
        sinks: None,
        products: compute,
    }
}

/// What a head makes of a product of query and key, step by step, with the bits of a pass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreSteps {
    /// The product times the scale.
    pub scaled: f32,
    /// That under the soft cap of scores, where there is one.
    pub capped: Option<f32>,
    /// What ALiBi subtracts for each position that the key is further away, where it does.
    pub slope: Option<f32>,
    /// What enters the softmax, unless it is masked.
    pub score: f32,
}

impl ScoreSteps {
    /// Of a head, from the positions of query and key and their product.
    pub fn new(config: &Attend, head: usize, [query, key]: [usize; 2], product: f32) -> Self {
        let params = heads(config, Compute::F32);
        let [capped, score] = capped_and_score(&params, head, product, query, key);
        Self {
            scaled: product * config.scale,
            capped: config.score_cap.map(|_| capped),
            slope: config.alibi.map(|alibi| alibi.slope(head)),
            score,
        }
    }
}

/// Words of one layer's keys and values in a page.
pub(crate) fn layer_len(attend: Option<&Attend>, compute: Compute) -> usize {
    attend.map_or(0, |attend| 2 * attend::keys_len(&heads(attend, compute)))
}

/// The same of a program, whose layers are alike.
pub(crate) fn layer_len_of_program(program: &Program, compute: Compute) -> usize {
    layer_len(program.attentions().next(), compute)
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
    pub(crate) fn pages<'p>(self, storage: &'p [f32], table: &'p [u32]) -> KvPages<'p> {
        let Self { stride, keys_at, values_at } = self;
        KvPages { storage, stride, keys_at, values_at, table }
    }

    /// With the numbers, for writing.
    pub(crate) fn pages_mut<'p>(self, storage: &'p mut [f32], table: &'p [u32]) -> KvPagesMut<'p> {
        let Self { stride, keys_at, values_at } = self;
        KvPagesMut { storage, stride, keys_at, values_at, table }
    }
}
