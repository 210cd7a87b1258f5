//! The micro-kernel of matrix products and attention: a tile of at most 6 rows by 64 columns of outputs.
//! Each output is a chain of fused multiply-adds over the steps, which are the inner dimension.
//!
//! ```text
//! for each row r, column c:  sum = 0, or what stands in out[r][c]
//!     for step in 0..steps:  sum = fma(a[r][step], b[step][c], sum)
//! ```
//! 1. The sums of a tile stay in registers: 6 rows × 4 vectors fill 24 of AVX-512's 32.
//! 2. Lanes are columns. No sum crosses lanes, so a chain adds its products in the order of the steps.
//! 3. The steps may be computed in several calls: the sums are stored in the output, and the next call
//!    accumulates onto them. The chain, and so every bit, is the same.
//! 4. A tile is not inlined. It is compiled once for each instruction set, because its many cases make it
//!    the largest part of every product; the call is cheap beside hundreds of steps.
//!
//! A step multiplies two numbers, or two pairs of bf16: see [`Multiply`].

mod step;

use crate::{
    isa::Isa,
    lanes::{Kernel, LANES, Lanes, PairKernel, Pairs},
    naive::matmul::Accumulate,
};

pub(crate) use step::{Multiply, PairMultiply, Sums, step};

/// Rows of a tile.
pub(crate) const ROWS: usize = 6;
/// Columns of a panel.
pub(crate) const COLUMNS: usize = 64;

/// The left-hand matrix: element `[row][step]` is at `ptr + row · row_stride + step · step_stride`.
#[derive(Clone, Copy)]
pub(crate) struct Lhs<E = f32> {
    pub ptr: *const E,
    pub row_stride: usize,
    pub step_stride: usize,
}

/// The right-hand matrix: element `[step][column]` is at `ptr + step · step_stride + column`.
#[derive(Clone, Copy)]
pub(crate) struct Rhs<E = f32> {
    pub ptr: *const E,
    pub step_stride: usize,
}

/// The output matrix: element `[row][column]` is at `ptr + row · row_stride + column`.
#[derive(Clone, Copy)]
pub(crate) struct OutPtr {
    pub ptr: *mut f32,
    pub row_stride: usize,
}

impl<E> Lhs<E> {
    /// The part that begins at an element.
    ///
    /// # Safety
    /// The element is in the allocation that `ptr` points into, or one past its end.
    #[inline(always)]
    pub(crate) unsafe fn offset(self, row: usize, step: usize) -> Self {
        debug_assert!(!self.ptr.is_null() && self.ptr.is_aligned());
        // SAFETY: by the precondition, the sum stays in the allocation.
        let ptr = unsafe { self.ptr.add(row * self.row_stride + step * self.step_stride) };
        Self { ptr, ..self }
    }
}

impl<E> Rhs<E> {
    /// The part that begins at an element.
    ///
    /// # Safety
    /// The element is in the allocation that `ptr` points into, or one past its end.
    #[inline(always)]
    pub(crate) unsafe fn offset(self, step: usize, column: usize) -> Self {
        debug_assert!(!self.ptr.is_null() && self.ptr.is_aligned());
        // SAFETY: by the precondition, the sum stays in the allocation.
        Self { ptr: unsafe { self.ptr.add(step * self.step_stride + column) }, ..self }
    }
}

impl<E> Operands<E> {
    /// The same rows and steps, from a column on.
    ///
    /// # Safety
    /// The column is one of `b` and of `out`.
    #[inline(always)]
    pub(crate) unsafe fn offset_column(self, column: usize) -> Self {
        debug_assert!(self.has_no_null());
        // SAFETY: by the precondition, both have this column.
        let (b, out) = unsafe { (self.b.offset(0, column), self.out.offset(0, column)) };
        Self { b, out, ..self }
    }

    /// Whether no matrix is null.
    #[inline(always)]
    pub(crate) fn has_no_null(&self) -> bool {
        !self.a.ptr.is_null() && !self.b.ptr.is_null() && !self.out.ptr.is_null()
    }
}

impl OutPtr {
    /// The part that begins at an element.
    ///
    /// # Safety
    /// The element is in the allocation that `ptr` points into, or one past its end.
    #[inline(always)]
    pub(crate) unsafe fn offset(self, row: usize, column: usize) -> Self {
        debug_assert!(!self.ptr.is_null() && self.ptr.is_aligned());
        // SAFETY: by the precondition, the sum stays in the allocation.
        Self { ptr: unsafe { self.ptr.add(row * self.row_stride + column) }, ..self }
    }
}

/// The operands of a product: its matrices, and what its sums begin at.
#[derive(Clone, Copy)]
pub(crate) struct Operands<E = f32> {
    pub a: Lhs<E>,
    pub b: Rhs<E>,
    pub out: OutPtr,
    pub accumulate: Accumulate,
}

/// Prefetches a cache line that will be read soon. Any address is allowed.
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

/// The arguments of [`tile`]. Only [`tile`] and [`tile_of_pairs`] make one, so it upholds their preconditions.
#[derive(Clone, Copy)]
pub(crate) struct Tile<E> {
    rows: usize,
    columns: usize,
    steps: usize,
    operands: Operands<E>,
}

/// Computes `rows` (at most 6) by `columns` (at most 64) outputs.
///
/// # Safety
/// - `operands.a` can be read at `rows` rows by `steps` steps.
/// - `operands.b` can be read at `steps` steps by `columns` columns; no column beyond them is read.
/// - `operands.out` can be read and written at `rows` rows by `columns` columns, and no other thread accesses
///   those.
#[inline(always)]
pub(crate) unsafe fn tile<M: Multiply>(
    simd: M,
    rows: usize,
    columns: usize,
    steps: usize,
    operands: Operands<M::Element>,
) {
    debug_assert!(rows <= ROWS && columns <= COLUMNS, "a tile of {rows} rows by {columns} columns");
    debug_assert!(operands.has_no_null());
    // SAFETY: `compute` has the same preconditions.
    unsafe { simd.compute(Tile { rows, columns, steps, operands }) }
}

/// [`tile`] over pairs, for a kernel that is itself not a [`PairKernel`].
///
/// # Safety
/// As [`tile`], with pairs as the elements of `a` and `b`.
#[inline(always)]
pub(crate) unsafe fn tile_of_pairs(
    isa: Isa,
    rows: usize,
    columns: usize,
    steps: usize,
    operands: Operands<u32>,
) {
    debug_assert!(rows <= ROWS && columns <= COLUMNS, "a tile of {rows} rows by {columns} columns");
    debug_assert!(operands.has_no_null());
    isa.run_pairs(Tile { rows, columns, steps, operands });
}

impl Kernel for Tile<f32> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) {
        self.compute_rows(simd);
    }
}

impl PairKernel for Tile<u32> {
    type Output = ();

    #[inline(always)]
    fn run<P: Pairs>(self, simd: P) {
        self.compute_rows(PairMultiply(simd));
    }
}

impl<E: Copy> Tile<E> {
    #[inline(always)]
    fn compute_rows<M: Multiply<Element = E>>(self, simd: M) {
        let Self { rows, columns, steps, operands } = self;
        // SAFETY: `tile` and `tile_of_pairs`, which alone make a `Tile`, require what is required here.
        unsafe {
            match rows {
                6 => split_columns::<M, 6>(simd, columns, steps, operands),
                5 => split_columns::<M, 5>(simd, columns, steps, operands),
                4 => split_columns::<M, 4>(simd, columns, steps, operands),
                3 => split_columns::<M, 3>(simd, columns, steps, operands),
                2 => split_columns::<M, 2>(simd, columns, steps, operands),
                1 => split_columns::<M, 1>(simd, columns, steps, operands),
                _ => {}
            }
        }
    }
}

/// Splits the columns into groups of as many vectors as the registers hold sums for.
///
/// # Safety
/// As [`tile`], of R rows.
#[inline(always)]
unsafe fn split_columns<M: Multiply, const R: usize>(
    simd: M,
    columns: usize,
    steps: usize,
    operands: Operands<M::Element>,
) {
    let mut column = 0;
    while column < columns {
        let left = columns - column;
        // SAFETY: `column` is below `columns`, so both elements exist.
        let operands = unsafe { operands.offset_column(column) };
        // SAFETY: each call has a part of the columns for which the precondition holds.
        unsafe {
            if fits::<M::Lanes>(R, 4) && left > 48 {
                column_vectors::<M, R, 4>(simd, left.min(64), steps, operands);
                column += 64;
            } else if fits::<M::Lanes>(R, 3) && left > 32 {
                column_vectors::<M, R, 3>(simd, left.min(48), steps, operands);
                column += 48;
            } else if fits::<M::Lanes>(R, 2) && left > 16 {
                column_vectors::<M, R, 2>(simd, left.min(32), steps, operands);
                column += 32;
            } else {
                column_vectors::<M, R, 1>(simd, left.min(16), steps, operands);
                column += 16;
            }
        }
    }
}

/// Whether registers hold the sums of so many rows and vectors, and the factors besides. Of sixteen
/// registers (AVX2), a vector of sums takes two. There one row computes four vectors at once all the same:
/// eight independent chains hide the latency of an addition, where two would wait for each other.
#[inline(always)]
const fn fits<L: Lanes>(rows: usize, column_vectors: usize) -> bool {
    column_vectors <= L::VECTORS_PER_ROW || rows * column_vectors <= 4
}

/// R rows by V vectors, the last of which may have fewer than sixteen columns. Full vectors have a loop of
/// their own, without masks.
///
/// # Safety
/// As [`tile`], of R rows and more than `(V - 1) · 16` and at most `V · 16` columns.
#[inline(always)]
unsafe fn column_vectors<M: Multiply, const R: usize, const V: usize>(
    simd: M,
    columns: usize,
    steps: usize,
    operands: Operands<M::Element>,
) {
    debug_assert!(columns > (V - 1) * LANES && columns <= V * LANES);
    // SAFETY: `last` is how many columns of the last vector exist, and all others are full.
    unsafe {
        if columns == V * LANES {
            micro_kernel::<M, R, V, true>(simd, LANES, steps, operands);
        } else {
            let last = columns - (V - 1) * LANES;
            micro_kernel::<M, R, V, false>(simd, last, steps, operands);
        }
    }
}

/// The sums of R rows by V vectors in registers, over all steps. Unless they are `WHOLE`, the last vector has
/// only `last` columns.
///
/// # Safety
/// As [`tile`], of R rows and `(V - 1) · 16 + last` columns.
#[inline(always)]
unsafe fn micro_kernel<M: Multiply, const R: usize, const V: usize, const WHOLE: bool>(
    simd: M,
    last: usize,
    steps: usize,
    operands: Operands<M::Element>,
) {
    let lanes = simd.lanes();
    let Operands { a, b, out, accumulate } = operands;
    let mut sums = [[lanes.splat(0.0); V]; R];
    if accumulate == Accumulate::FromOutput {
        for (r, sums) in sums.iter_mut().enumerate() {
            for (v, sum) in sums.iter_mut().enumerate() {
                // SAFETY: row r of the outputs exists, with as many columns as are loaded.
                unsafe {
                    let at = out.ptr.add(r * out.row_stride + v * LANES);
                    *sum = if WHOLE || v < V - 1 {
                        lanes.load_at(at)
                    } else {
                        lanes.load_part(std::slice::from_raw_parts(at, last))
                    };
                }
            }
        }
    }
    let (mut a_at, mut b_at) = (a.ptr, b.ptr);
    for _ in 0..steps {
        // SAFETY: this step of each row of `a` exists, and so do its columns of `b`.
        unsafe { step::<M, R, V, WHOLE>(simd, a_at, a.row_stride, b_at, last, &mut sums) };
        a_at = a_at.wrapping_add(a.step_stride);
        b_at = b_at.wrapping_add(b.step_stride);
    }
    for (r, sums) in sums.iter().enumerate() {
        for (v, &sum) in sums.iter().enumerate() {
            // SAFETY: row r of the outputs exists, with as many columns as are stored.
            unsafe {
                let at = out.ptr.add(r * out.row_stride + v * LANES);
                if WHOLE || v < V - 1 {
                    lanes.store_at(sum, at);
                } else {
                    lanes.store_part(sum, std::slice::from_raw_parts_mut(at, last));
                }
            }
        }
    }
}
