//! Quantised weights times rows rounded to bf16. The integers of a block are exact in bf16.
//!
//! ```text
//! for each sub-block:  sum = +0;  for each pair of it:  sum = dot(pair of x, pair of q, sum)
//!     total = fma(scale, sum, total)      from +0;  with minima also  total = fma(min, block_sum, total)
//! ```
//! A sub-block has 16 or 32 steps. `block_sum` is the sum with 1 for every q; [`block_sums`] computes it once for all weights that multiply x.
//! 1. Registers hold the sums of the current block beside the totals, so a tile has half as many rows as a tile
//!    of f32. After each block, its sums are scaled and added to the totals.
//! 2. For up to three rows, the panel is read once, and pairs are made in registers. For more rows, the pairs of
//!    some blocks are made first, into the L1 cache; meanwhile totals are stored in the outputs, which is exact.
//! 3. Scaled sums keep denormals, although dots may flush them: [`Pairs::add_scaled`] switches between the two.

mod tile;

use std::{marker::PhantomData, ops::Range};

use super::{
    Panels, StorageType,
    block_format::{self, Quantised, block_len, sub_block_len, with_quantised},
    panel_len, prefetch_ahead,
};
use crate::{
    bf16,
    lanes::{LANES, PairKernel, Pairs},
    matmul::{Accumulate, ApplyEpilogue, BLOCK, Epilogue, PANEL, Shared, Tasks},
    thread_pool::{DisjointSlices, ThreadPool},
    tile::OutPtr,
};
use tile::{Rows, Tile, max_tile_rows};

/// Up to so many rows, pairs are made in registers.
const MAX_STREAMED_ROWS: usize = 3;
/// For more rows, so many pairs of each column are made at a time.
const DEPTH: usize = 64;

/// Sums of every sub-block of rows as if every weight were one: `[rows, inner / sub_block_len]`, for sub-blocks of 16 or
/// 32.
///
/// `x`: `[rows, inner / 2]` pairs of [`bf16::round_rows`].
pub fn block_sums(pool: &ThreadPool, x: &[u32], sub_block_len: usize, sums: &mut [f32]) {
    match sub_block_len {
        16 => sums_of_blocks::<8>(pool, x, sums),
        32 => sums_of_blocks::<16>(pool, x, sums),
        _ => panic!("sub-blocks of {sub_block_len}"),
    }
}

fn sums_of_blocks<const PAIRS: usize>(pool: &ThreadPool, x: &[u32], sums: &mut [f32]) {
    assert_eq!(x.len(), sums.len() * PAIRS, "sums of another shape");
    let len = sums.len();
    let to = DisjointSlices::new(sums);
    pool.for_each_range(len, LANES, 1 << 11, &|blocks| {
        let x = &x[blocks.start * PAIRS..blocks.end * PAIRS];
        // SAFETY: each range is cut once.
        let to = unsafe { to.range_mut(blocks) };
        pool.isa().run_pairs(BlockSums::<PAIRS> { x, to });
    });
}

struct BlockSums<'a, const PAIRS: usize> {
    x: &'a [u32],
    to: &'a mut [f32],
}

impl<const PAIRS: usize> PairKernel for BlockSums<'_, PAIRS> {
    type Output = ();

    /// Lanes are blocks: sixteen blocks are transposed in the L1 cache.
    #[inline(always)]
    fn run<P: Pairs>(self, simd: P) {
        let one = simd.splat_pair(0x3f80_3f80);
        for (x, to) in self.x.chunks(LANES * PAIRS).zip(self.to.chunks_mut(LANES)) {
            let mut transposed = [[0; LANES]; PAIRS];
            for (block, x) in x.chunks_exact(PAIRS).enumerate() {
                for (transposed, &x) in transposed.iter_mut().zip(x) {
                    transposed[block] = x;
                }
            }
            let mut sum = simd.splat(0.0);
            for pairs in &transposed {
                sum = simd.dot(simd.load_pairs_part(pairs), one, sum);
            }
            simd.store_some(sum, to);
        }
    }
}

/// y = x · weightᵀ, then + bias, then + residual, for a quantised weight.
///
/// `x`: `[rows, inner / 2]` pairs of [`bf16::round_rows`], `block_sums`: what [`block_sums`] makes of
/// them, or nothing if the type has [no minimum](StorageType::has_min), `y`: `[rows, outputs]`.
pub fn forward_rounded(
    pool: &ThreadPool,
    x: &[u32],
    block_sums: &[f32],
    weight: Panels<'_>,
    epilogue: Epilogue<'_>,
    y: &mut [f32],
) {
    let Panels { storage, data, outputs, inner } = weight;
    if outputs == 0 || y.is_empty() {
        return;
    }
    assert!(storage.is_quantised() && inner > 0, "a weight without blocks");
    assert!(inner.is_multiple_of(storage.block_len()), "a part of a block");
    let blocks = inner / storage.sub_block_len();
    let rows = y.len() / outputs;
    assert_eq!(y.len(), rows * outputs, "an output of another shape");
    assert_eq!(x.len(), rows * bf16::pairs(inner), "an input of another shape");
    let sums = if storage.has_min() { rows * blocks } else { 0 };
    assert_eq!(block_sums.len(), sums, "sums of another shape");
    assert_eq!(data.len(), super::panels_len(storage, outputs, inner), "panels of another shape");
    assert!(epilogue.bias.is_none_or(|bias| bias.len() == outputs), "a bias of another width");
    assert!(epilogue.residual.is_none_or(|to| to.len() == y.len()), "a residual of another shape");
    let x = Rows { pairs: x.as_ptr(), block_sums: block_sums.as_ptr(), blocks };
    let out = OutPtr { ptr: y.as_mut_ptr(), row_stride: outputs };
    let (size, tasks) = (panel_len(storage, inner), Tasks::new(rows, outputs));
    let shared = Shared((x, out));
    pool.for_each_task(tasks.count(), &|task| {
        let Shared((x, out)) = *shared.get();
        let (block, panel) = tasks.block_and_panel(task);
        let rows = block * BLOCK..rows.min((block + 1) * BLOCK);
        let columns = panel * PANEL..outputs.min((panel + 1) * PANEL);
        let panel = &data[panel * size..][..size];
        let task = Task { x, panel, rows: rows.clone(), columns: columns.clone(), out };
        let isa = pool.isa();
        with_quantised!(storage, F => isa.run_pairs(Product::<F> { task, format: PhantomData }));
        // Outside the kernel over pairs, because here denormals count.
        isa.run(ApplyEpilogue { epilogue, outputs, rows, columns, out });
    });
}

/// Some rows by one panel.
struct Task<'a> {
    x: Rows,
    panel: &'a [u32],
    rows: Range<usize>,
    columns: Range<usize>,
    out: OutPtr,
}

struct Product<'a, F> {
    task: Task<'a>,
    format: PhantomData<F>,
}

impl<F: Quantised> PairKernel for Product<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<P: Pairs>(self, simd: P) {
        let Task { x, panel, rows, columns, out } = self.task;
        let mut pairs = [0; DEPTH * PANEL];
        let is_decoded = rows.len() > MAX_STREAMED_ROWS;
        let depth = if is_decoded { DEPTH / (F::STEPS / 2) } else { x.blocks };
        let max = if is_decoded { max_tile_rows::<P>() } else { MAX_STREAMED_ROWS };
        for first in (0..x.blocks).step_by(depth) {
            let blocks = first..x.blocks.min(first + depth);
            if is_decoded {
                decode_pairs::<P, F>(simd, panel, blocks.clone(), &mut pairs);
            }
            // Tiles have nearly the same height, because one of few rows has too few chains to hide latency.
            let mut row = rows.start;
            for tiles in (1..=rows.len().div_ceil(max)).rev() {
                let count = (rows.end - row).div_ceil(tiles);
                let tile = Tile {
                    x: x.offset::<F>(row, first),
                    panel: panel.as_ptr(),
                    pairs: is_decoded.then_some(pairs.as_ptr()),
                    first,
                    blocks: blocks.len(),
                    columns: columns.len(),
                    // SAFETY: `forward_rounded` asserted the shape of the outputs, which have this row and column.
                    out: unsafe { out.offset(row, columns.start) },
                    accumulate: if first > 0 {
                        Accumulate::FromOutput
                    } else {
                        Accumulate::FromZero
                    },
                };
                // SAFETY: the rows and the panel have these sub-blocks, by the asserted shapes; no other task has
                // these outputs.
                unsafe { tile.compute_rows::<P, F>(simd, count) };
                row += count;
            }
        }
    }
}

/// Where a sub-block of a panel begins, and the block that it is of.
#[inline(always)]
fn sub_block_at<F: Quantised>(panel: *const u32, sub_block: usize) -> (*const u32, *const u32) {
    let block = panel.wrapping_add(sub_block / F::SUB_BLOCKS * block_len::<F>());
    let own = F::HEAD_WORDS + sub_block % F::SUB_BLOCKS * sub_block_len::<F>();
    (block, block.wrapping_add(own))
}

/// Makes the pairs of some sub-blocks, `[sub-blocks, 8 or 16, 64]`.
#[inline(always)]
fn decode_pairs<P: Pairs, F: Quantised>(
    simd: P,
    panel: &[u32],
    sub_blocks: Range<usize>,
    to: &mut [u32],
) {
    debug_assert!(sub_blocks.end.div_ceil(F::SUB_BLOCKS) * block_len::<F>() <= panel.len());
    for (n, to) in sub_blocks.zip(to.chunks_exact_mut(F::STEPS / 2 * PANEL)) {
        let (_, mut at) = sub_block_at::<F>(panel.as_ptr(), n);
        at = at.wrapping_add(F::SCALE_WORDS);
        for to in to.chunks_exact_mut(F::GROUP_STEPS / 2 * PANEL) {
            prefetch_ahead::<4>(at, F::GROUP_WORDS, 0);
            for vector in 0..PANEL / LANES {
                // SAFETY: the panel has this sub-block, whose groups have words for 64 columns.
                let mut group = unsafe { F::group(simd, at, vector) };
                for to in to.chunks_exact_mut(F::FRONT_STEPS / 2 * PANEL) {
                    for (n, to) in to.chunks_exact_mut(PANEL).enumerate() {
                        let joined = F::integer_pair(simd, group, n);
                        let to = &mut to[vector * LANES..][..LANES];
                        // SAFETY: `to` was sliced to sixteen elements.
                        unsafe { simd.store_pairs_at(joined, to.as_mut_ptr()) };
                    }
                    group = F::next(simd, group);
                }
            }
            at = at.wrapping_add(F::GROUP_WORDS);
        }
    }
}
