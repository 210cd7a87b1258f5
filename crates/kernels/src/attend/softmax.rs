//! Scores of one tile of keys to weights that are not yet divided by their total. Knows nothing of other
//! tiles: how their maxima and totals are joined stands in `forward` and `alone`.

use std::ops::Range;

use super::PAGE;
use crate::{
    lanes::{LANES, Lanes},
    math::exp_lanes,
};

/// Scores to weights exp(score · scale − max), in place; gives the maximum and sixteen lane totals.
/// What is not visible counts for nothing.
#[inline(always)]
pub(super) fn weigh<L: Lanes>(
    on: L,
    scores: &mut [f32; PAGE],
    visible: &Range<usize>,
    scale: f32,
) -> (f32, [f32; LANES]) {
    let first = visible.start / LANES;
    let count = visible.end.div_ceil(LANES) - first;
    match count {
        4 if visible.len() == PAGE => weigh_some::<L, 4, false>(on, scores, visible, scale),
        4 => weigh_some::<L, 4, true>(on, scores, visible, scale),
        3 => weigh_some::<L, 3, true>(on, &mut scores[first * LANES..], visible, scale),
        2 => weigh_some::<L, 2, true>(on, &mut scores[first * LANES..], visible, scale),
        _ => weigh_some::<L, 1, true>(on, &mut scores[first * LANES..], visible, scale),
    }
}

/// The first V vectors of these scores, side by side so that none waits for another; if `MASKED`, not all
/// of them is visible.
#[inline(always)]
fn weigh_some<L: Lanes, const V: usize, const MASKED: bool>(
    on: L,
    scores: &mut [f32],
    visible: &Range<usize>,
    scale: f32,
) -> (f32, [f32; LANES]) {
    let first = visible.start / LANES;
    let least = on.splat(f32::NEG_INFINITY);
    let mut weights = [least; V];
    let mut most = least;
    for (v, weight) in weights.iter_mut().enumerate() {
        let scaled = on.mul(on.load(&scores[v * LANES..]), on.splat(scale));
        *weight = scaled;
        let larger = on.max(scaled, most);
        most = if MASKED { only(on, first + v, visible, larger, most) } else { larger };
    }
    let most = on.max_tree(most);
    let shift = on.splat(most);
    let mut totals = on.splat(0.0);
    for (v, weight) in weights.iter_mut().enumerate() {
        *weight = exp_lanes(on, on.sub(*weight, shift));
        if MASKED {
            *weight = only(on, first + v, visible, *weight, on.splat(0.0));
        }
        on.store(*weight, &mut scores[v * LANES..]);
        totals = on.add(totals, *weight);
    }
    (most, on.to_array(totals))
}

/// `a` in the lanes of vector `v` that are visible, `b` in the others.
#[inline(always)]
fn only<L: Lanes>(on: L, v: usize, visible: &Range<usize>, a: L::F32, b: L::F32) -> L::F32 {
    const INDEX: [f32; LANES] =
        [0., 1., 2., 3., 4., 5., 6., 7., 8., 9., 10., 11., 12., 13., 14., 15.];
    let index = on.add(on.load(&INDEX), on.splat((v * LANES) as f32));
    let below_end = on.select(on.less(index, on.splat(visible.end as f32)), a, b);
    on.select(on.less(index, on.splat(visible.start as f32)), b, below_end)
}
