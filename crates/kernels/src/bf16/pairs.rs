//! Pairs of bf16: how many a row has, where they are kept, and how numbers in registers become them.

use crate::lanes::{LANES, Lanes, Pairs};

/// Pairs of a row.
pub fn pairs(width: usize) -> usize {
    width.div_ceil(2)
}

/// Room for f32 that holds pairs: either is 32 bits, whatever they are.
pub fn as_pairs(room: &[f32]) -> &[u32] {
    bytemuck::cast_slice(room)
}

/// The same, to be written.
pub fn as_pairs_mut(room: &mut [f32]) -> &mut [u32] {
    bytemuck::cast_slice_mut(room)
}

/// The sixteen numbers from a place on; what is missing is +0.
#[inline(always)]
pub(crate) fn vector<L: Lanes>(on: L, row: &[f32], at: usize) -> L::F32 {
    let at = at.min(row.len());
    on.load_some(&row[at..])
}

/// At most 32 numbers as pairs; what is missing is +0.
#[inline(always)]
pub(crate) fn pack_some<P: Pairs>(on: P, x: &[f32]) -> P::Pair {
    let (first, second) = x.split_at(x.len().min(LANES));
    on.pack(on.load_some(first), on.load_some(second))
}
