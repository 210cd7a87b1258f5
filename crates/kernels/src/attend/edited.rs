//! Attention some of whose scores or weights are changed: the rows with edits once more, over what `forward` made.
//!
//! ```text
//! scores of all keys that a row sees, then its edits of scores
//! the tiles and folds of `forward` over these scores
//! P = exp(score − log-sum-exp), then its edits of weights; where a bit of P has changed:
//!     z = chain of P · v over the keys that it sees, from +0
//! ```
//! 1. Six rows of a head go together as in `forward`; those among them without edits get the same bits again.
//! 2. A row's scores stand in scratch, because an edit may compare all of them.

use std::ops::Range;

use super::{
    AttentionParams, KvPages, PAGE, SequenceSpan,
    arithmetic::{Arithmetic, Attention, RoundedRows, run},
    edits::{AttentionEdit, edit_pattern, edit_scores, has_row},
    score_terms::{Normalizers, ScoreTerms},
    scores::scores,
    softmax::exponentiate,
    span_of_part,
};
use crate::{
    lanes::{LANES, Lanes},
    math::{exp, exp_lanes},
    naive::{attend::visible, matmul::Accumulate},
    thread_pool::{DisjointSlices, ThreadPool},
    tile::{COLUMNS, Operands, OutPtr, ROWS, Rhs},
    transpose::Rows,
};

/// Rows of a head that are worth a thread of their own.
const MIN_PER_THREAD: usize = 16;

/// Floats of scratch that [`forward_edited`] needs over at most so many positions of a sequence.
pub fn edited_scratch(positions: usize, threads: usize) -> usize {
    threads.max(1) * task_len(positions)
}

/// Scores and weights of six rows.
fn task_len(positions: usize) -> usize {
    2 * ROWS * positions.next_multiple_of(PAGE)
}

/// Changes some scores or weights of an attention behind [`forward`](super::forward()), of the same arguments: of
/// the rows with edits overwrites what that made.
///
/// `scratch`: [`edited_scratch`] of the furthest position.
pub fn forward_edited(
    pool: &ThreadPool,
    (params, edits): (&AttentionParams<'_>, &[AttentionEdit]),
    query: &[f32],
    spans: &[SequenceSpan],
    pages: KvPages<'_>,
    scratch: &mut [f32],
    (out, log_sum_exp): (&mut [f32], Option<&mut [f32]>),
) {
    assert_eq!(query.len(), out.len(), "an output of another shape");
    let tasks = |span: &SequenceSpan| span.rows.div_ceil(ROWS) * params.heads;
    let total: usize = spans.iter().map(tasks).sum();
    let out = DisjointSlices::new(out);
    let log_sum_exp = log_sum_exp.map(DisjointSlices::new);
    let len = scratch.len() / pool.threads();
    let scratch = DisjointSlices::new(scratch);
    pool.for_each_task_on_thread(total, &|thread, task| {
        let Some((span, part)) = span_of_part(spans, task, tasks) else { return };
        let (head, first) = (part % params.heads, part / params.heads * ROWS);
        let rows = first..span.rows.min(first + ROWS);
        if !rows.clone().any(|row| has_row(edits, head, span.first_position + row)) {
            return;
        }
        assert!(len >= task_len(span.first_position + span.rows), "scratch of fewer positions");
        // SAFETY: each thread has scratch of its own.
        let scratch = unsafe { scratch.range_mut(thread * len..(thread + 1) * len) };
        let (scores, weights) = scratch.split_at_mut(len / 2);
        let block = EditedBlock {
            params,
            edits,
            query,
            pages,
            span,
            head,
            rows,
            scores,
            weights,
            out: &out,
            log_sum_exp: log_sum_exp.as_ref(),
        };
        run(pool.isa(), params, block);
    });
}

/// Up to six rows of one head, of which some have edits.
struct EditedBlock<'a> {
    params: &'a AttentionParams<'a>,
    edits: &'a [AttentionEdit],
    query: &'a [f32],
    pages: KvPages<'a>,
    span: &'a SequenceSpan,
    head: usize,
    rows: Range<usize>,
    /// `[6, positions in whole pages]`
    scores: &'a mut [f32],
    /// The same.
    weights: &'a mut [f32],
    out: &'a DisjointSlices<'a>,
    log_sum_exp: Option<&'a DisjointSlices<'a>>,
}

impl Attention for EditedBlock<'_> {
    #[inline(always)]
    fn run<L: Lanes, A: Arithmetic>(mut self, simd: L, arithmetic: A) {
        let mut scratch = RoundedRows::EMPTY;
        self.scores(simd, arithmetic, &mut scratch);
        let mut is_changed = [false; ROWS];
        for (r, is_changed) in is_changed.iter_mut().enumerate().take(self.rows.len()) {
            let (place, seen) = (self.place(r), self.seen(r));
            *is_changed = edit_scores(self.edits, place, &seen, row_mut(self.scores, r));
        }
        let log_sum_exps = self.softmax(simd, arithmetic, is_changed, &mut scratch);
        let mut is_changed = [false; ROWS];
        for (r, is_changed) in is_changed.iter_mut().enumerate().take(self.rows.len()) {
            let (place, seen) = (self.place(r), self.seen(r));
            let (scores, weights) = (row(self.scores, r), row_mut(self.weights, r));
            for key in seen.clone() {
                weights[key] = exp(scores[key] - log_sum_exps[r]);
            }
            *is_changed = edit_pattern(self.edits, place, &seen, weights);
        }
        if is_changed.contains(&true) {
            self.weighted_values(arithmetic, is_changed, &mut scratch);
        }
    }
}

/// A row of scores or weights.
fn row(rows: &[f32], r: usize) -> &[f32] {
    let stride = rows.len() / ROWS;
    &rows[r * stride..(r + 1) * stride]
}

/// The same, to be written.
fn row_mut(rows: &mut [f32], r: usize) -> &mut [f32] {
    let stride = rows.len() / ROWS;
    &mut rows[r * stride..(r + 1) * stride]
}

impl EditedBlock<'_> {
    /// Head and position of a row of the block.
    fn place(&self, r: usize) -> [usize; 2] {
        [self.head, self.span.first_position + self.rows.start + r]
    }

    /// The keys that a row of the block sees.
    fn seen(&self, r: usize) -> Range<usize> {
        let keys = self.span.first_position + self.span.rows;
        visible(self.params, keys, self.span.first_position + self.rows.start + r)
    }

    /// Where a row's head begins in queries and outputs.
    fn at(&self, r: usize) -> usize {
        let row = self.span.first_row + self.rows.start + r;
        (row * self.params.heads + self.head) * self.params.head_dim
    }

    /// The tiles that any row of the block sees.
    fn tiles(&self) -> Range<usize> {
        self.seen(0).start / PAGE..self.seen(self.rows.len() - 1).end.div_ceil(PAGE)
    }

    /// Which keys of a tile each row sees.
    fn in_tile(&self, tile: usize) -> [Range<usize>; ROWS] {
        std::array::from_fn(|r| {
            let seen = if r < self.rows.len() { self.seen(r) } else { 0..0 };
            let low = seen.start.saturating_sub(tile * PAGE).min(PAGE);
            let high = seen.end.saturating_sub(tile * PAGE).min(PAGE);
            low..high.max(low)
        })
    }

    /// Keys and values of the head in a tile.
    fn page(&self, tile: usize) -> [&[f32]; 2] {
        let page = self.pages.table[self.span.first_page + tile] as usize;
        let page = &self.pages.storage[page * self.pages.stride..][..self.pages.stride];
        let (len, key_head) = (self.params.head_len(), self.head / self.params.group());
        [self.pages.keys_at, self.pages.values_at].map(|at| &page[at + key_head * len..][..len])
    }

    /// All scores of the block's rows, as `forward` makes them.
    #[inline(always)]
    fn scores<L: Lanes, A: Arithmetic>(
        &mut self,
        simd: L,
        arithmetic: A,
        scratch: &mut RoundedRows,
    ) {
        let AttentionParams { heads, head_dim, .. } = *self.params;
        let count = self.rows.len();
        let query = Rows::new(self.query, self.at(0), heads * head_dim, count, head_dim);
        let rounded = arithmetic.lhs_if_narrow(query, &mut scratch.query);
        let terms = ScoreTerms::new(self.params, self.head);
        let scale = simd.splat(if terms.is_some() { 1.0 } else { self.params.scale });
        for tile in self.tiles() {
            let [keys, _] = self.page(tile);
            let mut products = [[0.0f32; PAGE]; ROWS];
            let to = OutPtr { ptr: products[0].as_mut_ptr(), row_stride: PAGE };
            // SAFETY: these rows of queries, a tile of keys, and an array of six rows.
            unsafe { arithmetic.scores(query, rounded, &mut scratch.part, keys, COLUMNS, to) };
            for (r, products) in products.iter_mut().enumerate().take(count) {
                if let Some(terms) = terms {
                    let [_, position] = self.place(r);
                    let key_offset = (tile * PAGE) as f32 - position as f32;
                    terms.finish(simd, products, &(0..PAGE), key_offset);
                }
                let to = &mut row_mut(self.scores, r)[tile * PAGE..][..PAGE];
                for (from, to) in products.chunks_exact(LANES).zip(to.chunks_exact_mut(LANES)) {
                    simd.store(simd.mul(simd.load(from), scale), to);
                }
            }
        }
    }

    /// The softmax over the scores and the weighted values, tile by tile as in `forward`; gives the rows'
    /// log-sum-exps.
    #[inline(always)]
    fn softmax<L: Lanes, A: Arithmetic>(
        &self,
        simd: L,
        arithmetic: A,
        is_changed: [bool; ROWS],
        scratch: &mut RoundedRows,
    ) -> [f32; ROWS] {
        let (head_dim, count) = (self.params.head_dim, self.rows.len());
        let mut max = [f32::NEG_INFINITY; LANES];
        let mut totals = [[0.0f32; LANES]; ROWS];
        let mut has_total = [false; ROWS];
        for r in 0..count {
            // SAFETY: rows of a head belong to one task.
            unsafe { self.out.range_mut(self.at(r)..self.at(r) + head_dim) }.fill(0.0);
        }
        for tile in self.tiles() {
            let mut in_tile = self.in_tile(tile);
            let mut weights = [[0.0f32; PAGE]; ROWS];
            let mut m = [f32::NEG_INFINITY; LANES];
            let mut l = [[0.0f32; LANES]; ROWS];
            for r in 0..count {
                weights[r].copy_from_slice(&row(self.scores, r)[tile * PAGE..][..PAGE]);
                let is_hidden = |score: &f32| *score == f32::NEG_INFINITY;
                if is_changed[r] && weights[r][in_tile[r].clone()].iter().all(is_hidden) {
                    in_tile[r] = 0..0;
                }
                if !in_tile[r].is_empty() {
                    (m[r], l[r]) = exponentiate(simd, &mut weights[r], &in_tile[r], 1.0);
                }
            }
            let (old, new) = (simd.load(&max), simd.load(&m));
            let new_max = simd.max(old, new);
            let a = simd.to_array(exp_lanes(simd, simd.sub(old, new_max)));
            let b = simd.to_array(exp_lanes(simd, simd.sub(new, new_max)));
            let new_max = simd.to_array(new_max);
            let is_first_tile: [bool; ROWS] = std::array::from_fn(|r| !has_total[r]);
            for r in (0..count).filter(|r| !in_tile[*r].is_empty()) {
                if has_total[r] {
                    let (l, total) = (simd.load(&l[r]), simd.load(&totals[r]));
                    let total = simd.fma(l, simd.splat(b[r]), simd.mul(total, simd.splat(a[r])));
                    totals[r] = simd.to_array(total);
                    max[r] = new_max[r];
                } else {
                    (totals[r], max[r], has_total[r]) = (l[r], m[r], true);
                }
            }
            let [_, values] = self.page(tile);
            let a_rows = arithmetic.weights(&weights[..count], &mut scratch.weights);
            for column in (0..head_dim).step_by(COLUMNS) {
                let columns = (head_dim - column).min(COLUMNS);
                let mut o = [[0.0f32; COLUMNS]; ROWS];
                let operands = Operands {
                    a: a_rows,
                    b: Rhs { ptr: values[column..].as_ptr().cast(), step_stride: head_dim },
                    out: OutPtr { ptr: o[0].as_mut_ptr(), row_stride: COLUMNS },
                    accumulate: Accumulate::FromZero,
                };
                // SAFETY: the visible keys' weights and values, and the array of sums.
                unsafe { arithmetic.ragged_tile(columns, &in_tile[..count], operands) };
                for r in (0..count).filter(|r| !in_tile[*r].is_empty()) {
                    let at = self.at(r) + column;
                    // SAFETY: rows of a head belong to one task.
                    let out = unsafe { self.out.range_mut(at..at + columns) };
                    if is_first_tile[r] {
                        out.copy_from_slice(&o[r][..columns]);
                        continue;
                    }
                    let (a, b) = (simd.splat(a[r]), simd.splat(b[r]));
                    for (out, o) in out.chunks_mut(LANES).zip(o[r].chunks(LANES)) {
                        let merged = simd.fma(simd.load(o), b, simd.mul(simd.load_some(out), a));
                        simd.store_some(merged, out);
                    }
                }
            }
        }
        let sink = self.params.sinks.map(|sinks| simd.splat(sinks[self.head]));
        let mut sums = [0.0f32; LANES];
        for r in 0..count {
            sums[r] = simd.sum_tree(simd.load(&totals[r]));
        }
        let normalizers = Normalizers::new(simd, max, sums, sink);
        let mut log_sum_exps = [0.0f32; ROWS];
        for r in (0..count).filter(|r| has_total[*r] || sink.is_some()) {
            let factor = simd.splat(normalizers.factors[r]);
            // SAFETY: rows of a head belong to one task.
            let out = unsafe { self.out.range_mut(self.at(r)..self.at(r) + head_dim) };
            for out in out.chunks_mut(LANES) {
                simd.store_some(simd.mul(simd.load_some(out), factor), out);
            }
            log_sum_exps[r] = normalizers.log_sum_exp(r);
        }
        if let Some(to) = self.log_sum_exp {
            for (r, log_sum_exp) in log_sum_exps.iter().enumerate().take(count) {
                let at = self.at(r) / head_dim;
                // SAFETY: rows of a head belong to one task.
                let to = unsafe { to.range_mut(at..at + 1) };
                to[0] = *log_sum_exp;
            }
        }
        log_sum_exps
    }

    /// The chains of weights and values of the rows whose weights are changed.
    #[inline(always)]
    fn weighted_values<A: Arithmetic>(
        &self,
        arithmetic: A,
        is_changed: [bool; ROWS],
        scratch: &mut RoundedRows,
    ) {
        let (head_dim, count) = (self.params.head_dim, self.rows.len());
        for column in (0..head_dim).step_by(COLUMNS) {
            let columns = (head_dim - column).min(COLUMNS);
            let mut o = [[0.0f32; COLUMNS]; ROWS];
            for tile in self.tiles() {
                let in_tile = self.in_tile(tile);
                let in_tile: [Range<usize>; ROWS] =
                    std::array::from_fn(|r| if is_changed[r] { in_tile[r].clone() } else { 0..0 });
                let mut weights = [[0.0f32; PAGE]; ROWS];
                for (r, weights) in weights.iter_mut().enumerate().take(count) {
                    weights.copy_from_slice(&row(self.weights, r)[tile * PAGE..][..PAGE]);
                }
                let [_, values] = self.page(tile);
                let operands = Operands {
                    a: arithmetic.weights(&weights[..count], &mut scratch.weights),
                    b: Rhs { ptr: values[column..].as_ptr().cast(), step_stride: head_dim },
                    out: OutPtr { ptr: o[0].as_mut_ptr(), row_stride: COLUMNS },
                    accumulate: Accumulate::FromOutput,
                };
                // SAFETY: the visible keys' weights and values, and the array of sums.
                unsafe { arithmetic.ragged_tile(columns, &in_tile[..count], operands) };
            }
            for r in (0..count).filter(|r| is_changed[*r]) {
                let at = self.at(r) + column;
                // SAFETY: rows of a head belong to one task.
                unsafe { self.out.range_mut(at..at + columns) }.copy_from_slice(&o[r][..columns]);
            }
        }
    }
}

/// The changed scores, −inf where masked: `[heads, queries, keys]`, keys from position 0.
pub fn scores_edited(
    pool: &ThreadPool,
    (params, edits): (&AttentionParams<'_>, &[AttentionEdit]),
    query: &[f32],
    span: &SequenceSpan,
    pages: KvPages<'_>,
    out: &mut [f32],
) {
    scores(pool, params, query, span, pages, out);
    for_each_row(pool, params, span, out, &|[head, position], seen, _, scores| {
        edit_scores(edits, [head, position], seen, scores);
    });
}

/// The weights that multiply values, +0 where masked: `[heads, queries, keys]`.
///
/// `log_sum_exp`: `[rows, heads]`, as [`forward_edited`] leaves it.
pub fn pattern_edited(
    pool: &ThreadPool,
    (params, edits): (&AttentionParams<'_>, &[AttentionEdit]),
    query: &[f32],
    span: &SequenceSpan,
    pages: KvPages<'_>,
    log_sum_exp: &[f32],
    out: &mut [f32],
) {
    scores_edited(pool, (params, edits), query, span, pages, out);
    for_each_row(pool, params, span, out, &|[head, position], seen, row, weights| {
        let row_log_sum_exp = log_sum_exp[row * params.heads + head];
        for (key, weight) in weights.iter_mut().enumerate() {
            *weight = if seen.contains(&key) { exp(*weight - row_log_sum_exp) } else { 0.0 };
        }
        edit_pattern(edits, [head, position], seen, weights);
    });
}

/// What is done with a row of a head: head and position, the keys that it sees, its row in the batch, and its
/// numbers, keys from position 0.
type EachRow<'a> = dyn Fn([usize; 2], &Range<usize>, usize, &mut [f32]) + Sync + 'a;

/// Hands every row of every head to `each`.
fn for_each_row(
    pool: &ThreadPool,
    params: &AttentionParams<'_>,
    span: &SequenceSpan,
    numbers: &mut [f32],
    each: &EachRow<'_>,
) {
    let keys = span.first_position + span.rows;
    let numbers = DisjointSlices::new(numbers);
    pool.for_each_range(params.heads * span.rows, 1, MIN_PER_THREAD, &|range| {
        for index in range {
            let (head, row) = (index / span.rows, index % span.rows);
            let position = span.first_position + row;
            // SAFETY: each row belongs to one task.
            let own = unsafe { numbers.range_mut(index * keys..(index + 1) * keys) };
            each([head, position], &visible(params, keys, position), span.first_row + row, own);
        }
    });
}
