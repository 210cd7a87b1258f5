//! Sixteen lanes as an array: the definition of the others.

use super::{Codes, Kernel, LANES, Lanes, PairKernel, Pairs, codes::CodeKind, larger, scale};
use crate::naive::{bf16, stored};

/// Plain Rust.
#[derive(Clone, Copy, Debug)]
pub struct Portable;

type Array = [f32; LANES];

#[inline(always)]
fn map_lanes(a: Array, b: Array, operation: impl Fn(f32, f32) -> f32) -> Array {
    let mut out = a;
    for lane in 0..LANES {
        out[lane] = operation(a[lane], b[lane]);
    }
    out
}

/// c = a · b + c. Where the instructions that are compiled for have no fused multiply-add, each lane is a call;
/// within every kernel, these calls were an eighth of the code of all.
#[cfg_attr(all(target_arch = "x86_64", not(target_feature = "fma")), inline(never))]
#[cfg_attr(not(all(target_arch = "x86_64", not(target_feature = "fma"))), inline(always))]
fn fma(a: &Array, b: &Array, c: &mut Array) {
    for lane in 0..LANES {
        c[lane] = a[lane].mul_add(b[lane], c[lane]);
    }
}

/// Adds the dot products of pairs; outside of the kernels likewise.
#[cfg_attr(all(target_arch = "x86_64", not(target_feature = "fma")), inline(never))]
#[cfg_attr(not(all(target_arch = "x86_64", not(target_feature = "fma"))), inline(always))]
fn dot(a: &[u32; LANES], b: &[u32; LANES], sum: &mut Array) {
    for lane in 0..LANES {
        sum[lane] = bf16::dot(a[lane], b[lane], sum[lane]);
    }
}

impl Lanes for Portable {
    type F32 = Array;
    type Mask = [bool; LANES];
    type Words = [u32; LANES];
    const VECTORS_PER_ROW: usize = 1;

    #[inline(never)]
    fn run_outlined<K: Kernel>(self, kernel: K) -> K::Output {
        kernel.run(self)
    }
    #[inline(always)]
    fn splat(self, x: f32) -> Array {
        [x; LANES]
    }
    #[inline(always)]
    fn load(self, from: &[f32]) -> Array {
        let mut out = [0.0; LANES];
        out.copy_from_slice(&from[..LANES]);
        out
    }
    #[inline(always)]
    fn load_part(self, from: &[f32]) -> Array {
        let mut out = [0.0; LANES];
        out[..from.len()].copy_from_slice(from);
        out
    }
    #[inline(always)]
    fn store(self, x: Array, out: &mut [f32]) {
        out[..LANES].copy_from_slice(&x);
    }
    #[inline(always)]
    fn store_part(self, x: Array, out: &mut [f32]) {
        out.copy_from_slice(&x[..out.len()]);
    }
    #[inline(always)]
    unsafe fn load_at(self, from: *const f32) -> Array {
        // SAFETY: by the precondition, sixteen f32 can be read; an array has the alignment of its element.
        unsafe { *from.cast() }
    }
    #[inline(always)]
    unsafe fn store_at(self, x: Array, out: *mut f32) {
        // SAFETY: by the precondition, sixteen f32 can be written; an array has the alignment of its element.
        unsafe { *out.cast() = x };
    }
    #[inline(always)]
    fn add(self, a: Array, b: Array) -> Array {
        map_lanes(a, b, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, a: Array, b: Array) -> Array {
        map_lanes(a, b, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, a: Array, b: Array) -> Array {
        map_lanes(a, b, |a, b| a * b)
    }
    #[inline(always)]
    fn div(self, a: Array, b: Array) -> Array {
        map_lanes(a, b, |a, b| a / b)
    }
    #[inline(always)]
    fn sqrt(self, a: Array) -> Array {
        a.map(f32::sqrt)
    }
    #[inline(always)]
    fn fma(self, a: Array, b: Array, mut c: Array) -> Array {
        fma(&a, &b, &mut c);
        c
    }
    #[inline(always)]
    fn max(self, a: Array, b: Array) -> Array {
        map_lanes(a, b, larger)
    }
    #[inline(always)]
    fn greater(self, a: Array, b: Array) -> [bool; LANES] {
        std::array::from_fn(|lane| a[lane] > b[lane])
    }
    #[inline(always)]
    fn less(self, a: Array, b: Array) -> [bool; LANES] {
        std::array::from_fn(|lane| a[lane] < b[lane])
    }
    #[inline(always)]
    fn is_nan(self, a: Array) -> [bool; LANES] {
        a.map(f32::is_nan)
    }
    #[inline(always)]
    fn select(self, mask: [bool; LANES], a: Array, b: Array) -> Array {
        std::array::from_fn(|lane| if mask[lane] { a[lane] } else { b[lane] })
    }
    #[inline(always)]
    fn round(self, a: Array) -> Array {
        a.map(f32::round_ties_even)
    }
    #[inline(always)]
    fn scale(self, p: Array, n: Array) -> Array {
        std::array::from_fn(|lane| scale(p[lane], n[lane]))
    }
    #[inline(always)]
    unsafe fn load_words_at(self, from: *const u32) -> [u32; LANES] {
        // SAFETY: by the precondition, sixteen words can be read; an array has the alignment of its element.
        unsafe { *from.cast() }
    }
    #[inline(always)]
    unsafe fn transpose_16x4(
        self,
        from: &[*const u8; LANES],
        at: usize,
        out: *mut u32,
        stride: usize,
    ) {
        for (lane, from) in from.iter().enumerate() {
            // SAFETY: by the precondition, sixteen bytes can be read; bytes need no alignment.
            let words: [[u8; 4]; 4] = unsafe { *from.add(at).cast() };
            for (n, word) in words.into_iter().enumerate() {
                // SAFETY: by the precondition, sixteen words of each of the four rows can be written.
                unsafe { *out.add(n * stride + lane) = u32::from_le_bytes(word) };
            }
        }
    }
    #[inline(always)]
    unsafe fn load_halves_at(self, from: *const u32) -> Array {
        // SAFETY: by the precondition, eight words can be read; an array has the alignment of its element.
        let words: [u32; LANES / 2] = unsafe { *from.cast() };
        std::array::from_fn(|lane| stored::half((words[lane / 2] >> (16 * (lane % 2))) as u16))
    }
    #[inline(always)]
    fn byte_at_top(self, words: [u32; LANES], n: usize) -> Array {
        words.map(|word| ((word << (24 - 8 * n)) & 0xff00_0000).cast_signed() as f32)
    }
    #[inline(always)]
    fn upper_half(self, words: [u32; LANES], n: usize) -> Array {
        words.map(|word| f32::from_bits(word << (16 - 16 * n) & !0xffff))
    }
    #[inline(always)]
    unsafe fn load_bytes_at(self, from: *const u32) -> [u32; LANES] {
        // SAFETY: by the precondition, four words can be read; bytes need no alignment.
        let bytes: [u8; LANES] = unsafe { *from.cast() };
        bytes.map(u32::from)
    }
    #[inline(always)]
    unsafe fn load_signed_bytes_at(self, from: *const u32) -> [u32; LANES] {
        // SAFETY: by the precondition, four words can be read; bytes need no alignment.
        let bytes: [i8; LANES] = unsafe { *from.cast() };
        bytes.map(|byte| i32::from(byte).cast_unsigned())
    }
    #[inline(always)]
    unsafe fn load_half_words_at(self, from: *const u32) -> [u32; LANES] {
        // SAFETY: by the precondition, eight words can be read, and their alignment is more than is needed.
        let halves: [u16; LANES] = unsafe { *from.cast() };
        halves.map(u32::from)
    }
    #[inline(always)]
    fn shift_words(self, words: [u32; LANES], left: i32) -> [u32; LANES] {
        words.map(|word| if left < 0 { word >> -left } else { word << left })
    }
    #[inline(always)]
    fn select_bits(self, mask: u32, a: [u32; LANES], b: [u32; LANES]) -> [u32; LANES] {
        std::array::from_fn(|lane| a[lane] & mask | b[lane] & !mask)
    }
    #[inline(always)]
    fn words_to_f32(self, words: [u32; LANES]) -> Array {
        words.map(|word| word.cast_signed() as f32)
    }
    #[inline(always)]
    fn codes(self, words: [u32; LANES], codes: &'static Codes) -> Array {
        match codes.kind {
            CodeKind::Signed => words.map(|word| ((word << 26).cast_signed() >> 26) as f32),
            CodeKind::Plus(_) | CodeKind::Table => {
                words.map(|word| codes.as_f32[word as usize % 32])
            }
        }
    }
    #[inline(always)]
    fn power_of_two(self, e: [u32; LANES]) -> Array {
        e.map(|e| stored::power_of_two(e as u8))
    }
    #[inline(always)]
    fn to_array(self, x: Array) -> Array {
        x
    }
    #[inline(always)]
    fn from_array(self, x: Array) -> Array {
        x
    }
}

impl Pairs for Portable {
    type Pair = [u32; LANES];
    type Factor = [u32; LANES];
    const FACTORS: usize = 1;

    #[inline(never)]
    fn run_pairs_outlined<K: PairKernel>(self, kernel: K) -> K::Output {
        kernel.run(self)
    }
    #[inline(always)]
    fn splat_pair(self, pair: u32) -> [u32; LANES] {
        [pair; LANES]
    }
    #[inline(always)]
    fn load_pairs_part(self, from: &[u32]) -> [u32; LANES] {
        let mut out = [0; LANES];
        out[..from.len()].copy_from_slice(from);
        out
    }
    #[inline(always)]
    fn store_pairs_part(self, x: [u32; LANES], out: &mut [u32]) {
        out.copy_from_slice(&x[..out.len()]);
    }
    #[inline(always)]
    unsafe fn load_pairs_at(self, from: *const u32) -> [u32; LANES] {
        // SAFETY: by the precondition, sixteen pairs can be read; an array has the alignment of its element.
        unsafe { *from.cast() }
    }
    #[inline(always)]
    unsafe fn store_pairs_at(self, x: [u32; LANES], out: *mut u32) {
        // SAFETY: by the precondition, sixteen pairs can be written; an array has the alignment of its element.
        unsafe { *out.cast() = x };
    }
    #[inline(always)]
    fn dot(self, a: [u32; LANES], b: [u32; LANES], mut sum: Array) -> Array {
        dot(&a, &b, &mut sum);
        sum
    }
    #[inline(always)]
    fn factor(self, pairs: [u32; LANES], _: usize) -> [u32; LANES] {
        pairs
    }
    #[inline(always)]
    fn multiply(self, a: [u32; LANES], b: [u32; LANES], sum: Array) -> Array {
        self.dot(a, b, sum)
    }
    #[inline(always)]
    fn round_to_pairs(self, even: Array, odd: Array) -> [u32; LANES] {
        std::array::from_fn(|lane| bf16::pair(even[lane], odd[lane]))
    }
    #[inline(always)]
    fn pair_exact(self, even: Array, odd: Array) -> [u32; LANES] {
        std::array::from_fn(|lane| even[lane].to_bits() >> 16 | odd[lane].to_bits() & !0xffff)
    }
    #[inline(always)]
    fn round_consecutive(self, first: Array, second: Array) -> [u32; LANES] {
        let at = |i: usize| if i < LANES { first[i] } else { second[i - LANES] };
        std::array::from_fn(|lane| bf16::pair(at(2 * lane), at(2 * lane + 1)))
    }
}
