//! A tile of which each row has steps of its own, as under a causal mask or a window: what the
//! products of attention need beside `tile`.
//!
//! ```text
//! for each row r, column c:  sum = 0, or what stands in out[r][c]
//!     for number in ranges[r]:  sum = fma(a[r][number], b[number][c], sum)
//! ```
//! 1. Through the steps that all rows share they go without asking, as in `tile`.
//! 2. Before and after them each row takes its own steps alone, from what stands in the outputs and back to
//!    there: a step outside a row's range is in no chain, not even as a zero.
//! 3. A step of pairs is two numbers. Where a row's range begins or ends between them, both factors of
//!    the number outside it are +0.

use std::ops::Range;

use crate::{
    lanes::{Kernel, LANES, Lanes, PairKernel, Pairs},
    path::Path,
    tile::{ByPairs, Left, Multiply, Out, Right, Sums, step},
};

/// `ranges.len()` rows (at most 6) by `columns` (at most 64) outputs.
///
/// # Safety
/// As `tile`, for the steps inside the ranges; of `b` all steps from the first range's beginning to
/// the last one's end exist.
#[inline(always)]
pub(crate) unsafe fn staircase<L: Lanes>(
    on: L,
    columns: usize,
    ranges: &[Range<usize>],
    a: Left,
    b: Right,
    out: Out,
    goes_on: bool,
) {
    on.apart(Staircase { columns, ranges, a, b, out, goes_on });
}

/// The same over pairs, whose ranges count numbers; within a kernel that is none over pairs.
///
/// # Safety
/// As [`staircase`], for every pair that has a number inside the ranges.
#[inline(always)]
pub(crate) unsafe fn staircase_of_pairs(
    on: Path,
    columns: usize,
    ranges: &[Range<usize>],
    a: Left<u32>,
    b: Right<u32>,
    out: Out,
    goes_on: bool,
) {
    on.run_pairs(Staircase { columns, ranges, a, b, out, goes_on });
}

/// The arguments of [`staircase`]. Whoever makes one has made its promise.
struct Staircase<'a, E> {
    columns: usize,
    ranges: &'a [Range<usize>],
    a: Left<E>,
    b: Right<E>,
    out: Out,
    goes_on: bool,
}

impl Kernel for Staircase<'_, f32> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, on: L) {
        self.of_rows(on);
    }
}

impl PairKernel for Staircase<'_, u32> {
    type Output = ();

    #[inline(always)]
    fn run<P: Pairs>(self, on: P) {
        self.of_rows(ByPairs(on));
    }
}

/// What a step is of.
trait Element: Copy + Default {
    /// Its numbers.
    const NUMBERS: usize;
    /// With +0 in place of those numbers that are not kept.
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

impl<E: Element> Staircase<'_, E> {
    #[inline(always)]
    fn of_rows<M: Multiply<Element = E>>(self, on: M) {
        let Self { columns, ranges, a, b, out, goes_on } = self;
        let steps = Steps::of(ranges, E::NUMBERS);
        // SAFETY: the promise of whoever made this staircase.
        unsafe {
            match ranges.len() {
                6 => wide::<M, 6>(on, columns, ranges, &steps, a, b, out, goes_on),
                5 => wide::<M, 5>(on, columns, ranges, &steps, a, b, out, goes_on),
                4 => wide::<M, 4>(on, columns, ranges, &steps, a, b, out, goes_on),
                3 => wide::<M, 3>(on, columns, ranges, &steps, a, b, out, goes_on),
                2 => wide::<M, 2>(on, columns, ranges, &steps, a, b, out, goes_on),
                1 => wide::<M, 1>(on, columns, ranges, &steps, a, b, out, goes_on),
                _ => {}
            }
        }
    }
}

/// The steps of all rows: before those that all share, those, and after them.
struct Steps {
    before: Range<usize>,
    shared: Range<usize>,
    after: Range<usize>,
}

impl Steps {
    /// `ranges` of numbers, of which a step has so many.
    #[inline(always)]
    fn of(ranges: &[Range<usize>], numbers: usize) -> Self {
        let (mut least, mut first) = (usize::MAX, 0);
        let (mut end, mut most) = (usize::MAX, 0);
        for range in ranges {
            first = first.max(range.start);
            end = end.min(range.end);
            if range.start < range.end {
                least = least.min(range.start);
                most = most.max(range.end);
            }
        }
        // A step that is not whole in a range is shared by nobody.
        let (least, most) = (least.min(most) / numbers, most.div_ceil(numbers));
        let (first, end) = (first.div_ceil(numbers), end / numbers);
        // Where there is nothing that all share, every step is some row's own.
        let shared = if first < end { first..end } else { most..most };
        Self { before: least..shared.start, after: shared.end..most, shared }
    }
}

/// Cuts the columns into as many vectors as the registers hold.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "three matrices and the shape of a staircase")]
unsafe fn wide<M: Multiply<Element: Element>, const R: usize>(
    on: M,
    columns: usize,
    ranges: &[Range<usize>],
    steps: &Steps,
    a: Left<M::Element>,
    b: Right<M::Element>,
    out: Out,
    goes_on: bool,
) {
    let has_many = <M::Lanes as Lanes>::WIDE == 4;
    let mut column = 0;
    while column < columns {
        let left = columns - column;
        // SAFETY: the columns from here on exist, and vectors are called with as many as they hold.
        unsafe {
            let (b, out) = (b.from(0, column), out.from(0, column));
            if has_many && left >= 64 {
                vectors::<M, R, 4, true>(on, LANES, ranges, steps, a, b, out, goes_on);
                column += 64;
            } else if has_many && left >= 32 {
                vectors::<M, R, 2, true>(on, LANES, ranges, steps, a, b, out, goes_on);
                column += 32;
            } else if left >= LANES {
                vectors::<M, R, 1, true>(on, LANES, ranges, steps, a, b, out, goes_on);
                column += LANES;
            } else {
                vectors::<M, R, 1, false>(on, left, ranges, steps, a, b, out, goes_on);
                column += left;
            }
        }
    }
}

/// R rows by V vectors; if they are not `WHOLE`, the last has only `last` columns. Sums stand in the outputs
/// between the steps that rows take alone and those that all share.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "three matrices and the shape of a staircase")]
unsafe fn vectors<
    M: Multiply<Element: Element>,
    const R: usize,
    const V: usize,
    const WHOLE: bool,
>(
    on: M,
    last: usize,
    ranges: &[Range<usize>],
    steps: &Steps,
    a: Left<M::Element>,
    b: Right<M::Element>,
    out: Out,
    mut goes_on: bool,
) {
    if !steps.before.is_empty() {
        // SAFETY: as the caller's, of steps between the first range's beginning and the last one's end.
        unsafe { rows::<M, V, WHOLE>(on, last, ranges, &steps.before, a, b, out, goes_on) };
        goes_on = true;
    }
    let mut sums = [[on.lanes().splat(0.0); V]; R];
    if goes_on {
        for (r, sums) in sums.iter_mut().enumerate() {
            // SAFETY: row r of the outputs exists.
            unsafe { load::<M, V, WHOLE>(on, last, out.from(r, 0), sums) };
        }
    }
    let mut a_at = a.at.wrapping_add(steps.shared.start * a.by_step);
    let mut b_at = b.at.wrapping_add(steps.shared.start * b.by_step);
    for _ in steps.shared.clone() {
        // SAFETY: this step is in every row's range.
        unsafe { step::<M, R, V, WHOLE>(on, a_at, a.by_row, b_at, last, &mut sums) };
        a_at = a_at.wrapping_add(a.by_step);
        b_at = b_at.wrapping_add(b.by_step);
    }
    for (r, sums) in sums.iter().enumerate() {
        // SAFETY: row r of the outputs exists.
        unsafe { store::<M, V, WHOLE>(on, last, sums, out.from(r, 0)) };
    }
    if !steps.after.is_empty() {
        // SAFETY: as for those before.
        unsafe { rows::<M, V, WHOLE>(on, last, ranges, &steps.after, a, b, out, true) };
    }
}

/// V vectors of sums from their outputs.
///
/// # Safety
/// There are as many columns as the vectors have.
#[inline(always)]
unsafe fn load<M: Multiply, const V: usize, const WHOLE: bool>(
    on: M,
    last: usize,
    from: Out,
    sums: &mut [Sums<M>; V],
) {
    for (v, sum) in sums.iter_mut().enumerate() {
        // SAFETY: the caller's promise.
        unsafe {
            let at = from.at.add(v * LANES);
            *sum = if WHOLE || v < V - 1 {
                on.lanes().load_at(at)
            } else {
                on.lanes().load_part(std::slice::from_raw_parts(at, last))
            };
        }
    }
}

/// V vectors of sums to their outputs.
///
/// # Safety
/// As [`load`].
#[inline(always)]
unsafe fn store<M: Multiply, const V: usize, const WHOLE: bool>(
    on: M,
    last: usize,
    sums: &[Sums<M>; V],
    to: Out,
) {
    for (v, &sum) in sums.iter().enumerate() {
        // SAFETY: the caller's promise.
        unsafe {
            let at = to.at.add(v * LANES);
            if WHOLE || v < V - 1 {
                on.lanes().store_at(sum, at);
            } else {
                on.lanes().store_part(sum, std::slice::from_raw_parts_mut(at, last));
            }
        }
    }
}

/// Some steps, in each row alone.
///
/// # Safety
/// As [`row`], of every row that has a range.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "three matrices and the shape of a staircase")]
unsafe fn rows<M: Multiply<Element: Element>, const V: usize, const WHOLE: bool>(
    on: M,
    last: usize,
    ranges: &[Range<usize>],
    steps: &Range<usize>,
    a: Left<M::Element>,
    b: Right<M::Element>,
    out: Out,
    goes_on: bool,
) {
    for (r, range) in ranges.iter().enumerate() {
        // SAFETY: the caller's promise.
        unsafe {
            let (a, out) = (a.from(r, 0), out.from(r, 0));
            row::<M, V, WHOLE>(on, last, range, steps, a, b, out, goes_on);
        }
    }
}

/// Those of some steps that have a number in a row's range, in that row alone.
///
/// # Safety
/// The row of `a` and its outputs exist, and of both sides those steps.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "three matrices and the shape of a staircase")]
unsafe fn row<M: Multiply<Element: Element>, const V: usize, const WHOLE: bool>(
    on: M,
    last: usize,
    range: &Range<usize>,
    steps: &Range<usize>,
    a: Left<M::Element>,
    b: Right<M::Element>,
    out: Out,
    goes_on: bool,
) {
    let numbers = M::Element::NUMBERS;
    let own = steps.start.max(range.start / numbers)..steps.end.min(range.end.div_ceil(numbers));
    if goes_on && (own.is_empty() || range.is_empty()) {
        return;
    }
    let mut sums = [[on.lanes().splat(0.0); V]];
    if goes_on {
        // SAFETY: the caller's promise.
        unsafe { load::<M, V, WHOLE>(on, last, out, &mut sums[0]) };
    }
    let own = if range.is_empty() { 0..0 } else { own };
    for at in own {
        // SAFETY: the caller's promise.
        let left = unsafe { *a.at.add(at * a.by_step) };
        let right = b.at.wrapping_add(at * b.by_step);
        let (first, end) = (at * numbers, at * numbers + numbers);
        if range.start <= first && end <= range.end {
            // SAFETY: the caller's promise.
            unsafe { step::<M, 1, V, WHOLE>(on, &left, 0, right, last, &mut sums) };
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
        // SAFETY: the copies stand there.
        unsafe { step::<M, 1, V, WHOLE>(on, &left, 0, right, last, &mut sums) };
    }
    // SAFETY: the caller's promise.
    unsafe { store::<M, V, WHOLE>(on, last, &sums[0], out) };
}
