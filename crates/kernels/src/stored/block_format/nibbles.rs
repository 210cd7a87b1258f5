//! Block formats of 4-bit integers.

use super::{
    BlockFormat, ColumnPointers, HALVES, PANEL, Quantised, STEPS, transposed_words, write_halves,
};
use crate::lanes::{LANES, Lanes, Pairs};

/// The place in its word of the nibble that is element n of a group.
const fn place(n: usize) -> usize {
    n / 2 + 4 * (n % 2)
}

/// The low nibbles of eight bytes: of bytes 0, 2, 4 and 6 in the lower half, of the others in the upper.
#[inline(always)]
fn low_nibbles(first: u32, second: u32) -> u32 {
    let mut both = [first, second];
    for four in &mut both {
        let [even, odd] = [*four & 0x000f_000f, *four >> 8 & 0x000f_000f];
        *four = (even | even >> 12) & 0xff | ((odd | odd >> 12) & 0xff) << 16;
    }
    both[0] | both[1] << 8
}

/// Orders the nibbles of sixteen blocks of a file as groups have them: a file's low ones come first.
#[inline(always)]
fn write_nibbles(file: &[[u32; LANES]; 4], out: &mut [u32]) {
    for half in 0..2 {
        for pair in 0..2 {
            let out = &mut out[(2 * half + pair) * PANEL..][..LANES];
            for (lane, out) in out.iter_mut().enumerate() {
                let (first, second) = (file[2 * pair][lane], file[2 * pair + 1][lane]);
                *out = low_nibbles(first >> (4 * half), second >> (4 * half));
            }
        }
    }
}

pub(in super::super) struct Q4_0;

impl BlockFormat for Q4_0 {
    const GROUP_STEPS: usize = 8;
    const GROUP_WORDS: usize = PANEL;
    const SCALE_WORDS: usize = HALVES;
    const BLOCK_BYTES: usize = 2 + STEPS / 2;
    type Scales<L: Lanes> = L::F32;
    type Group<L: Lanes> = L::Words;

    #[inline(always)]
    unsafe fn scales<L: Lanes>(simd: L, block: *const u32, vector: usize) -> L::F32 {
        // SAFETY: a block begins with a half for each of 64 columns, and `vector` is below 4.
        unsafe { simd.load_halves_at(block.add(vector * LANES / 2)) }
    }
    #[inline(always)]
    unsafe fn group<L: Lanes>(simd: L, at: *const u32, vector: usize) -> L::Words {
        // SAFETY: the group has a word for each of 64 columns, and `vector` is below 4.
        unsafe { simd.load_words_at(at.add(vector * LANES)) }
    }
    #[inline(always)]
    fn value<L: Lanes>(simd: L, scale: L::F32, group: L::Words, n: usize) -> L::F32 {
        simd.mul(simd.nibble(group, place(n), -8), scale)
    }
    #[inline(always)]
    unsafe fn pack<L: Lanes>(
        simd: L,
        from: &ColumnPointers,
        at: usize,
        block: &mut [u32],
        vector: usize,
    ) {
        // SAFETY: a column has 18 bytes: a half, and sixteen of nibbles.
        let nibbles = unsafe {
            write_halves(from, at, &mut block[vector * LANES / 2..]);
            transposed_words(simd, from, at + 2)
        };
        write_nibbles(&nibbles, &mut block[Self::SCALE_WORDS + vector * LANES..]);
    }
}

impl Quantised for Q4_0 {
    #[inline(always)]
    fn integers<L: Lanes>(simd: L, group: L::Words, n: usize) -> L::F32 {
        simd.nibble(group, place(n), -8)
    }
    #[inline(always)]
    fn integer_pair<P: Pairs>(simd: P, group: P::Words, n: usize) -> P::Pair {
        simd.nibble_pair(group, n, -8)
    }
}

pub(in super::super) struct Q4_1;

impl BlockFormat for Q4_1 {
    const GROUP_STEPS: usize = 8;
    const GROUP_WORDS: usize = PANEL;
    const SCALE_WORDS: usize = 2 * HALVES;
    const BLOCK_BYTES: usize = 4 + STEPS / 2;
    type Scales<L: Lanes> = (L::F32, L::F32);
    type Group<L: Lanes> = L::Words;

    #[inline(always)]
    unsafe fn scales<L: Lanes>(simd: L, block: *const u32, vector: usize) -> (L::F32, L::F32) {
        // SAFETY: a block begins with two halves for each of 64 columns, and `vector` is below 4.
        unsafe {
            let at = block.add(vector * LANES / 2);
            (simd.load_halves_at(at), simd.load_halves_at(at.add(HALVES)))
        }
    }
    #[inline(always)]
    unsafe fn group<L: Lanes>(simd: L, at: *const u32, vector: usize) -> L::Words {
        // SAFETY: the group has a word for each of 64 columns, and `vector` is below 4.
        unsafe { simd.load_words_at(at.add(vector * LANES)) }
    }
    #[inline(always)]
    fn value<L: Lanes>(
        simd: L,
        (scale, min): (L::F32, L::F32),
        group: L::Words,
        n: usize,
    ) -> L::F32 {
        // Four bits times eleven are exact, so this rounds where the twin does.
        simd.fma(simd.nibble(group, place(n), 0), scale, min)
    }
    #[inline(always)]
    unsafe fn pack<L: Lanes>(
        simd: L,
        from: &ColumnPointers,
        at: usize,
        block: &mut [u32],
        vector: usize,
    ) {
        // SAFETY: a column has 20 bytes: two halves, and sixteen of nibbles.
        let nibbles = unsafe {
            write_halves(from, at, &mut block[vector * LANES / 2..]);
            write_halves(from, at + 2, &mut block[HALVES + vector * LANES / 2..]);
            transposed_words(simd, from, at + 4)
        };
        write_nibbles(&nibbles, &mut block[Self::SCALE_WORDS + vector * LANES..]);
    }
}

impl Quantised for Q4_1 {
    #[inline(always)]
    fn integers<L: Lanes>(simd: L, group: L::Words, n: usize) -> L::F32 {
        simd.nibble(group, place(n), 0)
    }
    #[inline(always)]
    fn integer_pair<P: Pairs>(simd: P, group: P::Words, n: usize) -> P::Pair {
        simd.nibble_pair(group, n, 0)
    }
}
