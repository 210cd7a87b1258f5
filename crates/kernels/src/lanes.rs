//! Sixteen lanes of f32 on every processor: one AVX-512 register, two of AVX2, or an array.
//!
//! A kernel is written once over [`Lanes`]. All implementations give the same bits: each lane is
//! IEEE arithmetic of its own, and where lanes meet they do so in one fixed tree.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod codes;
#[cfg(target_arch = "x86_64")]
mod denormals;
mod pairs;
mod portable;

#[cfg(target_arch = "x86_64")]
pub use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub use avx512::Avx512;
pub use codes::Codes;
pub use pairs::{PairKernel, Pairs};
pub use portable::Portable;

/// Lanes of a vector.
pub const LANES: usize = 16;

/// A computation over any set of lanes.
pub trait Kernel {
    /// What it gives back.
    type Output;
    /// Runs with these lanes. Implementations are `#[inline(always)]`, so that they are compiled
    /// for the instruction set of their caller.
    fn run<L: Lanes>(self, simd: L) -> Self::Output;
}

/// Operations on sixteen lanes. A value of an implementing type proves that the processor has the
/// instructions, so the methods are safe.
pub trait Lanes: Copy + Send + Sync {
    /// Sixteen f32.
    type F32: Copy;
    /// Sixteen truths.
    type Mask: Copy;
    /// Sixteen words of 32 bits, in which numbers are stored.
    type Words: Copy;
    /// Vectors of output columns that a matrix kernel holds for each row: 4 with 32 registers, 1 with 16.
    const VECTORS_PER_ROW: usize;

    /// Runs a kernel in a function that is not inlined, and so is compiled once for these lanes: for large
    /// kernels whose calls do much.
    fn run_outlined<K: Kernel>(self, kernel: K) -> K::Output;

    /// The same in every lane.
    fn splat(self, x: f32) -> Self::F32;
    /// The first sixteen of a slice.
    ///
    /// # Panics
    /// If there are fewer.
    fn load(self, from: &[f32]) -> Self::F32;
    /// All of a slice of fewer than sixteen; the other lanes are +0.
    fn load_part(self, from: &[f32]) -> Self::F32;
    /// To the first sixteen of a slice.
    ///
    /// # Panics
    /// If there are fewer.
    fn store(self, x: Self::F32, out: &mut [f32]);
    /// The first lanes to all of a slice of fewer than sixteen.
    fn store_part(self, x: Self::F32, out: &mut [f32]);
    /// Loads sixteen from an address.
    ///
    /// # Safety
    /// Sixteen f32 can be read at `from`, which is aligned for f32.
    unsafe fn load_at(self, from: *const f32) -> Self::F32;
    /// Stores sixteen at an address.
    ///
    /// # Safety
    /// Sixteen f32 can be written at `out`, which is aligned for f32.
    unsafe fn store_at(self, x: Self::F32, out: *mut f32);
    /// a + b
    fn add(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// a − b
    fn sub(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// a · b
    fn mul(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// a / b
    fn div(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// √a
    fn sqrt(self, a: Self::F32) -> Self::F32;
    /// a · b + c, rounded once
    fn fma(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32;
    /// `if a > b { a } else { b }`: b where either is not a number.
    fn max(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// Where a > b.
    fn greater(self, a: Self::F32, b: Self::F32) -> Self::Mask;
    /// Where a < b.
    fn less(self, a: Self::F32, b: Self::F32) -> Self::Mask;
    /// Where a is not a number.
    fn is_nan(self, a: Self::F32) -> Self::Mask;
    /// a where true, b elsewhere.
    fn select(self, mask: Self::Mask, a: Self::F32, b: Self::F32) -> Self::F32;
    /// The nearest whole number, halves to even.
    fn round(self, a: Self::F32) -> Self::F32;
    /// p · 2ⁿ for p between ½ and 2 and whole n from −126 to 128; anything for other n, but NaN where p is.
    fn scale(self, p: Self::F32, n: Self::F32) -> Self::F32;
    /// The bits, and what bits mean, lane by lane through arrays: for rare code.
    fn to_array(self, x: Self::F32) -> [f32; LANES];
    /// From an array.
    #[allow(clippy::wrong_self_convention, reason = "self is the proof of the instructions")]
    fn from_array(self, x: [f32; LANES]) -> Self::F32;

    /// Loads sixteen words.
    ///
    /// # Safety
    /// Sixteen words can be read at `from`, which is aligned for u32.
    unsafe fn load_words_at(self, from: *const u32) -> Self::Words;
    /// Transposes sixteen rows of four words, low bytes first, to four rows of sixteen: row `n` of the result
    /// is at `to + n · stride` words.
    ///
    /// # Safety
    /// Sixteen bytes can be read `at` bytes past each of `from`. Sixteen words can be written at each of the
    /// four rows of `out`, which is aligned for u32, and no other thread accesses them.
    unsafe fn transpose_16x4(
        self,
        from: &[*const u8; LANES],
        at: usize,
        out: *mut u32,
        stride: usize,
    );
    /// Loads sixteen halves of IEEE, side by side, and widens them.
    ///
    /// # Safety
    /// Eight words can be read at `from`, which is aligned for u32.
    unsafe fn load_halves_at(self, from: *const u32) -> Self::F32;
    /// Byte n of each word as a signed number, times 2²⁴.
    fn byte_at_top(self, words: Self::Words, n: usize) -> Self::F32;
    /// The lower (0) or upper (1) half of each word as the upper half of an f32.
    fn upper_half(self, words: Self::Words, n: usize) -> Self::F32;

    /// Loads sixteen bytes, side by side, as words.
    ///
    /// # Safety
    /// Four words can be read at `from`, which is aligned for u32.
    unsafe fn load_bytes_at(self, from: *const u32) -> Self::Words;
    /// Loads sixteen signed bytes, side by side, as words.
    ///
    /// # Safety
    /// Four words can be read at `from`, which is aligned for u32.
    unsafe fn load_signed_bytes_at(self, from: *const u32) -> Self::Words;
    /// Loads sixteen numbers of sixteen bits, side by side, as words.
    ///
    /// # Safety
    /// Eight words can be read at `from`, which is aligned for u32.
    unsafe fn load_half_words_at(self, from: *const u32) -> Self::Words;
    /// Each word shifted left by so many bits, or right by as many as are missing to 0.
    fn shift_words(self, words: Self::Words, left: i32) -> Self::Words;
    /// The bits of `a` where the mask has ones, those of `b` elsewhere.
    fn select_bits(self, mask: u32, a: Self::Words, b: Self::Words) -> Self::Words;
    /// Each word as a signed number.
    fn words_to_f32(self, words: Self::Words) -> Self::F32;
    /// What the code in the lowest bits of each word stands for.
    fn codes(self, words: Self::Words, codes: &'static Codes) -> Self::F32;
    /// What the code in the lowest bits of the lower (0) or upper (1) half of each word stands for.
    #[inline(always)]
    fn half_codes(self, words: Self::Words, n: usize, codes: &'static Codes) -> Self::F32 {
        self.codes(if n == 0 { words } else { self.shift_words(words, -16) }, codes)
    }
    /// 2^(e − 128), denormals included, of the e from 0 to 255 that each word is.
    fn power_of_two(self, e: Self::Words) -> Self::F32;

    /// Loads sixteen, or as many as there are.
    #[inline(always)]
    fn load_some(self, from: &[f32]) -> Self::F32 {
        if from.len() >= LANES { self.load(from) } else { self.load_part(from) }
    }

    /// Stores sixteen, or as many as fit.
    #[inline(always)]
    fn store_some(self, x: Self::F32, out: &mut [f32]) {
        if out.len() >= LANES { self.store(x, out) } else { self.store_part(x, out) }
    }

    /// The sum of all lanes by the one tree: lane i takes lane i + 8, then i + 4, i + 2, i + 1.
    #[inline(always)]
    fn sum_tree(self, x: Self::F32) -> f32 {
        sum_tree(self.to_array(x))
    }

    /// The largest lane by the same tree.
    #[inline(always)]
    fn max_tree(self, x: Self::F32) -> f32 {
        max_tree(self.to_array(x))
    }
}

/// The sum of sixteen lanes by the one tree.
#[inline(always)]
pub fn sum_tree(mut lanes: [f32; LANES]) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
        half /= 2;
    }
    lanes[0]
}

/// The largest of sixteen lanes by the one tree.
#[inline(always)]
pub fn max_tree(mut lanes: [f32; LANES]) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] = larger(lanes[lane], lanes[lane + half]);
        }
        half /= 2;
    }
    lanes[0]
}

/// `if a > b { a } else { b }`: b where either is not a number.
#[inline(always)]
pub fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// p · 2ⁿ for whole n from −126 to 128.
pub(crate) fn scale(p: f32, n: f32) -> f32 {
    // 2^128 is no f32: the last doubling is apart.
    let (n, last) = if n > 127.0 { (127.0, 2.0) } else { (n, 1.0) };
    p * f32::from_bits(((n as i32).wrapping_add(127) << 23) as u32) * last
}
