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

#[cfg(target_arch = "x86_64")]
use std::arch::asm;

use crate::{
    lanes::{LANES, Lanes, Pairs},
    path::{Kernel, PairKernel},
};

/// How the steps of a chain multiply.
pub(crate) trait Multiply: Copy {
    /// Where the sums are.
    type Lanes: Lanes;
    /// What both matrices hold.
    type Element: Copy;
    /// What one instruction multiplies of sixteen elements.
    type Factor: Copy;
    /// Instructions of a step, each with its own factors.
    const FACTORS: usize;

    fn lanes(self) -> Self::Lanes;
    /// The nth factor of the same element in every lane.
    fn left(self, x: Self::Element, n: usize) -> Self::Factor;
    /// The nth factor of sixteen elements.
    ///
    /// # Safety
    /// They are readable.
    unsafe fn right_at(self, from: *const Self::Element, n: usize) -> Self::Factor;
    /// The nth factor of all of at most sixteen elements; the other lanes are +0.
    fn right_part(self, from: &[Self::Element], n: usize) -> Self::Factor;
    /// The next sum of a chain, after the last factors of a step.
    fn multiply(self, left: Self::Factor, right: Self::Factor, sum: Sums<Self>) -> Sums<Self>;
    /// Computes a tile, as a function of its own.
    ///
    /// # Safety
    /// As [`tile`].
    unsafe fn compute(self, tile: Tile<Self::Element>);
}

/// Sixteen sums.
pub(crate) type Sums<M> = <<M as Multiply>::Lanes as Lanes>::F32;

/// Number by number.
impl<L: Lanes> Multiply for L {
    type Lanes = L;
    type Element = f32;
    type Factor = L::F32;
    const FACTORS: usize = 1;

    #[inline(always)]
    fn lanes(self) -> L {
        self
    }
    #[inline(always)]
    fn left(self, x: f32, _: usize) -> L::F32 {
        self.splat(x)
    }
    #[inline(always)]
    unsafe fn right_at(self, from: *const f32, _: usize) -> L::F32 {
        // SAFETY: the caller's promise.
        unsafe { self.load_at(from) }
    }
    #[inline(always)]
    fn right_part(self, from: &[f32], _: usize) -> L::F32 {
        self.load_some(from)
    }
    #[inline(always)]
    fn multiply(self, left: L::F32, right: L::F32, sum: L::F32) -> L::F32 {
        self.fma(left, right, sum)
    }
    #[inline(always)]
    unsafe fn compute(self, tile: Tile<f32>) {
        self.apart(tile);
    }
}

/// Pair by pair.
#[derive(Clone, Copy)]
pub(crate) struct ByPairs<P>(pub P);

impl<P: Pairs> Multiply for ByPairs<P> {
    type Lanes = P;
    type Element = u32;
    type Factor = P::Factor;
    const FACTORS: usize = P::FACTORS;

    #[inline(always)]
    fn lanes(self) -> P {
        self.0
    }
    #[inline(always)]
    fn left(self, x: u32, n: usize) -> P::Factor {
        self.0.splat_factor(x, n)
    }
    #[inline(always)]
    unsafe fn right_at(self, from: *const u32, n: usize) -> P::Factor {
        // SAFETY: the caller's promise.
        unsafe { self.0.load_factor_at(from, n) }
    }
    #[inline(always)]
    fn right_part(self, from: &[u32], n: usize) -> P::Factor {
        self.0.load_factor_part(from, n)
    }
    #[inline(always)]
    fn multiply(self, left: P::Factor, right: P::Factor, sum: P::F32) -> P::F32 {
        self.0.multiply(left, right, sum)
    }
    #[inline(always)]
    unsafe fn compute(self, tile: Tile<u32>) {
        self.0.apart_pairs(tile);
    }
}

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

/// The same address for the nth factors, of which the compiler does not know that it is: what was read from
/// there for the 0th is read once more, out of the first cache, and takes no register meanwhile that sums
/// need.
#[inline(always)]
pub(crate) fn nth<E>(mut at: *const E, n: usize) -> *const E {
    #[cfg(target_arch = "x86_64")]
    if n > 0 {
        // SAFETY: nothing is done.
        unsafe {
            asm!("/* {0} */", inout(reg) at, options(pure, readonly, nostack, preserves_flags));
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (&mut at, n);
    at
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

/// The nth factor of a vector of the right side; if not all are `WHOLE`, the last one has only `last` columns.
#[inline(always)]
unsafe fn factor<M: Multiply, const WHOLE: bool>(
    on: M,
    at: *const M::Element,
    is_last: bool,
    last: usize,
    n: usize,
) -> M::Factor {
    // SAFETY: the caller has as many columns there.
    unsafe {
        if WHOLE || !is_last {
            on.right_at(at, n)
        } else {
            on.right_part(std::slice::from_raw_parts(at, last), n)
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
        for n in 0..M::FACTORS {
            let (a_at, b_at) = (nth(a_at, n), nth(b_at, n));
            // A loop and no closure: that of `array::from_fn` may be compiled apart from this function,
            // without the instructions of its path.
            // SAFETY: of vectors before the last, sixteen columns exist; of the last, `last`.
            let mut right = [unsafe { factor::<M, WHOLE>(on, b_at, V == 1, last, n) }; V];
            for (v, right) in right.iter_mut().enumerate().skip(1) {
                let at = b_at.wrapping_add(v * LANES);
                // SAFETY: as above.
                *right = unsafe { factor::<M, WHOLE>(on, at, v == V - 1, last, n) };
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                // SAFETY: this step of row r of `a` exists.
                let left = on.left(unsafe { *a_at.add(r * a.by_row) }, n);
                for (sum, right) in sums.iter_mut().zip(right) {
                    *sum = on.multiply(left, right, *sum);
                }
            }
        }
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
