//! Packs the rows of a file into panels.
//!
//! ```text
//! for each panel, for each block of steps, for each of its 64 columns:
//!     write the scales and integers of this column and block to their places in the panel
//! ```
//! 1. Sixteen columns at a time are transposed in registers, so that whole cache lines are written.
//! 2. A block in which columns or steps are missing is read from a copy that is padded with zeros.
//! 3. Reads are as far apart as rows are, which the hardware does not prefetch; so there are prefetches.

use std::{
    marker::PhantomData,
    sync::atomic::{AtomicU64, Ordering},
};

use super::{
    PANEL, StorageType,
    block_format::{self, BlockFormat, ColumnPointers, HALVES, block_len, with_format},
    panel_len, panels_len,
};
use crate::{
    lanes::{Kernel, LANES, Lanes},
    thread_pool::{DisjointSlices, ThreadPool},
    tile::prefetch,
};

/// Where a weight has a scale that is infinite or no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InfiniteScale {
    /// The row of the weight.
    pub output: usize,
    /// Which of its blocks.
    pub block: usize,
}

/// Packs a weight; `row` gives the bytes of an output as a file stores them. Says where its first scale is that is not
/// finite, of which the panels have the numbers all the same.
pub fn pack<'r>(
    pool: &ThreadPool,
    storage: StorageType,
    row: &(dyn Fn(usize) -> &'r [u8] + Sync),
    outputs: usize,
    inner: usize,
    panels: &mut [u32],
) -> Option<InfiniteScale> {
    let infinite = AtomicU64::new(u64::MAX);
    let size = panel_len(storage, inner);
    let out = DisjointSlices::new(&mut panels[..panels_len(storage, outputs, inner)]);
    pool.for_each_task(outputs.div_ceil(PANEL), &|panel| {
        // SAFETY: each task has a panel of its own.
        let out = unsafe { out.range_mut(panel * size..(panel + 1) * size) };
        let mut rows = [&[][..]; PANEL];
        for (column, out) in rows.iter_mut().enumerate().take(outputs - panel * PANEL) {
            *out = row(panel * PANEL + column);
            assert_eq!(out.len(), storage.bytes(inner), "a row of another length");
        }
        with_format!(storage, F => {
            pool.isa().run(Pack::<F> { rows: &rows, out: &mut *out, format: PhantomData });
            if let Some([column, block]) = infinite_scale::<F>(out) {
                let output = panel * PANEL + column;
                infinite.fetch_min((output as u64) << 32 | block as u64, Ordering::Relaxed);
            }
        });
    });
    let found = infinite.into_inner();
    let (output, block) = ((found >> 32) as usize, found as u32 as usize);
    (found != u64::MAX).then_some(InfiniteScale { output, block })
}

/// The first column of a panel with a half that is not finite, and its block.
fn infinite_scale<F: BlockFormat>(panel: &[u32]) -> Option<[usize; 2]> {
    // The highest bit of each half whose exponent is all ones.
    let is_infinite = |word: &u32| ((word & 0x7c00_7c00) + 0x0400_0400) & 0x8000_8000;
    let mut found = None;
    for (block, words) in panel.chunks_exact(block_len::<F>()).enumerate() {
        let head = &words[..F::HEAD_WORDS];
        if head.iter().fold(0, |any, word| any | is_infinite(word)) != 0 {
            for (at, word) in head.iter().enumerate().filter(|(_, word)| is_infinite(word) != 0) {
                let column = 2 * (at % HALVES) + usize::from(is_infinite(word) & 0xffff == 0);
                let first = found.get_or_insert([column, block]);
                *first = (*first).min([column, block]);
            }
        }
    }
    found
}

/// Packs one panel.
struct Pack<'a, F> {
    /// Missing columns are empty.
    rows: &'a [&'a [u8]; PANEL],
    out: &'a mut [u32],
    format: PhantomData<F>,
}

impl<F: BlockFormat> Kernel for Pack<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) {
        for (vector, rows) in self.rows.as_chunks::<LANES>().0.iter().enumerate() {
            // Missing columns are the last ones, so the last of these has the fewest blocks.
            let whole = rows[LANES - 1].len() / F::BLOCK_BYTES;
            let mut from: ColumnPointers = [std::ptr::null(); LANES];
            for (from, row) in from.iter_mut().zip(rows) {
                *from = row.as_ptr();
            }
            let mut blocks = self.out.chunks_exact_mut(block_len::<F>()).enumerate();
            for (n, block) in blocks.by_ref().take(whole) {
                for from in &from {
                    prefetch(from.wrapping_add(n * F::BLOCK_BYTES + AHEAD).cast());
                }
                // SAFETY: each of the rows has block `n`, because the shortest, the last, has `whole` blocks.
                unsafe { F::pack(simd, &from, n * F::BLOCK_BYTES, block, vector) };
            }
            for (n, block) in blocks {
                let mut copies = [[0; MAX_BLOCK_BYTES]; LANES];
                for (copy, row) in copies.iter_mut().zip(rows) {
                    let here =
                        row.len().min(n * F::BLOCK_BYTES)..row.len().min((n + 1) * F::BLOCK_BYTES);
                    copy[..here.len()].copy_from_slice(&row[here]);
                }
                for (from, copy) in from.iter_mut().zip(&copies) {
                    *from = copy.as_ptr();
                }
                // SAFETY: a copy has as many bytes as the longest block of any format.
                unsafe { F::pack(simd, &from, 0, block, vector) };
            }
        }
    }
}

/// Bytes of the longest block of any format.
const MAX_BLOCK_BYTES: usize = StorageType::Q6K.block_bytes();
/// The prefetch distance, in bytes of a row.
const AHEAD: usize = 64;
