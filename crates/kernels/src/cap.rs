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
        let (cap, twice) = (simd.splat(self.cap), simd.splat(2.0 * self.cap));
        let (inverse, one) = (simd.splat(2.0 / self.cap), simd.splat(1.0));
        for x in self.x.chunks_mut(LANES) {
            let grown = simd.add(one, exp_lanes(simd, simd.mul(simd.load_some(x), inverse)));
            simd.store_some(simd.sub(cap, simd.div(twice, grown)), x);
        }
    }
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
        let (inverse, one) = (simd.splat(1.0 / self.cap), simd.splat(1.0));
        for (y, dy) in self.y.chunks(LANES).zip(self.dy.chunks_mut(LANES)) {
            let share = simd.mul(simd.load_some(y), inverse);
            let slope = simd.fma(simd.mul(share, simd.splat(-1.0)), share, one);
            simd.store_some(simd.mul(simd.load_some(dy), slope), dy);
        }
    }
}
