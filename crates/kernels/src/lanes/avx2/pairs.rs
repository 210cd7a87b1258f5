//! Sixteen pairs of bf16 as two AVX2 registers of even numbers and two of odd ones.

use std::arch::{asm, x86_64::*};

use super::{Avx2, F32x16, prefix_mask};
use crate::lanes::{
    LANES, Lanes, PairKernel, Pairs,
    denormals::{KeepDenormals, opaque},
};

/// Pairs as numbers that are already widened: the even ones, then the odd ones.
#[derive(Clone, Copy, Debug)]
pub struct WidenedPairs(F32x16, F32x16);

/// The bits of eight numbers rounded to bf16, in the upper half of each lane.
#[inline(always)]
fn rounded(x: __m256) -> __m256i {
    enabled!({
        let bits = _mm256_castps_si256(x);
        let one = _mm256_set1_epi32(1);
        let last = _mm256_and_si256(_mm256_srli_epi32::<16>(bits), one);
        let half = _mm256_add_epi32(_mm256_set1_epi32(0x7fff), last);
        let nearest = _mm256_add_epi32(bits, half);
        // A NaN stays one: its payload may lie in the bits that are cut off.
        let quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x0040_0000));
        let is_nan = _mm256_castps_si256(_mm256_cmp_ps::<_CMP_UNORD_Q>(x, x));
        let nearest = _mm256_blendv_epi8(nearest, quiet, is_nan);
        // What has no exponent is a zero of its sign.
        let exponent = _mm256_and_si256(bits, _mm256_set1_epi32(0x7f80_0000));
        let is_tiny = _mm256_cmpeq_epi32(exponent, _mm256_setzero_si256());
        let sign = _mm256_and_si256(bits, _mm256_set1_epi32(i32::MIN));
        let flushed = _mm256_blendv_epi8(nearest, sign, is_tiny);
        _mm256_and_si256(flushed, _mm256_set1_epi32(!0xffff))
    })
}

// These are functions because closures may be compiled without the instruction set of their caller.

#[inline(always)]
fn rounded_both(x: F32x16) -> F32x16 {
    enabled!(F32x16(_mm256_castsi256_ps(rounded(x.0)), _mm256_castsi256_ps(rounded(x.1))))
}

/// Sixteen numbers that keep their place among the changes of MXCSR, as [`opaque`] has it.
#[inline(always)]
fn opaque_registers(x: F32x16) -> F32x16 {
    enabled!(F32x16(opaque(x.0), opaque(x.1)))
}

/// Of two registers, what stands in even places and what stands in odd ones.
#[inline(always)]
fn evens_and_odds(x: F32x16) -> (__m256, __m256) {
    enabled!({
        let even = _mm256_shuffle_ps::<0b10_00_10_00>(x.0, x.1);
        let odd = _mm256_shuffle_ps::<0b11_01_11_01>(x.0, x.1);
        (in_order(even), in_order(odd))
    })
}

/// The middle quarters change places.
#[inline(always)]
fn in_order(x: __m256) -> __m256 {
    enabled!(_mm256_castpd_ps(_mm256_permute4x64_pd::<0b11_01_10_00>(_mm256_castps_pd(x))))
}

impl Avx2 {
    /// The words of eight pairs.
    #[inline(always)]
    fn words(even: __m256, odd: __m256) -> __m256i {
        enabled!(_mm256_or_si256(
            _mm256_srli_epi32::<16>(_mm256_castps_si256(even)),
            _mm256_castps_si256(odd),
        ))
    }

    /// Both numbers of eight pairs.
    #[inline(always)]
    fn widen(words: __m256i) -> (__m256, __m256) {
        enabled!({
            let even = _mm256_slli_epi32::<16>(words);
            let odd = _mm256_and_si256(words, _mm256_set1_epi32(!0xffff));
            (_mm256_castsi256_ps(even), _mm256_castsi256_ps(odd))
        })
    }
}

/// A pair in each of eight lanes, hidden from the compiler: it would take the number apart before
/// it broadcasts, and so broadcast out of a register what comes out of memory for nothing.
#[inline]
#[target_feature(enable = "avx2")]
fn broadcast(pair: u32) -> __m256i {
    let mut words = _mm256_set1_epi32(pair as i32);
    // SAFETY: nothing is done.
    unsafe {
        asm!("/* {0} */", inout(ymm_reg) words, options(pure, nomem, nostack, preserves_flags));
    }
    words
}

impl Pairs for Avx2 {
    type Pair = WidenedPairs;
    type Factor = F32x16;
    /// The odd numbers, then the even ones.
    const FACTORS: usize = 2;

    #[inline(always)]
    fn run_pairs_outlined<K: PairKernel>(self, kernel: K) -> K::Output {
        #[inline(never)]
        #[target_feature(enable = "avx2,fma,f16c")]
        /// # Safety
        /// This processor has AVX2, FMA and F16C.
        unsafe fn call<K: PairKernel>(simd: Avx2, kernel: K) -> K::Output {
            kernel.run(simd)
        }
        enabled!(call(self, kernel))
    }
    #[inline(always)]
    fn splat_pair(self, pair: u32) -> WidenedPairs {
        let (even, odd) = Self::widen(enabled!(broadcast(pair)));
        WidenedPairs(F32x16(even, even), F32x16(odd, odd))
    }
    #[inline(always)]
    fn load_pairs_part(self, from: &[u32]) -> WidenedPairs {
        let (masks, at) = (prefix_mask(from.len()), from.as_ptr().cast::<i32>());
        let low = Self::widen(enabled!(_mm256_maskload_epi32(at, masks[0])));
        let high = Self::widen(enabled!(_mm256_maskload_epi32(at.wrapping_add(8), masks[1])));
        WidenedPairs(F32x16(low.0, high.0), F32x16(low.1, high.1))
    }
    #[inline(always)]
    fn store_pairs_part(self, x: WidenedPairs, out: &mut [u32]) {
        let mut all = [0; LANES];
        // SAFETY: `all` has sixteen elements.
        unsafe { self.store_pairs_at(x, all.as_mut_ptr()) };
        out.copy_from_slice(&all[..out.len()]);
    }
    #[inline(always)]
    unsafe fn load_pairs_at(self, from: *const u32) -> WidenedPairs {
        let low = Self::widen(enabled!(_mm256_loadu_si256(from.cast())));
        let high = Self::widen(enabled!(_mm256_loadu_si256(from.wrapping_add(8).cast())));
        WidenedPairs(F32x16(low.0, high.0), F32x16(low.1, high.1))
    }
    #[inline(always)]
    unsafe fn store_pairs_at(self, WidenedPairs(even, odd): WidenedPairs, out: *mut u32) {
        enabled!({
            _mm256_storeu_si256(out.cast(), Self::words(even.0, odd.0));
            _mm256_storeu_si256(out.add(8).cast(), Self::words(even.1, odd.1));
        })
    }
    #[inline(always)]
    fn dot(self, a: WidenedPairs, b: WidenedPairs, sum: F32x16) -> F32x16 {
        self.fma(a.0, b.0, self.fma(a.1, b.1, sum))
    }
    #[inline(always)]
    fn factor(self, WidenedPairs(even, odd): WidenedPairs, n: usize) -> F32x16 {
        if n == 0 { odd } else { even }
    }
    #[inline(always)]
    fn multiply(self, a: F32x16, b: F32x16, sum: F32x16) -> F32x16 {
        self.fma(a, b, sum)
    }
    #[inline(always)]
    fn round_to_pairs(self, even: F32x16, odd: F32x16) -> WidenedPairs {
        WidenedPairs(rounded_both(even), rounded_both(odd))
    }
    #[inline(always)]
    fn pair_exact(self, even: F32x16, odd: F32x16) -> WidenedPairs {
        WidenedPairs(even, odd)
    }
    #[inline(always)]
    fn add_scaled<const R: usize, const V: usize>(
        self,
        factors: [F32x16; V],
        sums: [[F32x16; V]; R],
        totals: &mut [[F32x16; V]; R],
    ) {
        // Dots end before, folds begin after, and end before denormals are flushed again.
        let mut sums = sums;
        for sums in &mut sums {
            for sum in sums {
                *sum = opaque_registers(*sum);
            }
        }
        let _kept = KeepDenormals::begin();
        let mut factors = factors;
        for factor in &mut factors {
            *factor = opaque_registers(*factor);
        }
        for (sums, totals) in sums.into_iter().zip(totals) {
            for ((factor, sum), total) in factors.into_iter().zip(sums).zip(totals) {
                *total = opaque_registers(self.fma(factor, sum, *total));
            }
        }
    }
    #[inline(always)]
    fn round_consecutive(self, first: F32x16, second: F32x16) -> WidenedPairs {
        let (first, second) = (evens_and_odds(first), evens_and_odds(second));
        self.round_to_pairs(F32x16(first.0, second.0), F32x16(first.1, second.1))
    }
}
