//! Blocks of codes of a few bits, which stand for whole numbers: one format, and a description of each type.
//!
//! ```text
//! block      halves d (and m or dmin) of 64 columns,  then its sub-blocks
//! sub-block  bytes of scales (and of minima) of 64 columns,  then its groups
//! group      a word of low bits for each of 64 columns,  then as many high bits as the codes have
//! ```
//! Low bits are four of eight steps, or two of sixteen. Those of even steps are in the lower half of the word, those of
//! odd ones in the upper half; high bits likewise, in the halves of a byte or of sixteen bits. So both codes of a pair
//! are at the same place of their halves, and one permutation looks up two. Codes of six bits are in two's complement.

use super::{
    BlockFormat, ColumnPointers, HALVES, PANEL, Quantised, block_steps, sub_block_len, write_halves,
};
use crate::{
    lanes::{Codes, LANES, Lanes, Pairs},
    naive::stored as naive,
    stored::StorageType,
};

/// How a sub-block has its scale and its minimum.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ScaleKind {
    /// d
    Half,
    /// d, m
    HalfAndMin,
    /// d · s, with a sign
    Bytes,
    /// d · sc, −(dmin · mn)
    BytesAndMins,
    /// d · (s & 15), −(dmin · (s >> 4))
    Nibbles,
    /// 2^(e − 128)
    PowerOfTwo,
}

impl ScaleKind {
    const fn halves(self) -> usize {
        match self {
            Self::PowerOfTwo => 0,
            Self::Half | Self::Bytes => 1,
            Self::HalfAndMin | Self::BytesAndMins | Self::Nibbles => 2,
        }
    }

    const fn bytes(self) -> usize {
        match self {
            Self::Half | Self::HalfAndMin => 0,
            Self::Bytes | Self::Nibbles | Self::PowerOfTwo => 1,
            Self::BytesAndMins => 2,
        }
    }

    const fn has_min(self) -> bool {
        matches!(self, Self::HalfAndMin | Self::BytesAndMins | Self::Nibbles)
    }
}

/// Where a file's block has a field of each of eight successive numbers: in so many successive bytes, from the bytes of
/// this word on, from this bit on.
pub(super) struct Run {
    pub word: usize,
    pub bit: u32,
}

/// What tells one type of codes from another.
pub(super) trait Coded: Send + Sync {
    const STORAGE: StorageType;
    const CODES: &'static Codes;
    const SCALES: ScaleKind;
    /// Where a file's block has its codes: pieces of sixteen bytes, which are the words of [`Run`].
    const PIECES: &'static [usize];
    /// Whether the high bits of all numbers are one word, bit by bit, rather than fields of bytes.
    const HIGH_BITS_ARE_A_WORD: bool = false;
    /// Low bits of the nth eight numbers.
    fn low(run: usize) -> Run;
    /// High bits of the nth eight numbers.
    fn high(run: usize) -> Run {
        Self::low(run)
    }

    const LOW_BITS: usize = if Self::CODES.bits < 4 { 2 } else { 4 };
    const HIGH_BITS: usize = Self::CODES.bits - Self::LOW_BITS;
    /// High bits of a column in a group: none, 8 or 16.
    const GROUP_HIGH_BITS: usize = Self::HIGH_BITS * 32 / Self::LOW_BITS;
}

impl<C: Coded> BlockFormat for C {
    const STEPS: usize = C::STORAGE.sub_block_len();
    const SUB_BLOCKS: usize = C::STORAGE.block_len() / C::STORAGE.sub_block_len();
    const GROUP_STEPS: usize = 32 / C::LOW_BITS;
    const FRONT_STEPS: usize = 2;
    const GROUP_WORDS: usize = PANEL + PANEL * C::GROUP_HIGH_BITS / 32;
    const HEAD_WORDS: usize = HALVES * C::SCALES.halves();
    const SCALE_WORDS: usize = PANEL / 4 * C::SCALES.bytes();
    const BLOCK_BYTES: usize = C::STORAGE.block_bytes();
    /// d, and m or −dmin
    type Head<L: Lanes> = (L::F32, L::F32);
    type Scales<L: Lanes> = (L::F32, L::F32);
    type Group<L: Lanes> = (L::Words, L::Words);

    #[inline(always)]
    unsafe fn head<L: Lanes>(simd: L, block: *const u32, vector: usize) -> (L::F32, L::F32) {
        let halves = vector * LANES / 2;
        // SAFETY: a block begins with its halves of 64 columns, and `vector` is below 4.
        unsafe {
            match C::SCALES {
                ScaleKind::Half | ScaleKind::Bytes => {
                    let d = simd.load_halves_at(block.add(halves));
                    (d, d)
                }
                ScaleKind::HalfAndMin => (
                    simd.load_halves_at(block.add(halves)),
                    simd.load_halves_at(block.add(HALVES + halves)),
                ),
                ScaleKind::BytesAndMins | ScaleKind::Nibbles => {
                    let dmin = simd.load_halves_at(block.add(HALVES + halves));
                    (simd.load_halves_at(block.add(halves)), simd.mul(dmin, simd.splat(-1.0)))
                }
                ScaleKind::PowerOfTwo => (simd.splat(0.0), simd.splat(0.0)),
            }
        }
    }
    #[inline(always)]
    unsafe fn scales<L: Lanes>(
        simd: L,
        head: (L::F32, L::F32),
        sub_block: *const u32,
        vector: usize,
    ) -> (L::F32, L::F32) {
        // SAFETY: the preconditions are the same.
        unsafe { C::factors(simd, head, sub_block, vector) }
    }
    #[inline(always)]
    unsafe fn group<L: Lanes>(simd: L, at: *const u32, vector: usize) -> (L::Words, L::Words) {
        // SAFETY: the group has a word and high bits for each of 64 columns, and `vector` is below 4.
        unsafe {
            let low = simd.load_words_at(at.add(vector * LANES));
            let high = at.add(PANEL);
            let high = match C::GROUP_HIGH_BITS {
                0 => return (low, low),
                8 => simd.load_bytes_at(high.add(vector * LANES / 4)),
                _ => simd.load_half_words_at(high.add(vector * LANES / 2)),
            };
            // The high bits of odd steps go to the upper half, and both to behind the low bits.
            let spread = 16 - C::GROUP_HIGH_BITS as i32 / 2;
            let high = simd.select_bits(0xffff, high, simd.shift_words(high, spread));
            (low, simd.shift_words(high, C::LOW_BITS as i32))
        }
    }
    #[inline(always)]
    fn next<L: Lanes>(simd: L, (low, high): (L::Words, L::Words)) -> (L::Words, L::Words) {
        let low = simd.shift_words(low, -(C::LOW_BITS as i32));
        if C::HIGH_BITS == 0 {
            return (low, low);
        }
        (low, simd.shift_words(high, -(C::HIGH_BITS as i32)))
    }
    #[inline(always)]
    fn value<L: Lanes>(
        simd: L,
        (scale, min): (L::F32, L::F32),
        group: (L::Words, L::Words),
        n: usize,
    ) -> L::F32 {
        let integers = C::integers(simd, group, n);
        // The product is exact, so that this rounds where the twin does.
        if C::HAS_MIN { simd.fma(integers, scale, min) } else { simd.mul(integers, scale) }
    }
    #[inline(always)]
    unsafe fn pack<L: Lanes>(
        simd: L,
        from: &ColumnPointers,
        at: usize,
        block: &mut [u32],
        vector: usize,
    ) {
        let mut words = [[0; LANES]; MAX_WORDS];
        // SAFETY: a column has a block's bytes, which halves and pieces are of; there are words for every piece.
        unsafe {
            for (n, half) in C::STORAGE.halves_at().iter().enumerate() {
                write_halves(from, at + half, &mut block[n * HALVES + vector * LANES / 2..]);
            }
            write_scale_bytes::<C>(from, at, block, vector);
            for (piece, words) in C::PIECES.iter().zip(words.as_chunks_mut::<4>().0) {
                simd.transpose_16x4(from, at + piece, words.as_mut_ptr().cast(), LANES);
            }
        }
        let runs = C::GROUP_STEPS / 8;
        for group in 0..block_steps::<C>() / C::GROUP_STEPS {
            let [mut low, mut high] = [[0; LANES]; 2];
            for part in 0..runs {
                write_run::<C>(&words, group * runs + part, part, &mut low, &mut high);
            }
            let (sub_block, group) =
                (group * C::GROUP_STEPS / C::STEPS, group % (C::STEPS / C::GROUP_STEPS));
            let at = C::HEAD_WORDS + sub_block * sub_block_len::<C>();
            let out = &mut block[at + C::SCALE_WORDS + group * C::GROUP_WORDS..][..C::GROUP_WORDS];
            out[vector * LANES..][..LANES].copy_from_slice(&low);
            let out = &mut out[PANEL..];
            match C::GROUP_HIGH_BITS {
                0 => {}
                8 => write_bytes(&high.map(|high| high as u8), &mut out[vector * LANES / 4..]),
                _ => {
                    let out = out[vector * LANES / 2..].iter_mut();
                    for (out, [even, odd]) in out.zip(high.as_chunks::<2>().0) {
                        *out = even | odd << 16;
                    }
                }
            }
        }
    }
}

impl<C: Coded> Quantised for C {
    const HAS_MIN: bool = C::SCALES.has_min();

    #[inline(always)]
    unsafe fn factors<L: Lanes>(
        simd: L,
        (d, min): (L::F32, L::F32),
        sub_block: *const u32,
        vector: usize,
    ) -> (L::F32, L::F32) {
        let bytes = sub_block.wrapping_add(vector * LANES / 4);
        // SAFETY: a sub-block begins with its bytes of 64 columns, and `vector` is below 4.
        unsafe {
            match C::SCALES {
                ScaleKind::Half | ScaleKind::HalfAndMin => (d, min),
                ScaleKind::Bytes => {
                    let scales = simd.load_signed_bytes_at(bytes);
                    let scale = simd.mul(d, simd.words_to_f32(scales));
                    (scale, scale)
                }
                ScaleKind::BytesAndMins => {
                    let scales = simd.load_signed_bytes_at(bytes);
                    let mins = simd.load_signed_bytes_at(bytes.add(PANEL / 4));
                    (simd.mul(d, simd.words_to_f32(scales)), simd.mul(min, simd.words_to_f32(mins)))
                }
                ScaleKind::Nibbles => {
                    let both = simd.load_bytes_at(bytes);
                    let mins = simd.shift_words(both, -4);
                    let [scales, mins] = [simd.codes(both, &NIBBLE), simd.codes(mins, &NIBBLE)];
                    (simd.mul(d, scales), simd.mul(min, mins))
                }
                ScaleKind::PowerOfTwo => {
                    let scale = simd.power_of_two(simd.load_bytes_at(bytes));
                    (scale, scale)
                }
            }
        }
    }
    #[inline(always)]
    fn integers<L: Lanes>(simd: L, group: (L::Words, L::Words), n: usize) -> L::F32 {
        if C::HIGH_BITS == 0 {
            let (low, _) = group;
            return simd.codes(if n == 0 { low } else { simd.shift_words(low, -16) }, C::CODES);
        }
        simd.half_codes(pair_of_codes::<L, C>(simd, group), n, C::CODES)
    }
    #[inline(always)]
    fn integer_pair<P: Pairs>(simd: P, group: (P::Words, P::Words), _: usize) -> P::Pair {
        simd.code_pairs(pair_of_codes::<P, C>(simd, group), C::CODES)
    }
}

static NIBBLE: Codes = Codes::plus(4, 0);

/// The codes of the two steps at the front, in the lowest bits of the halves of each word.
#[inline(always)]
fn pair_of_codes<L: Lanes, C: Coded>(simd: L, (low, high): (L::Words, L::Words)) -> L::Words {
    if C::HIGH_BITS == 0 {
        return low;
    }
    let mask = (1 << C::LOW_BITS) - 1;
    simd.select_bits(mask | mask << 16, low, high)
}

/// Words of the pieces of a block at most.
const MAX_WORDS: usize = 48;

/// Writes a byte of each of sixteen columns.
#[inline(always)]
fn write_bytes(bytes: &[u8; LANES], out: &mut [u32]) {
    for (out, four) in out[..LANES / 4].iter_mut().zip(bytes.as_chunks().0) {
        *out = u32::from_le_bytes(*four);
    }
}

/// Writes the scales and minima of the nth sixteen columns.
///
/// # Safety
/// A block can be read `at` bytes past each of `from`.
#[inline(always)]
unsafe fn write_scale_bytes<C: Coded>(
    from: &ColumnPointers,
    at: usize,
    block: &mut [u32],
    vector: usize,
) {
    if C::SCALES.bytes() == 0 {
        return;
    }
    let mut columns = [[[0; LANES]; 16]; 2];
    for (lane, from) in from.iter().enumerate() {
        // SAFETY: by the precondition, these bytes can be read, and they are not written meanwhile.
        let bytes = unsafe { std::slice::from_raw_parts(from.add(at), C::BLOCK_BYTES) };
        let scales = naive::scale_bytes(C::STORAGE, bytes);
        for (columns, scales) in columns.iter_mut().zip(scales) {
            for (columns, scale) in columns.iter_mut().zip(scales) {
                columns[lane] = scale;
            }
        }
    }
    let sub_blocks = block[C::HEAD_WORDS..].chunks_exact_mut(sub_block_len::<C>());
    for (n, sub_block) in sub_blocks.take(C::SUB_BLOCKS).enumerate() {
        for (kind, columns) in columns.iter().take(C::SCALES.bytes()).enumerate() {
            write_bytes(&columns[n], &mut sub_block[(kind * PANEL + vector * LANES) / 4..]);
        }
    }
}

/// The fields of eight successive bytes: of the even ones, and of the odd ones.
#[inline(always)]
fn fields([first, second]: [u32; 2], bit: u32, bits: u32) -> [u32; 2] {
    let mask = (1 << bits) - 1;
    let two = |word: u32| {
        let word = word & (mask | mask << 16);
        (word | word >> (16 - bits)) & ((1 << (2 * bits)) - 1)
    };
    [0, 8].map(|byte| two(first >> (bit + byte)) | two(second >> (bit + byte)) << (2 * bits))
}

/// The even and the odd ones of the lowest eight bits.
#[inline(always)]
fn split_bits(word: u32) -> [u32; 2] {
    [word, word >> 1].map(|word| word & 1 | word >> 1 & 2 | word >> 2 & 4 | word >> 3 & 8)
}

/// Adds the bits of the nth eight numbers of sixteen columns to the `part`th eight numbers of a group.
#[inline(always)]
fn write_run<C: Coded>(
    words: &[[u32; LANES]; MAX_WORDS],
    run: usize,
    part: usize,
    low: &mut [u32; LANES],
    high: &mut [u32; LANES],
) {
    let at = C::low(run);
    let pairs = words[at.word].iter().zip(&words[at.word + 1]);
    for (low, (first, second)) in low.iter_mut().zip(pairs) {
        let [even, odd] = fields([*first, *second], at.bit, C::LOW_BITS as u32);
        *low |= (even | odd << 16) << (4 * C::LOW_BITS * part);
    }
    if C::HIGH_BITS == 0 {
        return;
    }
    // In two's complement, the highest bit is the other one.
    let flip = if C::CODES.bits == 6 { 0xaa } else { 0 };
    let at = C::high(run);
    let pairs = words[at.word].iter().zip(&words[at.word + 1]);
    for (high, (first, second)) in high.iter_mut().zip(pairs) {
        let [even, odd] = if C::HIGH_BITS_ARE_A_WORD {
            split_bits(first >> at.bit)
        } else {
            fields([*first, *second], at.bit, C::HIGH_BITS as u32)
        };
        let both = (even ^ flip) | (odd ^ flip) << (C::GROUP_HIGH_BITS / 2);
        *high |= both << (4 * C::HIGH_BITS * part);
    }
}
