//! exp, erf and what is made of them: polynomials of our own, the same bits everywhere.
//!
//! Each function stands twice, for one number and for sixteen lanes, with the same operations in the
//! same order. Rare functions of one number come from the pinned `libm`, in f64.

use crate::lanes::{Lanes, scale};

/// 1 / ln 2
const LOG2_E: f32 = std::f32::consts::LOG2_E;
/// ln 2 in two parts: the first has so few bits that its products with whole numbers are exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;
/// exp below this is +0: its result would be denormal.
const EXP_MIN: f32 = -87.3;
/// exp above this is infinite.
const EXP_MAX: f32 = 88.722_84;
/// 1/k!, of the highest power first.
const EXP: [f32; 6] = [1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5];

/// e^x with a relative error below 1e-7; exp(0) is 1, exp(NaN) is NaN.
pub fn exp(x: f32) -> f32 {
    if x.is_nan() {
        return x;
    }
    if x < EXP_MIN {
        return 0.0;
    }
    if x > EXP_MAX {
        return f32::INFINITY;
    }
    // x = n · ln 2 + r with |r| ≤ ln 2 / 2
    let n = (x * LOG2_E).round_ties_even();
    let r = n.mul_add(-LN_2_LOW, n.mul_add(-LN_2_HIGH, x));
    let mut p = EXP[0];
    for factor in &EXP[1..] {
        p = p.mul_add(r, *factor);
    }
    let p = p.mul_add(r, 1.0).mul_add(r, 1.0);
    scale(p, n)
}

/// [`exp`] of sixteen lanes.
#[inline(always)]
pub fn exp_lanes<L: Lanes>(simd: L, x: L::F32) -> L::F32 {
    let n = simd.round(simd.mul(x, simd.splat(LOG2_E)));
    let r = simd.fma(n, simd.splat(-LN_2_LOW), simd.fma(n, simd.splat(-LN_2_HIGH), x));
    let mut p = simd.splat(EXP[0]);
    for factor in &EXP[1..] {
        p = simd.fma(p, r, simd.splat(*factor));
    }
    let p = simd.fma(simd.fma(p, r, simd.splat(1.0)), r, simd.splat(1.0));
    // NaN goes through all of it.
    let p = simd.scale(p, n);
    let p = simd.select(simd.less(x, simd.splat(EXP_MIN)), simd.splat(0.0), p);
    simd.select(simd.greater(x, simd.splat(EXP_MAX)), simd.splat(f32::INFINITY), p)
}

/// 1 / (1 + e^−x)
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// [`sigmoid`] of sixteen lanes.
#[inline(always)]
pub fn sigmoid_lanes<L: Lanes>(simd: L, x: L::F32) -> L::F32 {
    let one = simd.splat(1.0);
    simd.div(one, simd.add(one, exp_lanes(simd, simd.mul(x, simd.splat(-1.0)))))
}

/// erfc(x) · e^(x²) / t for x ≥ 0, as a polynomial in t = 1 / (1 + x/2), the highest power first. A
/// least-squares fit at Chebyshev nodes over x from 0 to 10.5; relative error 3e-8.
const ERFCX: [f32; 11] = [
    0.033_201_087,
    -0.176_452_47,
    0.345_293_55,
    -0.238_352_66,
    -0.067_882_44,
    0.062_485_147,
    0.044_276_3,
    0.188_306_34,
    0.244_747_03,
    0.282_291_05,
    0.282_087_06,
];

/// The error function, with an absolute error below 3.1e-7.
pub fn erf(x: f32) -> f32 {
    let size = x.abs();
    let t = 1.0 / size.mul_add(0.5, 1.0);
    let mut p = ERFCX[0];
    for factor in &ERFCX[1..] {
        p = p.mul_add(t, *factor);
    }
    let below_one = 1.0 - p * t * exp(-(size * size));
    if x < 0.0 { -below_one } else { below_one }
}

/// [`erf`] of sixteen lanes.
#[inline(always)]
pub fn erf_lanes<L: Lanes>(simd: L, x: L::F32) -> L::F32 {
    let is_negative = simd.less(x, simd.splat(0.0));
    let minus = simd.splat(-1.0);
    let size = simd.select(is_negative, simd.mul(x, minus), x);
    let one = simd.splat(1.0);
    let t = simd.div(one, simd.fma(size, simd.splat(0.5), one));
    let mut p = simd.splat(ERFCX[0]);
    for factor in &ERFCX[1..] {
        p = simd.fma(p, t, simd.splat(*factor));
    }
    let tail = exp_lanes(simd, simd.mul(simd.mul(size, size), minus));
    let below_one = simd.sub(one, simd.mul(simd.mul(p, t), tail));
    simd.select(is_negative, simd.mul(below_one, minus), below_one)
}

/// The natural logarithm, rounded from f64.
pub fn ln(x: f32) -> f32 {
    libm::log(f64::from(x)) as f32
}

/// The hyperbolic tangent, rounded from f64.
pub fn tanh(x: f32) -> f32 {
    libm::tanh(f64::from(x)) as f32
}

/// The sine, rounded from f64.
pub fn sin(x: f32) -> f32 {
    libm::sin(f64::from(x)) as f32
}

/// The cosine, rounded from f64.
pub fn cos(x: f32) -> f32 {
    libm::cos(f64::from(x)) as f32
}

/// x^y, rounded from f64.
pub fn pow(x: f32, y: f32) -> f32 {
    libm::pow(f64::from(x), f64::from(y)) as f32
}
