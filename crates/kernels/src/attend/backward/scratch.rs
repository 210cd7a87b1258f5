//! What one worker holds of a tile and a block while it goes back.

use super::{AttentionParams, BLOCK, PAGE};
use crate::{attend::Compute, bf16::pairs};

/// One worker's scratch.
pub(super) struct Scratch<'a> {
    /// A tile's keys and values, transposed.
    pub transposed_keys: &'a mut [f32],
    pub transposed_values: &'a mut [f32],
    /// Pairs of a tile's keys.
    pub keys: &'a mut [f32],
    /// A block's queries and output gradients as pairs along their width, and as pairs of rows.
    pub query: &'a mut [f32],
    pub dout: &'a mut [f32],
    pub queries: &'a mut [f32],
    pub douts: &'a mut [f32],
    /// P and dS of a block of rows by a tile of keys.
    pub p: &'a mut [[f32; PAGE]],
    pub ds: &'a mut [[f32; PAGE]],
    /// dS, P and dS once more as pairs: of keys, and twice of rows.
    pub ds_along: &'a mut [f32],
    pub p_across: &'a mut [f32],
    pub ds_across: &'a mut [f32],
}

impl<'a> Scratch<'a> {
    /// Floats of all of it.
    pub(super) fn len(params: &AttentionParams<'_>) -> usize {
        Self::lens(params).iter().sum()
    }

    fn lens(params: &AttentionParams<'_>) -> [usize; 12] {
        let (transposed, dim, held) = (params.head_len(), params.head_dim, BLOCK * PAGE);
        match params.products {
            Compute::F32 => [transposed, transposed, 0, 0, 0, 0, 0, held, held, 0, 0, 0],
            Compute::Bf16 => {
                let (along, across) = (BLOCK * pairs(dim), pairs(BLOCK) * dim);
                let (keys, half) = (pairs(PAGE) * dim, held / 2);
                [
                    transposed, transposed, keys, along, along, across, across, held, held, half,
                    half, half,
                ]
            }
        }
    }

    /// Cuts it out of so many floats.
    pub(super) fn new(params: &AttentionParams<'_>, mut scratch: &'a mut [f32]) -> Self {
        let mut parts = Self::lens(params).map(|len| {
            let (part, rest) = std::mem::take(&mut scratch).split_at_mut(len);
            scratch = rest;
            part
        });
        let [
            transposed_keys,
            transposed_values,
            keys,
            query,
            dout,
            queries,
            douts,
            p,
            ds,
            rest @ ..,
        ] = parts.each_mut().map(std::mem::take);
        let [p, ds] = [p, ds].map(|held| held.as_chunks_mut::<PAGE>().0);
        let [ds_along, p_across, ds_across] = rest;
        Self {
            transposed_keys,
            transposed_values,
            keys,
            query,
            dout,
            queries,
            douts,
            p,
            ds,
            ds_along,
            p_across,
            ds_across,
        }
    }
}
