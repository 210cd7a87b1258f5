//! Matrix products of numbers rounded to bf16, with sums in f32: `matmul` in half the memory and, where
//! the processor multiplies pairs, more than its speed.
//!
//! ```text
//! y[row][o]  = chain over pairs of k of dot(x[row][pair], w[o][pair]),  then + bias[o],  then + residual[row][o]
//! dx[row][k] = chain over pairs of o of dot(dy[row][pair], w[pair][k])
//! dw[o][k]   = chain over pairs of rows of dot(dy[pair][o], x[pair][k]),  from what stands there
//! ```
//! 1. Pairs begin at even places, and an odd end pairs with +0, so that no cut changes a pair. The dot is
//!    that of [`lanes::Pairs`](crate::lanes::Pairs).
//! 2. What is broadcast lies as rows of pairs, rounded once for all products that read it; what is
//!    loaded lies in panels of 64 columns, one pair a step. Both tile as f32 do, in the same blocks.
//! 3. A weight has two packings, since its two products pair it along two dimensions. For the backward pass
//!    it may be packed in parts of whole pairs: a chain goes on from one to the next.
//! 4. The weight's gradient rounds while it copies, from f32.
//! 5. Bias and residual are added after the chains in f32, where denormals count.

mod pack;
mod pairs;

use std::ops::Range;

use crate::{
    lanes::{LANES, PairKernel, Pairs},
    matmul::{
        Accumulate, ApplyEpilogue, BLOCK, Epilogue, PANEL, Shared, Tasks, panel_product,
        weight::{CopySteps, Rectangle, Strip, rectangles},
    },
    thread_pool::ThreadPool,
    tile::{Lhs, OutPtr, PairMultiply, prefetch},
};

pub use crate::matmul::weight_gradient_scratch;
pub use pack::{pack, pack_transposed, round_rows};
pub use pairs::{as_pairs, as_pairs_mut, pairs};
pub(crate) use pairs::{pack_some, vector};

/// Pairs of a packed matrix of `outputs` columns with `inner` numbers each.
pub fn panels_len(outputs: usize, inner: usize) -> usize {
    outputs.next_multiple_of(PANEL) * pairs(inner)
}

/// A packed matrix: `[⌈outputs / 64⌉, ⌈inner / 2⌉, 64]` pairs, missing columns +0.
#[derive(Clone, Copy, Debug)]
pub struct Panels<'a> {
    /// [`panels_len`] pairs.
    pub data: &'a [u32],
    /// Columns.
    pub outputs: usize,
    /// Numbers of a column.
    pub inner: usize,
}

/// y = x · weightᵀ, then + bias, then + residual.
///
/// `x`: `[rows, ⌈inner / 2⌉]` pairs of [`round_rows`], `weight` of [`pack`], `y`: `[rows, outputs]`.
pub fn forward(
    pool: &ThreadPool,
    x: &[u32],
    weight: Panels<'_>,
    epilogue: Epilogue<'_>,
    y: &mut [f32],
) {
    product(pool, x, weight, Accumulate::FromZero, epilogue, y);
}

/// dx = dy · weight: each a chain over pairs of outputs ascending.
///
/// `dy`: `[rows, ⌈outputs / 2⌉]` pairs of [`round_rows`], `weight` of [`pack_transposed`], `dx`:
/// `[rows, inner]`.
pub fn input_gradient(
    pool: &ThreadPool,
    dy: &[u32],
    weight: Panels<'_>,
    accumulate: Accumulate,
    dx: &mut [f32],
) {
    product(pool, dy, weight, accumulate, Epilogue::default(), dx);
}

fn product(
    pool: &ThreadPool,
    x: &[u32],
    panels: Panels<'_>,
    accumulate: Accumulate,
    epilogue: Epilogue<'_>,
    y: &mut [f32],
) {
    let Panels { data, outputs, inner } = panels;
    if outputs == 0 || y.is_empty() {
        return;
    }
    let rows = y.len() / outputs;
    assert_eq!(y.len(), rows * outputs, "an output of another shape");
    assert_eq!(x.len(), rows * pairs(inner), "an input of another shape");
    assert_eq!(data.len(), panels_len(outputs, inner), "panels of another shape");
    assert!(epilogue.bias.is_none_or(|bias| bias.len() == outputs), "a bias of another width");
    assert!(epilogue.residual.is_none_or(|to| to.len() == y.len()), "a residual of another shape");
    let left = Lhs { ptr: x.as_ptr(), row_stride: pairs(inner), step_stride: 1 };
    let out = OutPtr { ptr: y.as_mut_ptr(), row_stride: outputs };
    let tasks = Tasks::new(rows, outputs);
    let shared = Shared((left, out));
    pool.for_each_task(tasks.count(), &|task| {
        let Shared((left, out)) = *shared.get();
        let (block, panel) = tasks.block_and_panel(task);
        let rows = block * BLOCK..rows.min((block + 1) * BLOCK);
        let columns = panel * PANEL..outputs.min((panel + 1) * PANEL);
        let data = &data[panel * PANEL * pairs(inner)..][..PANEL * pairs(inner)];
        let (of, to) = (rows.clone(), columns.clone());
        pool.isa().run_pairs(Product { left, data, rows: of, columns: to, accumulate, out });
        // Outside the kernel over pairs, because here denormals count.
        pool.isa().run(ApplyEpilogue { epilogue, outputs, rows, columns, out });
    });
}

/// The chains of one task: some rows by one panel.
struct Product<'a> {
    left: Lhs<u32>,
    data: &'a [u32],
    rows: Range<usize>,
    columns: Range<usize>,
    accumulate: Accumulate,
    out: OutPtr,
}

impl PairKernel for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn run<P: Pairs>(self, simd: P) {
        let Self { left, data, rows, columns, accumulate, out } = self;
        // SAFETY: `product` asserted the shapes of the matrices, in which these rows, steps and columns lie; no
        // other task has these outputs.
        unsafe { panel_product(PairMultiply(simd), left, data, rows, columns, accumulate, out) };
    }
}

/// dweight = dweight + dyᵀ · x: each chain goes on over pairs of rows ascending. Where the rows
/// are split among several calls, they are split at even rows.
///
/// `dy`: `[rows, outputs]`, `x`: `[rows, inner]`, `dweight`: `[outputs, inner]`; as many pairs of
/// scratch as [`weight_gradient_scratch`] says.
pub fn weight_gradient(
    pool: &ThreadPool,
    dy: &[f32],
    x: &[f32],
    outputs: usize,
    inner: usize,
    scratch: &mut [u32],
    dweight: &mut [f32],
) {
    let run = |rectangle: Rectangle<'_, u32>| pool.isa().run_pairs(rectangle);
    rectangles(pool, dy, x, [outputs, inner], scratch, dweight, &run);
}

impl PairKernel for Rectangle<'_, u32> {
    type Output = ();

    #[inline(always)]
    fn run<P: Pairs>(self, simd: P) {
        self.multiply(PairMultiply(simd));
    }
}

impl<P: Pairs> CopySteps for PairMultiply<P> {
    const ROWS: usize = 2;

    /// Joins each row with the next, rounded; the last of an odd number with +0.
    #[inline(always)]
    fn copy(self, strip: &Strip<'_>, out: &mut [u32]) {
        let Self(simd) = self;
        for (step, row) in strip.rows.clone().step_by(2).enumerate() {
            let (even, ahead) = (strip.row(row), strip.ahead(row));
            let odd = if row + 1 < strip.rows.end { strip.row(row + 1) } else { &[] };
            for column in (0..even.len()).step_by(LANES) {
                prefetch(ahead.wrapping_add(column));
                prefetch(ahead.wrapping_add(strip.width + column));
                let joined =
                    simd.round_to_pairs(vector(simd, even, column), vector(simd, odd, column));
                let at = strip.place(step, column);
                let width = (even.len() - column).min(LANES);
                simd.store_pairs_some(joined, &mut out[at..at + width]);
            }
        }
    }
}
