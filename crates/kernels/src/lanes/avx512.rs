//! Sixteen lanes as one AVX-512 register.

use std::arch::x86_64::*;

use super::{LANES, Lanes};
use crate::path::{Kernel, Path};

/// Proof that this processor has AVX-512.
#[derive(Clone, Copy, Debug)]
pub struct Avx512(());

impl Avx512 {
    /// Runs a kernel compiled for AVX-512.
    ///
    /// # Panics
    /// If this processor does not have it.
    #[inline]
    pub fn run<K: Kernel>(kernel: K) -> K::Output {
        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")]
        unsafe fn with<K: Kernel>(kernel: K) -> K::Output {
            kernel.run(Avx512(()))
        }
        assert!(Path::Avx512.is_here(), "this processor has no AVX-512");
        // SAFETY: the assertion above found all features that `with` enables.
        unsafe { with(kernel) }
    }
}

/// The first `len` lanes.
#[inline(always)]
fn first(len: usize) -> __mmask16 {
    assert!(len <= LANES);
    ((1u32 << len) - 1) as __mmask16
}

/// The instructions are there: `self` exists only where `run` has found them.
macro_rules! here {
    ($call:expr) => {
        // SAFETY: an `Avx512` exists only in code that `Avx512::run` has entered, after it found
        // the instructions; memory is reached only within lengths that were checked.
        unsafe { $call }
    };
}

impl Lanes for Avx512 {
    type F32 = __m512;
    type Mask = __mmask16;
    const WIDE: usize = 4;

    #[inline(always)]
    fn splat(self, x: f32) -> __m512 {
        here!(_mm512_set1_ps(x))
    }
    #[inline(always)]
    fn load(self, from: &[f32]) -> __m512 {
        assert!(from.len() >= LANES);
        here!(_mm512_loadu_ps(from.as_ptr()))
    }
    #[inline(always)]
    fn load_part(self, from: &[f32]) -> __m512 {
        here!(_mm512_maskz_loadu_ps(first(from.len()), from.as_ptr()))
    }
    #[inline(always)]
    fn store(self, x: __m512, to: &mut [f32]) {
        assert!(to.len() >= LANES);
        here!(_mm512_storeu_ps(to.as_mut_ptr(), x))
    }
    #[inline(always)]
    fn store_part(self, x: __m512, to: &mut [f32]) {
        here!(_mm512_mask_storeu_ps(to.as_mut_ptr(), first(to.len()), x))
    }
    #[inline(always)]
    unsafe fn load_at(self, from: *const f32) -> __m512 {
        here!(_mm512_loadu_ps(from))
    }
    #[inline(always)]
    unsafe fn store_at(self, x: __m512, to: *mut f32) {
        here!(_mm512_storeu_ps(to, x))
    }
    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        here!(_mm512_add_ps(a, b))
    }
    #[inline(always)]
    fn sub(self, a: __m512, b: __m512) -> __m512 {
        here!(_mm512_sub_ps(a, b))
    }
    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        here!(_mm512_mul_ps(a, b))
    }
    #[inline(always)]
    fn div(self, a: __m512, b: __m512) -> __m512 {
        here!(_mm512_div_ps(a, b))
    }
    #[inline(always)]
    fn sqrt(self, a: __m512) -> __m512 {
        here!(_mm512_sqrt_ps(a))
    }
    #[inline(always)]
    fn fma(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        here!(_mm512_fmadd_ps(a, b, c))
    }
    #[inline(always)]
    fn max(self, a: __m512, b: __m512) -> __m512 {
        // vmaxps gives its second operand unless the first is greater: the rule, also for NaN.
        here!(_mm512_max_ps(a, b))
    }
    #[inline(always)]
    fn greater(self, a: __m512, b: __m512) -> __mmask16 {
        here!(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b))
    }
    #[inline(always)]
    fn less(self, a: __m512, b: __m512) -> __mmask16 {
        here!(_mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b))
    }
    #[inline(always)]
    fn is_nan(self, a: __m512) -> __mmask16 {
        here!(_mm512_cmp_ps_mask::<_CMP_UNORD_Q>(a, a))
    }
    #[inline(always)]
    fn select(self, mask: __mmask16, a: __m512, b: __m512) -> __m512 {
        here!(_mm512_mask_blend_ps(mask, b, a))
    }
    #[inline(always)]
    fn round(self, a: __m512) -> __m512 {
        here!(_mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a))
    }
    #[inline(always)]
    fn power_of_two(self, n: __m512) -> __m512 {
        here!({
            let biased = _mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127));
            _mm512_castsi512_ps(_mm512_slli_epi32::<23>(biased))
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
