//! A tile of which each row has steps of its own, as under a causal mask or a window: what the
//! products of attention need beside `tile`.
//!
//! ```text
//! for each row r, column c:  sum = 0, or what stands in out[r][c]
//!     for step in ranges[r]:  sum = fma(a[r][step], b[step][c], sum)
//! ```
//! 1. Through the steps that all rows share they go without asking, as in `tile`.
//! 2. Before and after them each step asks which rows it belongs to, while the sums stay in
//!    registers: a step outside a row's range is in no chain, not even as a zero.

use std::ops::Range;

use crate::{
    lanes::{LANES, Lanes},
    path::Kernel,
    tile::{Left, Out, Right},
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

/// The arguments of [`staircase`]. Whoever makes one has made its promise.
struct Staircase<'a> {
    columns: usize,
    ranges: &'a [Range<usize>],
    a: Left,
    b: Right,
    out: Out,
    goes_on: bool,
}

impl Kernel for Staircase<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, on: L) {
        let Self { columns, ranges, a, b, out, goes_on } = self;
        let steps = Steps::of(ranges);
        // SAFETY: the promise of whoever made this staircase.
        unsafe {
            match ranges.len() {
                6 => wide::<L, 6>(on, columns, ranges, &steps, a, b, out, goes_on),
                5 => wide::<L, 5>(on, columns, ranges, &steps, a, b, out, goes_on),
                4 => wide::<L, 4>(on, columns, ranges, &steps, a, b, out, goes_on),
                3 => wide::<L, 3>(on, columns, ranges, &steps, a, b, out, goes_on),
                2 => wide::<L, 2>(on, columns, ranges, &steps, a, b, out, goes_on),
                1 => wide::<L, 1>(on, columns, ranges, &steps, a, b, out, goes_on),
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
    #[inline(always)]
    fn of(ranges: &[Range<usize>]) -> Self {
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
        let least = least.min(most);
        // Where there is nothing that all share, every step asks.
        let shared = if first < end { first..end } else { most..most };
        Self { before: least..shared.start, after: shared.end..most, shared }
    }
}

/// Cuts the columns into as many vectors as the registers hold.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "three matrices and the shape of a staircase")]
unsafe fn wide<L: Lanes, const R: usize>(
    on: L,
    columns: usize,
    ranges: &[Range<usize>],
    steps: &Steps,
    a: Left,
    b: Right,
    out: Out,
    goes_on: bool,
) {
    let mut column = 0;
    while column < columns {
        let left = columns - column;
        // SAFETY: the columns from here on exist, and vectors are called with as many as they hold.
        unsafe {
            let (b, out) = (b.from(0, column), out.from(0, column));
            if L::WIDE == 4 && left >= 64 {
                vectors::<L, R, 4, true>(on, LANES, ranges, steps, a, b, out, goes_on);
                column += 64;
            } else if L::WIDE == 4 && left >= 32 {
                vectors::<L, R, 2, true>(on, LANES, ranges, steps, a, b, out, goes_on);
                column += 32;
            } else if left >= LANES {
                vectors::<L, R, 1, true>(on, LANES, ranges, steps, a, b, out, goes_on);
                column += LANES;
            } else {
                vectors::<L, R, 1, false>(on, left, ranges, steps, a, b, out, goes_on);
                column += left;
            }
        }
    }
}

/// V vectors of b or out; if they are not `WHOLE`, the last has only `last` columns.
#[inline(always)]
unsafe fn read<L: Lanes, const V: usize, const WHOLE: bool>(
    on: L,
    last: usize,
    at: *const f32,
) -> [L::F32; V] {
    let mut vectors = [on.splat(0.0); V];
    for (v, vector) in vectors.iter_mut().enumerate() {
        // SAFETY: of vectors before the last, sixteen columns exist; of the last, `last`.
        *vector = unsafe {
            if WHOLE || v < V - 1 {
                on.load_at(at.add(v * LANES))
            } else {
                on.load_part(std::slice::from_raw_parts(at.add(v * LANES), last))
            }
        };
    }
    vectors
}

/// R rows by V vectors.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "three matrices and the shape of a staircase")]
unsafe fn vectors<L: Lanes, const R: usize, const V: usize, const WHOLE: bool>(
    on: L,
    last: usize,
    ranges: &[Range<usize>],
    steps: &Steps,
    a: Left,
    b: Right,
    out: Out,
    goes_on: bool,
) {
    let mut sums = [[on.splat(0.0); V]; R];
    if goes_on {
        for (r, sums) in sums.iter_mut().enumerate() {
            // SAFETY: row r of the outputs exists.
            *sums = unsafe { read::<L, V, WHOLE>(on, last, out.at.add(r * out.by_row)) };
        }
    }
    // SAFETY: these steps lie between the first range's beginning and the last one's end.
    unsafe { some::<L, R, V, WHOLE>(on, last, ranges, &steps.before, a, b, &mut sums) };
    let mut a_at = a.at.wrapping_add(steps.shared.start * a.by_step);
    let mut b_at = b.at.wrapping_add(steps.shared.start * b.by_step);
    for _ in steps.shared.clone() {
        // SAFETY: this step is in every row's range.
        let right = unsafe { read::<L, V, WHOLE>(on, last, b_at) };
        for (r, sums) in sums.iter_mut().enumerate() {
            // SAFETY: as above.
            let left = on.splat(unsafe { *a_at.add(r * a.by_row) });
            for (sum, right) in sums.iter_mut().zip(right) {
                *sum = on.fma(left, right, *sum);
            }
        }
        a_at = a_at.wrapping_add(a.by_step);
        b_at = b_at.wrapping_add(b.by_step);
    }
    // SAFETY: as for those before.
    unsafe { some::<L, R, V, WHOLE>(on, last, ranges, &steps.after, a, b, &mut sums) };
    for (r, sums) in sums.iter().enumerate() {
        for (v, &sum) in sums.iter().enumerate() {
            // SAFETY: row r of the outputs exists, with as many columns as are stored.
            unsafe {
                let at = out.at.add(r * out.by_row + v * LANES);
                if WHOLE || v < V - 1 {
                    on.store_at(sum, at);
                } else {
                    on.store_part(sum, std::slice::from_raw_parts_mut(at, last));
                }
            }
        }
    }
}

/// Steps of which each belongs to some rows only.
#[inline(always)]
unsafe fn some<L: Lanes, const R: usize, const V: usize, const WHOLE: bool>(
    on: L,
    last: usize,
    ranges: &[Range<usize>],
    steps: &Range<usize>,
    a: Left,
    b: Right,
    sums: &mut [[L::F32; V]; R],
) {
    for step in steps.clone() {
        // SAFETY: all steps of b between the ranges' ends exist.
        let right = unsafe { read::<L, V, WHOLE>(on, last, b.at.add(step * b.by_step)) };
        for r in 0..R {
            if ranges[r].start <= step && step < ranges[r].end {
                // SAFETY: this step is in row r's range.
                let left = on.splat(unsafe { *a.at.add(r * a.by_row + step * a.by_step) });
                for (sum, right) in sums[r].iter_mut().zip(right) {
                    *sum = on.fma(left, right, *sum);
                }
            }
        }
    }
}
