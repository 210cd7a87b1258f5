//! Pairs of bf16: how many a row has, where they are kept, and how numbers in registers become them.

use crate::lanes::{LANES, Lanes, Pairs};

/// Pairs of a row.
pub fn pairs(width: usize) -> usize {
    width.div_ceil(2)
}

/// A buffer of f32 as pairs: both are 32 bits, of any value.
pub fn as_pairs(buffer: &[f32]) -> &[u32] {
    bytemuck::cast_slice(buffer)
}

/// A mutable buffer of f32 as pairs.
pub fn as_pairs_mut(buffer: &mut [f32]) -> &mut [u32] {
    bytemuck::cast_slice_mut(buffer)
}

/// The sixteen numbers from a place on; what is missing is +0.
#[inline(always)]
pub(crate) fn vector<L: Lanes>(simd: L, row: &[f32], at: usize) -> L::F32 {
    let at = at.min(row.len());
    simd.load_some(&row[at..])
}

/// At most 32 numbers as pairs; what is missing is +0.
#[inline(always)]
pub(crate) fn pack_some<P: Pairs>(simd: P, x: &[f32]) -> P::Pair {
    let (first, second) = x.split_at(x.len().min(LANES));
    simd.round_consecutive(simd.load_some(first), simd.load_some(second))
}
