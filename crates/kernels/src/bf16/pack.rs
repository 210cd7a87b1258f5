//! From f32 to pairs: rows for what is broadcast, panels for what is loaded.

use std::ops::Range;

use super::pairs::{pack_some, pairs, vector};
use crate::{
    lanes::{LANES, PairKernel, Pairs},
    matmul::PANEL,
    thread_pool::{DisjointSlices, ThreadPool},
    transpose::{Rows, TransposePairs},
};

/// Numbers that are worth a thread of their own.
const MIN_PER_THREAD: usize = 32 * 1024;

/// Rounds some columns of `[rows, width]` to `[rows, ⌈columns / 2⌉]` pairs.
pub fn round_rows(
    pool: &ThreadPool,
    x: &[f32],
    width: usize,
    columns: Range<usize>,
    rounded: &mut [u32],
) {
    let rows = x.len() / width.max(1);
    let pairs = pairs(columns.len());
    assert_eq!(rounded.len(), rows * pairs, "an output of another shape");
    let out = DisjointSlices::new(rounded);
    pool.for_each_range(rows, 1, MIN_PER_THREAD.div_ceil(columns.len().max(1)), &|rows| {
        // SAFETY: each range of rows is cut once.
        let out = unsafe { out.range_mut(rows.start * pairs..rows.end * pairs) };
        let x = &x[rows.start * width..rows.end * width];
        pool.isa().run_pairs(RoundRows { x, width, columns: columns.clone(), out });
    });
}

struct RoundRows<'a> {
    x: &'a [f32],
    width: usize,
    columns: Range<usize>,
    out: &'a mut [u32],
}

impl PairKernel for RoundRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<P: Pairs>(self, simd: P) {
        let Self { x, width, columns, out } = self;
        let rows = x.chunks_exact(width);
        for (x, out) in rows.zip(out.chunks_exact_mut(pairs(columns.len()))) {
            for (x, out) in x[columns.clone()].chunks(2 * LANES).zip(out.chunks_mut(LANES)) {
                simd.store_pairs_some(pack_some(simd, x), out);
            }
        }
    }
}

/// Packs a weight `[outputs, inner]` for products with x: columns are outputs, pairs lie along inner.
pub fn pack(pool: &ThreadPool, weight: &[f32], outputs: usize, inner: usize, panels: &mut [u32]) {
    panels_of(pool, outputs, inner, panels, &|columns, out| {
        let rows = Rows::new(weight, columns.start * inner, inner, columns.len(), inner);
        pool.isa().run_pairs(TransposePairs { rows, out });
    });
}

/// Packs a weight `[outputs, inner]` for products with dy: columns are inner, pairs lie along outputs.
pub fn pack_transposed(
    pool: &ThreadPool,
    weight: &[f32],
    outputs: usize,
    inner: usize,
    panels: &mut [u32],
) {
    panels_of(pool, inner, outputs, panels, &|columns, out| {
        pool.isa().run_pairs(PackTransposed { weight, outputs, inner, columns, out });
    });
}

/// Hands out the panels, each with the columns that it is to hold.
fn panels_of(
    pool: &ThreadPool,
    columns: usize,
    steps: usize,
    panels: &mut [u32],
    each: &(dyn Fn(Range<usize>, &mut [u32]) + Sync),
) {
    let panels = &mut panels[..super::panels_len(columns, steps)];
    let size = PANEL * pairs(steps);
    let out = DisjointSlices::new(panels);
    pool.for_each_task(columns.div_ceil(PANEL), &|panel| {
        // SAFETY: each task has a panel of its own.
        let out = unsafe { out.range_mut(panel * size..(panel + 1) * size) };
        each(panel * PANEL..columns.min((panel + 1) * PANEL), out);
    });
}

struct PackTransposed<'a> {
    weight: &'a [f32],
    outputs: usize,
    inner: usize,
    columns: Range<usize>,
    out: &'a mut [u32],
}

impl PairKernel for PackTransposed<'_> {
    type Output = ();

    #[inline(always)]
    fn run<P: Pairs>(self, simd: P) {
        let Self { weight, outputs, inner, columns, out } = self;
        let row = |output: usize| &weight[output * inner..][columns.clone()];
        for (output, out) in (0..outputs).step_by(2).zip(out.chunks_exact_mut(PANEL)) {
            let even = row(output);
            let odd = if output + 1 < outputs { row(output + 1) } else { &[] };
            for (index, out) in out.chunks_exact_mut(LANES).enumerate() {
                let at = index * LANES;
                simd.store_pairs_some(
                    simd.round_to_pairs(vector(simd, even, at), vector(simd, odd, at)),
                    out,
                );
            }
        }
    }
}
