//! Sixteen lanes of pairs of bf16: a lane multiplies two numbers by two and adds both products.
//!
//! ```text
//! dot(a, b, sum) = fma(a.even, b.even, fma(a.odd, b.odd, sum))     denormals are zero on the way in and out
//! ```
//! A pair is a `u32`: the even number below, the odd one above. `vdpbf16ps` is exactly this dot, odd
//! number first (Intel's manual; `tests/it/bf16.rs` checks the processor), and has no denormals whatever
//! the thread has set. AVX2 makes the two multiply-adds while denormals are flushed, portable code
//! flushes by hand. A processor with AVX-512 but without `vdpbf16ps` takes the way of AVX2.

use super::{Codes, LANES, Lanes};

/// A computation over any set of lanes of pairs of bf16.
pub trait PairKernel {
    /// What it gives back.
    type Output;
    /// Runs with these lanes; `#[inline(always)]` as [`Kernel::run`](super::Kernel::run) is.
    fn run<P: Pairs>(self, simd: P) -> Self::Output;
}

/// Operations on sixteen pairs. Only dots, loads, stores and conversions are the same everywhere:
/// elsewhere denormals may be flushed or kept while a kernel over pairs runs.
pub trait Pairs: Lanes {
    /// Sixteen pairs.
    type Pair: Copy;

    /// As [`Lanes::run_outlined`], within a kernel over pairs.
    fn run_pairs_outlined<K: PairKernel>(self, kernel: K) -> K::Output;

    /// The same pair in every lane.
    fn splat_pair(self, pair: u32) -> Self::Pair;
    /// All of a slice of at most sixteen; the other lanes are pairs of +0.
    fn load_pairs_part(self, from: &[u32]) -> Self::Pair;
    /// As many of the first pairs as the slice holds, at most sixteen.
    fn store_pairs_part(self, x: Self::Pair, out: &mut [u32]);
    /// Loads sixteen.
    ///
    /// # Safety
    /// Sixteen pairs can be read at `from`, which is aligned for u32.
    unsafe fn load_pairs_at(self, from: *const u32) -> Self::Pair;
    /// Stores sixteen.
    ///
    /// # Safety
    /// Sixteen pairs can be written at `out`, which is aligned for u32.
    unsafe fn store_pairs_at(self, x: Self::Pair, out: *mut u32);
    /// sum + a.odd · b.odd, rounded; then + a.even · b.even, rounded. Denormals are zeros.
    fn dot(self, a: Self::Pair, b: Self::Pair, sum: Self::F32) -> Self::F32;
    /// The operand of one instruction of a dot: sixteen pairs, or one number of each.
    type Factor: Copy;
    /// Instructions of a dot. Where there are two, a tile computes the 0th of all pairs before the 1st of
    /// any, so that it needs registers for only one number of each pair at a time.
    const FACTORS: usize;
    /// The nth factor of pairs. What it leaves out is not computed unless something else needs it.
    fn factor(self, pairs: Self::Pair, n: usize) -> Self::Factor;
    /// One instruction of a dot: with the 0th factors, then with the 1st, if there are two.
    fn multiply(self, a: Self::Factor, b: Self::Factor, sum: Self::F32) -> Self::F32;
    /// Lane by lane the pair of both numbers, rounded to bf16.
    fn round_to_pairs(self, even: Self::F32, odd: Self::F32) -> Self::Pair;
    /// Lane by lane the pair of both numbers, which are exact in bf16, as small whole ones are.
    fn pair_exact(self, even: Self::F32, odd: Self::F32) -> Self::Pair;
    /// What the codes in the lowest bits of the lower and of the upper half of each word stand for.
    #[inline(always)]
    fn code_pairs(self, words: Self::Words, codes: &'static Codes) -> Self::Pair {
        self.pair_exact(self.codes(words, codes), self.codes(self.shift_words(words, -16), codes))
    }
    /// 32 successive numbers as sixteen pairs, rounded to bf16.
    fn round_consecutive(self, first: Self::F32, second: Self::F32) -> Self::Pair;

    /// Stores sixteen, or as many as fit.
    #[inline(always)]
    fn store_pairs_some(self, x: Self::Pair, out: &mut [u32]) {
        if out.len() >= LANES {
            // SAFETY: `out` has at least sixteen elements. A full store can be forwarded to a later load.
            unsafe { self.store_pairs_at(x, out.as_mut_ptr()) };
        } else {
            self.store_pairs_part(x, out);
        }
    }

    /// `totals = fma(factors, sums, totals)`, each row with the same factors. Denormals count, even while
    /// dots are flushing them.
    #[inline(always)]
    fn add_scaled<const R: usize, const V: usize>(
        self,
        factors: [Self::F32; V],
        sums: [[Self::F32; V]; R],
        totals: &mut [[Self::F32; V]; R],
    ) {
        for (sums, totals) in sums.into_iter().zip(totals) {
            for ((factor, sum), total) in factors.into_iter().zip(sums).zip(totals) {
                *total = self.fma(factor, sum, *total);
            }
        }
    }
}
