//! One step of a tile, and how its numbers or pairs are multiplied.

#[cfg(target_arch = "x86_64")]
use std::arch::asm;

use super::Tile;
use crate::lanes::{LANES, Lanes, Pairs};

/// How a step multiplies: number by number, or pair by pair.
pub(crate) trait Multiply: Copy {
    /// The lanes that hold the sums.
    type Lanes: Lanes;
    /// An element of both matrices: a number, or a pair.
    type Element: Copy;
    /// The operand of one multiply-add for sixteen elements.
    type Factor: Copy;
    /// Multiply-adds of a step, each with its own factors.
    const FACTORS: usize;

    /// The lanes that hold the sums.
    fn lanes(self) -> Self::Lanes;
    /// The nth factor of the same element in every lane.
    fn left(self, x: Self::Element, n: usize) -> Self::Factor;
    /// The nth factor of sixteen elements.
    ///
    /// # Safety
    /// Sixteen elements can be read at `from`, which is aligned for them.
    unsafe fn right_at(self, from: *const Self::Element, n: usize) -> Self::Factor;
    /// The nth factor of all of at most sixteen elements; the other lanes are +0.
    fn right_part(self, from: &[Self::Element], n: usize) -> Self::Factor;
    /// `sum + left · right`, rounded as the element type does it.
    fn multiply(self, left: Self::Factor, right: Self::Factor, sum: Sums<Self>) -> Sums<Self>;
    /// Computes a tile in a function that is not inlined.
    ///
    /// # Safety
    /// As [`tile`](super::tile()).
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
        // SAFETY: the precondition is that of `load_at`.
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
        self.run_outlined(tile);
    }
}

/// Pair by pair.
#[derive(Clone, Copy)]
pub(crate) struct PairMultiply<P>(pub P);

impl<P: Pairs> Multiply for PairMultiply<P> {
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
        self.0.factor(self.0.splat_pair(x), n)
    }
    #[inline(always)]
    unsafe fn right_at(self, from: *const u32, n: usize) -> P::Factor {
        // SAFETY: the precondition is that of `load_pairs_at`.
        unsafe { self.0.factor(self.0.load_pairs_at(from), n) }
    }
    #[inline(always)]
    fn right_part(self, from: &[u32], n: usize) -> P::Factor {
        self.0.factor(self.0.load_pairs_part(from), n)
    }
    #[inline(always)]
    fn multiply(self, left: P::Factor, right: P::Factor, sum: P::F32) -> P::F32 {
        self.0.multiply(left, right, sum)
    }
    #[inline(always)]
    unsafe fn compute(self, tile: Tile<u32>) {
        self.0.run_pairs_outlined(tile);
    }
}

/// One step of R rows by V vectors. Unless the vectors are `WHOLE`, the last has only `last` columns.
///
/// # Safety
/// R elements can be read at `left`, `row_stride` apart, and `(V - 1) · 16 + last` elements at `right`.
#[inline(always)]
pub(crate) unsafe fn step<M: Multiply, const R: usize, const V: usize, const WHOLE: bool>(
    simd: M,
    left: *const M::Element,
    row_stride: usize,
    right: *const M::Element,
    last: usize,
    sums: &mut [[Sums<M>; V]; R],
) {
    for n in 0..M::FACTORS {
        let (left, right) = (nth(left, n), nth(right, n));
        // A loop rather than `array::from_fn`: its closure may be compiled as another function, without
        // the instruction set of this one.
        // SAFETY: sixteen columns of each vector before the last exist, and `last` of the last.
        let mut factors = [unsafe { factor::<M, WHOLE>(simd, right, V == 1, last, n) }; V];
        for (v, factor_of) in factors.iter_mut().enumerate().skip(1) {
            let at = right.wrapping_add(v * LANES);
            // SAFETY: as above.
            *factor_of = unsafe { factor::<M, WHOLE>(simd, at, v == V - 1, last, n) };
        }
        for (r, sums) in sums.iter_mut().enumerate() {
            // SAFETY: R elements are at `left`, `row_stride` apart.
            let left = simd.left(unsafe { *left.add(r * row_stride) }, n);
            for (sum, factor) in sums.iter_mut().zip(factors) {
                *sum = simd.multiply(left, factor, *sum);
            }
        }
    }
}

/// The nth factor of a vector of the right-hand matrix. Unless all are `WHOLE`, the last has only `last` columns.
///
/// # Safety
/// Sixteen elements can be read at `at`, or `last` if it is the last vector and not `WHOLE`.
#[inline(always)]
unsafe fn factor<M: Multiply, const WHOLE: bool>(
    simd: M,
    at: *const M::Element,
    is_last: bool,
    last: usize,
    n: usize,
) -> M::Factor {
    debug_assert!(last <= LANES && !at.is_null());
    // SAFETY: as many elements are read as the precondition has.
    unsafe {
        if WHOLE || !is_last {
            simd.right_at(at, n)
        } else {
            simd.right_part(std::slice::from_raw_parts(at, last), n)
        }
    }
}

/// The same address for the nth factors, hidden from the compiler: what was read from
/// there for the 0th is read once more, out of the first cache, and takes no register meanwhile that sums
/// need.
#[inline(always)]
fn nth<E>(mut at: *const E, n: usize) -> *const E {
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
