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
//! 3. All products are those of `matmul`, or with `pairs` those of `bf16`, as Jordan has them: each of
//!    their sums has the one order that it has there. What is not a product stays in f32.

use std::mem::swap;

use crate::{
    bf16,
    lanes::{Kernel, LANES, Lanes},
    matmul::{self, Accumulate, Epilogue, Panels},
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
    /// Whether the products of Newton–Schulz multiply numbers rounded to bf16.
    pub pairs: bool,
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
pub fn scratch_len(shape: [usize; 2], threads: usize, pairs: bool) -> usize {
    let [rows, columns] = shape;
    let small = rows.min(columns);
    let products = if pairs { pairs_len(shape, threads) } else { products_len(shape, threads) };
    2 * whole(rows * columns) + 2 * whole(small * small) + products
}

/// What the hungriest of the products needs, of numbers in pairs: the left side's rows, then the panels.
fn pairs_len([rows, columns]: [usize; 2], threads: usize) -> usize {
    let small = rows.min(columns);
    let of_shape = if rows <= columns {
        bf16::panels_len(rows, columns).max(bf16::panels_len(columns, rows))
    } else {
        bf16::weight_gradient_scratch(rows, columns, columns, threads)
    };
    rounded_len([rows, columns]) + of_shape.max(bf16::panels_len(small, small))
}

/// Pairs of the widest left side.
fn rounded_len([rows, columns]: [usize; 2]) -> usize {
    whole(rows * bf16::pairs(columns))
}

/// What the hungriest of the products needs.
fn products_len([rows, columns]: [usize; 2], threads: usize) -> usize {
    let small = rows.min(columns);
    let of_shape = if rows <= columns {
        matmul::panels_len(rows, columns).max(matmul::panels_len(columns, rows))
    } else {
        matmul::weight_gradient_scratch(rows, columns, columns, threads)
    };
    of_shape.max(matmul::panels_len(small, small))
}

/// So many floats that what follows begins on a cache line again.
fn whole(len: usize) -> usize {
    len.next_multiple_of(16)
}

/// One step of a matrix `[rows, columns]`; `clip` is a factor of the gradient, `m` the momentum.
///
/// `blocks`: [`sums::blocks_len`] of the matrix; `scratch`: [`scratch_len`].
#[allow(clippy::too_many_arguments, reason = "three matrices with their shape, and scratch")]
pub fn muon(
    pool: &ThreadPool,
    settings: &Muon,
    clip: f32,
    shape: [usize; 2],
    weight: &mut [f32],
    gradient: &[f32],
    m: &mut [f32],
    blocks: &mut [f64],
    scratch: &mut [f32],
) {
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
    let direction = orthogonalize(pool, settings.pairs, shape, direction, blocks, scratch);
    let (shrink, step) = (1.0 - settings.rate * settings.decay, settings.rate * factor(shape));
    combine(pool, direction, -step, shrink, weight);
}

/// Brings every singular value of a matrix `[rows, columns]` near 1; says where the result stands.
///
/// `scratch`: [`scratch_len`] less the matrix itself.
pub fn orthogonalize<'a>(
    pool: &ThreadPool,
    pairs: bool,
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

    let length = f64::sqrt(sums::sum_of_squares(pool, x, blocks));
    let shorten = (1.0 / (length + EPSILON)) as f32;
    x.iter_mut().for_each(|x| *x *= shorten);

    let [a, b, c] = newton_schulz_coefficients();
    for _ in 0..STEPS {
        if pairs {
            gram_of_pairs(pool, shape, x, scratch, gram);
            square_of_pairs(pool, small, gram, scratch, square);
        } else {
            gram_of(pool, shape, x, scratch, gram);
            let panels = packed(pool, gram, [small, small], scratch);
            matmul::forward(pool, gram, panels, Epilogue::default(), square);
        }
        combine(pool, square, c, b, gram);
        for diagonal in 0..small {
            gram[diagonal * small + diagonal] += a;
        }
        if pairs {
            apply_polynomial_in_pairs(pool, shape, gram, x, scratch, next);
        } else {
            apply_polynomial(pool, shape, gram, x, scratch, next);
        }
        swap(&mut x, &mut next);
    }
    x
}

/// x xᵀ, or xᵀ x of a tall matrix.
fn gram_of(
    pool: &ThreadPool,
    [rows, columns]: [usize; 2],
    x: &[f32],
    scratch: &mut [f32],
    gram: &mut [f32],
) {
    if rows <= columns {
        let panels = packed(pool, x, [rows, columns], scratch);
        matmul::forward(pool, x, panels, Epilogue::default(), gram);
    } else {
        gram.fill(0.0);
        matmul::weight_gradient(pool, x, x, columns, columns, scratch, gram);
    }
}

/// The polynomial times x, from the left or, of a tall matrix, from the right.
fn apply_polynomial(
    pool: &ThreadPool,
    [rows, columns]: [usize; 2],
    polynomial: &[f32],
    x: &[f32],
    scratch: &mut [f32],
    next: &mut [f32],
) {
    if rows <= columns {
        let data = &mut scratch[..matmul::panels_len(columns, rows)];
        matmul::pack_transposed(pool, x, rows, columns, data);
        let panels = Panels { data, outputs: columns, inner: rows };
        matmul::input_gradient(pool, polynomial, 0, panels, Accumulate::FromZero, next);
    } else {
        // The polynomial of a symmetric matrix is one, bit for bit: it is its own transpose.
        let panels = packed(pool, polynomial, [columns, columns], scratch);
        matmul::forward(pool, x, panels, Epilogue::default(), next);
    }
}

/// [`gram_of`] in pairs.
fn gram_of_pairs(
    pool: &ThreadPool,
    [rows, columns]: [usize; 2],
    x: &[f32],
    scratch: &mut [f32],
    gram: &mut [f32],
) {
    let scratch = bf16::as_pairs_mut(scratch);
    if rows <= columns {
        square_of_rows(pool, [rows, columns], x, scratch, gram);
    } else {
        gram.fill(0.0);
        bf16::weight_gradient(pool, x, x, columns, columns, scratch, gram);
    }
}

/// A · A of a symmetric matrix, in pairs.
fn square_of_pairs(
    pool: &ThreadPool,
    small: usize,
    gram: &[f32],
    scratch: &mut [f32],
    to: &mut [f32],
) {
    square_of_rows(pool, [small, small], gram, bf16::as_pairs_mut(scratch), to);
}

/// Every row times every row, in pairs.
fn square_of_rows(
    pool: &ThreadPool,
    [rows, columns]: [usize; 2],
    x: &[f32],
    scratch: &mut [u32],
    to: &mut [f32],
) {
    let (left, scratch) = rounded(pool, x, [rows, columns], scratch);
    let data = &mut scratch[..bf16::panels_len(rows, columns)];
    bf16::pack(pool, x, rows, columns, data);
    let panels = bf16::Panels { data, outputs: rows, inner: columns };
    bf16::forward(pool, left, panels, Epilogue::default(), to);
}

/// [`apply_polynomial`] in pairs.
fn apply_polynomial_in_pairs(
    pool: &ThreadPool,
    [rows, columns]: [usize; 2],
    polynomial: &[f32],
    x: &[f32],
    scratch: &mut [f32],
    next: &mut [f32],
) {
    let scratch = bf16::as_pairs_mut(scratch);
    if rows <= columns {
        let (left, scratch) = rounded(pool, polynomial, [rows, rows], scratch);
        let data = &mut scratch[..bf16::panels_len(columns, rows)];
        bf16::pack_transposed(pool, x, rows, columns, data);
        let panels = bf16::Panels { data, outputs: columns, inner: rows };
        bf16::input_gradient(pool, left, panels, Accumulate::FromZero, next);
    } else {
        let (left, scratch) = rounded(pool, x, [rows, columns], scratch);
        let data = &mut scratch[..bf16::panels_len(columns, columns)];
        bf16::pack(pool, polynomial, columns, columns, data);
        let panels = bf16::Panels { data, outputs: columns, inner: columns };
        bf16::forward(pool, left, panels, Epilogue::default(), next);
    }
}

/// A matrix as a product of pairs reads it from the left, and the scratch that is left.
fn rounded<'a>(
    pool: &ThreadPool,
    matrix: &[f32],
    [rows, width]: [usize; 2],
    scratch: &'a mut [u32],
) -> (&'a [u32], &'a mut [u32]) {
    let (left, scratch) = scratch.split_at_mut(rounded_len([rows, width]));
    let left = &mut left[..rows * bf16::pairs(width)];
    bf16::round_rows(pool, matrix, width, 0..width, left);
    (left, scratch)
}

/// A matrix as a product reads it from the right.
fn packed<'a>(
    pool: &ThreadPool,
    matrix: &[f32],
    [outputs, inner]: [usize; 2],
    scratch: &'a mut [f32],
) -> Panels<'a> {
    let data = &mut scratch[..matmul::panels_len(outputs, inner)];
    matmul::pack(pool, matrix, outputs, inner, data);
    Panels { data, outputs, inner }
}

/// to = x · by + to · keep
fn combine(pool: &ThreadPool, x: &[f32], scale: f32, keep: f32, to: &mut [f32]) {
    let len = to.len();
    let to = DisjointSlices::new(to);
    pool.for_each_range(len, LANES, MIN_PER_THREAD, &|range| {
        // SAFETY: each range is cut once.
        let to = unsafe { to.range_mut(range.clone()) };
        pool.isa().run(Combine { x: &x[range], scale, keep, to });
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
    to: &'a mut [f32],
}

impl Kernel for Combine<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) {
        let (scale, keep) = (simd.splat(self.scale), simd.splat(self.keep));
        for (to, x) in self.to.chunks_mut(LANES).zip(self.x.chunks(LANES)) {
            let kept = simd.mul(simd.load_some(to), keep);
            simd.store_some(simd.fma(simd.load_some(x), scale, kept), to);
        }
    }
}
