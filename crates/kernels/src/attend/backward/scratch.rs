//! What one worker holds of a tile and a block while it goes back.

use super::{BLOCK, Heads, PAGE};
use crate::{attend::Compute, bf16::pairs};

/// One worker's scratch.
pub(super) struct Scratch<'a> {
    /// A tile's keys and values, transposed.
    pub turned_keys: &'a mut [f32],
    pub turned_values: &'a mut [f32],
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
    pub(super) fn len(how: &Heads) -> usize {
        Self::lens(how).iter().sum()
    }

    fn lens(how: &Heads) -> [usize; 12] {
        let (turned, dim, held) = (how.head_len(), how.head_dim, BLOCK * PAGE);
        match how.products {
            Compute::F32 => [turned, turned, 0, 0, 0, 0, 0, held, held, 0, 0, 0],
            Compute::Bf16 => {
                let (along, across) = (BLOCK * pairs(dim), pairs(BLOCK) * dim);
                let (keys, half) = (pairs(PAGE) * dim, held / 2);
                [turned, turned, keys, along, along, across, across, held, held, half, half, half]
            }
        }
    }

    /// Cuts it out of so many floats.
    pub(super) fn new(how: &Heads, mut room: &'a mut [f32]) -> Self {
        let mut parts = Self::lens(how).map(|len| {
            let (part, rest) = std::mem::take(&mut room).split_at_mut(len);
            room = rest;
            part
        });
        let [turned_keys, turned_values, keys, query, dout, queries, douts, p, ds, rest @ ..] =
            parts.each_mut().map(std::mem::take);
        let [p, ds] = [p, ds].map(|held| held.as_chunks_mut::<PAGE>().0);
        let [ds_along, p_across, ds_across] = rest;
        Self {
            turned_keys,
            turned_values,
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
