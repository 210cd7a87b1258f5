//! Sixteen lanes as one AVX-512 register.

use std::{arch::x86_64::*, mem::transmute};

use super::{Avx2, Codes, Kernel, LANES, Lanes, PairKernel, Pairs};

/// Proof that this processor has AVX-512 and, if `BF16`, its products of bf16.
#[derive(Clone, Copy, Debug)]
pub struct Avx512<const BF16: bool = false>(());

impl Avx512 {
    /// Whether this processor has it, and all that AVX2 has.
    pub fn is_available() -> bool {
        Avx2::is_available()
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
    }

    /// Whether it has an instruction that multiplies pairs of bf16.
    pub fn has_bf16_dot() -> bool {
        Self::is_available() && is_x86_feature_detected!("avx512bf16")
    }

    /// Runs a kernel compiled for AVX-512.
    ///
    /// # Panics
    /// If this processor does not have it.
    #[inline]
    pub fn run<K: Kernel>(kernel: K) -> K::Output {
        assert!(Self::is_available(), "this processor has no AVX-512");
        Self(()).run_outlined(kernel)
    }
}

impl Avx512<true> {
    /// Runs a kernel over pairs compiled for AVX-512 with its products of bf16.
    ///
    /// # Panics
    /// If this processor does not have them.
    #[inline]
    pub fn run_pairs<K: PairKernel>(kernel: K) -> K::Output {
        assert!(Avx512::<false>::has_bf16_dot(), "this processor has no AVX-512 BF16");
        Self(()).run_pairs_outlined(kernel)
    }
}

/// The first `len` lanes.
#[inline(always)]
fn prefix_mask(len: usize) -> __mmask16 {
    assert!(len <= LANES);
    ((1u32 << len) - 1) as __mmask16
}

/// Calls intrinsics: `self` exists only where `run` has detected their instruction set.
macro_rules! enabled {
    ($call:expr) => {
        // SAFETY: an `Avx512` exists only in code that `Avx512::run` called after it detected its features.
        // Memory is accessed only within lengths that were asserted, or by the preconditions of the method.
        unsafe { $call }
    };
}

/// What the code in the lowest bits of each half of a word stands for, as bf16.
#[inline(always)]
fn look_up_halves(words: __m512i, codes: &'static Codes) -> __m512i {
    let table = codes.as_bf16.as_ptr();
    // The permutations read the lowest five or six bits of each half.
    enabled!({
        let low = _mm512_load_si512(table.cast());
        if codes.bits < 6 {
            _mm512_permutexvar_epi16(words, low)
        } else {
            _mm512_permutex2var_epi16(low, words, _mm512_load_si512(table.add(32).cast()))
        }
    })
}

impl<const BF16: bool> Lanes for Avx512<BF16> {
    type F32 = __m512;
    type Mask = __mmask16;
    type Words = __m512i;
    const VECTORS_PER_ROW: usize = 4;

    #[inline(always)]
    fn run_outlined<K: Kernel>(self, kernel: K) -> K::Output {
        #[inline(never)]
        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")]
        /// # Safety
        /// This processor has AVX-512 F, DQ, BW and VL, AVX2 and FMA.
        unsafe fn call<const BF16: bool, K: Kernel>(simd: Avx512<BF16>, kernel: K) -> K::Output {
            kernel.run(simd)
        }
        enabled!(call(self, kernel))
    }
    #[inline(always)]
    fn splat(self, x: f32) -> __m512 {
        enabled!(_mm512_set1_ps(x))
    }
    #[inline(always)]
    fn load(self, from: &[f32]) -> __m512 {
        assert!(from.len() >= LANES);
        enabled!(_mm512_loadu_ps(from.as_ptr()))
    }
    #[inline(always)]
    fn load_part(self, from: &[f32]) -> __m512 {
        enabled!(_mm512_maskz_loadu_ps(prefix_mask(from.len()), from.as_ptr()))
    }
    #[inline(always)]
    fn store(self, x: __m512, out: &mut [f32]) {
        assert!(out.len() >= LANES);
        enabled!(_mm512_storeu_ps(out.as_mut_ptr(), x))
    }
    #[inline(always)]
    fn store_part(self, x: __m512, out: &mut [f32]) {
        enabled!(_mm512_mask_storeu_ps(out.as_mut_ptr(), prefix_mask(out.len()), x))
    }
    #[inline(always)]
    unsafe fn load_at(self, from: *const f32) -> __m512 {
        enabled!(_mm512_loadu_ps(from))
    }
    #[inline(always)]
    unsafe fn store_at(self, x: __m512, out: *mut f32) {
        enabled!(_mm512_storeu_ps(out, x))
    }
    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        enabled!(_mm512_add_ps(a, b))
    }
    #[inline(always)]
    fn sub(self, a: __m512, b: __m512) -> __m512 {
        enabled!(_mm512_sub_ps(a, b))
    }
    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        enabled!(_mm512_mul_ps(a, b))
    }
    #[inline(always)]
    fn div(self, a: __m512, b: __m512) -> __m512 {
        enabled!(_mm512_div_ps(a, b))
    }
    #[inline(always)]
    fn sqrt(self, a: __m512) -> __m512 {
        enabled!(_mm512_sqrt_ps(a))
    }
    #[inline(always)]
    fn fma(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        enabled!(_mm512_fmadd_ps(a, b, c))
    }
    #[inline(always)]
    fn max(self, a: __m512, b: __m512) -> __m512 {
        // vmaxps gives its second operand unless the first is greater: the rule, also for NaN.
        enabled!(_mm512_max_ps(a, b))
    }
    #[inline(always)]
    fn greater(self, a: __m512, b: __m512) -> __mmask16 {
        enabled!(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b))
    }
    #[inline(always)]
    fn less(self, a: __m512, b: __m512) -> __mmask16 {
        enabled!(_mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b))
    }
    #[inline(always)]
    fn is_nan(self, a: __m512) -> __mmask16 {
        enabled!(_mm512_cmp_ps_mask::<_CMP_UNORD_Q>(a, a))
    }
    #[inline(always)]
    fn select(self, mask: __mmask16, a: __m512, b: __m512) -> __m512 {
        enabled!(_mm512_mask_blend_ps(mask, b, a))
    }
    #[inline(always)]
    fn round(self, a: __m512) -> __m512 {
        enabled!(_mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a))
    }
    #[inline(always)]
    fn scale(self, p: __m512, n: __m512) -> __m512 {
        enabled!(_mm512_scalef_ps(p, n))
    }
    #[inline(always)]
    unsafe fn load_words_at(self, from: *const u32) -> __m512i {
        enabled!(_mm512_loadu_si512(from.cast()))
    }
    #[inline(always)]
    unsafe fn transpose_16x4(
        self,
        from: &[*const u8; LANES],
        at: usize,
        out: *mut u32,
        stride: usize,
    ) {
        enabled!({
            // Columns n, n + 4, n + 8 and n + 12 are quarters of a register, and all else stays within
            // the quarters.
            let mut columns = [_mm512_setzero_si512(); 4];
            for (n, out) in columns.iter_mut().enumerate() {
                let x = _mm512_castsi128_si512(_mm_loadu_si128(from[n].add(at).cast()));
                let x = _mm512_inserti32x4::<1>(x, _mm_loadu_si128(from[n + 4].add(at).cast()));
                let x = _mm512_inserti32x4::<2>(x, _mm_loadu_si128(from[n + 8].add(at).cast()));
                *out = _mm512_inserti32x4::<3>(x, _mm_loadu_si128(from[n + 12].add(at).cast()));
            }
            let [a, b, c, d] = columns;
            let (ab, cd) = (_mm512_unpacklo_epi32(a, b), _mm512_unpacklo_epi32(c, d));
            _mm512_storeu_si512(out.cast(), _mm512_unpacklo_epi64(ab, cd));
            _mm512_storeu_si512(out.add(stride).cast(), _mm512_unpackhi_epi64(ab, cd));
            let (ab, cd) = (_mm512_unpackhi_epi32(a, b), _mm512_unpackhi_epi32(c, d));
            _mm512_storeu_si512(out.add(2 * stride).cast(), _mm512_unpacklo_epi64(ab, cd));
            _mm512_storeu_si512(out.add(3 * stride).cast(), _mm512_unpackhi_epi64(ab, cd));
        });
    }
    #[inline(always)]
    unsafe fn load_halves_at(self, from: *const u32) -> __m512 {
        enabled!(_mm512_cvtph_ps(_mm256_loadu_si256(from.cast())))
    }
    #[inline(always)]
    fn byte_at_top(self, words: __m512i, n: usize) -> __m512 {
        enabled!({
            // In each word, byte n goes to the top and zeros (a set sign bit) below it.
            let order = _mm512_set4_epi32(12, 8, 4, 0);
            let order =
                _mm512_slli_epi32::<24>(_mm512_add_epi32(order, _mm512_set1_epi32(n as i32)));
            let order = _mm512_or_si512(order, _mm512_set1_epi32(0x0080_8080));
            _mm512_cvtepi32_ps(_mm512_shuffle_epi8(words, order))
        })
    }
    #[inline(always)]
    fn upper_half(self, words: __m512i, n: usize) -> __m512 {
        enabled!(_mm512_castsi512_ps(if n == 0 {
            _mm512_slli_epi32::<16>(words)
        } else {
            _mm512_and_si512(words, _mm512_set1_epi32(!0xffff))
        }))
    }
    #[inline(always)]
    unsafe fn load_bytes_at(self, from: *const u32) -> __m512i {
        enabled!(_mm512_cvtepu8_epi32(_mm_loadu_si128(from.cast())))
    }
    #[inline(always)]
    unsafe fn load_signed_bytes_at(self, from: *const u32) -> __m512i {
        enabled!(_mm512_cvtepi8_epi32(_mm_loadu_si128(from.cast())))
    }
    #[inline(always)]
    unsafe fn load_half_words_at(self, from: *const u32) -> __m512i {
        enabled!(_mm512_cvtepu16_epi32(_mm256_loadu_si256(from.cast())))
    }
    #[inline(always)]
    fn shift_words(self, words: __m512i, left: i32) -> __m512i {
        enabled!(if left < 0 {
            _mm512_srlv_epi32(words, _mm512_set1_epi32(-left))
        } else {
            _mm512_sllv_epi32(words, _mm512_set1_epi32(left))
        })
    }
    #[inline(always)]
    fn select_bits(self, mask: u32, a: __m512i, b: __m512i) -> __m512i {
        // As the table has it: a where the mask, the first operand, is set.
        enabled!(_mm512_ternarylogic_epi32::<0xca>(_mm512_set1_epi32(mask as i32), a, b))
    }
    #[inline(always)]
    fn words_to_f32(self, words: __m512i) -> __m512 {
        enabled!(_mm512_cvtepi32_ps(words))
    }
    #[inline(always)]
    fn codes(self, words: __m512i, codes: &'static Codes) -> __m512 {
        let table = codes.as_f32.as_ptr();
        // The permutations read the lowest four or five bits of each word.
        enabled!(match codes.bits {
            0..=4 => _mm512_permutexvar_ps(words, _mm512_load_ps(table)),
            5 => {
                let (low, high) = (_mm512_load_ps(table), _mm512_load_ps(table.add(LANES)));
                _mm512_permutex2var_ps(low, words, high)
            }
            _ => _mm512_cvtepi32_ps(_mm512_srai_epi32::<26>(_mm512_slli_epi32::<26>(words))),
        })
    }
    #[inline(always)]
    fn half_codes(self, words: __m512i, n: usize, codes: &'static Codes) -> __m512 {
        if codes.bits < 6 {
            // Both halves of a word are looked up at once, so that two calls share it.
            return self.upper_half(look_up_halves(words, codes), n);
        }
        // Looking up six bits is three operations. In the last bits of 2^23, or the first of 2^7, a code with its sign
        // bit flipped is a number that is by 32 too large.
        let (bit, power) = if n == 0 { (0, 8_388_608.0f32) } else { (16, 128.0) };
        enabled!({
            let code = _mm512_set1_epi32(0x3f << bit);
            let above = _mm512_set1_epi32((power.to_bits() | 32 << bit) as i32);
            // (word & code) ^ above
            let larger = _mm512_ternarylogic_epi32::<0x78>(above, words, code);
            _mm512_sub_ps(_mm512_castsi512_ps(larger), _mm512_set1_ps(power + 32.0))
        })
    }
    #[inline(always)]
    fn power_of_two(self, e: __m512i) -> __m512 {
        enabled!({
            let normal = _mm512_slli_epi32::<23>(_mm512_sub_epi32(e, _mm512_set1_epi32(1)));
            let denormal = _mm512_sllv_epi32(_mm512_set1_epi32(1 << 21), e);
            let is_denormal = _mm512_cmplt_epi32_mask(e, _mm512_set1_epi32(2));
            _mm512_castsi512_ps(_mm512_mask_blend_epi32(is_denormal, normal, denormal))
        })
    }
    #[inline(always)]
    fn to_array(self, x: __m512) -> [f32; LANES] {
        let mut out = [0.0; LANES];
        self.store(x, &mut out);
        out
    }
    #[inline(always)]
    fn from_array(self, x: [f32; LANES]) -> __m512 {
        self.load(&x)
    }
}

/// Where the two halves of 32 words go so that they alternate: 0, 16, 1, 17 and so on.
static ZIP: [u16; 2 * LANES] = {
    let mut zip = [0; 2 * LANES];
    let mut lane = 0;
    while lane < LANES {
        (zip[2 * lane], zip[2 * lane + 1]) = (lane as u16, (LANES + lane) as u16);
        lane += 1;
    }
    zip
};

#[inline(always)]
fn as_bf16(x: __m512i) -> __m512bh {
    // SAFETY: both types are any 512 bits.
    unsafe { transmute::<__m512i, __m512bh>(x) }
}

#[inline(always)]
fn as_words(x: __m512bh) -> __m512i {
    // SAFETY: both types are any 512 bits.
    unsafe { transmute::<__m512bh, __m512i>(x) }
}

impl Pairs for Avx512<true> {
    type Pair = __m512i;
    type Factor = __m512i;
    const FACTORS: usize = 1;

    #[inline(always)]
    fn run_pairs_outlined<K: PairKernel>(self, kernel: K) -> K::Output {
        #[inline(never)]
        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512bf16,avx2,fma")]
        /// # Safety
        /// This processor has AVX-512 F, DQ, BW, VL and BF16, AVX2 and FMA.
        unsafe fn call<K: PairKernel>(simd: Avx512<true>, kernel: K) -> K::Output {
            kernel.run(simd)
        }
        enabled!(call(self, kernel))
    }
    #[inline(always)]
    fn splat_pair(self, pair: u32) -> __m512i {
        enabled!(_mm512_set1_epi32(pair as i32))
    }
    #[inline(always)]
    fn load_pairs_part(self, from: &[u32]) -> __m512i {
        enabled!(_mm512_maskz_loadu_epi32(prefix_mask(from.len()), from.as_ptr().cast()))
    }
    #[inline(always)]
    fn store_pairs_part(self, x: __m512i, out: &mut [u32]) {
        enabled!(_mm512_mask_storeu_epi32(out.as_mut_ptr().cast(), prefix_mask(out.len()), x))
    }
    #[inline(always)]
    unsafe fn load_pairs_at(self, from: *const u32) -> __m512i {
        enabled!(_mm512_loadu_si512(from.cast()))
    }
    #[inline(always)]
    unsafe fn store_pairs_at(self, x: __m512i, out: *mut u32) {
        enabled!(_mm512_storeu_si512(out.cast(), x))
    }
    #[inline(always)]
    fn dot(self, a: __m512i, b: __m512i, sum: __m512) -> __m512 {
        enabled!(_mm512_dpbf16_ps(sum, as_bf16(a), as_bf16(b)))
    }
    #[inline(always)]
    fn factor(self, pairs: __m512i, _: usize) -> __m512i {
        pairs
    }
    #[inline(always)]
    fn multiply(self, a: __m512i, b: __m512i, sum: __m512) -> __m512 {
        self.dot(a, b, sum)
    }
    #[inline(always)]
    fn round_to_pairs(self, even: __m512, odd: __m512) -> __m512i {
        enabled!({
            let both = as_words(_mm512_cvtne2ps_pbh(odd, even));
            _mm512_permutexvar_epi16(_mm512_loadu_si512(ZIP.as_ptr().cast()), both)
        })
    }
    #[inline(always)]
    fn pair_exact(self, even: __m512, odd: __m512) -> __m512i {
        // Their lower halves are zeros.
        enabled!({
            let even = _mm512_srli_epi32::<16>(_mm512_castps_si512(even));
            _mm512_or_si512(even, _mm512_castps_si512(odd))
        })
    }
    #[inline(always)]
    fn code_pairs(self, words: __m512i, codes: &'static Codes) -> __m512i {
        look_up_halves(words, codes)
    }
    #[inline(always)]
    fn round_consecutive(self, first: __m512, second: __m512) -> __m512i {
        as_words(enabled!(_mm512_cvtne2ps_pbh(second, first)))
    }
}
