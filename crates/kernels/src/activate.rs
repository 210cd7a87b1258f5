//! Activations, alone or times a linear branch, forward and backward.
//!
//! ```text
//! post = act(pre) · linear;  dpre = dpost · linear · act'(pre);  dlinear = dpost · act(pre)
//! ```
//! gpt-oss bounds both branches, and multiplies with one more than the linear one.

use crate::{
    lanes::{Kernel, LANES, Lanes},
    math::{erf_lanes, exp_lanes, sigmoid_lanes},
    naive::activate::{ALPHA, Activation, CUBE, DENSITY, LIMIT, ROOT_2_OVER_PI, ROOT_HALF},
    thread_pool::{DisjointSlices, ThreadPool},
};

/// Elements that are worth a thread of their own.
const MIN_PER_THREAD: usize = 8 * 1024;

/// post = act(pre), times `linear` if there is one. All of one length.
pub fn forward(
    pool: &ThreadPool,
    activation: Activation,
    pre: &[f32],
    linear: Option<&[f32]>,
    post: &mut [f32],
) {
    let len = pre.len();
    let post = DisjointSlices::new(post);
    pool.for_each_range(len, LANES, MIN_PER_THREAD, &|range| {
        // SAFETY: each range is cut once.
        let post = unsafe { post.range_mut(range.clone()) };
        let linear = linear.map(|linear| &linear[range.clone()]);
        pool.isa().run(Forward { activation, pre: &pre[range], linear, post });
    });
}

/// Overwrites the gradients of both branches.
pub fn backward(
    pool: &ThreadPool,
    activation: Activation,
    dpost: &[f32],
    pre: &[f32],
    linear: Option<&[f32]>,
    dpre: &mut [f32],
    dlinear: Option<&mut [f32]>,
) {
    let len = pre.len();
    let dpre = DisjointSlices::new(dpre);
    let dlinear = dlinear.map(DisjointSlices::new);
    pool.for_each_range(len, LANES, MIN_PER_THREAD, &|range| {
        // SAFETY: each range is cut once.
        let (dpre, dlinear) = unsafe {
            (dpre.range_mut(range.clone()), dlinear.as_ref().map(|to| to.range_mut(range.clone())))
        };
        let linear = linear.map(|linear| &linear[range.clone()]);
        let (dpost, pre) = (&dpost[range.clone()], &pre[range]);
        pool.isa().run(Backward { activation, dpost, pre, linear, dpre, dlinear });
    });
}

struct Forward<'a> {
    activation: Activation,
    pre: &'a [f32],
    linear: Option<&'a [f32]>,
    post: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) {
        let Self { activation, pre, linear, post } = self;
        for (index, post) in post.chunks_mut(LANES).enumerate() {
            let first = index * LANES;
            let part = first..first + post.len();
            let (y, _) = both(simd, activation, simd.load_some(&pre[part.clone()]));
            let y = linear.map_or(y, |linear| {
                simd.mul(y, linear_value(simd, activation, simd.load_some(&linear[part])))
            });
            simd.store_some(y, post);
        }
    }
}

struct Backward<'a> {
    activation: Activation,
    dpost: &'a [f32],
    pre: &'a [f32],
    linear: Option<&'a [f32]>,
    dpre: &'a mut [f32],
    dlinear: Option<&'a mut [f32]>,
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) {
        let Self { activation, dpost, pre, linear, dpre, mut dlinear } = self;
        for (index, dpre) in dpre.chunks_mut(LANES).enumerate() {
            let first = index * LANES;
            let part = first..first + dpre.len();
            let x = simd.load_some(&pre[part.clone()]);
            let dy = simd.load_some(&dpost[part.clone()]);
            let (value, derivative) = both(simd, activation, x);
            let linear = linear.map(|linear| simd.load_some(&linear[part.clone()]));
            let inner = match linear {
                Some(linear) => simd.mul(dy, linear_value(simd, activation, linear)),
                None => dy,
            };
            simd.store_some(simd.mul(inner, derivative), dpre);
            if let (Some(to), Some(linear)) = (&mut dlinear, linear) {
                let slope = where_not_bounded(simd, activation, linear, simd.mul(dy, value));
                simd.store_some(slope, &mut to[part]);
            }
        }
    }
}

/// The activation and its derivative. Inlined where only one is used, the other costs nothing.
#[inline(always)]
fn both<L: Lanes>(simd: L, activation: Activation, x: L::F32) -> (L::F32, L::F32) {
    let one = simd.splat(1.0);
    match activation {
        Activation::Silu => {
            let s = sigmoid_lanes(simd, x);
            let value = simd.mul(x, s);
            (value, simd.fma(value, simd.sub(one, s), s))
        }
        Activation::Gelu => {
            let half = simd.splat(0.5);
            let share =
                simd.mul(half, simd.add(one, erf_lanes(simd, simd.mul(x, simd.splat(ROOT_HALF)))));
            let fall = exp_lanes(simd, simd.mul(simd.mul(x, x), simd.splat(-0.5)));
            let density = simd.mul(simd.splat(DENSITY), fall);
            (simd.mul(x, share), simd.fma(x, density, share))
        }
        Activation::GeluTanh => {
            let squared = simd.mul(x, x);
            let bent = simd.fma(simd.mul(squared, x), simd.splat(CUBE), x);
            let s = sigmoid_lanes(simd, simd.mul(simd.splat(2.0 * ROOT_2_OVER_PI), bent));
            let value = simd.mul(x, s);
            let twice_du = simd.fma(
                squared,
                simd.splat(6.0 * ROOT_2_OVER_PI * CUBE),
                simd.splat(2.0 * ROOT_2_OVER_PI),
            );
            (value, simd.fma(simd.mul(value, simd.sub(one, s)), twice_du, s))
        }
        Activation::Relu2 => {
            let x = positive(simd, x);
            (simd.mul(x, x), simd.mul(simd.splat(2.0), x))
        }
        Activation::Relu => {
            let zero = simd.splat(0.0);
            (positive(simd, x), simd.select(simd.greater(x, zero), one, zero))
        }
        Activation::QuickGelu => {
            let alpha = simd.splat(ALPHA);
            let s = sigmoid_lanes(simd, simd.mul(alpha, x));
            let value = simd.mul(x, s);
            (value, simd.fma(simd.mul(alpha, value), simd.sub(one, s), s))
        }
        Activation::SwigluOai => {
            let (limit, alpha) = (simd.splat(LIMIT), simd.splat(ALPHA));
            let is_above = simd.greater(x, limit);
            let x = simd.select(is_above, limit, x);
            let s = sigmoid_lanes(simd, simd.mul(alpha, x));
            let value = simd.mul(x, s);
            let slope = simd.fma(simd.mul(alpha, value), simd.sub(one, s), s);
            (value, simd.select(is_above, simd.splat(0.0), slope))
        }
    }
}

/// What the activation is multiplied with, of the linear branch.
#[inline(always)]
fn linear_value<L: Lanes>(simd: L, activation: Activation, x: L::F32) -> L::F32 {
    if activation != Activation::SwigluOai {
        return x;
    }
    let (limit, least) = (simd.splat(LIMIT), simd.splat(-LIMIT));
    let x = simd.select(simd.greater(x, limit), limit, x);
    let x = simd.select(simd.less(x, least), least, x);
    simd.add(x, simd.splat(1.0))
}

/// A gradient of the linear branch, +0 where that is bounded.
#[inline(always)]
fn where_not_bounded<L: Lanes>(
    simd: L,
    activation: Activation,
    x: L::F32,
    slope: L::F32,
) -> L::F32 {
    if activation != Activation::SwigluOai {
        return slope;
    }
    let zero = simd.splat(0.0);
    let slope = simd.select(simd.greater(x, simd.splat(LIMIT)), zero, slope);
    simd.select(simd.less(x, simd.splat(-LIMIT)), zero, slope)
}

/// x where it is above 0; NaN stays NaN.
#[inline(always)]
fn positive<L: Lanes>(simd: L, x: L::F32) -> L::F32 {
    let zero = simd.splat(0.0);
    simd.select(simd.is_nan(x), x, simd.select(simd.greater(x, zero), x, zero))
}
