//! Blocks of four bits a number.

use super::{
    Form, HALVES, PANEL, Places, Quantised, STEPS, block_len, half, naive, put_halves, turned,
};
use crate::lanes::{LANES, Lanes, Pairs};

/// Which nibble of a word is element n of its group.
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
fn put_nibbles(file: &[[u32; LANES]; 4], to: &mut [u32]) {
    for half in 0..2 {
        for pair in 0..2 {
            let to = &mut to[(2 * half + pair) * PANEL..][..LANES];
            for (lane, to) in to.iter_mut().enumerate() {
                let (first, second) = (file[2 * pair][lane], file[2 * pair + 1][lane]);
                *to = low_nibbles(first >> (4 * half), second >> (4 * half));
            }
        }
    }
}

fn nibble(groups: &[u32], k: usize, column: usize) -> u8 {
    (groups[k % STEPS / 8 * PANEL + column] >> (4 * place(k % 8)) & 15) as u8
}

pub(in super::super) struct Q4_0;

impl Form for Q4_0 {
    const TOGETHER: usize = 8;
    const GROUP: usize = PANEL;
    const HEAD: usize = HALVES;
    const BYTES: usize = 2 + STEPS / 2;
    type Head<L: Lanes> = L::F32;
    type Group<L: Lanes> = L::Words;

    #[inline(always)]
    unsafe fn head<L: Lanes>(on: L, block: *const u32, vector: usize) -> L::F32 {
        // SAFETY: the caller's promise.
        unsafe { on.halves_at(block.add(vector * LANES / 2)) }
    }
    #[inline(always)]
    unsafe fn group<L: Lanes>(on: L, at: *const u32, vector: usize) -> L::Words {
        // SAFETY: the caller's promise.
        unsafe { on.words_at(at.add(vector * LANES)) }
    }
    #[inline(always)]
    fn value<L: Lanes>(on: L, scale: L::F32, group: L::Words, n: usize) -> L::F32 {
        on.mul(on.nibble(group, place(n), -8), scale)
    }
    #[inline(always)]
    unsafe fn pack<L: Lanes>(on: L, from: &Places, at: usize, block: &mut [u32], vector: usize) {
        // SAFETY: the caller's promise.
        let nibbles = unsafe {
            put_halves(from, at, &mut block[vector * LANES / 2..]);
            turned(on, from, at + 2)
        };
        put_nibbles(&nibbles, &mut block[Self::HEAD + vector * LANES..]);
    }
    fn number(panel: &[u32], k: usize, column: usize) -> f32 {
        let block = &panel[k / STEPS * block_len::<Self>()..];
        naive::q4_0(nibble(&block[Self::HEAD..], k, column), half(block, column))
    }
}

impl Quantised for Q4_0 {
    #[inline(always)]
    fn whole<L: Lanes>(on: L, group: L::Words, n: usize) -> L::F32 {
        on.nibble(group, place(n), -8)
    }
    #[inline(always)]
    fn whole_pair<P: Pairs>(on: P, group: P::Words, n: usize) -> P::Pair {
        on.nibble_pair(group, n, -8)
    }
}

pub(in super::super) struct Q4_1;

impl Form for Q4_1 {
    const TOGETHER: usize = 8;
    const GROUP: usize = PANEL;
    const HEAD: usize = 2 * HALVES;
    const BYTES: usize = 4 + STEPS / 2;
    type Head<L: Lanes> = (L::F32, L::F32);
    type Group<L: Lanes> = L::Words;

    #[inline(always)]
    unsafe fn head<L: Lanes>(on: L, block: *const u32, vector: usize) -> (L::F32, L::F32) {
        // SAFETY: the caller's promise.
        unsafe {
            let at = block.add(vector * LANES / 2);
            (on.halves_at(at), on.halves_at(at.add(HALVES)))
        }
    }
    #[inline(always)]
    unsafe fn group<L: Lanes>(on: L, at: *const u32, vector: usize) -> L::Words {
        // SAFETY: the caller's promise.
        unsafe { on.words_at(at.add(vector * LANES)) }
    }
    #[inline(always)]
    fn value<L: Lanes>(
        on: L,
        (scale, least): (L::F32, L::F32),
        group: L::Words,
        n: usize,
    ) -> L::F32 {
        // Four bits times eleven are exact, so this rounds where the twin does.
        on.fma(on.nibble(group, place(n), 0), scale, least)
    }
    #[inline(always)]
    unsafe fn pack<L: Lanes>(on: L, from: &Places, at: usize, block: &mut [u32], vector: usize) {
        // SAFETY: the caller's promise.
        let nibbles = unsafe {
            put_halves(from, at, &mut block[vector * LANES / 2..]);
            put_halves(from, at + 2, &mut block[HALVES + vector * LANES / 2..]);
            turned(on, from, at + 4)
        };
        put_nibbles(&nibbles, &mut block[Self::HEAD + vector * LANES..]);
    }
    fn number(panel: &[u32], k: usize, column: usize) -> f32 {
        let block = &panel[k / STEPS * block_len::<Self>()..];
        let (scale, least) = (half(block, column), half(&block[HALVES..], column));
        naive::q4_1(nibble(&block[Self::HEAD..], k, column), scale, least)
    }
}

impl Quantised for Q4_1 {
    #[inline(always)]
    fn whole<L: Lanes>(on: L, group: L::Words, n: usize) -> L::F32 {
        on.nibble(group, place(n), 0)
    }
    #[inline(always)]
    fn whole_pair<P: Pairs>(on: P, group: P::Words, n: usize) -> P::Pair {
        on.nibble_pair(group, n, 0)
    }
}
