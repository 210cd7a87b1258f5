//! Activations, alone or times a linear branch, forward and backward.
//!
//! ```text
//! post = act(pre) · linear;  dpre = dpost · linear · act'(pre);  dlinear = dpost · act(pre)
//! ```

use crate::{
    lanes::{Kernel, LANES, Lanes},
    math::{erf_lanes, exp_lanes, sigmoid_lanes},
    naive::activate::{Activation, CUBE, DENSITY, ROOT_2_OVER_PI, ROOT_HALF},
    team::{Pieces, Team},
};

/// Elements that are worth a thread of their own.
const LEAST: usize = 8 * 1024;

/// post = act(pre), times `linear` if there is one. All of one length.
pub fn forward(
    team: &Team,
    how: Activation,
    pre: &[f32],
    linear: Option<&[f32]>,
    post: &mut [f32],
) {
    let len = pre.len();
    let post = Pieces::new(post);
    team.split(len, LANES, LEAST, &|range| {
        // SAFETY: each range is cut once.
        let post = unsafe { post.piece(range.clone()) };
        let linear = linear.map(|linear| &linear[range.clone()]);
        team.path().run(Forward { how, pre: &pre[range], linear, post });
    });
}

/// Overwrites the gradients of both branches.
pub fn backward(
    team: &Team,
    how: Activation,
    dpost: &[f32],
    pre: &[f32],
    linear: Option<&[f32]>,
    dpre: &mut [f32],
    dlinear: Option<&mut [f32]>,
) {
    let len = pre.len();
    let dpre = Pieces::new(dpre);
    let dlinear = dlinear.map(Pieces::new);
    team.split(len, LANES, LEAST, &|range| {
        // SAFETY: each range is cut once.
        let (dpre, dlinear) = unsafe {
            (dpre.piece(range.clone()), dlinear.as_ref().map(|to| to.piece(range.clone())))
        };
        let linear = linear.map(|linear| &linear[range.clone()]);
        let (dpost, pre) = (&dpost[range.clone()], &pre[range]);
        team.path().run(Backward { how, dpost, pre, linear, dpre, dlinear });
    });
}

struct Forward<'a> {
    how: Activation,
    pre: &'a [f32],
    linear: Option<&'a [f32]>,
    post: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, on: L) {
        let Self { how, pre, linear, post } = self;
        for (index, post) in post.chunks_mut(LANES).enumerate() {
            let first = index * LANES;
            let part = first..first + post.len();
            let (y, _) = both(on, how, on.load_some(&pre[part.clone()]));
            let y = linear.map_or(y, |linear| on.mul(y, on.load_some(&linear[part])));
            on.store_some(y, post);
        }
    }
}

struct Backward<'a> {
    how: Activation,
    dpost: &'a [f32],
    pre: &'a [f32],
    linear: Option<&'a [f32]>,
    dpre: &'a mut [f32],
    dlinear: Option<&'a mut [f32]>,
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, on: L) {
        let Self { how, dpost, pre, linear, dpre, mut dlinear } = self;
        for (index, dpre) in dpre.chunks_mut(LANES).enumerate() {
            let first = index * LANES;
            let part = first..first + dpre.len();
            let x = on.load_some(&pre[part.clone()]);
            let dy = on.load_some(&dpost[part.clone()]);
            let (value, slope) = both(on, how, x);
            let inner = match linear {
                Some(linear) => on.mul(dy, on.load_some(&linear[part.clone()])),
                None => dy,
            };
            on.store_some(on.mul(inner, slope), dpre);
            if let Some(to) = &mut dlinear {
                on.store_some(on.mul(dy, value), &mut to[part]);
            }
        }
    }
}

/// The activation and its derivative. Inlined where only one is used, the other costs nothing.
#[inline(always)]
fn both<L: Lanes>(on: L, how: Activation, x: L::F32) -> (L::F32, L::F32) {
    let one = on.splat(1.0);
    match how {
        Activation::Silu => {
            let s = sigmoid_lanes(on, x);
            let value = on.mul(x, s);
            (value, on.fma(value, on.sub(one, s), s))
        }
        Activation::Gelu => {
            let half = on.splat(0.5);
            let share = on.mul(half, on.add(one, erf_lanes(on, on.mul(x, on.splat(ROOT_HALF)))));
            let fall = exp_lanes(on, on.mul(on.mul(x, x), on.splat(-0.5)));
            let density = on.mul(on.splat(DENSITY), fall);
            (on.mul(x, share), on.fma(x, density, share))
        }
        Activation::GeluTanh => {
            let squared = on.mul(x, x);
            let bent = on.fma(on.mul(squared, x), on.splat(CUBE), x);
            let s = sigmoid_lanes(on, on.mul(on.splat(2.0 * ROOT_2_OVER_PI), bent));
            let value = on.mul(x, s);
            let twice_du = on.fma(
                squared,
                on.splat(6.0 * ROOT_2_OVER_PI * CUBE),
                on.splat(2.0 * ROOT_2_OVER_PI),
            );
            (value, on.fma(on.mul(value, on.sub(one, s)), twice_du, s))
        }
        Activation::Relu2 => {
            let x = positive(on, x);
            (on.mul(x, x), on.mul(on.splat(2.0), x))
        }
        Activation::Relu => {
            let zero = on.splat(0.0);
            (positive(on, x), on.select(on.greater(x, zero), one, zero))
        }
    }
}

/// x where it is above 0; NaN stays NaN.
#[inline(always)]
fn positive<L: Lanes>(on: L, x: L::F32) -> L::F32 {
    let zero = on.splat(0.0);
    on.select(on.is_nan(x), x, on.select(on.greater(x, zero), x, zero))
}
