//! What some families make of a score beyond its scale, and the sink beside a row's scores.
//!
//! An attention without these terms has no [`ScoreTerms`], and its kernels take the shorter way. With them the
//! scores of a row and a tile are finished in a pass of its own, behind which they have the scale 1.

use std::ops::Range;

use super::{AttentionParams, LANE, PAGE};
use crate::{
    cap::{capped_lanes, slope_lanes},
    lanes::{Kernel, LANES, Lanes},
    math::{exp_lanes, ln},
};

/// How the scores of one head are made of sums of products, where there is more to it than a scale.
#[derive(Clone, Copy)]
pub(super) struct ScoreTerms {
    scale: f32,
    cap: Option<f32>,
    /// Of ALiBi.
    slope: Option<f32>,
}

impl ScoreTerms {
    /// Those of a head; none where its scores are scaled sums.
    pub(super) fn new(params: &AttentionParams<'_>, head: usize) -> Option<Self> {
        let AttentionParams { scale, score_cap: cap, alibi, .. } = *params;
        let slope = || alibi.map(|alibi| alibi.slope(head));
        params.has_score_terms().then(|| Self { scale, cap, slope: slope() })
    }

    /// Sums of products to scores, in place: of a row, with the vectors of a tile of keys that hold the
    /// `visible` ones. `key_offset` is the position of the tile's first key less that of the row.
    #[inline(always)]
    pub(super) fn finish<L: Lanes>(
        self,
        simd: L,
        scores: &mut [f32; PAGE],
        visible: &Range<usize>,
        key_offset: f32,
    ) {
        let vectors = visible.start / LANES * LANES..visible.end.next_multiple_of(LANES);
        let (offset, scores) = (key_offset + vectors.start as f32, &mut scores[vectors]);
        simd.run_outlined(Finish { terms: self, scores, offset });
    }

    /// Of a row and a tile: sums of products to P, and the gradients of P to those of the sums of products.
    /// `log_sum_exp` and `delta` are the row's, `key_offset` is as in [`Self::finish`].
    #[inline(always)]
    pub(super) fn backward<L: Lanes>(
        self,
        simd: L,
        [p, ds]: [&mut [f32]; 2],
        [log_sum_exp, delta]: [f32; 2],
        key_offset: f32,
    ) {
        let offset = key_offset;
        simd.run_outlined(Backward { terms: self, p, ds, log_sum_exp, delta, offset });
    }

    /// The capped score, and the whole score. `distance` is the key's position less the row's.
    #[inline(always)]
    fn score<L: Lanes>(self, simd: L, sum: L::F32, distance: L::F32) -> (L::F32, L::F32) {
        let mut score = simd.mul(sum, simd.splat(self.scale));
        if let Some(cap) = self.cap {
            score = capped_lanes(simd, cap, score);
        }
        let capped = score;
        if let Some(slope) = self.slope {
            score = simd.fma(simd.splat(slope), distance, score);
        }
        (capped, score)
    }
}

/// The distances of sixteen keys, of which the first is `offset` behind the row.
#[inline(always)]
fn distances<L: Lanes>(simd: L, offset: f32) -> L::F32 {
    simd.add(simd.load(&LANE), simd.splat(offset))
}

/// Whole vectors of scores.
struct Finish<'a> {
    terms: ScoreTerms,
    scores: &'a mut [f32],
    /// The position of the first key less the row's.
    offset: f32,
}

impl Kernel for Finish<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) {
        for (vector, scores) in self.scores.chunks_exact_mut(LANES).enumerate() {
            let distance = distances(simd, self.offset + (vector * LANES) as f32);
            let (_, score) = self.terms.score(simd, simd.load(scores), distance);
            simd.store(score, scores);
        }
    }
}

/// Whole vectors of P and dS.
struct Backward<'a> {
    terms: ScoreTerms,
    p: &'a mut [f32],
    ds: &'a mut [f32],
    log_sum_exp: f32,
    delta: f32,
    offset: f32,
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) {
        let Self { terms, p, ds, log_sum_exp, delta, offset } = self;
        let (total, delta) = (simd.splat(log_sum_exp), simd.splat(delta));
        let vectors = p.chunks_exact_mut(LANES).zip(ds.chunks_exact_mut(LANES));
        for (vector, (p, ds)) in vectors.enumerate() {
            let distance = distances(simd, offset + (vector * LANES) as f32);
            let (capped, score) = terms.score(simd, simd.load(p), distance);
            let weight = exp_lanes(simd, simd.sub(score, total));
            simd.store(weight, p);
            let mut part = simd.mul(weight, simd.sub(simd.load(ds), delta));
            if let Some(cap) = terms.cap {
                part = simd.mul(part, slope_lanes(simd, cap, capped));
            }
            simd.store(simd.mul(part, simd.splat(terms.scale)), ds);
        }
    }
}

/// What ends rows, one in each lane: the factors of their weighted values, and their log-sum-exps as maxima and
/// totals.
pub(super) struct Normalizers {
    pub factors: [f32; LANES],
    max: [f32; LANES],
    totals: [f32; LANES],
}

impl Normalizers {
    /// From the maxima of rows and the totals of their weights; sinks are folded in last.
    #[inline(always)]
    pub(super) fn new<L: Lanes>(
        simd: L,
        max: [f32; LANES],
        totals: [f32; LANES],
        sinks: Option<L::F32>,
    ) -> Self {
        let total = simd.load(&totals);
        let Some(sinks) = sinks else {
            let factors = simd.to_array(simd.div(simd.splat(1.0), total));
            return Self { factors, max, totals };
        };
        let old = simd.load(&max);
        let new = simd.max(old, sinks);
        let a = exp_lanes(simd, simd.sub(old, new));
        let total = simd.fma(total, a, exp_lanes(simd, simd.sub(sinks, new)));
        let factors = simd.to_array(simd.div(a, total));
        Self { factors, max: simd.to_array(new), totals: simd.to_array(total) }
    }

    /// Of the row in a lane.
    pub(super) fn log_sum_exp(&self, lane: usize) -> f32 {
        self.max[lane] + ln(self.totals[lane])
    }
}
