//! The softmax of one tile of keys: weights that are not yet divided by their total. How the maxima and totals
//! of several tiles are combined (online softmax) is in `forward` and `single_query`.

use std::ops::Range;

use super::{LANE, PAGE};
use crate::{
    lanes::{LANES, Lanes},
    math::exp_lanes,
};

/// Scores to weights exp(score · scale − max), in place; gives the maximum and sixteen lane totals.
/// Keys that are not visible get no weight.
#[inline(always)]
pub(super) fn exponentiate<L: Lanes>(
    simd: L,
    scores: &mut [f32; PAGE],
    visible: &Range<usize>,
    scale: f32,
) -> (f32, [f32; LANES]) {
    let first = visible.start / LANES;
    let count = visible.end.div_ceil(LANES) - first;
    match count {
        4 if visible.len() == PAGE => {
            exponentiate_vectors::<L, 4, false>(simd, scores, visible, scale)
        }
        4 => exponentiate_vectors::<L, 4, true>(simd, scores, visible, scale),
        3 => exponentiate_vectors::<L, 3, true>(simd, &mut scores[first * LANES..], visible, scale),
        2 => exponentiate_vectors::<L, 2, true>(simd, &mut scores[first * LANES..], visible, scale),
        _ => exponentiate_vectors::<L, 1, true>(simd, &mut scores[first * LANES..], visible, scale),
    }
}

/// The first V vectors of these scores, interleaved to hide latency; if `MASKED`, not all keys are visible.
#[inline(always)]
fn exponentiate_vectors<L: Lanes, const V: usize, const MASKED: bool>(
    simd: L,
    scores: &mut [f32],
    visible: &Range<usize>,
    scale: f32,
) -> (f32, [f32; LANES]) {
    let first = visible.start / LANES;
    let min = simd.splat(f32::NEG_INFINITY);
    let mut weights = [min; V];
    let mut max = min;
    for (v, weight) in weights.iter_mut().enumerate() {
        let scaled = simd.mul(simd.load(&scores[v * LANES..]), simd.splat(scale));
        *weight = scaled;
        let larger = simd.max(scaled, max);
        max = if MASKED { select_visible(simd, first + v, visible, larger, max) } else { larger };
    }
    let max = simd.max_tree(max);
    let shift = simd.splat(max);
    let mut totals = simd.splat(0.0);
    for (v, weight) in weights.iter_mut().enumerate() {
        *weight = exp_lanes(simd, simd.sub(*weight, shift));
        if MASKED {
            *weight = select_visible(simd, first + v, visible, *weight, simd.splat(0.0));
        }
        simd.store(*weight, &mut scores[v * LANES..]);
        totals = simd.add(totals, *weight);
    }
    (max, simd.to_array(totals))
}

/// `a` in the lanes of vector `v` that are visible, `b` in the others.
#[inline(always)]
fn select_visible<L: Lanes>(
    simd: L,
    v: usize,
    visible: &Range<usize>,
    a: L::F32,
    b: L::F32,
) -> L::F32 {
    let index = simd.add(simd.load(&LANE), simd.splat((v * LANES) as f32));
    let below_end = simd.select(simd.less(index, simd.splat(visible.end as f32)), a, b);
    simd.select(simd.less(index, simd.splat(visible.start as f32)), b, below_end)
}
