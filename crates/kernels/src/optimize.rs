//! One step of AdamW over a tensor (Loshchilov and Hutter 2019, algorithm 2).
//!
//! ```text
//! m = m + (1 − β₁)(g − m);  v = β₂ v + (1 − β₂) g²
//! w = w (1 − rate · decay) − rate / c₁ · m / (√v / √c₂ + ε)
//! ```

use crate::{
    lanes::{Kernel, LANES, Lanes},
    thread_pool::{DisjointSlices, ThreadPool},
};

/// The settings of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamW {
    /// Learning rate.
    pub rate: f32,
    /// Decay of the mean of gradients.
    pub beta1: f32,
    /// Decay of the mean of their squares.
    pub beta2: f32,
    /// Added to the root of the squares.
    pub epsilon: f32,
    /// Share of `rate` by which the weight shrinks.
    pub decay: f32,
    /// 1 − β₁ᵗ at step t.
    pub correction1: f32,
    /// 1 − β₂ᵗ at step t.
    pub correction2: f32,
}

/// Elements that are worth a thread of their own.
const MIN_PER_THREAD: usize = 16 * 1024;

/// One step of every element; `clip` is a factor of the gradient. All of one length.
pub fn adamw(
    pool: &ThreadPool,
    settings: &AdamW,
    clip: f32,
    weight: &mut [f32],
    gradient: &[f32],
    m: &mut [f32],
    v: &mut [f32],
) {
    let len = weight.len();
    let (weight, m, v) =
        (DisjointSlices::new(weight), DisjointSlices::new(m), DisjointSlices::new(v));
    pool.for_each_range(len, LANES, MIN_PER_THREAD, &|range| {
        // SAFETY: each range is cut once.
        let (weight, m, v) = unsafe {
            (
                weight.range_mut(range.clone()),
                m.range_mut(range.clone()),
                v.range_mut(range.clone()),
            )
        };
        pool.isa().run(Step { settings, clip, weight, gradient: &gradient[range], m, v });
    });
}

struct Step<'a> {
    settings: &'a AdamW,
    clip: f32,
    weight: &'a mut [f32],
    gradient: &'a [f32],
    m: &'a mut [f32],
    v: &'a mut [f32],
}

impl Kernel for Step<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) {
        let settings = self.settings;
        let clip = simd.splat(self.clip);
        let shrink = simd.splat(1.0 - settings.rate * settings.decay);
        let minus_step = simd.splat(-(settings.rate / settings.correction1));
        let root = simd.splat(settings.correction2.sqrt());
        let (new1, new2) = (simd.splat(1.0 - settings.beta1), simd.splat(1.0 - settings.beta2));
        let (beta2, epsilon) = (simd.splat(settings.beta2), simd.splat(settings.epsilon));
        let parts = self.weight.chunks_mut(LANES).zip(self.gradient.chunks(LANES));
        let moments = self.m.chunks_mut(LANES).zip(self.v.chunks_mut(LANES));
        for ((weight, gradient), (m, v)) in parts.zip(moments) {
            let g = simd.mul(simd.load_some(gradient), clip);
            let old = simd.load_some(m);
            let mean = simd.fma(simd.sub(g, old), new1, old);
            let square = simd.fma(simd.mul(g, g), new2, simd.mul(simd.load_some(v), beta2));
            let denominator = simd.add(simd.div(simd.sqrt(square), root), epsilon);
            let shrunk = simd.mul(simd.load_some(weight), shrink);
            let moved = simd.fma(simd.div(mean, denominator), minus_step, shrunk);
            simd.store_some(mean, m);
            simd.store_some(square, v);
            simd.store_some(moved, weight);
        }
    }
}
