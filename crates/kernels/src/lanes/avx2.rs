//! Sixteen lanes as two AVX2 registers.

use std::arch::x86_64::*;

use super::{
    Codes, Kernel, LANES, Lanes, PairKernel, Pairs, codes::CodeKind, denormals::FlushDenormals,
};

/// Proof that this processor has AVX2 and fused multiply-add.
#[derive(Clone, Copy, Debug)]
pub struct Avx2(());

impl Avx2 {
    /// Whether this processor has it, and halves.
    pub fn is_available() -> bool {
        is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("f16c")
    }

    /// Runs a kernel compiled for AVX2.
    ///
    /// # Panics
    /// If this processor does not have it.
    #[inline]
    pub fn run<K: Kernel>(kernel: K) -> K::Output {
        assert!(Self::is_available(), "this processor has no AVX2");
        Self(()).run_outlined(kernel)
    }

    /// Runs a kernel over pairs compiled for AVX2, with denormals flushed to zero until it ends.
    ///
    /// # Panics
    /// If this processor does not have it.
    pub fn run_pairs<K: PairKernel>(kernel: K) -> K::Output {
        assert!(Self::is_available(), "this processor has no AVX2");
        let _until_the_end = FlushDenormals::begin();
        // A function of its own, so that no arithmetic is moved out of the time in which denormals
        // are flushed.
        Self(()).run_pairs_outlined(kernel)
    }
}

/// Calls intrinsics: `self` exists only where `run` has detected their instruction set.
macro_rules! enabled {
    ($call:expr) => {
        // SAFETY: an `Avx2` exists only in code that `Avx2::run` called after it detected AVX2, FMA and F16C.
        // Memory is accessed only within lengths that were asserted, or by the preconditions of the method.
        unsafe { $call }
    };
}

mod pairs;

/// Lanes 0 to 7 and 8 to 15.
#[derive(Clone, Copy, Debug)]
pub struct F32x16(__m256, __m256);

#[inline(always)]
fn map_registers(a: F32x16, b: F32x16, operation: impl Fn(__m256, __m256) -> __m256) -> F32x16 {
    F32x16(operation(a.0, b.0), operation(a.1, b.1))
}

/// Sixteen lanes that are set and sixteen that are not.
static PREFIX_MASKS: [i32; 2 * LANES] = {
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
fn prefix_mask(count: usize) -> [__m256i; 2] {
    let at = PREFIX_MASKS[LANES - count..][..LANES].as_ptr();
    enabled!([_mm256_loadu_si256(at.cast()), _mm256_loadu_si256(at.add(8).cast())])
}

/// What the codes in the lowest bits of eight words stand for.
#[inline(always)]
fn code_integers(words: __m256i, codes: &'static Codes) -> __m256i {
    enabled!(match codes.kind {
        CodeKind::Plus(plus) => {
            let lowest = _mm256_set1_epi32((1 << codes.bits) - 1);
            _mm256_add_epi32(_mm256_and_si256(words, lowest), _mm256_set1_epi32(plus))
        }
        CodeKind::Signed => _mm256_srai_epi32::<26>(_mm256_slli_epi32::<26>(words)),
        CodeKind::Table => {
            // The code goes to the top byte of its word, and the others, whose sign bits are set, become zeros.
            let top = _mm256_and_si256(_mm256_slli_epi32::<24>(words), _mm256_set1_epi32(15 << 24));
            let order = _mm256_or_si256(top, _mm256_set1_epi32(0x0080_8080));
            let table =
                _mm256_broadcastsi128_si256(_mm_loadu_si128(codes.as_bytes.as_ptr().cast()));
            _mm256_srai_epi32::<24>(_mm256_shuffle_epi8(table, order))
        }
    })
}

/// The bits of 2^(e − 128).
#[inline(always)]
fn power_of_two(e: __m256i) -> __m256i {
    enabled!({
        let normal = _mm256_slli_epi32::<23>(_mm256_sub_epi32(e, _mm256_set1_epi32(1)));
        let denormal = _mm256_sllv_epi32(_mm256_set1_epi32(1 << 21), e);
        let is_denormal = _mm256_cmpgt_epi32(_mm256_set1_epi32(2), e);
        _mm256_blendv_epi8(normal, denormal, is_denormal)
    })
}

impl Lanes for Avx2 {
    type F32 = F32x16;
    type Mask = F32x16;
    type Words = [__m256i; 2];
    const VECTORS_PER_ROW: usize = 1;

    #[inline(always)]
    fn run_outlined<K: Kernel>(self, kernel: K) -> K::Output {
        #[inline(never)]
        #[target_feature(enable = "avx2,fma,f16c")]
        /// # Safety
        /// This processor has AVX2, FMA and F16C.
        unsafe fn call<K: Kernel>(simd: Avx2, kernel: K) -> K::Output {
            kernel.run(simd)
        }
        enabled!(call(self, kernel))
    }
    #[inline(always)]
    fn splat(self, x: f32) -> F32x16 {
        let half = enabled!(_mm256_set1_ps(x));
        F32x16(half, half)
    }
    #[inline(always)]
    fn load(self, from: &[f32]) -> F32x16 {
        assert!(from.len() >= LANES);
        let at = from.as_ptr();
        enabled!(F32x16(_mm256_loadu_ps(at), _mm256_loadu_ps(at.add(8))))
    }
    #[inline(always)]
    fn load_part(self, from: &[f32]) -> F32x16 {
        // Not by way of an array: copying so few bytes is a call, and what was just written in parts
        // cannot be read as a whole for some time.
        let ([low, high], at) = (prefix_mask(from.len()), from.as_ptr());
        enabled!(F32x16(_mm256_maskload_ps(at, low), _mm256_maskload_ps(at.wrapping_add(8), high)))
    }
    #[inline(always)]
    fn store(self, x: F32x16, out: &mut [f32]) {
        assert!(out.len() >= LANES);
        let at = out.as_mut_ptr();
        enabled!({
            _mm256_storeu_ps(at, x.0);
            _mm256_storeu_ps(at.add(8), x.1);
        });
    }
    #[inline(always)]
    fn store_part(self, x: F32x16, out: &mut [f32]) {
        out.copy_from_slice(&self.to_array(x)[..out.len()]);
    }
    #[inline(always)]
    unsafe fn load_at(self, from: *const f32) -> F32x16 {
        enabled!(F32x16(_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))))
    }
    #[inline(always)]
    unsafe fn store_at(self, x: F32x16, out: *mut f32) {
        enabled!({
            _mm256_storeu_ps(out, x.0);
            _mm256_storeu_ps(out.add(8), x.1);
        })
    }
    #[inline(always)]
    fn add(self, a: F32x16, b: F32x16) -> F32x16 {
        map_registers(a, b, |a, b| enabled!(_mm256_add_ps(a, b)))
    }
    #[inline(always)]
    fn sub(self, a: F32x16, b: F32x16) -> F32x16 {
        map_registers(a, b, |a, b| enabled!(_mm256_sub_ps(a, b)))
    }
    #[inline(always)]
    fn mul(self, a: F32x16, b: F32x16) -> F32x16 {
        map_registers(a, b, |a, b| enabled!(_mm256_mul_ps(a, b)))
    }
    #[inline(always)]
    fn div(self, a: F32x16, b: F32x16) -> F32x16 {
        map_registers(a, b, |a, b| enabled!(_mm256_div_ps(a, b)))
    }
    #[inline(always)]
    fn sqrt(self, a: F32x16) -> F32x16 {
        enabled!(F32x16(_mm256_sqrt_ps(a.0), _mm256_sqrt_ps(a.1)))
    }
    #[inline(always)]
    fn fma(self, a: F32x16, b: F32x16, c: F32x16) -> F32x16 {
        enabled!(F32x16(_mm256_fmadd_ps(a.0, b.0, c.0), _mm256_fmadd_ps(a.1, b.1, c.1)))
    }
    #[inline(always)]
    fn max(self, a: F32x16, b: F32x16) -> F32x16 {
        // vmaxps gives its second operand unless the first is greater: the rule, also for NaN.
        map_registers(a, b, |a, b| enabled!(_mm256_max_ps(a, b)))
    }
    #[inline(always)]
    fn greater(self, a: F32x16, b: F32x16) -> F32x16 {
        map_registers(a, b, |a, b| enabled!(_mm256_cmp_ps::<_CMP_GT_OQ>(a, b)))
    }
    #[inline(always)]
    fn less(self, a: F32x16, b: F32x16) -> F32x16 {
        map_registers(a, b, |a, b| enabled!(_mm256_cmp_ps::<_CMP_LT_OQ>(a, b)))
    }
    #[inline(always)]
    fn is_nan(self, a: F32x16) -> F32x16 {
        map_registers(a, a, |a, b| enabled!(_mm256_cmp_ps::<_CMP_UNORD_Q>(a, b)))
    }
    #[inline(always)]
    fn select(self, mask: F32x16, a: F32x16, b: F32x16) -> F32x16 {
        enabled!(F32x16(_mm256_blendv_ps(b.0, a.0, mask.0), _mm256_blendv_ps(b.1, a.1, mask.1)))
    }
    #[inline(always)]
    fn round(self, a: F32x16) -> F32x16 {
        const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
        enabled!(F32x16(_mm256_round_ps::<NEAREST>(a.0), _mm256_round_ps::<NEAREST>(a.1)))
    }
    #[inline(always)]
    fn scale(self, p: F32x16, n: F32x16) -> F32x16 {
        map_registers(p, n, |p, n| {
            enabled!({
                // 2^128 is no f32: the last doubling is apart.
                let max = _mm256_set1_ps(127.0);
                let is_last = _mm256_cmp_ps::<_CMP_GT_OQ>(n, max);
                let biased = _mm256_cvtps_epi32(_mm256_min_ps(n, max));
                let biased = _mm256_add_epi32(biased, _mm256_set1_epi32(127));
                let power = _mm256_castsi256_ps(_mm256_slli_epi32::<23>(biased));
                let p = _mm256_mul_ps(p, power);
                _mm256_blendv_ps(p, _mm256_add_ps(p, p), is_last)
            })
        })
    }
    #[inline(always)]
    unsafe fn load_words_at(self, from: *const u32) -> [__m256i; 2] {
        enabled!([_mm256_loadu_si256(from.cast()), _mm256_loadu_si256(from.add(8).cast())])
    }
    #[inline(always)]
    unsafe fn transpose_16x4(
        self,
        from: &[*const u8; LANES],
        at: usize,
        out: *mut u32,
        stride: usize,
    ) {
        for (half, from) in from.as_chunks::<8>().0.iter().enumerate() {
            enabled!({
                // Columns n and n + 4 are halves of a register, and all else stays within the halves.
                let mut columns = [_mm256_setzero_si256(); 4];
                for (n, out) in columns.iter_mut().enumerate() {
                    let (low, high) = (from[n].add(at).cast(), from[n + 4].add(at).cast());
                    *out = _mm256_loadu2_m128i(high, low);
                }
                let [a, b, c, d] = columns;
                let (ab, cd) = (_mm256_unpacklo_epi32(a, b), _mm256_unpacklo_epi32(c, d));
                let out = out.add(half * 8);
                _mm256_storeu_si256(out.cast(), _mm256_unpacklo_epi64(ab, cd));
                _mm256_storeu_si256(out.add(stride).cast(), _mm256_unpackhi_epi64(ab, cd));
                let (ab, cd) = (_mm256_unpackhi_epi32(a, b), _mm256_unpackhi_epi32(c, d));
                _mm256_storeu_si256(out.add(2 * stride).cast(), _mm256_unpacklo_epi64(ab, cd));
                _mm256_storeu_si256(out.add(3 * stride).cast(), _mm256_unpackhi_epi64(ab, cd));
            });
        }
    }
    #[inline(always)]
    unsafe fn load_halves_at(self, from: *const u32) -> F32x16 {
        enabled!(F32x16(
            _mm256_cvtph_ps(_mm_loadu_si128(from.cast())),
            _mm256_cvtph_ps(_mm_loadu_si128(from.add(4).cast())),
        ))
    }
    #[inline(always)]
    fn byte_at_top(self, words: [__m256i; 2], n: usize) -> F32x16 {
        enabled!({
            let up = _mm256_set1_epi32(24 - 8 * n as i32);
            let top = _mm256_set1_epi32(0xff << 24);
            let low = _mm256_and_si256(_mm256_sllv_epi32(words[0], up), top);
            let high = _mm256_and_si256(_mm256_sllv_epi32(words[1], up), top);
            F32x16(_mm256_cvtepi32_ps(low), _mm256_cvtepi32_ps(high))
        })
    }
    #[inline(always)]
    fn upper_half(self, words: [__m256i; 2], n: usize) -> F32x16 {
        enabled!({
            let up = _mm256_set1_epi32(16 - 16 * n as i32);
            let upper = _mm256_set1_epi32(!0xffff);
            let low = _mm256_and_si256(_mm256_sllv_epi32(words[0], up), upper);
            let high = _mm256_and_si256(_mm256_sllv_epi32(words[1], up), upper);
            F32x16(_mm256_castsi256_ps(low), _mm256_castsi256_ps(high))
        })
    }
    #[inline(always)]
    unsafe fn load_bytes_at(self, from: *const u32) -> [__m256i; 2] {
        enabled!([
            _mm256_cvtepu8_epi32(_mm_loadl_epi64(from.cast())),
            _mm256_cvtepu8_epi32(_mm_loadl_epi64(from.add(2).cast())),
        ])
    }
    #[inline(always)]
    unsafe fn load_signed_bytes_at(self, from: *const u32) -> [__m256i; 2] {
        enabled!([
            _mm256_cvtepi8_epi32(_mm_loadl_epi64(from.cast())),
            _mm256_cvtepi8_epi32(_mm_loadl_epi64(from.add(2).cast())),
        ])
    }
    #[inline(always)]
    unsafe fn load_half_words_at(self, from: *const u32) -> [__m256i; 2] {
        enabled!([
            _mm256_cvtepu16_epi32(_mm_loadu_si128(from.cast())),
            _mm256_cvtepu16_epi32(_mm_loadu_si128(from.add(4).cast())),
        ])
    }
    #[inline(always)]
    fn shift_words(self, [low, high]: [__m256i; 2], left: i32) -> [__m256i; 2] {
        enabled!(if left < 0 {
            let right = _mm256_set1_epi32(-left);
            [_mm256_srlv_epi32(low, right), _mm256_srlv_epi32(high, right)]
        } else {
            let left = _mm256_set1_epi32(left);
            [_mm256_sllv_epi32(low, left), _mm256_sllv_epi32(high, left)]
        })
    }
    #[inline(always)]
    fn select_bits(self, mask: u32, a: [__m256i; 2], b: [__m256i; 2]) -> [__m256i; 2] {
        enabled!({
            let mask = _mm256_set1_epi32(mask as i32);
            [
                _mm256_or_si256(_mm256_and_si256(mask, a[0]), _mm256_andnot_si256(mask, b[0])),
                _mm256_or_si256(_mm256_and_si256(mask, a[1]), _mm256_andnot_si256(mask, b[1])),
            ]
        })
    }
    #[inline(always)]
    fn words_to_f32(self, [low, high]: [__m256i; 2]) -> F32x16 {
        enabled!(F32x16(_mm256_cvtepi32_ps(low), _mm256_cvtepi32_ps(high)))
    }
    #[inline(always)]
    fn codes(self, [low, high]: [__m256i; 2], codes: &'static Codes) -> F32x16 {
        enabled!(F32x16(
            _mm256_cvtepi32_ps(code_integers(low, codes)),
            _mm256_cvtepi32_ps(code_integers(high, codes)),
        ))
    }
    #[inline(always)]
    fn power_of_two(self, [low, high]: [__m256i; 2]) -> F32x16 {
        enabled!(F32x16(
            _mm256_castsi256_ps(power_of_two(low)),
            _mm256_castsi256_ps(power_of_two(high)),
        ))
    }
    #[inline(always)]
    fn to_array(self, x: F32x16) -> [f32; LANES] {
        let mut out = [0.0; LANES];
        self.store(x, &mut out);
        out
    }
    #[inline(always)]
    fn from_array(self, x: [f32; LANES]) -> F32x16 {
        self.load(&x)
    }
}
