//! A tile of rows times quantised weights, with its sums and totals in registers.

use super::sub_block_at;
use crate::{
    lanes::{LANES, Lanes, Pairs},
    matmul::{Accumulate, PANEL, Pointers},
    stored::{block_format::Quantised, prefetch_ahead, vectors_at_once},
    tile::{OutPtr, PairMultiply, step},
};

/// Rows of pairs, with their sums where a weight needs them.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    pub(super) pairs: *const u32,
    pub(super) block_sums: *const f32,
    /// Sub-blocks of a row.
    pub(super) blocks: usize,
}

// SAFETY: two pointers to numbers that tasks only read, and a stride.
unsafe impl Pointers for Rows {}

impl Rows {
    /// The same from a row and a sub-block on.
    #[inline(always)]
    pub(super) fn offset<F: Quantised>(self, row: usize, block: usize) -> Self {
        let at = row * self.blocks + block;
        // The sums may be missing, and are not read then.
        Self {
            pairs: self.pairs.wrapping_add(at * F::STEPS / 2),
            block_sums: self.block_sums.wrapping_add(at),
            ..self
        }
    }
}

/// Rows of a tile whose pairs are formed: its sums and totals fill the registers, where there are
/// thirty-two of a whole vector.
#[inline(always)]
pub(super) const fn max_tile_rows<L: Lanes>() -> usize {
    if L::VECTORS_PER_ROW == 4 { 3 } else { 6 }
}

/// Some rows by a panel's columns, over successive sub-blocks.
#[derive(Clone, Copy)]
pub(super) struct Tile {
    pub(super) x: Rows,
    pub(super) panel: *const u32,
    /// The pairs of these sub-blocks, if they are formed.
    pub(super) pairs: Option<*const u32>,
    /// The first sub-block of the panel, and how many there are.
    pub(super) first: usize,
    pub(super) blocks: usize,
    pub(super) columns: usize,
    pub(super) out: OutPtr,
    pub(super) accumulate: Accumulate,
}

impl Tile {
    /// Computes the tile, of so many rows.
    ///
    /// # Safety
    /// - `x` can be read at `rows` rows by `blocks` sub-blocks.
    /// - `panel` has `first + blocks` sub-blocks, and `pairs`, if any, those of the last of them, `[blocks, 8 or 16, 64]`.
    /// - `out` can be read and written at `rows` rows by `columns` columns, and no other thread accesses those.
    #[inline(always)]
    pub(super) unsafe fn compute_rows<P: Pairs, F: Quantised>(self, simd: P, rows: usize) {
        debug_assert!(self.columns <= PANEL && !self.panel.is_null());
        // SAFETY: each of these has the same preconditions, for R = `rows`.
        unsafe {
            match (self.pairs, rows) {
                (None, 1) => self.vectors_in_registers::<P, F, 1>(simd),
                (None, 2) => self.vectors_in_registers::<P, F, 2>(simd),
                (None, 3) => self.vectors_in_registers::<P, F, 3>(simd),
                (Some(_), _) if P::VECTORS_PER_ROW == 4 => match rows {
                    1 => self.column_vectors::<P, F, 1, 4, true>(simd, 0),
                    2 => self.column_vectors::<P, F, 2, 4, true>(simd, 0),
                    3 => self.column_vectors::<P, F, 3, 4, true>(simd, 0),
                    _ => unreachable!("a tile of too many rows"),
                },
                (Some(_), 1) => self.vector_by_vector::<P, F, 1>(simd),
                (Some(_), 2) => self.vector_by_vector::<P, F, 2>(simd),
                (Some(_), 3) => self.vector_by_vector::<P, F, 3>(simd),
                (Some(_), 4) => self.vector_by_vector::<P, F, 4>(simd),
                (Some(_), 5) => self.vector_by_vector::<P, F, 5>(simd),
                (Some(_), 6) => self.vector_by_vector::<P, F, 6>(simd),
                _ => unreachable!("a tile of too many rows"),
            }
        }
    }

    /// R rows, whose pairs are made in registers.
    ///
    /// # Safety
    /// As [`Self::compute_rows`], of R rows.
    #[inline(always)]
    unsafe fn vectors_in_registers<P: Pairs, F: Quantised, const R: usize>(self, simd: P) {
        // SAFETY: all vectors are of the columns of this panel.
        unsafe {
            if vectors_at_once::<P, F>(R) == 4 {
                self.column_vectors::<P, F, R, 4, false>(simd, 0);
            } else {
                for vector in 0..self.columns.div_ceil(LANES) {
                    self.column_vectors::<P, F, R, 1, false>(simd, vector);
                }
            }
        }
    }

    /// R rows by one vector of columns after the other, whose pairs are made already.
    ///
    /// # Safety
    /// As [`Self::compute_rows`], of R rows, with `pairs`.
    #[inline(always)]
    unsafe fn vector_by_vector<P: Pairs, F: Quantised, const R: usize>(self, simd: P) {
        for vector in 0..self.columns.div_ceil(LANES) {
            // SAFETY: this vector is of the columns of this panel.
            unsafe { self.column_vectors::<P, F, R, 1, true>(simd, vector) };
        }
    }

    /// R rows by V vectors, from the `first` on.
    ///
    /// # Safety
    /// As [`Self::compute_rows`], of R rows, with `pairs` if they are `DECODED`; `first + V` is at most 4.
    #[inline(always)]
    unsafe fn column_vectors<
        P: Pairs,
        F: Quantised,
        const R: usize,
        const V: usize,
        const DECODED: bool,
    >(
        self,
        simd: P,
        first: usize,
    ) {
        let mut totals = [[simd.splat(0.0); V]; R];
        if self.accumulate == Accumulate::FromOutput {
            for (r, totals) in totals.iter_mut().enumerate() {
                for (v, total) in totals.iter_mut().enumerate() {
                    // SAFETY: row r is one of the R rows.
                    *total = simd.load_some(unsafe { self.out_of(r, first + v) });
                }
            }
        }
        let mut x = self.x;
        let mut decoded = self.pairs.unwrap_or(self.panel).wrapping_add(first * LANES);
        // SAFETY: the panel has this sub-block's block.
        let mut heads =
            unsafe { heads::<P, F, V>(simd, sub_block_at::<F>(self.panel, self.first).0, first) };
        for sub_block in self.first..self.first + self.blocks {
            let is_first = sub_block.is_multiple_of(F::SUB_BLOCKS);
            let (block, sub_block) = sub_block_at::<F>(self.panel, sub_block);
            let mut sums = [[simd.splat(0.0); V]; R];
            // SAFETY: a sub-block has the scales and groups of 64 columns, and its block their halves; `decoded` has
            // its pairs, if they are made; each row of `x` has as many pairs of it.
            unsafe {
                // Where pairs are made already, registers are full of sums, and rows share the conversion.
                if DECODED || is_first {
                    heads = self::heads::<P, F, V>(simd, block, first);
                }
                if DECODED {
                    for pair in 0..F::STEPS / 2 {
                        let (left, right) = (x.pairs.add(pair), decoded.add(pair * PANEL));
                        let (simd, row_stride) = (PairMultiply(simd), x.blocks * F::STEPS / 2);
                        step::<_, R, V, true>(simd, left, row_stride, right, LANES, &mut sums);
                    }
                    decoded = decoded.wrapping_add(F::STEPS / 2 * PANEL);
                } else {
                    if is_first {
                        prefetch_ahead::<V>(block, F::HEAD_WORDS, first);
                    }
                    prefetch_ahead::<V>(sub_block, F::SCALE_WORDS, first);
                    let mut at = sub_block.add(F::SCALE_WORDS);
                    let mut pair = 0;
                    for _ in 0..F::STEPS / F::GROUP_STEPS {
                        let mut groups = [F::group(simd, at, first); V];
                        for (v, group) in groups.iter_mut().enumerate().skip(1) {
                            *group = F::group(simd, at, first + v);
                        }
                        prefetch_ahead::<V>(at, F::GROUP_WORDS, first);
                        for _ in 0..F::GROUP_STEPS / F::FRONT_STEPS {
                            for n in 0..F::FRONT_STEPS / 2 {
                                // Without `skip`, which would have the compiler keep the arrays in memory.
                                let mut right = [F::integer_pair(simd, groups[0], n); V];
                                for (right, &group) in right.iter_mut().zip(&groups) {
                                    *right = F::integer_pair(simd, group, n);
                                }
                                dots::<P, F, R, V>(simd, x, pair, right, &mut sums);
                                pair += 1;
                            }
                            for group in &mut groups {
                                *group = F::next(simd, *group);
                            }
                        }
                        at = at.add(F::GROUP_WORDS);
                    }
                }
                let (scales, mins) = factors::<P, F, V>(simd, heads, sub_block, first);
                simd.add_scaled(scales, sums, &mut totals);
                if F::HAS_MIN {
                    let mut block_sums = [[simd.splat(0.0); V]; R];
                    for (r, block_sums) in block_sums.iter_mut().enumerate() {
                        *block_sums = [simd.splat(*x.block_sums.add(r * x.blocks)); V];
                    }
                    simd.add_scaled(mins, block_sums, &mut totals);
                }
            }
            x = x.offset::<F>(0, 1);
        }
        for (r, totals) in totals.iter().enumerate() {
            for (v, &total) in totals.iter().enumerate() {
                // SAFETY: row r is one of the R rows.
                simd.store_some(total, unsafe { self.out_of(r, first + v) });
            }
        }
    }

    /// The outputs of a row in a vector of columns: at most sixteen.
    ///
    /// # Safety
    /// The outputs of this row exist, no other thread accesses them, and no other slice of them lives.
    #[inline(always)]
    #[allow(
        clippy::mut_from_ref,
        reason = "by the precondition, no other slice of these outputs lives"
    )]
    unsafe fn out_of(&self, row: usize, vector: usize) -> &mut [f32] {
        let columns = vector * LANES..self.columns.min((vector + 1) * LANES);
        // SAFETY: the columns end with those of the row; where none is left, the slice is empty.
        unsafe {
            let at = self.out.ptr.wrapping_add(row * self.out.row_stride + columns.start);
            std::slice::from_raw_parts_mut(at, columns.len())
        }
    }
}

/// One pair of every row by V vectors of pairs.
///
/// # Safety
/// Each of the R rows of `x` has this pair.
#[inline(always)]
unsafe fn dots<P: Pairs, F: Quantised, const R: usize, const V: usize>(
    simd: P,
    x: Rows,
    pair: usize,
    right: [P::Pair; V],
    sums: &mut [[P::F32; V]; R],
) {
    for (r, sums) in sums.iter_mut().enumerate() {
        // SAFETY: row r is one of the R rows, and has this pair.
        let left = simd.splat_pair(unsafe { *x.pairs.add(r * x.blocks * F::STEPS / 2 + pair) });
        for (sum, right) in sums.iter_mut().zip(right) {
            *sum = simd.dot(left, right, *sum);
        }
    }
}

/// The heads of a block for V vectors from the `first` on.
///
/// # Safety
/// As [`BlockFormat::head`](crate::stored::block_format::BlockFormat::head), for each of these vectors.
#[inline(always)]
unsafe fn heads<L: Lanes, F: Quantised, const V: usize>(
    simd: L,
    block: *const u32,
    first: usize,
) -> [F::Head<L>; V] {
    // SAFETY: the preconditions are the same.
    unsafe {
        let mut heads = [F::head(simd, block, first); V];
        for (v, head) in heads.iter_mut().enumerate().skip(1) {
            *head = F::head(simd, block, first + v);
        }
        heads
    }
}

/// The scales and minima of a sub-block for V vectors from the `first` on.
///
/// # Safety
/// As [`Quantised::factors`], for each of these vectors.
#[inline(always)]
unsafe fn factors<L: Lanes, F: Quantised, const V: usize>(
    simd: L,
    heads: [F::Head<L>; V],
    sub_block: *const u32,
    first: usize,
) -> ([L::F32; V], [L::F32; V]) {
    // SAFETY: the preconditions are the same.
    unsafe {
        let (scale, min) = F::factors(simd, heads[0], sub_block, first);
        let (mut scales, mut mins) = ([scale; V], [min; V]);
        for v in 1..V {
            (scales[v], mins[v]) = F::factors(simd, heads[v], sub_block, first + v);
        }
        (scales, mins)
    }
}
