//! Sums across lanes: of a row, and of a whole tensor in blocks of 4,096 elements.
//!
//! ```text
//! lane[i mod 16] += x[i];  the lanes meet in the tree;  block totals go on in f64, in order
//! ```

use crate::{
    lanes::{Kernel, LANES, Lanes},
    thread_pool::{DisjointSlices, ThreadPool},
};

pub use crate::naive::sums::BLOCK;

/// The sum of a row.
#[inline(always)]
pub(crate) fn row_sum<L: Lanes>(simd: L, x: &[f32]) -> f32 {
    let mut sum = simd.splat(0.0);
    for x in x.chunks(LANES) {
        sum = simd.add(sum, simd.load_some(x));
    }
    simd.sum_tree(sum)
}

/// The sum of products of two rows.
#[inline(always)]
pub(crate) fn row_dot<L: Lanes>(simd: L, a: &[f32], b: &[f32]) -> f32 {
    let mut sum = simd.splat(0.0);
    for (a, b) in a.chunks(LANES).zip(b.chunks(LANES)) {
        sum = simd.fma(simd.load_some(a), simd.load_some(b), sum);
    }
    simd.sum_tree(sum)
}

/// Block totals that a tensor of so many elements needs place for.
pub fn blocks_len(elements: usize) -> usize {
    elements.div_ceil(BLOCK)
}

/// The sum of a tensor. `blocks`: at least [`blocks_len`].
pub fn sum(pool: &ThreadPool, x: &[f32], blocks: &mut [f64]) -> f64 {
    total(pool, x, blocks, false)
}

/// The sum of a tensor's squares. `blocks`: at least [`blocks_len`].
pub fn sum_of_squares(pool: &ThreadPool, x: &[f32], blocks: &mut [f64]) -> f64 {
    total(pool, x, blocks, true)
}

fn total(pool: &ThreadPool, x: &[f32], blocks: &mut [f64], squared: bool) -> f64 {
    let count = blocks_len(x.len());
    let totals = DisjointSlices::new(&mut blocks[..count]);
    pool.for_each_range(count, 1, 8, &|range| {
        // SAFETY: each range is cut once.
        let totals = unsafe { totals.range_mut(range.clone()) };
        for (total, block) in totals.iter_mut().zip(range) {
            let part = &x[block * BLOCK..x.len().min((block + 1) * BLOCK)];
            *total = f64::from(pool.isa().run(Block { part, squared }));
        }
    });
    blocks[..count].iter().fold(0.0, |sum, block| sum + block)
}

/// One block.
struct Block<'a> {
    part: &'a [f32],
    squared: bool,
}

impl Kernel for Block<'_> {
    type Output = f32;

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) -> f32 {
        if self.squared { row_dot(simd, self.part, self.part) } else { row_sum(simd, self.part) }
    }
}
