//! One step of Muon over a matrix (Jordan et al. 2024, "Muon: an optimizer for hidden layers").
//!
//! ```text
//! m = m + (1 − β)(g − m);  u = g + β (m − g)                         Nesterov's momentum
//! x = u / ‖u‖;  five times: A = x xᵀ,  x = (a I + b A + c A²) x       every singular value near 1
//! w = w (1 − rate · decay) − rate · 0.2 √max(rows, columns) · x
//! ```
//! 1. The factor 0.2 √max(rows, columns) gives a step the size that AdamW's have, so that both share
//!    one rate and one decay (Liu et al. 2025, "Muon is scalable for LLM training", section 2.2).
//! 2. A matrix that is taller than wide is multiplied from its other side, A = xᵀ x and x (…), so that
//!    A is always the smaller square and nothing is transposed.
//! 3. All products are those of `matmul`, or in bf16 those of `bf16`, as Jordan has them: each of
//!    their sums has the one order that it has there. What is not a product stays in f32.

use std::mem::swap;

use crate::{
    bf16,
    lanes::{Kernel, LANES, Lanes},
    matmul::{self, Accumulate, Epilogue, Panels},
    naive::bf16::Compute,
    sums,
    thread_pool::{DisjointSlices, ThreadPool},
};

/// The settings of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Muon {
    /// Learning rate.
    pub rate: f32,
    /// Decay of the mean of gradients.
    pub momentum: f32,
    /// Share of `rate` by which the weight shrinks.
    pub decay: f32,
    /// The type that the products of Newton–Schulz multiply.
    pub products: Compute,
}

/// Steps of Newton–Schulz.
pub const STEPS: usize = 5;
/// Keeps a direction of zeros from dividing by zero.
pub const EPSILON: f64 = 1e-7;

/// a, b and c of the polynomial: Jordan's, which bring a singular value from 0.01 on to 0.7 .. 1.2 in
/// five steps, rather than close to 1 in more.
pub fn newton_schulz_coefficients() -> [f32; 3] {
    [3.4445, -4.775, 2.0315]
}

/// How much longer than one with singular values of 1 the step of a matrix is.
pub fn factor([rows, columns]: [usize; 2]) -> f32 {
    0.2 * (rows.max(columns) as f32).sqrt()
}

/// Elements that are worth a thread of their own.
const MIN_PER_THREAD: usize = 16 * 1024;

/// Floats of scratch that [`muon`] needs for a matrix of this shape.
pub fn scratch_len(shape: [usize; 2], threads: usize, products: Compute) -> usize {
    let [rows, columns] = shape;
    let small = rows.min(columns);
    2 * whole(rows * columns) + 2 * whole(small * small) + products_len(shape, threads, products)
}

/// What the product with the largest scratch needs.
fn products_len([rows, columns]: [usize; 2], threads: usize, products: Compute) -> usize {
    let (small, is_tall) = (rows.min(columns), rows > columns);
    match products {
        Compute::F32 => {
            let of_shape = if is_tall {
                matmul::weight_gradient_scratch(rows, columns, columns, threads)
            } else {
                matmul::panels_len(rows, columns).max(matmul::panels_len(columns, rows))
            };
            of_shape.max(matmul::panels_len(small, small))
        }
        Compute::Bf16 => {
            let of_shape = if is_tall {
                bf16::weight_gradient_scratch(rows, columns, columns, threads)
            } else {
                bf16::panels_len(rows, columns).max(bf16::panels_len(columns, rows))
            };
            // The left side's rows stand before the panels.
            rounded_len([rows, columns]) + of_shape.max(bf16::panels_len(small, small))
        }
    }
}

/// Pairs of the widest left side.
fn rounded_len([rows, columns]: [usize; 2]) -> usize {
    whole(rows * bf16::pairs(columns))
}

/// So many floats that what follows begins on a cache line again.
fn whole(len: usize) -> usize {
    len.next_multiple_of(16)
}

/// A matrix `[rows, columns]` that takes a step.
#[derive(Debug)]
pub struct Matrix<'a> {
    /// Rows and columns.
    pub shape: [usize; 2],
    /// Its weights, which are changed.
    pub weight: &'a mut [f32],
    /// Their gradient.
    pub gradient: &'a [f32],
    /// The mean of gradients so far, which is updated.
    pub momentum: &'a mut [f32],
}

/// One step of a matrix; `clip` is a factor of the gradient.
///
/// `blocks`: [`sums::blocks_len`] of the matrix; `scratch`: [`scratch_len`].
pub fn muon(
    pool: &ThreadPool,
    settings: &Muon,
    clip: f32,
    matrix: Matrix<'_>,
    blocks: &mut [f64],
    scratch: &mut [f32],
) {
    let Matrix { shape, weight, gradient, momentum: m } = matrix;
    let len = weight.len();
    assert_eq!(len, shape[0] * shape[1], "a weight of another shape");
    let (direction, scratch) = scratch.split_at_mut(whole(len));
    let direction = &mut direction[..len];
    {
        let (m, direction) = (DisjointSlices::new(m), DisjointSlices::new(direction));
        pool.for_each_range(len, LANES, MIN_PER_THREAD, &|range| {
            // SAFETY: each range is cut once.
            let (m, direction) =
                unsafe { (m.range_mut(range.clone()), direction.range_mut(range.clone())) };
            let (momentum, gradient) = (settings.momentum, &gradient[range]);
            pool.isa().run(Aim { momentum, clip, gradient, m, direction });
        });
    }
    let direction = orthogonalize(pool, settings.products, shape, direction, blocks, scratch);
    let (shrink, step) = (1.0 - settings.rate * settings.decay, settings.rate * factor(shape));
    combine(pool, direction, -step, shrink, weight);
}

/// Brings every singular value of a matrix `[rows, columns]` near 1; returns where the result is.
///
/// `scratch`: [`scratch_len`] less the matrix itself.
pub fn orthogonalize<'a>(
    pool: &ThreadPool,
    products: Compute,
    shape: [usize; 2],
    mut x: &'a mut [f32],
    blocks: &mut [f64],
    scratch: &'a mut [f32],
) -> &'a [f32] {
    let [rows, columns] = shape;
    let small = rows.min(columns);
    let (next, scratch) = scratch.split_at_mut(whole(x.len()));
    let (gram, scratch) = scratch.split_at_mut(whole(small * small));
    let (square, scratch) = scratch.split_at_mut(whole(small * small));
    let mut next = &mut next[..x.len()];
    let (gram, square) = (&mut gram[..small * small], &mut square[..small * small]);
    let mut products = Products { pool, compute: products, scratch };

    let length = f64::sqrt(sums::sum_of_squares(pool, x, blocks));
    let shorten = (1.0 / (length + EPSILON)) as f32;
    x.iter_mut().for_each(|x| *x *= shorten);

    let [a, b, c] = newton_schulz_coefficients();
    for _ in 0..STEPS {
        if rows <= columns {
            products.forward(x, x, shape, gram);
        } else {
            products.own_square(x, columns, gram);
        }
        products.forward(gram, gram, [small, small], square);
        combine(pool, square, c, b, gram);
        for diagonal in 0..small {
            gram[diagonal * small + diagonal] += a;
        }
        if rows <= columns {
            products.plain(gram, x, shape, next);
        } else {
            // The polynomial of a symmetric matrix is one, bit for bit: it is its own transpose.
            products.forward(x, gram, [columns, columns], next);
        }
        swap(&mut x, &mut next);
    }
    x
}

/// The three products of a step, in either precision.
struct Products<'a> {
    pool: &'a ThreadPool,
    compute: Compute,
    /// Panels, and before them in bf16 the rounded rows of the left side.
    scratch: &'a mut [f32],
}

impl Products<'_> {
    /// x · weightᵀ, of x `[rows, inner]` and weight `[outputs, inner]`.
    fn forward(
        &mut self,
        x: &[f32],
        weight: &[f32],
        [outputs, inner]: [usize; 2],
        out: &mut [f32],
    ) {
        let pool = self.pool;
        match self.compute {
            Compute::F32 => {
                let data = &mut self.scratch[..matmul::panels_len(outputs, inner)];
                matmul::pack(pool, weight, outputs, inner, data);
                let panels = Panels { data, outputs, inner };
                matmul::forward(pool, x, panels, Epilogue::default(), out);
            }
            Compute::Bf16 => {
                let (left, scratch) = rounded(pool, x, inner, bf16::as_pairs_mut(self.scratch));
                let data = &mut scratch[..bf16::panels_len(outputs, inner)];
                bf16::pack(pool, weight, outputs, inner, data);
                let panels = bf16::Panels { data, outputs, inner };
                bf16::forward(pool, left, panels, Epilogue::default(), out);
            }
        }
    }

    /// xᵀ · x, of x `[rows, columns]`.
    fn own_square(&mut self, x: &[f32], columns: usize, out: &mut [f32]) {
        out.fill(0.0);
        let (pool, scratch) = (self.pool, &mut *self.scratch);
        match self.compute {
            Compute::F32 => matmul::weight_gradient(pool, x, x, columns, columns, scratch, out),
            Compute::Bf16 => {
                let scratch = bf16::as_pairs_mut(scratch);
                bf16::weight_gradient(pool, x, x, columns, columns, scratch, out);
            }
        }
    }

    /// square · x, of a square `[rows, rows]` and x `[rows, columns]`.
    fn plain(&mut self, square: &[f32], x: &[f32], [rows, columns]: [usize; 2], out: &mut [f32]) {
        let (pool, outputs, inner) = (self.pool, columns, rows);
        match self.compute {
            Compute::F32 => {
                let data = &mut self.scratch[..matmul::panels_len(outputs, inner)];
                matmul::pack_transposed(pool, x, rows, columns, data);
                let panels = Panels { data, outputs, inner };
                matmul::input_gradient(pool, square, 0, panels, Accumulate::FromZero, out);
            }
            Compute::Bf16 => {
                let (left, scratch) = rounded(pool, square, rows, bf16::as_pairs_mut(self.scratch));
                let data = &mut scratch[..bf16::panels_len(outputs, inner)];
                bf16::pack_transposed(pool, x, rows, columns, data);
                let panels = bf16::Panels { data, outputs, inner };
                bf16::input_gradient(pool, left, panels, Accumulate::FromZero, out);
            }
        }
    }
}

/// Rows as a product of pairs reads them from the left, and the scratch that is left.
fn rounded<'a>(
    pool: &ThreadPool,
    matrix: &[f32],
    width: usize,
    scratch: &'a mut [u32],
) -> (&'a [u32], &'a mut [u32]) {
    let rows = matrix.len() / width;
    let (left, scratch) = scratch.split_at_mut(rounded_len([rows, width]));
    let left = &mut left[..rows * bf16::pairs(width)];
    bf16::round_rows(pool, matrix, width, 0..width, left);
    (left, scratch)
}

/// to = x · scale + to · keep
fn combine(pool: &ThreadPool, x: &[f32], scale: f32, keep: f32, out: &mut [f32]) {
    let len = out.len();
    let out = DisjointSlices::new(out);
    pool.for_each_range(len, LANES, MIN_PER_THREAD, &|range| {
        // SAFETY: each range is cut once.
        let out = unsafe { out.range_mut(range.clone()) };
        pool.isa().run(Combine { x: &x[range], scale, keep, out });
    });
}

/// The momentum, and the direction that looks one step ahead of it.
struct Aim<'a> {
    momentum: f32,
    clip: f32,
    gradient: &'a [f32],
    m: &'a mut [f32],
    direction: &'a mut [f32],
}

impl Kernel for Aim<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) {
        let clip = simd.splat(self.clip);
        let (keep, new) = (simd.splat(self.momentum), simd.splat(1.0 - self.momentum));
        let states = self.m.chunks_mut(LANES).zip(self.direction.chunks_mut(LANES));
        for ((m, direction), gradient) in states.zip(self.gradient.chunks(LANES)) {
            let g = simd.mul(simd.load_some(gradient), clip);
            let old = simd.load_some(m);
            let mean = simd.fma(simd.sub(g, old), new, old);
            simd.store_some(mean, m);
            simd.store_some(simd.fma(simd.sub(mean, g), keep, g), direction);
        }
    }
}

struct Combine<'a> {
    x: &'a [f32],
    scale: f32,
    keep: f32,
    out: &'a mut [f32],
}

impl Kernel for Combine<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) {
        let (scale, keep) = (simd.splat(self.scale), simd.splat(self.keep));
        for (out, x) in self.out.chunks_mut(LANES).zip(self.x.chunks(LANES)) {
            let kept = simd.mul(simd.load_some(out), keep);
            simd.store_some(simd.fma(simd.load_some(x), scale, kept), out);
        }
    }
}
