//! The innermost loop of matrix products and attention: a few rows by up to 64 columns of outputs,
//! each a chain of fused multiply-adds over its steps.
//!
//! ```text
//! for each row r, column c:  sum = 0, or what stands in out[r][c]
//!     for step in 0..steps:  sum = fma(a[r][step], b[step][c], sum)
//! ```
//! 1. The sums of a tile stay in registers: 6 rows × 4 vectors fill 24 of AVX-512's 32.
//! 2. Lanes are columns, so no lane ever meets another and the order of a chain is that of the steps.
//! 3. Whoever cuts the steps into parts stores the sums and goes on from them: the same chain.
//! 4. A tile is a function of its own, compiled once a path: with its many cases it is the largest part
//!    of every product, and a call costs nothing beside hundreds of steps.
//!
//! What a step multiplies is [`Multiply`]'s affair: two numbers, or two pairs of bf16.

mod step;

use crate::{
    lanes::{Kernel, LANES, Lanes, PairKernel, Pairs},
    path::Path,
};

pub(crate) use step::{ByPairs, Multiply, Sums, step};

/// Rows of a tile.
pub(crate) const ROWS: usize = 6;
/// Columns of a panel.
pub(crate) const COLUMNS: usize = 64;

/// A matrix somewhere: element `[row][step]` at `at + row · by_row + step · by_step`.
#[derive(Clone, Copy)]
pub(crate) struct Left<E = f32> {
    pub at: *const E,
    pub by_row: usize,
    pub by_step: usize,
}

/// A matrix whose rows are steps and whose columns lie side by side.
#[derive(Clone, Copy)]
pub(crate) struct Right<E = f32> {
    pub at: *const E,
    pub by_step: usize,
}

/// Where the outputs stand.
#[derive(Clone, Copy)]
pub(crate) struct Out {
    pub at: *mut f32,
    pub by_row: usize,
}

impl<E> Left<E> {
    #[inline(always)]
    pub(crate) unsafe fn from(self, row: usize, step: usize) -> Self {
        // SAFETY: the caller promises that the element exists.
        Self { at: unsafe { self.at.add(row * self.by_row + step * self.by_step) }, ..self }
    }
}

impl<E> Right<E> {
    #[inline(always)]
    pub(crate) unsafe fn from(self, step: usize, column: usize) -> Self {
        // SAFETY: the caller promises that the element exists.
        Self { at: unsafe { self.at.add(step * self.by_step + column) }, ..self }
    }
}

impl Out {
    #[inline(always)]
    pub(crate) unsafe fn from(self, row: usize, column: usize) -> Self {
        // SAFETY: the caller promises that the element exists.
        Self { at: unsafe { self.at.add(row * self.by_row + column) }, ..self }
    }
}

/// Asks for a line that will be read soon. Any address may be asked for.
#[inline(always)]
pub(crate) fn prefetch(at: *const f32) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: every x86-64 processor has this instruction, and it never faults.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

/// The arguments of [`tile`]. Whoever makes one has made its promise.
#[derive(Clone, Copy)]
pub(crate) struct Tile<E> {
    rows: usize,
    columns: usize,
    steps: usize,
    a: Left<E>,
    b: Right<E>,
    out: Out,
    goes_on: bool,
}

/// `rows` (at most 6) by `columns` (at most 64) outputs.
///
/// # Safety
/// All elements of the three matrices exist, and no other thread touches the outputs. Only the first
/// `columns` of each row of `b` and `out` are touched.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "three matrices and the shape of a tile")]
pub(crate) unsafe fn tile<M: Multiply>(
    on: M,
    rows: usize,
    columns: usize,
    steps: usize,
    a: Left<M::Element>,
    b: Right<M::Element>,
    out: Out,
    goes_on: bool,
) {
    // SAFETY: the caller's promise.
    unsafe { on.compute(Tile { rows, columns, steps, a, b, out, goes_on }) }
}

/// The same over pairs, within a kernel that is none over pairs.
///
/// # Safety
/// As [`tile`].
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "three matrices and the shape of a tile")]
pub(crate) unsafe fn tile_of_pairs(
    on: Path,
    rows: usize,
    columns: usize,
    steps: usize,
    a: Left<u32>,
    b: Right<u32>,
    out: Out,
    goes_on: bool,
) {
    on.run_pairs(Tile { rows, columns, steps, a, b, out, goes_on });
}

impl Kernel for Tile<f32> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, on: L) {
        self.of_rows(on);
    }
}

impl PairKernel for Tile<u32> {
    type Output = ();

    #[inline(always)]
    fn run<P: Pairs>(self, on: P) {
        self.of_rows(ByPairs(on));
    }
}

impl<E: Copy> Tile<E> {
    #[inline(always)]
    fn of_rows<M: Multiply<Element = E>>(self, on: M) {
        let Self { rows, columns, steps, a, b, out, goes_on } = self;
        // SAFETY: the promise of whoever made this tile, for parts of the same matrices.
        unsafe {
            match rows {
                6 => wide::<M, 6>(on, columns, steps, a, b, out, goes_on),
                5 => wide::<M, 5>(on, columns, steps, a, b, out, goes_on),
                4 => wide::<M, 4>(on, columns, steps, a, b, out, goes_on),
                3 => wide::<M, 3>(on, columns, steps, a, b, out, goes_on),
                2 => wide::<M, 2>(on, columns, steps, a, b, out, goes_on),
                1 => wide::<M, 1>(on, columns, steps, a, b, out, goes_on),
                _ => {}
            }
        }
    }
}

/// Cuts the columns into as many vectors as the registers hold.
#[inline(always)]
unsafe fn wide<M: Multiply, const R: usize>(
    on: M,
    columns: usize,
    steps: usize,
    a: Left<M::Element>,
    b: Right<M::Element>,
    out: Out,
    goes_on: bool,
) {
    let mut column = 0;
    while column < columns {
        let left = columns - column;
        // SAFETY: the columns from here on exist.
        let (b, out) = unsafe { (b.from(0, column), out.from(0, column)) };
        // SAFETY: the caller's promise, for parts of the same matrices.
        unsafe {
            if fits::<M::Lanes>(R, 4) && left > 48 {
                vectors::<M, R, 4>(on, left.min(64), steps, a, b, out, goes_on);
                column += 64;
            } else if fits::<M::Lanes>(R, 3) && left > 32 {
                vectors::<M, R, 3>(on, left.min(48), steps, a, b, out, goes_on);
                column += 48;
            } else if fits::<M::Lanes>(R, 2) && left > 16 {
                vectors::<M, R, 2>(on, left.min(32), steps, a, b, out, goes_on);
                column += 32;
            } else {
                vectors::<M, R, 1>(on, left.min(16), steps, a, b, out, goes_on);
                column += 16;
            }
        }
    }
}

/// Whether the sums of so many rows and vectors stay in registers, and enough of them are left for the
/// factors. Where there are sixteen a sum takes two: one row goes through a panel from its beginning to
/// its end in eight chains, where two would wait for each other.
#[inline(always)]
const fn fits<L: Lanes>(rows: usize, vectors: usize) -> bool {
    vectors <= L::WIDE || rows * vectors <= 4
}

/// R rows by V vectors, of which the last may be partly filled; the loop for whole ones does not ask.
#[inline(always)]
unsafe fn vectors<M: Multiply, const R: usize, const V: usize>(
    on: M,
    columns: usize,
    steps: usize,
    a: Left<M::Element>,
    b: Right<M::Element>,
    out: Out,
    goes_on: bool,
) {
    // SAFETY: the caller's promise.
    unsafe {
        if columns == V * LANES {
            chains::<M, R, V, true>(on, LANES, steps, a, b, out, goes_on);
        } else {
            let last = columns - (V - 1) * LANES;
            chains::<M, R, V, false>(on, last, steps, a, b, out, goes_on);
        }
    }
}

/// R rows by V vectors; if they are not `WHOLE`, the last has only `last` columns.
#[inline(always)]
unsafe fn chains<M: Multiply, const R: usize, const V: usize, const WHOLE: bool>(
    on: M,
    last: usize,
    steps: usize,
    a: Left<M::Element>,
    b: Right<M::Element>,
    out: Out,
    goes_on: bool,
) {
    let lanes = on.lanes();
    let mut sums = [[lanes.splat(0.0); V]; R];
    if goes_on {
        for (r, sums) in sums.iter_mut().enumerate() {
            for (v, sum) in sums.iter_mut().enumerate() {
                // SAFETY: row r of the outputs exists, with as many columns as are loaded.
                unsafe {
                    let at = out.at.add(r * out.by_row + v * LANES);
                    *sum = if WHOLE || v < V - 1 {
                        lanes.load_at(at)
                    } else {
                        lanes.load_part(std::slice::from_raw_parts(at, last))
                    };
                }
            }
        }
    }
    let (mut a_at, mut b_at) = (a.at, b.at);
    for _ in 0..steps {
        // SAFETY: this step of each row of `a` exists, and so do its columns of `b`.
        unsafe { step::<M, R, V, WHOLE>(on, a_at, a.by_row, b_at, last, &mut sums) };
        a_at = a_at.wrapping_add(a.by_step);
        b_at = b_at.wrapping_add(b.by_step);
    }
    for (r, sums) in sums.iter().enumerate() {
        for (v, &sum) in sums.iter().enumerate() {
            // SAFETY: row r of the outputs exists, with as many columns as are stored.
            unsafe {
                let at = out.at.add(r * out.by_row + v * LANES);
                if WHOLE || v < V - 1 {
                    lanes.store_at(sum, at);
                } else {
                    lanes.store_part(sum, std::slice::from_raw_parts_mut(at, last));
                }
            }
        }
    }
}
