//! Numbers of bf16 and matrix products of their pairs: the definition of `--compute bf16`.

use std::ops::Range;

use super::matmul::{Accumulate, Epilogue};

/// The precision of matrix products.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compute {
    /// f32 times f32.
    #[default]
    F32,
    /// Both rounded to bf16, with sums in f32: about twice the speed where the processor has it. Keys and
    /// values are kept in bf16.
    Bf16,
}

impl Compute {
    /// As people write it: `f32`, `bf16`.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        }
    }
}

/// A number rounded to bf16, halves to even; denormals become zeros of their sign.
pub fn round(x: f32) -> u16 {
    let bits = x.to_bits();
    if x.is_nan() {
        return (bits >> 16) as u16 | 0x40;
    }
    if x.abs() < f32::MIN_POSITIVE {
        return (bits >> 16) as u16 & 0x8000;
    }
    let half = 0x7fff + (bits >> 16 & 1);
    ((bits + half) >> 16) as u16
}

/// A number of bf16 as f32, exactly.
pub fn widen(x: u16) -> f32 {
    f32::from_bits(u32::from(x) << 16)
}

/// Two numbers of bf16 as a pair: the even one below, the odd one above.
pub fn pair_bits(even: u16, odd: u16) -> u32 {
    u32::from(odd) << 16 | u32::from(even)
}

/// Two numbers rounded, as a pair.
pub fn pair(even: f32, odd: f32) -> u32 {
    pair_bits(round(even), round(odd))
}

/// sum + a.odd · b.odd, then + a.even · b.even, each rounded once; denormals are zeros.
pub fn dot(a: u32, b: u32, sum: f32) -> f32 {
    let [a_even, a_odd] = unpair(a);
    let [b_even, b_odd] = unpair(b);
    fma_flushed(a_even, b_even, fma_flushed(a_odd, b_odd, sum))
}

/// The even and the odd number of a pair.
pub fn unpair(pair: u32) -> [f32; 2] {
    [widen(pair as u16), widen((pair >> 16) as u16)]
}

/// a · b + c for a and b of bf16. What is below the least normal number is a zero of its sign, before
/// and after. What counts is the result rounded to 24 bits, as if exponents went on below.
fn fma_flushed(a: f32, b: f32, c: f32) -> f32 {
    let [a, b, c] = [a, b, c].map(flushed);
    let result = a.mul_add(b, c);
    if result.abs() == f32::MIN_POSITIVE {
        // Among denormals, rounding is coarser, and may have lifted what is rounded to 24 bits below.
        // This near to it f64 is exact: products have 16 bits, and what is too small to be added
        // exactly is too small to matter.
        let exact = f64::from(a) * f64::from(b) + f64::from(c);
        let min = f64::from(f32::MIN_POSITIVE);
        if exact.abs() < min - min * f64::from(f32::EPSILON) / 4.0 {
            return 0f32.copysign(result);
        }
    }
    flushed(result)
}

/// Denormals to zeros of their sign.
fn flushed(x: f32) -> f32 {
    if x.abs() < f32::MIN_POSITIVE { 0f32.copysign(x) } else { x }
}

/// The chain over pairs of two lists of numbers, from `sum`. Pairs begin at even places; a number outside
/// the range is +0.
pub(super) fn chain(
    range: Range<usize>,
    a: impl Fn(usize) -> f32,
    b: impl Fn(usize) -> f32,
    mut sum: f32,
) -> f32 {
    let one = |numbers: &dyn Fn(usize) -> f32, at: usize| {
        if range.contains(&at) { numbers(at) } else { 0.0 }
    };
    let pair_at =
        |numbers: &dyn Fn(usize) -> f32, at: usize| pair(one(numbers, at), one(numbers, at + 1));
    for at in (range.start / 2 * 2..range.end).step_by(2) {
        sum = dot(pair_at(&a, at), pair_at(&b, at), sum);
    }
    sum
}

/// y = x · weightᵀ, then + bias, then + residual. Shapes as in [`super::matmul::forward`].
pub fn forward(
    x: &[f32],
    weight: &[f32],
    outputs: usize,
    inner: usize,
    epilogue: Epilogue<'_>,
    y: &mut [f32],
) {
    for (at, y) in y.iter_mut().enumerate() {
        let (row, output) = (at / outputs, at % outputs);
        let mut sum = chain(0..inner, |k| x[row * inner + k], |k| weight[output * inner + k], 0.0);
        if let Some(bias) = epilogue.bias {
            sum += bias[output];
        }
        if let Some(residual) = epilogue.residual {
            sum += residual[at];
        }
        *y = sum;
    }
}

/// dx = dy · weight, over pairs of outputs ascending.
pub fn input_gradient(
    dy: &[f32],
    weight: &[f32],
    outputs: usize,
    inner: usize,
    accumulate: Accumulate,
    dx: &mut [f32],
) {
    for (at, dx) in dx.iter_mut().enumerate() {
        let (row, k) = (at / inner, at % inner);
        let begin = if accumulate == Accumulate::FromOutput { *dx } else { 0.0 };
        *dx = chain(0..outputs, |o| dy[row * outputs + o], |o| weight[o * inner + k], begin);
    }
}

/// dweight = dweight + dyᵀ · x, over pairs of rows ascending.
pub fn weight_gradient(dy: &[f32], x: &[f32], outputs: usize, inner: usize, dweight: &mut [f32]) {
    let rows = dy.len() / outputs.max(1);
    for (at, sum) in dweight.iter_mut().enumerate() {
        let (output, k) = (at / inner, at % inner);
        *sum = chain(0..rows, |row| dy[row * outputs + output], |row| x[row * inner + k], *sum);
    }
}
