//! A tile of rows times quantised weights: its sums and totals stand in registers.

use super::PAIRS;
use crate::{
    lanes::{LANES, Lanes, Pairs},
    matmul::{PANEL, Pointers},
    stored::{
        AHEAD, beside,
        form::{HALVES, Quantised, STEPS, block_len},
    },
    tile::{ByPairs, Out, prefetch, step},
};

/// Rows of pairs, with their sums where a weight needs them.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    pub(super) pairs: *const u32,
    pub(super) ones: *const f32,
    /// Of a row.
    pub(super) blocks: usize,
}

// SAFETY: two pointers to what tasks read, and a stride.
unsafe impl Pointers for Rows {}

impl Rows {
    /// The same from a row and a block on.
    #[inline(always)]
    pub(super) fn from(self, row: usize, block: usize) -> Self {
        let at = row * self.blocks + block;
        // The sums may be missing, and are not read then.
        Self {
            pairs: self.pairs.wrapping_add(at * PAIRS),
            ones: self.ones.wrapping_add(at),
            ..self
        }
    }
}

/// Rows of a tile whose pairs are formed: its sums and totals fill the registers, where there are
/// thirty-two of a whole vector.
#[inline(always)]
pub(super) const fn high<L: Lanes>() -> usize {
    if L::WIDE == 4 { 3 } else { 6 }
}

/// Some rows by a panel's columns, over successive blocks.
#[derive(Clone, Copy)]
pub(super) struct Tile {
    pub(super) x: Rows,
    /// A block begins here.
    pub(super) panel: *const u32,
    /// The pairs of these blocks, if they are formed.
    pub(super) pairs: Option<*const u32>,
    pub(super) blocks: usize,
    pub(super) columns: usize,
    pub(super) out: Out,
    pub(super) goes_on: bool,
}

impl Tile {
    /// # Safety
    /// The rows and the panel have these blocks, the outputs exist, and nobody else touches them.
    #[inline(always)]
    pub(super) unsafe fn of_rows<P: Pairs, F: Quantised>(self, on: P, rows: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            match (self.pairs, rows) {
                (None, 1) => self.formed_beside::<P, F, 1>(on),
                (None, 2) => self.formed_beside::<P, F, 2>(on),
                (None, 3) => self.formed_beside::<P, F, 3>(on),
                (Some(_), _) if P::WIDE == 4 => match rows {
                    1 => self.vectors::<P, F, 1, 4, true>(on, 0),
                    2 => self.vectors::<P, F, 2, 4, true>(on, 0),
                    3 => self.vectors::<P, F, 3, 4, true>(on, 0),
                    _ => unreachable!("a tile of too many rows"),
                },
                (Some(_), 1) => self.vector_by_vector::<P, F, 1>(on),
                (Some(_), 2) => self.vector_by_vector::<P, F, 2>(on),
                (Some(_), 3) => self.vector_by_vector::<P, F, 3>(on),
                (Some(_), 4) => self.vector_by_vector::<P, F, 4>(on),
                (Some(_), 5) => self.vector_by_vector::<P, F, 5>(on),
                (Some(_), 6) => self.vector_by_vector::<P, F, 6>(on),
                _ => unreachable!("a tile of too many rows"),
            }
        }
    }

    #[inline(always)]
    unsafe fn formed_beside<P: Pairs, F: Quantised, const R: usize>(self, on: P) {
        // SAFETY: the caller's promise.
        unsafe {
            if beside::<P, F>(R) == 4 {
                self.vectors::<P, F, R, 4, false>(on, 0);
            } else {
                for vector in 0..self.columns.div_ceil(LANES) {
                    self.vectors::<P, F, R, 1, false>(on, vector);
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn vector_by_vector<P: Pairs, F: Quantised, const R: usize>(self, on: P) {
        for vector in 0..self.columns.div_ceil(LANES) {
            // SAFETY: the caller's promise.
            unsafe { self.vectors::<P, F, R, 1, true>(on, vector) };
        }
    }

    /// R rows by V vectors from the `first` on.
    #[inline(always)]
    unsafe fn vectors<
        P: Pairs,
        F: Quantised,
        const R: usize,
        const V: usize,
        const FORMED: bool,
    >(
        self,
        on: P,
        first: usize,
    ) {
        let mut totals = [[on.splat(0.0); V]; R];
        if self.goes_on {
            for (r, totals) in totals.iter_mut().enumerate() {
                for (v, total) in totals.iter_mut().enumerate() {
                    // SAFETY: the caller's promise.
                    *total = on.load_some(unsafe { self.out_of(r, first + v) });
                }
            }
        }
        let (mut x, mut block) = (self.x, self.panel);
        let mut formed = self.pairs.unwrap_or(block).wrapping_add(first * LANES);
        for _ in 0..self.blocks {
            let mut sums = [[on.splat(0.0); V]; R];
            // SAFETY: a block has the halves and groups of 64 columns, its pairs stand where they are
            // formed, and each row has sixteen pairs of it.
            unsafe {
                if FORMED {
                    for pair in 0..PAIRS {
                        let (left, right) = (x.pairs.add(pair), formed.add(pair * PANEL));
                        let (on, by_row) = (ByPairs(on), x.blocks * PAIRS);
                        step::<_, R, V, true>(on, left, by_row, right, LANES, &mut sums);
                    }
                    formed = formed.wrapping_add(PAIRS * PANEL);
                } else {
                    let mut at = block.add(F::HEAD);
                    for group in 0..STEPS / F::TOGETHER {
                        let mut words = [F::group(on, at, first); V];
                        for (v, words) in words.iter_mut().enumerate().skip(1) {
                            *words = F::group(on, at, first + v);
                        }
                        let own = AHEAD + first * F::GROUP / 4;
                        for line in (0..F::GROUP * V / 4).step_by(16) {
                            prefetch(at.wrapping_add(own + line).cast());
                        }
                        for pair in 0..F::TOGETHER / 2 {
                            let mut right = [F::whole_pair(on, words[0], pair); V];
                            for (right, &words) in right.iter_mut().zip(&words).skip(1) {
                                *right = F::whole_pair(on, words, pair);
                            }
                            dots(on, x, group * F::TOGETHER / 2 + pair, right, &mut sums);
                        }
                        at = at.add(F::GROUP);
                    }
                }
                on.fold(halves(on, block, first), sums, &mut totals);
                if F::HEAD > HALVES {
                    let mut ones = [[on.splat(0.0); V]; R];
                    for (r, ones) in ones.iter_mut().enumerate() {
                        *ones = [on.splat(*x.ones.add(r * x.blocks)); V];
                    }
                    on.fold(halves(on, block.add(HALVES), first), ones, &mut totals);
                }
            }
            x = x.from(0, 1);
            block = block.wrapping_add(block_len::<F>());
        }
        for (r, totals) in totals.iter().enumerate() {
            for (v, &total) in totals.iter().enumerate() {
                // SAFETY: the caller's promise.
                on.store_some(total, unsafe { self.out_of(r, first + v) });
            }
        }
    }

    /// At most sixteen outputs of a row.
    #[inline(always)]
    #[allow(clippy::mut_from_ref, reason = "what it points to is cut so that nobody else has it")]
    unsafe fn out_of(&self, row: usize, vector: usize) -> &mut [f32] {
        let columns = vector * LANES..self.columns.min((vector + 1) * LANES);
        // SAFETY: the caller's promise; where no column is left, the slice is empty.
        unsafe {
            let at = self.out.at.wrapping_add(row * self.out.by_row + columns.start);
            std::slice::from_raw_parts_mut(at, columns.len())
        }
    }
}

/// One pair of every row by V vectors of pairs.
///
/// # Safety
/// Each row has this pair.
#[inline(always)]
unsafe fn dots<P: Pairs, const R: usize, const V: usize>(
    on: P,
    x: Rows,
    pair: usize,
    right: [P::Pair; V],
    sums: &mut [[P::F32; V]; R],
) {
    for (r, sums) in sums.iter_mut().enumerate() {
        // SAFETY: the caller's promise.
        let left = on.splat_pair(unsafe { *x.pairs.add(r * x.blocks * PAIRS + pair) });
        for (sum, right) in sums.iter_mut().zip(right) {
            *sum = on.dot(left, right, *sum);
        }
    }
}

/// The halves of a block for V vectors from the `first` on.
///
/// # Safety
/// Those of 64 columns are readable.
#[inline(always)]
unsafe fn halves<L: Lanes, const V: usize>(on: L, at: *const u32, first: usize) -> [L::F32; V] {
    // SAFETY: the caller's promise.
    unsafe {
        let mut halves = [on.halves_at(at.add(first * LANES / 2)); V];
        for (v, half) in halves.iter_mut().enumerate().skip(1) {
            *half = on.halves_at(at.add((first + v) * LANES / 2));
        }
        halves
    }
}
