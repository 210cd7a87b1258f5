//! A ragged tile: each row has a range of steps of its own, as under a causal mask (the lower-triangular
//! part of a tile) or a sliding window. The products of attention need it beside `tile`.
//!
//! ```text
//! for each row r, column c:  sum = 0, or what stands in out[r][c]
//!     for number in ranges[r]:  sum = fma(a[r][number], b[number][c], sum)
//! ```
//! 1. The steps that all rows share are computed for all rows together, as in `tile`.
//! 2. The steps before and after those are computed row by row; meanwhile the sums stand in the outputs.
//!    A step outside a row's range is never added, not even as a zero.
//! 3. A step over pairs is two numbers. Where a row's range begins or ends between the two, both factors
//!    of the number outside are set to +0.

use std::ops::Range;

use crate::{
    isa::Isa,
    lanes::{Kernel, LANES, Lanes, PairKernel, Pairs},
    naive::matmul::Accumulate,
    tile::{COLUMNS, Multiply, Operands, OutPtr, PairMultiply, ROWS, Sums, step},
};

/// Computes `ranges.len()` rows (at most 6) by `columns` (at most 64) outputs, row `r` over the steps
/// `ranges[r]`.
///
/// # Safety
/// - `operands.a` can be read in each row at the steps of its range.
/// - `operands.b` can be read at `columns` columns of every step from the least start of a range to the
///   greatest end.
/// - `operands.out` can be read and written at these rows by `columns` columns, and no other thread accesses
///   those.
#[inline(always)]
pub(crate) unsafe fn ragged_tile<L: Lanes>(
    simd: L,
    columns: usize,
    ranges: &[Range<usize>],
    operands: Operands,
) {
    debug_assert!(ranges.len() <= ROWS && columns <= COLUMNS, "a ragged tile that is too large");
    debug_assert!(operands.has_no_null());
    simd.run_outlined(RaggedTile { columns, ranges, operands });
}

/// [`ragged_tile`] over pairs, for a kernel that is itself not a [`PairKernel`]. The ranges count numbers.
///
/// # Safety
/// As [`ragged_tile`], where a step is a pair, and is read if one of its two numbers is in a range.
#[inline(always)]
pub(crate) unsafe fn ragged_tile_of_pairs(
    isa: Isa,
    columns: usize,
    ranges: &[Range<usize>],
    operands: Operands<u32>,
) {
    debug_assert!(ranges.len() <= ROWS && columns <= COLUMNS, "a ragged tile that is too large");
    debug_assert!(operands.has_no_null());
    isa.run_pairs(RaggedTile { columns, ranges, operands });
}

/// The arguments of [`ragged_tile`]. Only it and [`ragged_tile_of_pairs`] make one, so it upholds their
/// preconditions.
struct RaggedTile<'a, E> {
    columns: usize,
    ranges: &'a [Range<usize>],
    operands: Operands<E>,
}

impl Kernel for RaggedTile<'_, f32> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) {
        self.compute_rows(simd);
    }
}

impl PairKernel for RaggedTile<'_, u32> {
    type Output = ();

    #[inline(always)]
    fn run<P: Pairs>(self, simd: P) {
        self.compute_rows(PairMultiply(simd));
    }
}

/// An element of a step: a number, or a pair of them.
trait Element: Copy + Default {
    /// Numbers of an element.
    const NUMBERS: usize;
    /// The element with +0 in place of the numbers that are not kept.
    fn keeping(self, kept: [bool; 2]) -> Self;
}

impl Element for f32 {
    const NUMBERS: usize = 1;

    #[inline(always)]
    fn keeping(self, _: [bool; 2]) -> Self {
        self
    }
}

impl Element for u32 {
    const NUMBERS: usize = 2;

    #[inline(always)]
    fn keeping(self, [even, odd]: [bool; 2]) -> Self {
        let kept = if even { 0xffff } else { 0 } | if odd { 0xffff_0000 } else { 0 };
        self & kept
    }
}

impl<E: Element> RaggedTile<'_, E> {
    #[inline(always)]
    fn compute_rows<M: Multiply<Element = E>>(self, simd: M) {
        let Self { columns, ranges, operands } = self;
        let steps = StepRanges::new(ranges, E::NUMBERS);
        // SAFETY: the two functions that alone make a `RaggedTile` require what is required here.
        unsafe {
            match ranges.len() {
                6 => split_columns::<M, 6>(simd, columns, ranges, &steps, operands),
                5 => split_columns::<M, 5>(simd, columns, ranges, &steps, operands),
                4 => split_columns::<M, 4>(simd, columns, ranges, &steps, operands),
                3 => split_columns::<M, 3>(simd, columns, ranges, &steps, operands),
                2 => split_columns::<M, 2>(simd, columns, ranges, &steps, operands),
                1 => split_columns::<M, 1>(simd, columns, ranges, &steps, operands),
                _ => {}
            }
        }
    }
}

/// The steps of all rows together: those that all rows share, and those before and after them.
struct StepRanges {
    before: Range<usize>,
    shared: Range<usize>,
    after: Range<usize>,
}

impl StepRanges {
    /// Of `ranges` that count numbers, where a step has `numbers` of them.
    #[inline(always)]
    fn new(ranges: &[Range<usize>], numbers: usize) -> Self {
        let (mut min, mut first) = (usize::MAX, 0);
        let (mut end, mut max) = (usize::MAX, 0);
        for range in ranges {
            first = first.max(range.start);
            end = end.min(range.end);
            if range.start < range.end {
                min = min.min(range.start);
                max = max.max(range.end);
            }
        }
        // A step of which only a part is in a range is not shared.
        let (min, max) = (min.min(max) / numbers, max.div_ceil(numbers));
        let (first, end) = (first.div_ceil(numbers), end / numbers);
        // Without shared steps, every step is computed row by row.
        let shared = if first < end { first..end } else { max..max };
        Self { before: min..shared.start, after: shared.end..max, shared }
    }
}

/// Splits the columns into groups of as many vectors as the registers hold sums for.
///
/// # Safety
/// As [`ragged_tile`], of R rows.
#[inline(always)]
unsafe fn split_columns<M: Multiply<Element: Element>, const R: usize>(
    simd: M,
    columns: usize,
    ranges: &[Range<usize>],
    steps: &StepRanges,
    operands: Operands<M::Element>,
) {
    let has_many = <M::Lanes as Lanes>::VECTORS_PER_ROW == 4;
    let mut column = 0;
    while column < columns {
        let left = columns - column;
        // SAFETY: `column` is below `columns`, and no call is given more columns than are left.
        unsafe {
            let operands = operands.offset_column(column);
            if has_many && left >= 64 {
                column_vectors::<M, R, 4, true>(simd, LANES, ranges, steps, operands);
                column += 64;
            } else if has_many && left >= 32 {
                column_vectors::<M, R, 2, true>(simd, LANES, ranges, steps, operands);
                column += 32;
            } else if left >= LANES {
                column_vectors::<M, R, 1, true>(simd, LANES, ranges, steps, operands);
                column += LANES;
            } else {
                column_vectors::<M, R, 1, false>(simd, left, ranges, steps, operands);
                column += left;
            }
        }
    }
}

/// R rows by V vectors. Unless they are `WHOLE`, the last vector has only `last` columns. Between the steps of
/// single rows and those that all share, sums stand in the outputs.
///
/// # Safety
/// As [`ragged_tile`], of R rows and `(V - 1) · 16 + last` columns; `steps` are those of `ranges`.
#[inline(always)]
unsafe fn column_vectors<
    M: Multiply<Element: Element>,
    const R: usize,
    const V: usize,
    const WHOLE: bool,
>(
    simd: M,
    last: usize,
    ranges: &[Range<usize>],
    steps: &StepRanges,
    mut operands: Operands<M::Element>,
) {
    if !steps.before.is_empty() {
        // SAFETY: these steps lie between the least start and the greatest end of the ranges.
        unsafe { rows::<M, V, WHOLE>(simd, last, ranges, &steps.before, operands) };
        operands.accumulate = Accumulate::FromOutput;
    }
    let Operands { a, b, out, accumulate } = operands;
    let mut sums = [[simd.lanes().splat(0.0); V]; R];
    if accumulate == Accumulate::FromOutput {
        for (r, sums) in sums.iter_mut().enumerate() {
            // SAFETY: row r of the outputs exists.
            unsafe { load::<M, V, WHOLE>(simd, last, out.offset(r, 0), sums) };
        }
    }
    let mut a_at = a.ptr.wrapping_add(steps.shared.start * a.step_stride);
    let mut b_at = b.ptr.wrapping_add(steps.shared.start * b.step_stride);
    for _ in steps.shared.clone() {
        // SAFETY: this step is in the range of every row, so each row of `a` has it.
        unsafe { step::<M, R, V, WHOLE>(simd, a_at, a.row_stride, b_at, last, &mut sums) };
        a_at = a_at.wrapping_add(a.step_stride);
        b_at = b_at.wrapping_add(b.step_stride);
    }
    for (r, sums) in sums.iter().enumerate() {
        // SAFETY: row r of the outputs exists.
        unsafe { store::<M, V, WHOLE>(simd, last, sums, out.offset(r, 0)) };
    }
    if !steps.after.is_empty() {
        let operands = Operands { accumulate: Accumulate::FromOutput, ..operands };
        // SAFETY: as for the steps before the shared ones.
        unsafe { rows::<M, V, WHOLE>(simd, last, ranges, &steps.after, operands) };
    }
}

/// Loads V vectors of sums from their outputs.
///
/// # Safety
/// `(V - 1) · 16 + last` floats can be read at `from`.
#[inline(always)]
unsafe fn load<M: Multiply, const V: usize, const WHOLE: bool>(
    simd: M,
    last: usize,
    from: OutPtr,
    sums: &mut [Sums<M>; V],
) {
    for (v, sum) in sums.iter_mut().enumerate() {
        // SAFETY: sixteen floats of each vector before the last exist, and `last` of the last.
        unsafe {
            let at = from.ptr.add(v * LANES);
            *sum = if WHOLE || v < V - 1 {
                simd.lanes().load_at(at)
            } else {
                simd.lanes().load_part(std::slice::from_raw_parts(at, last))
            };
        }
    }
}

/// Stores V vectors of sums in their outputs.
///
/// # Safety
/// `(V - 1) · 16 + last` floats can be written at `to`, and no other thread accesses them.
#[inline(always)]
unsafe fn store<M: Multiply, const V: usize, const WHOLE: bool>(
    simd: M,
    last: usize,
    sums: &[Sums<M>; V],
    to: OutPtr,
) {
    for (v, &sum) in sums.iter().enumerate() {
        // SAFETY: sixteen floats of each vector before the last exist, and `last` of the last.
        unsafe {
            let at = to.ptr.add(v * LANES);
            if WHOLE || v < V - 1 {
                simd.lanes().store_at(sum, at);
            } else {
                simd.lanes().store_part(sum, std::slice::from_raw_parts_mut(at, last));
            }
        }
    }
}

/// Some steps, row by row.
///
/// # Safety
/// As [`row`], for each row and its range.
#[inline(always)]
unsafe fn rows<M: Multiply<Element: Element>, const V: usize, const WHOLE: bool>(
    simd: M,
    last: usize,
    ranges: &[Range<usize>],
    steps: &Range<usize>,
    operands: Operands<M::Element>,
) {
    for (r, range) in ranges.iter().enumerate() {
        // SAFETY: there is a row of `a` and of the outputs for each range.
        unsafe {
            let (a, out) = (operands.a.offset(r, 0), operands.out.offset(r, 0));
            row::<M, V, WHOLE>(simd, last, range, steps, Operands { a, out, ..operands });
        }
    }
}

/// The steps of `steps` that have a number in a row's range, for that row.
///
/// # Safety
/// Of the operands, `a` can be read at these steps, `b` at `(V - 1) · 16 + last` columns of them, and as many
/// floats of `out` can be read and written, which no other thread accesses.
#[inline(always)]
unsafe fn row<M: Multiply<Element: Element>, const V: usize, const WHOLE: bool>(
    simd: M,
    last: usize,
    range: &Range<usize>,
    steps: &Range<usize>,
    operands: Operands<M::Element>,
) {
    let Operands { a, b, out, accumulate } = operands;
    let accumulates = accumulate == Accumulate::FromOutput;
    let numbers = M::Element::NUMBERS;
    let own = steps.start.max(range.start / numbers)..steps.end.min(range.end.div_ceil(numbers));
    if accumulates && (own.is_empty() || range.is_empty()) {
        return;
    }
    let mut sums = [[simd.lanes().splat(0.0); V]];
    if accumulates {
        // SAFETY: the outputs of this row exist.
        unsafe { load::<M, V, WHOLE>(simd, last, out, &mut sums[0]) };
    }
    let own = if range.is_empty() { 0..0 } else { own };
    for at in own {
        // SAFETY: this step has a number in the row's range, so `a` has it.
        let left = unsafe { *a.ptr.add(at * a.step_stride) };
        let right = b.ptr.wrapping_add(at * b.step_stride);
        let (first, end) = (at * numbers, at * numbers + numbers);
        if range.start <= first && end <= range.end {
            // SAFETY: `left` is one element, and the columns of this step of `b` exist.
            unsafe { step::<M, 1, V, WHOLE>(simd, &left, 0, right, last, &mut sums) };
            continue;
        }
        let kept = [range.start <= first, end <= range.end];
        let mut halves = [[M::Element::default(); LANES]; V];
        let columns = (V - 1) * LANES + if WHOLE { LANES } else { last };
        for (column, half) in halves.as_flattened_mut()[..columns].iter_mut().enumerate() {
            // SAFETY: this column of the step exists.
            *half = unsafe { *right.add(column) }.keeping(kept);
        }
        let (left, right) = (left.keeping(kept), halves.as_flattened().as_ptr());
        // SAFETY: `left` is one element, and `right` is a local array of V vectors.
        unsafe { step::<M, 1, V, WHOLE>(simd, &left, 0, right, last, &mut sums) };
    }
    // SAFETY: the outputs of this row exist.
    unsafe { store::<M, V, WHOLE>(simd, last, &sums[0], out) };
}
