//! Changes of a row along a direction, in place, with gradients: what steering and ablation of directions do.
//!
//! ```text
//! p = h · v, sixteen lanes and the tree;  y = h + c(p) · v, one fused multiply-add an element
//! ```
//! One row at a time: how few rows are changed is up to the caller, who may split them among threads.

use crate::{
    isa::Isa,
    lanes::{Kernel, LANES, Lanes},
    sums::row_dot,
};

pub use crate::naive::steer::Steering;

/// Changes a row. `vector`: as long as the row, for each of [`Steering::vectors`].
pub fn forward(isa: Isa, steering: Steering, vector: &[f32], row: &mut [f32]) {
    isa.run(Forward { steering, vector, row });
}

/// In place of the gradient of what was made of a row `x`, that of the row.
pub fn backward(isa: Isa, steering: Steering, vector: &[f32], x: &[f32], dy: &mut [f32]) {
    isa.run(Backward { steering, vector, x, dy });
}

struct Forward<'a> {
    steering: Steering,
    vector: &'a [f32],
    row: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) {
        let Self { steering, vector, row } = self;
        let (v, d) = vector.split_at(row.len());
        let (coefficient, to) = match steering {
            Steering::ScaleAlong(factor) => ((factor - 1.0) * row_dot(simd, row, v), v),
            Steering::ClampAlong { min, max } => {
                (Steering::clamped(min, max, row_dot(simd, row, v)), v)
            }
            Steering::AddByNorm => (row_dot(simd, row, row).sqrt(), v),
            Steering::Swap => (row_dot(simd, row, v), d),
            Steering::AddOrthogonal => {
                let minus_share = simd.splat(-share_along(simd, row, v));
                for (h, v) in row.chunks_mut(LANES).zip(v.chunks(LANES)) {
                    let old = simd.load_some(h);
                    let sum = simd.add(old, simd.load_some(v));
                    simd.store_some(simd.fma(minus_share, old, sum), h);
                }
                return;
            }
        };
        if coefficient != 0.0 {
            add(simd, coefficient, to, row);
        }
    }
}

struct Backward<'a> {
    steering: Steering,
    vector: &'a [f32],
    x: &'a [f32],
    dy: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) {
        let Self { steering, vector, x, dy } = self;
        let (v, d) = vector.split_at(x.len());
        let (coefficient, to) = match steering {
            Steering::ScaleAlong(factor) => ((factor - 1.0) * row_dot(simd, dy, v), v),
            Steering::ClampAlong { min, max } => {
                let is_inside = Steering::clamped(min, max, row_dot(simd, x, v)) == 0.0;
                (if is_inside { 0.0 } else { -row_dot(simd, dy, v) }, v)
            }
            Steering::AddByNorm => {
                let norm = row_dot(simd, x, x).sqrt();
                (if norm == 0.0 { 0.0 } else { row_dot(simd, dy, v) / norm }, x)
            }
            Steering::Swap => (row_dot(simd, dy, d), v),
            Steering::AddOrthogonal => {
                let (share, squares) = (share_along(simd, x, v), row_dot(simd, x, x));
                let along = if squares == 0.0 { 0.0 } else { row_dot(simd, dy, x) / squares };
                let (minus_along, kept) = (simd.splat(-along), simd.splat(1.0 - share));
                let minus_two_shares = simd.splat(-2.0 * share);
                let rows = dy.chunks_mut(LANES).zip(x.chunks(LANES)).zip(v.chunks(LANES));
                for ((dy, x), v) in rows {
                    let slope = simd.fma(minus_two_shares, simd.load_some(x), simd.load_some(v));
                    let kept = simd.mul(simd.load_some(dy), kept);
                    simd.store_some(simd.fma(minus_along, slope, kept), dy);
                }
                return;
            }
        };
        if coefficient != 0.0 {
            add(simd, coefficient, to, dy);
        }
    }
}

/// `h · v / h · h`; 0 of a row without length.
#[inline(always)]
fn share_along<L: Lanes>(simd: L, row: &[f32], v: &[f32]) -> f32 {
    let squares = row_dot(simd, row, row);
    if squares == 0.0 { 0.0 } else { row_dot(simd, row, v) / squares }
}

#[inline(always)]
fn add<L: Lanes>(simd: L, coefficient: f32, vector: &[f32], row: &mut [f32]) {
    let coefficient = simd.splat(coefficient);
    for (h, v) in row.chunks_mut(LANES).zip(vector.chunks(LANES)) {
        let sum = simd.fma(coefficient, simd.load_some(v), simd.load_some(h));
        simd.store_some(sum, h);
    }
}
