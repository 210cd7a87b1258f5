//! Sixteen lanes as two AVX2 registers.

use std::arch::x86_64::*;

use super::{
    LANES, Lanes, Pairs,
    flush::{Flushed, Kept, settled},
};
use crate::path::{Kernel, PairKernel, Path};

/// Proof that this processor has AVX2 and fused multiply-add.
#[derive(Clone, Copy, Debug)]
pub struct Avx2(());

impl Avx2 {
    /// Runs a kernel compiled for AVX2.
    ///
    /// # Panics
    /// If this processor does not have it.
    #[inline]
    pub fn run<K: Kernel>(kernel: K) -> K::Output {
        assert!(Path::Avx2.is_here(), "this processor has no AVX2");
        Self(()).apart(kernel)
    }

    /// Runs a kernel over pairs compiled for AVX2, with denormals flushed to zero until it ends.
    ///
    /// # Panics
    /// If this processor does not have it.
    pub fn run_pairs<K: PairKernel>(kernel: K) -> K::Output {
        assert!(Path::Avx2.is_here(), "this processor has no AVX2");
        let _until_the_end = Flushed::begin();
        // A function of its own, so that no arithmetic is moved out of the time in which denormals
        // are flushed.
        Self(()).apart_pairs(kernel)
    }
}

/// The instructions are there: `self` exists only where `run` has found them.
macro_rules! here {
    ($call:expr) => {
        // SAFETY: an `Avx2` exists only in code that `Avx2::run` has entered, after it found the
        // instructions; memory is reached only within lengths that were checked.
        unsafe { $call }
    };
}

/// Lanes 0 to 7 and 8 to 15.
#[derive(Clone, Copy, Debug)]
pub struct Two(__m256, __m256);

#[inline(always)]
fn both(a: Two, b: Two, of: impl Fn(__m256, __m256) -> __m256) -> Two {
    Two(of(a.0, b.0), of(a.1, b.1))
}

/// Sixteen numbers that keep their place among the changes between [`Flushed`] and [`Kept`].
#[inline(always)]
fn both_settled(x: Two) -> Two {
    here!(Two(settled(x.0), settled(x.1)))
}

/// Sixteen lanes that are set and sixteen that are not.
static SET: [i32; 2 * LANES] = {
    let mut set = [0; 2 * LANES];
    let mut lane = 0;
    while lane < LANES {
        set[lane] = -1;
        lane += 1;
    }
    set
};

/// Masks of the first `count` of sixteen lanes.
#[inline(always)]
fn first(count: usize) -> [__m256i; 2] {
    let at = SET[LANES - count..][..LANES].as_ptr();
    here!([_mm256_loadu_si256(at.cast()), _mm256_loadu_si256(at.add(8).cast())])
}

impl Lanes for Avx2 {
    type F32 = Two;
    type Mask = Two;
    type Words = [__m256i; 2];
    const WIDE: usize = 1;

    #[inline(always)]
    fn apart<K: Kernel>(self, kernel: K) -> K::Output {
        #[inline(never)]
        #[target_feature(enable = "avx2,fma,f16c")]
        unsafe fn with<K: Kernel>(on: Avx2, kernel: K) -> K::Output {
            kernel.run(on)
        }
        here!(with(self, kernel))
    }
    #[inline(always)]
    fn splat(self, x: f32) -> Two {
        let half = here!(_mm256_set1_ps(x));
        Two(half, half)
    }
    #[inline(always)]
    fn load(self, from: &[f32]) -> Two {
        assert!(from.len() >= LANES);
        let at = from.as_ptr();
        here!(Two(_mm256_loadu_ps(at), _mm256_loadu_ps(at.add(8))))
    }
    #[inline(always)]
    fn load_part(self, from: &[f32]) -> Two {
        // Not by way of an array: copying so few bytes is a call, and what was just written in parts
        // cannot be read as a whole for some time.
        let ([low, high], at) = (first(from.len()), from.as_ptr());
        here!(Two(_mm256_maskload_ps(at, low), _mm256_maskload_ps(at.wrapping_add(8), high)))
    }
    #[inline(always)]
    fn store(self, x: Two, to: &mut [f32]) {
        assert!(to.len() >= LANES);
        let at = to.as_mut_ptr();
        here!({
            _mm256_storeu_ps(at, x.0);
            _mm256_storeu_ps(at.add(8), x.1);
        });
    }
    #[inline(always)]
    fn store_part(self, x: Two, to: &mut [f32]) {
        to.copy_from_slice(&self.to_array(x)[..to.len()]);
    }
    #[inline(always)]
    unsafe fn load_at(self, from: *const f32) -> Two {
        here!(Two(_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))))
    }
    #[inline(always)]
    unsafe fn store_at(self, x: Two, to: *mut f32) {
        here!({
            _mm256_storeu_ps(to, x.0);
            _mm256_storeu_ps(to.add(8), x.1);
        })
    }
    #[inline(always)]
    fn add(self, a: Two, b: Two) -> Two {
        both(a, b, |a, b| here!(_mm256_add_ps(a, b)))
    }
    #[inline(always)]
    fn sub(self, a: Two, b: Two) -> Two {
        both(a, b, |a, b| here!(_mm256_sub_ps(a, b)))
    }
    #[inline(always)]
    fn mul(self, a: Two, b: Two) -> Two {
        both(a, b, |a, b| here!(_mm256_mul_ps(a, b)))
    }
    #[inline(always)]
    fn div(self, a: Two, b: Two) -> Two {
        both(a, b, |a, b| here!(_mm256_div_ps(a, b)))
    }
    #[inline(always)]
    fn sqrt(self, a: Two) -> Two {
        here!(Two(_mm256_sqrt_ps(a.0), _mm256_sqrt_ps(a.1)))
    }
    #[inline(always)]
    fn fma(self, a: Two, b: Two, c: Two) -> Two {
        here!(Two(_mm256_fmadd_ps(a.0, b.0, c.0), _mm256_fmadd_ps(a.1, b.1, c.1)))
    }
    #[inline(always)]
    fn max(self, a: Two, b: Two) -> Two {
        // vmaxps gives its second operand unless the first is greater: the rule, also for NaN.
        both(a, b, |a, b| here!(_mm256_max_ps(a, b)))
    }
    #[inline(always)]
    fn greater(self, a: Two, b: Two) -> Two {
        both(a, b, |a, b| here!(_mm256_cmp_ps::<_CMP_GT_OQ>(a, b)))
    }
    #[inline(always)]
    fn less(self, a: Two, b: Two) -> Two {
        both(a, b, |a, b| here!(_mm256_cmp_ps::<_CMP_LT_OQ>(a, b)))
    }
    #[inline(always)]
    fn is_nan(self, a: Two) -> Two {
        both(a, a, |a, b| here!(_mm256_cmp_ps::<_CMP_UNORD_Q>(a, b)))
    }
    #[inline(always)]
    fn select(self, mask: Two, a: Two, b: Two) -> Two {
        here!(Two(_mm256_blendv_ps(b.0, a.0, mask.0), _mm256_blendv_ps(b.1, a.1, mask.1)))
    }
    #[inline(always)]
    fn round(self, a: Two) -> Two {
        const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
        here!(Two(_mm256_round_ps::<NEAREST>(a.0), _mm256_round_ps::<NEAREST>(a.1)))
    }
    #[inline(always)]
    fn power_of_two(self, n: Two) -> Two {
        both(n, n, |n, _| {
            here!({
                let biased = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
                _mm256_castsi256_ps(_mm256_slli_epi32::<23>(biased))
            })
        })
    }
    #[inline(always)]
    unsafe fn words_at(self, from: *const u32) -> [__m256i; 2] {
        here!([_mm256_loadu_si256(from.cast()), _mm256_loadu_si256(from.add(8).cast())])
    }
    #[inline(always)]
    unsafe fn halves_at(self, from: *const u32) -> Two {
        here!(Two(
            _mm256_cvtph_ps(_mm_loadu_si128(from.cast())),
            _mm256_cvtph_ps(_mm_loadu_si128(from.add(4).cast())),
        ))
    }
    #[inline(always)]
    fn byte_at_top(self, words: [__m256i; 2], n: usize) -> Two {
        here!({
            let up = _mm256_set1_epi32(24 - 8 * n as i32);
            let top = _mm256_set1_epi32(0xff << 24);
            let low = _mm256_and_si256(_mm256_sllv_epi32(words[0], up), top);
            let high = _mm256_and_si256(_mm256_sllv_epi32(words[1], up), top);
            Two(_mm256_cvtepi32_ps(low), _mm256_cvtepi32_ps(high))
        })
    }
    #[inline(always)]
    fn nibble(self, words: [__m256i; 2], n: usize, plus: i32) -> Two {
        here!({
            let (down, plus) = (_mm256_set1_epi32(4 * n as i32), _mm256_set1_epi32(plus));
            let lowest = _mm256_set1_epi32(15);
            let low = _mm256_and_si256(_mm256_srlv_epi32(words[0], down), lowest);
            let high = _mm256_and_si256(_mm256_srlv_epi32(words[1], down), lowest);
            Two(
                _mm256_cvtepi32_ps(_mm256_add_epi32(low, plus)),
                _mm256_cvtepi32_ps(_mm256_add_epi32(high, plus)),
            )
        })
    }
    #[inline(always)]
    fn upper_half(self, words: [__m256i; 2], n: usize) -> Two {
        here!({
            let up = _mm256_set1_epi32(16 - 16 * n as i32);
            let upper = _mm256_set1_epi32(!0xffff);
            let low = _mm256_and_si256(_mm256_sllv_epi32(words[0], up), upper);
            let high = _mm256_and_si256(_mm256_sllv_epi32(words[1], up), upper);
            Two(_mm256_castsi256_ps(low), _mm256_castsi256_ps(high))
        })
    }
    #[inline(always)]
    fn to_array(self, x: Two) -> [f32; LANES] {
        let mut out = [0.0; LANES];
        self.store(x, &mut out);
        out
    }
    #[inline(always)]
    fn from_array(self, x: [f32; LANES]) -> Two {
        self.load(&x)
    }
}

/// Pairs as numbers that are already widened: the even ones, then the odd ones.
#[derive(Clone, Copy, Debug)]
pub struct Apart(Two, Two);

/// The bits of eight numbers rounded to bf16, in the upper half of each lane.
#[inline(always)]
fn rounded(x: __m256) -> __m256i {
    here!({
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

// Functions and no closures: those may be compiled without the instructions of the path.

#[inline(always)]
fn rounded_both(x: Two) -> Two {
    here!(Two(_mm256_castsi256_ps(rounded(x.0)), _mm256_castsi256_ps(rounded(x.1))))
}

/// Of two registers, what stands in even places and what stands in odd ones.
#[inline(always)]
fn evens_and_odds(x: Two) -> (__m256, __m256) {
    here!({
        let even = _mm256_shuffle_ps::<0b10_00_10_00>(x.0, x.1);
        let odd = _mm256_shuffle_ps::<0b11_01_11_01>(x.0, x.1);
        (in_order(even), in_order(odd))
    })
}

/// The middle quarters change places.
#[inline(always)]
fn in_order(x: __m256) -> __m256 {
    here!(_mm256_castpd_ps(_mm256_permute4x64_pd::<0b11_01_10_00>(_mm256_castps_pd(x))))
}

impl Avx2 {
    /// The words of eight pairs.
    #[inline(always)]
    fn words(even: __m256, odd: __m256) -> __m256i {
        here!(_mm256_or_si256(
            _mm256_srli_epi32::<16>(_mm256_castps_si256(even)),
            _mm256_castps_si256(odd),
        ))
    }

    /// Both numbers of eight pairs.
    #[inline(always)]
    fn apart(words: __m256i) -> (__m256, __m256) {
        here!({
            let even = _mm256_slli_epi32::<16>(words);
            let odd = _mm256_and_si256(words, _mm256_set1_epi32(!0xffff));
            (_mm256_castsi256_ps(even), _mm256_castsi256_ps(odd))
        })
    }
}

impl Pairs for Avx2 {
    type Pair = Apart;

    #[inline(always)]
    fn apart_pairs<K: PairKernel>(self, kernel: K) -> K::Output {
        #[inline(never)]
        #[target_feature(enable = "avx2,fma,f16c")]
        unsafe fn with<K: PairKernel>(on: Avx2, kernel: K) -> K::Output {
            kernel.run(on)
        }
        here!(with(self, kernel))
    }
    #[inline(always)]
    fn splat_pair(self, pair: u32) -> Apart {
        Apart(self.splat(f32::from_bits(pair << 16)), self.splat(f32::from_bits(pair & !0xffff)))
    }
    #[inline(always)]
    fn load_pairs_part(self, from: &[u32]) -> Apart {
        let (masks, at) = (first(from.len()), from.as_ptr().cast::<i32>());
        let low = Self::apart(here!(_mm256_maskload_epi32(at, masks[0])));
        let high = Self::apart(here!(_mm256_maskload_epi32(at.wrapping_add(8), masks[1])));
        Apart(Two(low.0, high.0), Two(low.1, high.1))
    }
    #[inline(always)]
    fn store_pairs_part(self, x: Apart, to: &mut [u32]) {
        let mut all = [0; LANES];
        // SAFETY: the array has room for sixteen pairs.
        unsafe { self.store_pairs_at(x, all.as_mut_ptr()) };
        to.copy_from_slice(&all[..to.len()]);
    }
    #[inline(always)]
    unsafe fn load_pairs_at(self, from: *const u32) -> Apart {
        let low = Self::apart(here!(_mm256_loadu_si256(from.cast())));
        let high = Self::apart(here!(_mm256_loadu_si256(from.wrapping_add(8).cast())));
        Apart(Two(low.0, high.0), Two(low.1, high.1))
    }
    #[inline(always)]
    unsafe fn store_pairs_at(self, Apart(even, odd): Apart, to: *mut u32) {
        here!({
            _mm256_storeu_si256(to.cast(), Self::words(even.0, odd.0));
            _mm256_storeu_si256(to.add(8).cast(), Self::words(even.1, odd.1));
        })
    }
    #[inline(always)]
    fn dot(self, a: Apart, b: Apart, sum: Two) -> Two {
        self.fma(a.0, b.0, self.fma(a.1, b.1, sum))
    }
    #[inline(always)]
    fn join(self, even: Two, odd: Two) -> Apart {
        Apart(rounded_both(even), rounded_both(odd))
    }
    #[inline(always)]
    fn join_exact(self, even: Two, odd: Two) -> Apart {
        Apart(even, odd)
    }
    #[inline(always)]
    fn fold<const R: usize, const V: usize>(
        self,
        factors: [Two; V],
        sums: [[Two; V]; R],
        totals: &mut [[Two; V]; R],
    ) {
        // Dots end before, folds begin after, and end before denormals are flushed again.
        let mut sums = sums;
        for sums in &mut sums {
            for sum in sums {
                *sum = both_settled(*sum);
            }
        }
        let _kept = Kept::begin();
        let mut factors = factors;
        for factor in &mut factors {
            *factor = both_settled(*factor);
        }
        for (sums, totals) in sums.into_iter().zip(totals) {
            for ((factor, sum), total) in factors.into_iter().zip(sums).zip(totals) {
                *total = both_settled(self.fma(factor, sum, *total));
            }
        }
    }
    #[inline(always)]
    fn pack(self, first: Two, second: Two) -> Apart {
        let (first, second) = (evens_and_odds(first), evens_and_odds(second));
        self.join(Two(first.0, second.0), Two(first.1, second.1))
    }
}
