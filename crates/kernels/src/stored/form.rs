//! The ways in which weights are stored: how a file's bytes become a panel, and a panel's words numbers.
//!
//! ```text
//! Bf16  the upper half of an f32                     F16   IEEE's half
//! Q8_0  blocks of 32: a half d, 32 bytes q           q · d
//! Q4_0  blocks of 32: a half d, 32 nibbles q         (q − 8) · d
//! Q4_1  blocks of 32: halves d and m, 32 nibbles q   q · d + m
//! ```
//! Of nibbles, the low ones of a file's block are elements 0 to 15. In panels, element n of a group is
//! the nth byte of its word; of nibbles, the even elements fill the lower half and the odd ones the upper, so
//! that a pair is in the same place of both.

mod nibbles;

use super::PANEL;
use crate::{
    lanes::{LANES, Lanes, Pairs},
    naive::stored as naive,
};

pub(super) use nibbles::{Q4_0, Q4_1};

/// Where sixteen columns begin in a file.
pub(super) type Places = [*const u8; LANES];

/// Steps of a block.
pub(super) const STEPS: usize = 32;

/// One way.
pub(super) trait Form: Send + Sync {
    /// Steps in a group.
    const TOGETHER: usize;
    /// Words of a group of all 64 columns.
    const GROUP: usize;
    /// Words before a block's groups: the halves of 64 columns, side by side.
    const HEAD: usize;
    /// Bytes in which a file stores a block of one column.
    const BYTES: usize;
    /// What belongs to a block, for sixteen columns.
    type Head<L: Lanes>: Copy;
    /// A group, for sixteen columns.
    type Group<L: Lanes>: Copy;

    /// Reads the head of a block for the nth sixteen columns.
    ///
    /// # Safety
    /// A block begins at `block`.
    unsafe fn head<L: Lanes>(on: L, block: *const u32, vector: usize) -> Self::Head<L>;
    /// Reads a group for the nth sixteen columns.
    ///
    /// # Safety
    /// A group begins at `at`.
    unsafe fn group<L: Lanes>(on: L, at: *const u32, vector: usize) -> Self::Group<L>;
    /// The numbers of the nth step of a group.
    fn value<L: Lanes>(on: L, head: Self::Head<L>, group: Self::Group<L>, n: usize) -> L::F32;
    /// Writes the nth sixteen columns of a block, each from `at` bytes past its place in a file.
    ///
    /// # Safety
    /// [`Form::BYTES`] can be read there.
    unsafe fn pack<L: Lanes>(on: L, from: &Places, at: usize, block: &mut [u32], vector: usize);
    /// One number of a panel.
    fn number(panel: &[u32], k: usize, column: usize) -> f32;
}

/// One way in blocks of whole numbers.
pub(super) trait Quantised: Form {
    /// The whole numbers of the nth step of a group, without their scale.
    fn whole<L: Lanes>(on: L, group: Self::Group<L>, n: usize) -> L::F32;
    /// Those of the nth two steps as pairs of bf16, in which they are exact.
    #[inline(always)]
    fn whole_pair<P: Pairs>(on: P, group: Self::Group<P>, n: usize) -> P::Pair {
        on.join_exact(Self::whole(on, group, 2 * n), Self::whole(on, group, 2 * n + 1))
    }
}

/// Words of a block of all 64 columns.
pub(super) const fn block_len<F: Form>() -> usize {
    F::HEAD + STEPS / F::TOGETHER * F::GROUP
}

/// Does something with the form of a storage type; one without panels ends here.
macro_rules! with_form {
    ($storage:expr, $form:ident => $do:expr) => {
        match $storage {
            StorageType::Bf16 => {
                type $form = form::Bf16;
                $do
            }
            StorageType::F16 => {
                type $form = form::F16;
                $do
            }
            StorageType::Q8_0 => {
                type $form = form::Q8_0;
                $do
            }
            StorageType::Q4_0 => {
                type $form = form::Q4_0;
                $do
            }
            StorageType::Q4_1 => {
                type $form = form::Q4_1;
                $do
            }
            StorageType::F32 | StorageType::Q6K => crate::naive::stored::no_panels($storage),
        }
    };
}
pub(super) use with_form;

/// The halves of 64 columns take 32 words.
pub(super) const HALVES: usize = PANEL / 2;

/// Puts a half of each of sixteen columns side by side.
///
/// # Safety
/// Two bytes can be read `at` bytes past each place.
#[inline(always)]
unsafe fn put_halves(from: &Places, at: usize, to: &mut [u32]) {
    for (to, from) in to[..LANES / 2].iter_mut().zip(from.as_chunks::<2>().0) {
        // SAFETY: the caller's promise; an array of bytes is aligned everywhere.
        let [low, high]: [[u8; 2]; 2] =
            unsafe { [*from[0].add(at).cast(), *from[1].add(at).cast()] };
        *to = u32::from_le_bytes([low[0], low[1], high[0], high[1]]);
    }
}

/// Four words of each of sixteen columns: the nth vector has the nth of all.
///
/// # Safety
/// Sixteen bytes can be read `at` bytes past each place.
#[inline(always)]
unsafe fn turned<L: Lanes>(on: L, from: &Places, at: usize) -> [[u32; LANES]; 4] {
    let mut words = [[0; LANES]; 4];
    // SAFETY: the caller's promise, and room for four vectors.
    unsafe { on.turn(from, at, words.as_mut_ptr().cast(), LANES) };
    words
}

fn half(halves: &[u32], column: usize) -> f32 {
    naive::half((halves[column / 2] >> (16 * (column % 2))) as u16)
}

pub(super) struct Bf16;

impl Form for Bf16 {
    const TOGETHER: usize = 2;
    const GROUP: usize = PANEL;
    const HEAD: usize = 0;
    const BYTES: usize = 2 * STEPS;
    type Head<L: Lanes> = ();
    type Group<L: Lanes> = L::Words;

    #[inline(always)]
    unsafe fn head<L: Lanes>(_: L, _: *const u32, _: usize) {}
    #[inline(always)]
    unsafe fn group<L: Lanes>(on: L, at: *const u32, vector: usize) -> L::Words {
        // SAFETY: the caller's promise.
        unsafe { on.words_at(at.add(vector * LANES)) }
    }
    #[inline(always)]
    fn value<L: Lanes>(on: L, (): (), group: L::Words, n: usize) -> L::F32 {
        on.upper_half(group, n)
    }
    #[inline(always)]
    unsafe fn pack<L: Lanes>(on: L, from: &Places, at: usize, block: &mut [u32], vector: usize) {
        let to = &mut block[vector * LANES..][..15 * PANEL + LANES];
        for n in 0..4 {
            // SAFETY: the caller's promise; `to` holds these columns of sixteen groups.
            unsafe { on.turn(from, at + 16 * n, to[4 * n * PANEL..].as_mut_ptr(), PANEL) };
        }
    }
    fn number(panel: &[u32], k: usize, column: usize) -> f32 {
        f32::from_bits((panel[k / 2 * PANEL + column] >> (16 * (k % 2))) << 16)
    }
}

pub(super) struct F16;

impl Form for F16 {
    const TOGETHER: usize = 1;
    const GROUP: usize = HALVES;
    const HEAD: usize = 0;
    const BYTES: usize = 2 * STEPS;
    type Head<L: Lanes> = ();
    type Group<L: Lanes> = L::F32;

    #[inline(always)]
    unsafe fn head<L: Lanes>(_: L, _: *const u32, _: usize) {}
    #[inline(always)]
    unsafe fn group<L: Lanes>(on: L, at: *const u32, vector: usize) -> L::F32 {
        // SAFETY: the caller's promise.
        unsafe { on.halves_at(at.add(vector * LANES / 2)) }
    }
    #[inline(always)]
    fn value<L: Lanes>(_: L, (): (), group: L::F32, _: usize) -> L::F32 {
        group
    }
    #[inline(always)]
    unsafe fn pack<L: Lanes>(on: L, from: &Places, at: usize, block: &mut [u32], vector: usize) {
        for (n, groups) in block.chunks_exact_mut(8 * HALVES).enumerate() {
            // SAFETY: the caller's promise.
            let words = unsafe { turned(on, from, at + 16 * n) };
            // A word has two steps of a column, and a panel two columns of a step.
            for (words, groups) in words.iter().zip(groups.chunks_exact_mut(2 * HALVES)) {
                let (even, odd) = groups.split_at_mut(HALVES);
                let to = vector * LANES / 2..(vector + 1) * LANES / 2;
                let to = even[to.clone()].iter_mut().zip(&mut odd[to]);
                for ((even, odd), two) in to.zip(words.as_chunks::<2>().0) {
                    *even = two[0] & 0xffff | two[1] << 16;
                    *odd = two[0] >> 16 | two[1] & 0xffff_0000;
                }
            }
        }
    }
    fn number(panel: &[u32], k: usize, column: usize) -> f32 {
        half(&panel[k * HALVES..], column)
    }
}

pub(super) struct Q8_0;

/// 2⁻²⁴: bytes are widened from the top of a word.
const FROM_TOP: f32 = 1.0 / (1 << 24) as f32;

impl Form for Q8_0 {
    const TOGETHER: usize = 4;
    const GROUP: usize = PANEL;
    const HEAD: usize = HALVES;
    const BYTES: usize = 2 + STEPS;
    type Head<L: Lanes> = L::F32;
    type Group<L: Lanes> = L::Words;

    #[inline(always)]
    unsafe fn head<L: Lanes>(on: L, block: *const u32, vector: usize) -> L::F32 {
        // SAFETY: the caller's promise. Halves have room enough for 2⁻²⁴ in f32.
        on.mul(unsafe { on.halves_at(block.add(vector * LANES / 2)) }, on.splat(FROM_TOP))
    }
    #[inline(always)]
    unsafe fn group<L: Lanes>(on: L, at: *const u32, vector: usize) -> L::Words {
        // SAFETY: the caller's promise.
        unsafe { on.words_at(at.add(vector * LANES)) }
    }
    #[inline(always)]
    fn value<L: Lanes>(on: L, scale: L::F32, group: L::Words, n: usize) -> L::F32 {
        on.mul(on.byte_at_top(group, n), scale)
    }
    #[inline(always)]
    unsafe fn pack<L: Lanes>(on: L, from: &Places, at: usize, block: &mut [u32], vector: usize) {
        // SAFETY: the caller's promise; `to` holds these columns of eight groups.
        unsafe {
            put_halves(from, at, &mut block[vector * LANES / 2..]);
            let to = &mut block[Self::HEAD + vector * LANES..][..7 * PANEL + LANES];
            on.turn(from, at + 2, to.as_mut_ptr(), PANEL);
            on.turn(from, at + 18, to[4 * PANEL..].as_mut_ptr(), PANEL);
        }
    }
    fn number(panel: &[u32], k: usize, column: usize) -> f32 {
        let block = &panel[k / STEPS * block_len::<Self>()..];
        let word = block[Self::HEAD + k % STEPS / 4 * PANEL + column];
        naive::q8_0((word >> (8 * (k % 4))) as u8, half(block, column))
    }
}

impl Quantised for Q8_0 {
    #[inline(always)]
    fn whole<L: Lanes>(on: L, group: L::Words, n: usize) -> L::F32 {
        on.mul(on.byte_at_top(group, n), on.splat(FROM_TOP))
    }
}
