//! Rotary positions: pairs (i, i + rotary_dim / 2) of every head turn by angles of their row.
//!
//! ```text
//! (a, b) → (a·cos − b·sin, b·cos + a·sin)
//! ```

use std::ops::Range;

use crate::{
    lanes::{Kernel, LANES, Lanes},
    math,
    thread_pool::{DisjointSlices, ThreadPool},
};

/// Which way to turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// By the angle.
    Forward,
    /// By its negative: the gradient's way.
    Back,
}

/// Elements that are worth a thread of their own.
const MIN_PER_THREAD: usize = 16 * 1024;

/// By which angles rows of heads are rotated.
#[derive(Clone, Copy, Debug)]
pub struct Rotation<'a> {
    /// Heads of a row.
    pub heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Dimensions of a head that are rotated; those behind them are copied.
    pub rotary_dim: usize,
    /// `[positions, 2, rotary_dim / 2]`: cosines, then sines of a position. See [`angles`].
    pub table: &'a [f32],
    /// `[rows]`: the position of each row.
    pub positions: &'a [u32],
    /// Which way to turn.
    pub direction: Direction,
}

/// Turns every head of every row. `x`, `y`: `[rows, heads, head_dim]`.
pub fn rotate(pool: &ThreadPool, rotation: Rotation<'_>, x: &[f32], y: &mut [f32]) {
    let width = rotation.heads * rotation.head_dim;
    let positions = rotation.positions;
    let y = DisjointSlices::new(y);
    pool.for_each_range(positions.len(), 1, MIN_PER_THREAD / width.max(1), &|rows| {
        let elements = rows.start * width..rows.end * width;
        // SAFETY: each range of rows is cut once.
        let y = unsafe { y.range_mut(elements.clone()) };
        let (x, positions) = (&x[elements], &positions[rows]);
        pool.isa().run(Rotate { rotation: Rotation { positions, ..rotation }, x, y });
    });
}

struct Rotate<'a> {
    rotation: Rotation<'a>,
    x: &'a [f32],
    y: &'a mut [f32],
}

impl Kernel for Rotate<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) {
        let Rotation { heads, head_dim, rotary_dim, table, positions, direction } = self.rotation;
        let (width, half) = (heads * head_dim, rotary_dim / 2);
        let sign = simd.splat(if direction == Direction::Back { -1.0 } else { 1.0 });
        let minus = simd.splat(-1.0);
        let rows = self.x.chunks_exact(width).zip(self.y.chunks_exact_mut(width));
        for ((x, y), &position) in rows.zip(positions) {
            let angles = &table[position as usize * rotary_dim..][..rotary_dim];
            let (cosines, sines) = angles.split_at(half);
            let heads = x.chunks_exact(head_dim).zip(y.chunks_exact_mut(head_dim));
            for (x, y) in heads {
                y[rotary_dim..].copy_from_slice(&x[rotary_dim..]);
                let (x_first, x_second) = x[..rotary_dim].split_at(half);
                let (y_first, y_second) = y[..rotary_dim].split_at_mut(half);
                for first in (0..half).step_by(LANES) {
                    let pairs = first..half.min(first + LANES);
                    let cos = simd.load_some(&cosines[pairs.clone()]);
                    let sin = simd.mul(simd.load_some(&sines[pairs.clone()]), sign);
                    let a = simd.load_some(&x_first[pairs.clone()]);
                    let b = simd.load_some(&x_second[pairs.clone()]);
                    let rotated_a = simd.fma(a, cos, simd.mul(simd.mul(b, sin), minus));
                    let rotated_b = simd.fma(b, cos, simd.mul(a, sin));
                    simd.store_some(rotated_a, &mut y_first[pairs.clone()]);
                    simd.store_some(rotated_b, &mut y_second[pairs]);
                }
            }
        }
    }
}

/// Cosines and sines of angle = position · frequency, rounded to f32 as transformers does.
///
/// `frequencies`: `[rotary_dim / 2]`; `table`: `[positions, 2, rotary_dim / 2]`.
pub fn angles(rotary_dim: usize, frequencies: &[f32], positions: Range<usize>, table: &mut [f32]) {
    if rotary_dim == 0 {
        return;
    }
    for (position, row) in positions.zip(table.chunks_exact_mut(rotary_dim)) {
        let (cosines, sines) = row.split_at_mut(rotary_dim / 2);
        for ((cos, sin), frequency) in cosines.iter_mut().zip(sines).zip(frequencies) {
            let angle = position as f32 * frequency;
            *cos = math::cos(angle);
            *sin = math::sin(angle);
        }
    }
}

/// 1 / theta^(2i / rotary_dim), each step rounded to f32 as torch does.
pub fn frequencies(rotary_dim: usize, theta: f32, out: &mut [f32]) {
    for (pair, out) in out.iter_mut().enumerate() {
        let exponent = (2 * pair) as f32 / rotary_dim as f32;
        *out = 1.0 / math::pow(theta, exponent);
    }
}
