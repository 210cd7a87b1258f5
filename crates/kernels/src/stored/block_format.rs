//! The block formats of stored weights: how the bytes of a file become a panel, and the words of a panel
//! numbers. What each type means is in `naive/stored/blocks.rs`.
//!
//! ```text
//! panel   blocks of 32 or 256 steps:  a head (halves of 64 columns), then sub-blocks
//! sub-block, of 16 or 32 steps:       its scales, if they are apart, then groups of steps
//! ```
//! Of bf16, f16 and Q8_0, element n of a group is half or byte n of the word of its column. Types of fewer bits are in
//! `coded`.

mod coded;
mod types;

use super::PANEL;
use crate::lanes::{LANES, Lanes, Pairs};

pub(super) use types::{Iq4Nl, Iq4Xs, Mxfp4, Q2K, Q3K, Q4_0, Q4_1, Q4K, Q5_0, Q5_1, Q5K, Q6K};

/// The addresses at which sixteen columns begin in a file.
pub(super) type ColumnPointers = [*const u8; LANES];

/// A format of blocks of steps.
pub(super) trait BlockFormat: Send + Sync {
    /// Steps of a sub-block, which share a scale.
    const STEPS: usize;
    /// Sub-blocks of a block.
    const SUB_BLOCKS: usize;
    /// Steps in a group.
    const GROUP_STEPS: usize;
    /// Steps at the front of a group, where its numbers are read; [`BlockFormat::next`] brings the next ones there. So
    /// every shift is by a constant, whether or not the compiler unrolls.
    const FRONT_STEPS: usize;
    /// Words of a group of all 64 columns.
    const GROUP_WORDS: usize;
    /// Words of the halves of all 64 columns, with which a block begins.
    const HEAD_WORDS: usize;
    /// Words of the scales of all 64 columns, with which a sub-block begins.
    const SCALE_WORDS: usize;
    /// Bytes in which a file stores a block of one column.
    const BLOCK_BYTES: usize;
    /// The halves of a block, for sixteen columns.
    type Head<L: Lanes>: Copy;
    /// The scales (and minima) of a sub-block, for sixteen columns.
    type Scales<L: Lanes>: Copy;
    /// A group, for sixteen columns.
    type Group<L: Lanes>: Copy;

    /// Reads the head of a block for the nth sixteen columns.
    ///
    /// # Safety
    /// A block of all 64 columns can be read at `block`, and `vector` is below 4.
    unsafe fn head<L: Lanes>(simd: L, block: *const u32, vector: usize) -> Self::Head<L>;
    /// Makes the scales of a sub-block of the block with this head, for the nth sixteen columns.
    ///
    /// # Safety
    /// A sub-block of all 64 columns can be read at `sub_block`, and `vector` is below 4.
    unsafe fn scales<L: Lanes>(
        simd: L,
        head: Self::Head<L>,
        sub_block: *const u32,
        vector: usize,
    ) -> Self::Scales<L>;
    /// Reads a group for the nth sixteen columns.
    ///
    /// # Safety
    /// A group of all 64 columns can be read at `at`, and `vector` is below 4.
    unsafe fn group<L: Lanes>(simd: L, at: *const u32, vector: usize) -> Self::Group<L>;
    /// The group with the steps behind those at its front; anything if there are none.
    #[inline(always)]
    fn next<L: Lanes>(_: L, group: Self::Group<L>) -> Self::Group<L> {
        const { assert!(Self::FRONT_STEPS == Self::GROUP_STEPS) };
        group
    }
    /// The f32 values of the nth step at the front of a group.
    fn value<L: Lanes>(simd: L, scales: Self::Scales<L>, group: Self::Group<L>, n: usize)
    -> L::F32;
    /// Writes the nth sixteen columns of a block, each read `at` bytes past its address in `from`.
    ///
    /// # Safety
    /// [`BlockFormat::BLOCK_BYTES`] can be read `at` bytes past each of `from`.
    unsafe fn pack<L: Lanes>(
        simd: L,
        from: &ColumnPointers,
        at: usize,
        block: &mut [u32],
        vector: usize,
    );
}

/// A block format of integers with a scale.
pub(super) trait Quantised: BlockFormat {
    /// Whether a sub-block has a minimum.
    const HAS_MIN: bool;
    /// The scale of a sub-block and its minimum, if it has one, for the nth sixteen columns.
    ///
    /// # Safety
    /// As [`BlockFormat::scales`].
    unsafe fn factors<L: Lanes>(
        simd: L,
        head: Self::Head<L>,
        sub_block: *const u32,
        vector: usize,
    ) -> (L::F32, L::F32);
    /// The integers of the nth step at the front of a group, before they are scaled.
    fn integers<L: Lanes>(simd: L, group: Self::Group<L>, n: usize) -> L::F32;
    /// The integers of two steps at the front, 2n and 2n + 1, as pairs of bf16, which represents them exactly.
    #[inline(always)]
    fn integer_pair<P: Pairs>(simd: P, group: Self::Group<P>, n: usize) -> P::Pair {
        simd.pair_exact(Self::integers(simd, group, 2 * n), Self::integers(simd, group, 2 * n + 1))
    }
}

/// Steps of a block.
pub(super) const fn block_steps<F: BlockFormat>() -> usize {
    F::STEPS * F::SUB_BLOCKS
}

/// Words of a sub-block of all 64 columns.
pub(super) const fn sub_block_len<F: BlockFormat>() -> usize {
    F::SCALE_WORDS + F::STEPS / F::GROUP_STEPS * F::GROUP_WORDS
}

/// Words of a block of all 64 columns.
pub(super) const fn block_len<F: BlockFormat>() -> usize {
    F::HEAD_WORDS + F::SUB_BLOCKS * sub_block_len::<F>()
}

/// Evaluates an expression with the block format of a storage type; panics for a type without panels.
macro_rules! with_format {
    (@$storage:expr, $format:ident => $do:expr, $($type:ident)*) => {
        match $storage {
            $(StorageType::$type => {
                type $format = block_format::$type;
                $do
            })*
            _ => crate::naive::stored::no_panels($storage),
        }
    };
    ($storage:expr, $format:ident => $do:expr) => {
        block_format::with_format!(@$storage, $format => $do, Bf16 F16
            Q8_0 Q4_0 Q4_1 Q5_0 Q5_1 Q2K Q3K Q4K Q5K Q6K Iq4Nl Iq4Xs Mxfp4)
    };
}
pub(super) use with_format;

/// The same with a format of integers.
macro_rules! with_quantised {
    ($storage:expr, $format:ident => $do:expr) => {
        block_format::with_format!(@$storage, $format => $do,
            Q8_0 Q4_0 Q4_1 Q5_0 Q5_1 Q2K Q3K Q4K Q5K Q6K Iq4Nl Iq4Xs Mxfp4)
    };
}
pub(super) use with_quantised;

/// The halves of 64 columns take 32 words.
pub(super) const HALVES: usize = PANEL / 2;

/// Writes one half (f16) of each of sixteen columns, in order.
///
/// # Safety
/// Two bytes can be read `at` bytes past each of `from`.
#[inline(always)]
unsafe fn write_halves(from: &ColumnPointers, at: usize, out: &mut [u32]) {
    for (out, from) in out[..LANES / 2].iter_mut().zip(from.as_chunks::<2>().0) {
        // SAFETY: by the precondition, two bytes can be read at both addresses; bytes need no alignment.
        let [low, high]: [[u8; 2]; 2] =
            unsafe { [*from[0].add(at).cast(), *from[1].add(at).cast()] };
        *out = u32::from_le_bytes([low[0], low[1], high[0], high[1]]);
    }
}

/// Transposes four words of each of sixteen columns: vector n has word n of all columns.
///
/// # Safety
/// Sixteen bytes can be read `at` bytes past each of `from`.
#[inline(always)]
unsafe fn transposed_words<L: Lanes>(
    simd: L,
    from: &ColumnPointers,
    at: usize,
) -> [[u32; LANES]; 4] {
    let mut words = [[0; LANES]; 4];
    debug_assert!(from.iter().all(|from| !from.is_null()));
    // SAFETY: by the precondition, sixteen bytes of each column can be read; `words` has four rows of sixteen.
    unsafe { simd.transpose_16x4(from, at, words.as_mut_ptr().cast(), LANES) };
    words
}

pub(super) struct Bf16;

impl BlockFormat for Bf16 {
    const STEPS: usize = 32;
    const SUB_BLOCKS: usize = 1;
    const GROUP_STEPS: usize = 2;
    const FRONT_STEPS: usize = 2;
    const GROUP_WORDS: usize = PANEL;
    const HEAD_WORDS: usize = 0;
    const SCALE_WORDS: usize = 0;
    const BLOCK_BYTES: usize = 2 * Self::STEPS;
    type Head<L: Lanes> = ();
    type Scales<L: Lanes> = ();
    type Group<L: Lanes> = L::Words;

    #[inline(always)]
    unsafe fn head<L: Lanes>(_: L, _: *const u32, _: usize) {}
    #[inline(always)]
    unsafe fn scales<L: Lanes>(_: L, (): (), _: *const u32, _: usize) {}
    #[inline(always)]
    unsafe fn group<L: Lanes>(simd: L, at: *const u32, vector: usize) -> L::Words {
        // SAFETY: the group has a word for each of 64 columns, and `vector` is below 4.
        unsafe { simd.load_words_at(at.add(vector * LANES)) }
    }
    #[inline(always)]
    fn value<L: Lanes>(simd: L, (): (), group: L::Words, n: usize) -> L::F32 {
        simd.upper_half(group, n)
    }
    #[inline(always)]
    unsafe fn pack<L: Lanes>(
        simd: L,
        from: &ColumnPointers,
        at: usize,
        block: &mut [u32],
        vector: usize,
    ) {
        let out = &mut block[vector * LANES..][..15 * PANEL + LANES];
        for n in 0..4 {
            // SAFETY: a column has 64 bytes, of which sixteen are read from 16 n on; `out` was sliced to hold
            // these sixteen columns of sixteen groups.
            unsafe {
                simd.transpose_16x4(from, at + 16 * n, out[4 * n * PANEL..].as_mut_ptr(), PANEL)
            };
        }
    }
}

pub(super) struct F16;

impl BlockFormat for F16 {
    const STEPS: usize = 32;
    const SUB_BLOCKS: usize = 1;
    const GROUP_STEPS: usize = 1;
    const FRONT_STEPS: usize = 1;
    const GROUP_WORDS: usize = HALVES;
    const HEAD_WORDS: usize = 0;
    const SCALE_WORDS: usize = 0;
    const BLOCK_BYTES: usize = 2 * Self::STEPS;
    type Head<L: Lanes> = ();
    type Scales<L: Lanes> = ();
    type Group<L: Lanes> = L::F32;

    #[inline(always)]
    unsafe fn head<L: Lanes>(_: L, _: *const u32, _: usize) {}
    #[inline(always)]
    unsafe fn scales<L: Lanes>(_: L, (): (), _: *const u32, _: usize) {}
    #[inline(always)]
    unsafe fn group<L: Lanes>(simd: L, at: *const u32, vector: usize) -> L::F32 {
        // SAFETY: there is a half for each of 64 columns, and `vector` is below 4.
        unsafe { simd.load_halves_at(at.add(vector * LANES / 2)) }
    }
    #[inline(always)]
    fn value<L: Lanes>(_: L, (): (), group: L::F32, _: usize) -> L::F32 {
        group
    }
    #[inline(always)]
    unsafe fn pack<L: Lanes>(
        simd: L,
        from: &ColumnPointers,
        at: usize,
        block: &mut [u32],
        vector: usize,
    ) {
        for (n, groups) in block.chunks_exact_mut(8 * HALVES).enumerate() {
            // SAFETY: a column has 64 bytes, of which sixteen are read from 16 n on.
            let words = unsafe { transposed_words(simd, from, at + 16 * n) };
            // A word has two steps of a column, and a panel two columns of a step.
            for (words, groups) in words.iter().zip(groups.chunks_exact_mut(2 * HALVES)) {
                let (even, odd) = groups.split_at_mut(HALVES);
                let out = vector * LANES / 2..(vector + 1) * LANES / 2;
                let out = even[out.clone()].iter_mut().zip(&mut odd[out]);
                for ((even, odd), two) in out.zip(words.as_chunks::<2>().0) {
                    *even = two[0] & 0xffff | two[1] << 16;
                    *odd = two[0] >> 16 | two[1] & 0xffff_0000;
                }
            }
        }
    }
}

pub(super) struct Q8_0;

/// 2⁻²⁴, by which a byte that was converted from the top of a word is scaled.
const FROM_TOP: f32 = 1.0 / (1 << 24) as f32;

impl BlockFormat for Q8_0 {
    const STEPS: usize = 32;
    const SUB_BLOCKS: usize = 1;
    const GROUP_STEPS: usize = 4;
    const FRONT_STEPS: usize = 4;
    const GROUP_WORDS: usize = PANEL;
    const HEAD_WORDS: usize = HALVES;
    const SCALE_WORDS: usize = 0;
    const BLOCK_BYTES: usize = 2 + Self::STEPS;
    type Head<L: Lanes> = L::F32;
    type Scales<L: Lanes> = L::F32;
    type Group<L: Lanes> = L::Words;

    #[inline(always)]
    unsafe fn head<L: Lanes>(simd: L, block: *const u32, vector: usize) -> L::F32 {
        // SAFETY: a block begins with a half for each of 64 columns, and `vector` is below 4.
        unsafe { simd.load_halves_at(block.add(vector * LANES / 2)) }
    }
    #[inline(always)]
    unsafe fn scales<L: Lanes>(simd: L, head: L::F32, _: *const u32, _: usize) -> L::F32 {
        // A half times 2⁻²⁴ is exact in f32.
        simd.mul(head, simd.splat(FROM_TOP))
    }
    #[inline(always)]
    unsafe fn group<L: Lanes>(simd: L, at: *const u32, vector: usize) -> L::Words {
        // SAFETY: the group has a word for each of 64 columns, and `vector` is below 4.
        unsafe { simd.load_words_at(at.add(vector * LANES)) }
    }
    #[inline(always)]
    fn value<L: Lanes>(simd: L, scale: L::F32, group: L::Words, n: usize) -> L::F32 {
        simd.mul(simd.byte_at_top(group, n), scale)
    }
    #[inline(always)]
    unsafe fn pack<L: Lanes>(
        simd: L,
        from: &ColumnPointers,
        at: usize,
        block: &mut [u32],
        vector: usize,
    ) {
        // SAFETY: a column has 34 bytes: a half, and twice sixteen; `out` was sliced to hold these sixteen
        // columns of eight groups.
        unsafe {
            write_halves(from, at, &mut block[vector * LANES / 2..]);
            let out = &mut block[Self::HEAD_WORDS + vector * LANES..][..7 * PANEL + LANES];
            simd.transpose_16x4(from, at + 2, out.as_mut_ptr(), PANEL);
            simd.transpose_16x4(from, at + 18, out[4 * PANEL..].as_mut_ptr(), PANEL);
        }
    }
}

impl Quantised for Q8_0 {
    const HAS_MIN: bool = false;

    #[inline(always)]
    unsafe fn factors<L: Lanes>(_: L, head: L::F32, _: *const u32, _: usize) -> (L::F32, L::F32) {
        (head, head)
    }
    #[inline(always)]
    fn integers<L: Lanes>(simd: L, group: L::Words, n: usize) -> L::F32 {
        simd.mul(simd.byte_at_top(group, n), simd.splat(FROM_TOP))
    }
}
