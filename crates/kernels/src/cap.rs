//! A soft bound of logits (Gemma Team 2024, section 2), in place, with its gradient.
//!
//! ```text
//! y = cap · tanh(x / cap);  dx = dy · (1 − (y / cap)²)
//! ```

use crate::{
    lanes::{Kernel, LANES, Lanes},
    math::exp_lanes,
    thread_pool::{DisjointSlices, ThreadPool},
};

/// Elements that are worth a thread of their own.
const MIN_PER_THREAD: usize = 8 * 1024;

/// In place of each number, the bounded one.
pub fn forward(pool: &ThreadPool, cap: f32, x: &mut [f32]) {
    let len = x.len();
    let x = DisjointSlices::new(x);
    pool.for_each_range(len, LANES, MIN_PER_THREAD, &|range| {
        // SAFETY: each range is cut once.
        let x = unsafe { x.range_mut(range) };
        pool.isa().run(Forward { cap, x });
    });
}

/// In place of the gradient of what was bounded, `y`, that of what entered.
pub fn backward(pool: &ThreadPool, cap: f32, y: &[f32], dy: &mut [f32]) {
    let dy = DisjointSlices::new(dy);
    pool.for_each_range(y.len(), LANES, MIN_PER_THREAD, &|range| {
        // SAFETY: each range is cut once.
        let dy = unsafe { dy.range_mut(range.clone()) };
        pool.isa().run(Backward { cap, y: &y[range], dy });
    });
}

struct Forward<'a> {
    cap: f32,
    x: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) {
        for x in self.x.chunks_mut(LANES) {
            simd.store_some(capped_lanes(simd, self.cap, simd.load_some(x)), x);
        }
    }
}

/// cap · tanh(x / cap), as cap − 2 cap / (1 + e^(2x / cap)).
#[inline(always)]
pub(crate) fn capped_lanes<L: Lanes>(simd: L, cap: f32, x: L::F32) -> L::F32 {
    let grown = exp_lanes(simd, simd.mul(x, simd.splat(2.0 / cap)));
    let grown = simd.add(simd.splat(1.0), grown);
    simd.sub(simd.splat(cap), simd.div(simd.splat(2.0 * cap), grown))
}

/// The derivative of [`capped_lanes`], from its result y: 1 − (y / cap)².
#[inline(always)]
pub(crate) fn slope_lanes<L: Lanes>(simd: L, cap: f32, y: L::F32) -> L::F32 {
    let share = simd.mul(y, simd.splat(1.0 / cap));
    simd.fma(simd.mul(share, simd.splat(-1.0)), share, simd.splat(1.0))
}

struct Backward<'a> {
    cap: f32,
    y: &'a [f32],
    dy: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) {
        for (y, dy) in self.y.chunks(LANES).zip(self.dy.chunks_mut(LANES)) {
            let slope = slope_lanes(simd, self.cap, simd.load_some(y));
            simd.store_some(simd.mul(simd.load_some(dy), slope), dy);
        }
    }
}
