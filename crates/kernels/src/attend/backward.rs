//! Backward, over whole sequences: one task owns a key head of a span.
//!
//! ```text
//! D = Σ dout·out;  P = exp(score − lse);  dS = P · (chain of dout·v − D) · scale
//! dq = chain of dS·k over keys;  dk = chain of dS·q, dv = chain of P·dout over heads, then rows
//! ```
//! 1. Tiles of 64 keys are the outer loop, their keys and values packed transposed into scratch; a
//!    tile's scores and dout·v are products of the same kind as forward.
//! 2. dq stands in its output between tiles, and its chain goes on from there; dk and dv likewise
//!    between heads and blocks of rows.
//! 3. On the diagonal, steps that the six rows (of dq) or keys (of dk, dv) of a tile do not share are computed
//!    row by row, so that a masked pair is never added.
//! 4. What a soft cap or ALiBi make of scores is computed again, in a pass of its own: see `score_terms`.
//! 5. Products of pairs of bf16 take rows rounded along their width for scores, and two rows together
//!    for gradients: a tile's keys once, a block's queries, gradients and weights for each tile.

mod edited_rows;
mod scratch;

use std::ops::Range;

use super::{
    AttentionParams, BackwardInputs, Gradients, PAGE, SequenceSpan,
    arithmetic::{Arithmetic, Attention, run},
    score_terms::ScoreTerms,
};
use crate::{
    lanes::{Kernel, LANES, Lanes},
    math::exp_lanes,
    naive::{
        attend::{rows_that_see, visible},
        matmul::Accumulate,
    },
    thread_pool::{DisjointSlices, ThreadPool},
    tile::{COLUMNS, Lhs, Operands, OutPtr, ROWS, Rhs},
    transpose::Rows,
};
use edited_rows::HeldRows;
use scratch::Scratch;

pub use edited_rows::EditedRows;

/// Rows of a block, of which scores and their gradients are held.
const BLOCK: usize = 48;

/// Elements of a sink's rows that are worth a thread of their own.
const MIN_PER_THREAD: usize = 16 * 1024;

/// Floats of scratch that [`backward`] needs.
pub fn backward_scratch(params: &AttentionParams<'_>, rows: usize, threads: usize) -> usize {
    rows * params.heads + threads * Scratch::len(params)
}

/// The gradients of an attention over whole sequences. `scratch`: [`backward_scratch`].
pub fn backward(
    pool: &ThreadPool,
    params: &AttentionParams<'_>,
    inputs: BackwardInputs<'_>,
    scratch: &mut [f32],
    gradients: Gradients<'_>,
) {
    let edited = EditedRows { edits: &[], slots: &mut [], held: &mut [] };
    backward_edited(pool, params, inputs, edited, scratch, gradients);
}

/// The same of an attention with edits.
pub fn backward_edited(
    pool: &ThreadPool,
    params: &AttentionParams<'_>,
    inputs: BackwardInputs<'_>,
    edited: EditedRows<'_>,
    scratch: &mut [f32],
    gradients: Gradients<'_>,
) {
    let rows = inputs.query.len() / (params.heads * params.head_dim);
    let (delta, workers) = scratch.split_at_mut(rows * params.heads);
    {
        let to = DisjointSlices::new(delta);
        pool.for_each_range(rows * params.heads, 1, 512, &|range| {
            // SAFETY: each range is cut once.
            let to = unsafe { to.range_mut(range.clone()) };
            let BackwardInputs { dout, out, .. } = inputs;
            pool.isa().run(Delta { dout, out, head_dim: params.head_dim, first: range.start, to });
        });
    }
    let edited = edited.compute(pool, params, inputs, delta);
    let delta = &*delta;
    if let (Some(sinks), Some(dsinks)) = (params.sinks, gradients.dsinks) {
        let dsinks = DisjointSlices::new(dsinks);
        let min = (MIN_PER_THREAD / rows.max(1)).max(LANES);
        pool.for_each_range(params.heads, LANES, min, &|heads| {
            // SAFETY: each range is cut once.
            let dsinks = unsafe { dsinks.range_mut(heads.clone()) };
            let log_sum_exp = inputs.log_sum_exp;
            pool.isa().run(Sinks { sinks, log_sum_exp, delta, heads, dsinks });
        });
    }
    let worker = Scratch::len(params);
    let (dq, dk, dv, workers) = (
        DisjointSlices::new(gradients.dq),
        DisjointSlices::new(gradients.dk),
        DisjointSlices::new(gradients.dv),
        DisjointSlices::new(workers),
    );
    pool.for_each_task_on_thread(inputs.spans.len() * params.key_heads, &|thread, pair| {
        // SAFETY: each thread has scratch of its own.
        let scratch = unsafe { workers.range_mut(thread * worker..(thread + 1) * worker) };
        let back = BackwardTask {
            params,
            inputs,
            delta,
            edited,
            span: &inputs.spans[pair / params.key_heads],
            key_head: pair % params.key_heads,
            scratch: Scratch::new(params, scratch),
            dq: &dq,
            dk: &dk,
            dv: &dv,
        };
        run(pool.isa(), params, back);
    });
}

/// D of every row and head.
struct Delta<'a> {
    dout: &'a [f32],
    out: &'a [f32],
    head_dim: usize,
    first: usize,
    to: &'a mut [f32],
}

impl Kernel for Delta<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) {
        for (index, to) in self.to.iter_mut().enumerate() {
            let at = (self.first + index) * self.head_dim;
            let (a, b) = (&self.dout[at..at + self.head_dim], &self.out[at..at + self.head_dim]);
            let mut sum = simd.splat(0.0);
            for (a, b) in a.chunks(LANES).zip(b.chunks(LANES)) {
                sum = simd.fma(simd.load_some(a), simd.load_some(b), sum);
            }
            *to = simd.sum_tree(sum);
        }
    }
}

/// The gradients of some heads' sinks, sixteen at a time over all rows.
struct Sinks<'a> {
    /// `[all heads]`
    sinks: &'a [f32],
    /// `[rows, all heads]`
    log_sum_exp: &'a [f32],
    /// `[rows, all heads]`
    delta: &'a [f32],
    heads: Range<usize>,
    /// `[heads]`
    dsinks: &'a mut [f32],
}

impl Kernel for Sinks<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) {
        let Self { sinks, log_sum_exp, delta, heads, dsinks } = self;
        let (all, minus) = (sinks.len(), simd.splat(-1.0));
        for (index, dsinks) in dsinks.chunks_mut(LANES).enumerate() {
            let first = heads.start + index * LANES;
            let heads = first..first + dsinks.len();
            let sink = simd.load_some(&sinks[heads.clone()]);
            let mut sum = simd.load_some(dsinks);
            for (totals, delta) in log_sum_exp.chunks_exact(all).zip(delta.chunks_exact(all)) {
                let total = simd.load_some(&totals[heads.clone()]);
                let weight = exp_lanes(simd, simd.sub(sink, total));
                let delta = simd.load_some(&delta[heads.clone()]);
                sum = simd.fma(simd.mul(weight, minus), delta, sum);
            }
            simd.store_some(sum, dsinks);
        }
    }
}

/// One key head of one span.
struct BackwardTask<'a> {
    params: &'a AttentionParams<'a>,
    inputs: BackwardInputs<'a>,
    delta: &'a [f32],
    edited: HeldRows<'a>,
    span: &'a SequenceSpan,
    key_head: usize,
    scratch: Scratch<'a>,
    dq: &'a DisjointSlices<'a>,
    dk: &'a DisjointSlices<'a>,
    dv: &'a DisjointSlices<'a>,
}

/// What products with a tile's keys and values read.
struct Tile<E> {
    transposed_keys: Rhs<E>,
    transposed_values: Rhs<E>,
    keys: Rhs<E>,
}

impl Attention for BackwardTask<'_> {
    #[inline(always)]
    fn run<L: Lanes, A: Arithmetic>(mut self, simd: L, arithmetic: A) {
        let rows = self.span.rows;
        for first_key in (0..rows).step_by(PAGE) {
            let keys = first_key..rows.min(first_key + PAGE);
            let tile = self.tile(arithmetic, &keys);
            self.clear(&keys);
            for head in
                self.key_head * self.params.group()..(self.key_head + 1) * self.params.group()
            {
                // The rows that see any key of the tile.
                let start = rows_that_see(self.params, rows, first_key).start;
                let end = rows_that_see(self.params, rows, keys.end - 1).end;
                for first in (start..end).step_by(BLOCK) {
                    self.block(simd, arithmetic, head, &keys, &tile, first..end.min(first + BLOCK));
                }
            }
        }
    }
}

impl BackwardTask<'_> {
    /// Where a row of a head begins in queries and in everything of their shape.
    #[inline(always)]
    fn row_at(&self, index: usize, head: usize) -> usize {
        ((self.span.first_row + index) * self.params.heads + head) * self.params.head_dim
    }

    /// Where a key begins in keys and in everything of their shape.
    #[inline(always)]
    fn key_at(&self, index: usize) -> usize {
        ((self.span.first_row + index) * self.params.key_heads + self.key_head)
            * self.params.head_dim
    }

    /// Keys and values of a tile; what is beyond the last key is +0.
    #[inline(always)]
    fn tile<A: Arithmetic>(&mut self, arithmetic: A, keys: &Range<usize>) -> Tile<A::Element> {
        let dim = self.params.head_dim;
        let (first, row_stride) = (self.key_at(keys.start), self.params.key_heads * dim);
        let key = Rows::new(self.inputs.key, first, row_stride, keys.len(), dim);
        let value = Rows::new(self.inputs.value, first, row_stride, keys.len(), dim);
        arithmetic.transpose(key, self.scratch.transposed_keys);
        arithmetic.transpose(value, self.scratch.transposed_values);
        let transposed = |matrix: &[f32]| Rhs { ptr: matrix.as_ptr().cast(), step_stride: PAGE };
        Tile {
            transposed_keys: transposed(self.scratch.transposed_keys),
            transposed_values: transposed(self.scratch.transposed_values),
            keys: arithmetic.rhs_across_rows(key, self.scratch.keys),
        }
    }

    /// The chains of a tile's dk and dv begin at +0; so do those of dq at the first tile.
    #[inline(always)]
    fn clear(&self, keys: &Range<usize>) {
        for key in keys.clone() {
            let at = self.key_at(key);
            // SAFETY: this key head of this span belongs to this task.
            unsafe {
                self.dk.range_mut(at..at + self.params.head_dim).fill(0.0);
                self.dv.range_mut(at..at + self.params.head_dim).fill(0.0);
            }
        }
        if keys.start == 0 {
            for head in
                self.key_head * self.params.group()..(self.key_head + 1) * self.params.group()
            {
                for row in 0..self.span.rows {
                    let at = self.row_at(row, head);
                    // SAFETY: the group's heads of this span belong to this task.
                    unsafe { self.dq.range_mut(at..at + self.params.head_dim) }.fill(0.0);
                }
            }
        }
    }

    /// A block of rows by a tile of keys.
    #[inline(always)]
    fn block<L: Lanes, A: Arithmetic>(
        &mut self,
        simd: L,
        arithmetic: A,
        head: usize,
        keys: &Range<usize>,
        tile: &Tile<A::Element>,
        rows: Range<usize>,
    ) {
        let dim = self.params.head_dim;
        let row_stride = self.params.heads * dim;
        let first_row = self.row_at(rows.start, head);
        let query_rows = Rows::new(self.inputs.query, first_row, row_stride, rows.len(), dim);
        let dout_rows = Rows::new(self.inputs.dout, first_row, row_stride, rows.len(), dim);
        let query = arithmetic.lhs_along_width(query_rows, self.scratch.query);
        let dout = arithmetic.lhs_along_width(dout_rows, self.scratch.dout);
        let (steps, accumulate) = (A::steps(dim), Accumulate::FromZero);
        let terms = ScoreTerms::new(self.params, head);

        // P and dS.
        for first in (0..rows.len()).step_by(ROWS) {
            let count = (rows.len() - first).min(ROWS);
            let p = OutPtr { ptr: self.scratch.p[first].as_mut_ptr(), row_stride: PAGE };
            let ds = OutPtr { ptr: self.scratch.ds[first].as_mut_ptr(), row_stride: PAGE };
            // Keys that the last row sees.
            let last = rows.start + first + count - 1;
            let seen = visible(self.params, self.span.rows, last).end.min(keys.end) - keys.start;
            let columns = seen.next_multiple_of(LANES);
            // SAFETY: the block has `count` rows from `first` on; transposed keys and values have 64 columns of
            // every step; `p` and `ds` have 64 floats for each row of the block.
            unsafe {
                let (a, b) = (query.offset(first, 0), tile.transposed_keys);
                arithmetic.tile(count, columns, steps, Operands { a, b, out: p, accumulate });
                let (a, b) = (dout.offset(first, 0), tile.transposed_values);
                arithmetic.tile(count, columns, steps, Operands { a, b, out: ds, accumulate });
            }
            if let Some(terms) = terms {
                for r in first..first + count {
                    let at = (self.span.first_row + rows.start + r) * self.params.heads + head;
                    let (p, ds) =
                        (&mut self.scratch.p[r][..columns], &mut self.scratch.ds[r][..columns]);
                    let of_row = [self.inputs.log_sum_exp[at], self.delta[at]];
                    let key_offset = keys.start as f32 - (rows.start + r) as f32;
                    terms.backward(simd, [p, ds], of_row, key_offset);
                }
                self.load_edited(head, rows.start, first..first + count, keys);
                continue;
            }
            for r in first..first + count {
                let at = (self.span.first_row + rows.start + r) * self.params.heads + head;
                let scale = simd.splat(self.params.scale);
                let total = simd.splat(self.inputs.log_sum_exp[at]);
                let delta = simd.splat(self.delta[at]);
                let (p, ds) =
                    (&mut self.scratch.p[r][..columns], &mut self.scratch.ds[r][..columns]);
                for (p, ds) in p.chunks_exact_mut(LANES).zip(ds.chunks_exact_mut(LANES)) {
                    let score = simd.mul(simd.load(p), scale);
                    let weight = exp_lanes(simd, simd.sub(score, total));
                    simd.store(weight, p);
                    let part = simd.mul(weight, simd.sub(simd.load(ds), delta));
                    simd.store(simd.mul(part, scale), ds);
                }
            }
            self.load_edited(head, rows.start, first..first + count, keys);
        }

        let ds = Rows::new(self.scratch.ds.as_flattened(), 0, PAGE, rows.len(), PAGE);
        let p = Rows::new(self.scratch.p.as_flattened(), 0, PAGE, rows.len(), PAGE);

        // dq: rows over the tile's keys.
        let left = arithmetic.lhs_along_width(ds, self.scratch.ds_along);
        for first in (0..rows.len()).step_by(ROWS) {
            let count = (rows.len() - first).min(ROWS);
            let in_tile: [Range<usize>; ROWS] = std::array::from_fn(|r| {
                let seen = visible(self.params, self.span.rows, rows.start + first + r);
                let low = seen.start.clamp(keys.start, keys.end) - keys.start;
                let high = seen.end.clamp(keys.start, keys.end) - keys.start;
                low..high.max(low)
            });
            // SAFETY: this row of the block is held.
            let left = unsafe { left.offset(first, 0) };
            let at = self.row_at(rows.start + first, head);
            let end = self.row_at(rows.start + first + count - 1, head) + dim;
            let to = OutPtr { ptr: self.dq.range_ptr(at..end), row_stride };
            self.columns(arithmetic, &in_tile[..count], left, tile.keys, to);
        }

        // dk and dv: keys over the block's rows.
        let queries = arithmetic.rhs_across_rows(query_rows, self.scratch.queries);
        let douts = arithmetic.rhs_across_rows(dout_rows, self.scratch.douts);
        let by_key = |matrix: Rhs<A::Element>| Lhs {
            ptr: matrix.ptr,
            row_stride: 1,
            step_stride: matrix.step_stride,
        };
        let ds = by_key(arithmetic.rhs_across_rows(ds, self.scratch.ds_across));
        let p = by_key(arithmetic.rhs_across_rows(p, self.scratch.p_across));
        for first in (0..keys.len()).step_by(ROWS) {
            let count = (keys.len() - first).min(ROWS);
            let in_tile: [Range<usize>; ROWS] = std::array::from_fn(|r| {
                let key = keys.start + first + r;
                let seeing = rows_that_see(self.params, self.span.rows, key);
                let low = seeing.start.clamp(rows.start, rows.end) - rows.start;
                let high = seeing.end.clamp(rows.start, rows.end) - rows.start;
                low..high.max(low)
            });
            let row_stride = self.params.key_heads * dim;
            let at = self.key_at(keys.start + first);
            let end = self.key_at(keys.start + first + count - 1) + dim;
            // SAFETY: this key of the tile is held for every row.
            let (ds, p) = unsafe { (ds.offset(first, 0), p.offset(first, 0)) };
            let to = OutPtr { ptr: self.dk.range_ptr(at..end), row_stride };
            self.columns(arithmetic, &in_tile[..count], ds, queries, to);
            let to = OutPtr { ptr: self.dv.range_ptr(at..end), row_stride };
            self.columns(arithmetic, &in_tile[..count], p, douts, to);
        }
    }

    /// P and dS of the rows of a block that have edits, which stand already.
    #[inline(always)]
    fn load_edited(
        &mut self,
        head: usize,
        first_row: usize,
        block: Range<usize>,
        keys: &Range<usize>,
    ) {
        for r in block {
            let row = self.span.first_row + first_row + r;
            if let Some([p, ds]) = self.edited.row(row * self.params.heads + head) {
                self.scratch.p[r][..keys.len()].copy_from_slice(&p[keys.clone()]);
                self.scratch.ds[r][..keys.len()].copy_from_slice(&ds[keys.clone()]);
            }
        }
    }

    /// Chains over a head's width, which go on from what stands.
    #[inline(always)]
    fn columns<A: Arithmetic>(
        &self,
        arithmetic: A,
        in_tile: &[Range<usize>],
        a: Lhs<A::Element>,
        right: Rhs<A::Element>,
        to: OutPtr,
    ) {
        let accumulate = Accumulate::FromOutput;
        for column in (0..self.params.head_dim).step_by(COLUMNS) {
            let columns = (self.params.head_dim - column).min(COLUMNS);
            // SAFETY: the ranges lie inside the tile and the block; the outputs belong to this task.
            unsafe {
                let (b, out) = (right.offset(0, column), to.offset(0, column));
                arithmetic.ragged_tile(columns, in_tile, Operands { a, b, out, accumulate });
            }
        }
    }
}
