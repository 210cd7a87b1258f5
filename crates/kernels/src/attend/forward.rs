//! Forward, as in prefill and training: six rows of a head at a time, over the tiles of keys that
//! are visible to them. For sequences of a single row, as in decoding, see `single_query`.

use std::ops::Range;

use super::{
    AttentionParams, KvPages, PAGE, SequenceSpan,
    arithmetic::{Arithmetic, Attention, RoundedRows, run},
    score_terms::{Normalizers, ScoreTerms},
    single_query::{self, SingleQuery},
    softmax::exponentiate,
    span_of_part,
};
use crate::{
    lanes::{LANES, Lanes},
    math::exp_lanes,
    naive::{attend::visible, matmul::Accumulate},
    thread_pool::{DisjointSlices, ThreadPool},
    tile::{COLUMNS, Operands, OutPtr, ROWS, Rhs},
    transpose::Rows,
};

/// Rows of a task, which is a block of one head's queries.
const BLOCK_ROWS: usize = 96;

/// Causal attention of every row of every span; the rows' keys and values are in the pages already.
///
/// `query`, `out`: `[rows, heads, head_dim]`; `log_sum_exp`: `[rows, heads]`.
pub fn forward(
    pool: &ThreadPool,
    params: &AttentionParams<'_>,
    query: &[f32],
    spans: &[SequenceSpan],
    pages: KvPages<'_>,
    out: &mut [f32],
    log_sum_exp: Option<&mut [f32]>,
) {
    assert_eq!(query.len(), out.len(), "an output of another shape");
    let single_rows = spans.iter().filter(|span| span.rows == 1).count();
    let parts = single_query::part_count(params, single_rows, pool.threads());
    let tasks = |span: &SequenceSpan| match span.rows {
        1 => parts,
        rows => rows.div_ceil(BLOCK_ROWS) * params.heads,
    };
    let total: usize = spans.iter().map(tasks).sum();
    let out = DisjointSlices::new(out);
    let log_sum_exp = log_sum_exp.map(DisjointSlices::new);
    pool.for_each_task(total, &|task| {
        let Some((span, part_index)) = span_of_part(spans, task, tasks) else { return };
        if span.rows == 1 {
            let heads = single_query::heads_of_part(params, part_index, parts);
            let first = span.first_row * params.heads;
            let own = first + heads.start..first + heads.end;
            // SAFETY: each head of a row belongs to one task.
            let (out, log_sum_exp) = unsafe {
                let elements = own.start * params.head_dim..own.end * params.head_dim;
                (out.range_mut(elements), log_sum_exp.as_ref().map(|to| to.range_mut(own)))
            };
            run(
                pool.isa(),
                params,
                SingleQuery { params, query, pages, span, heads, out, log_sum_exp },
            );
            return;
        }
        let (block, head) = (part_index / params.heads, part_index % params.heads);
        let rows = block * BLOCK_ROWS..span.rows.min((block + 1) * BLOCK_ROWS);
        let rows = QueryBlock {
            params,
            query,
            pages,
            span,
            head,
            rows,
            out: &out,
            log_sum_exp: log_sum_exp.as_ref(),
        };
        run(pool.isa(), params, rows);
    });
}

/// A block of queries: some rows of one head.
struct QueryBlock<'a> {
    params: &'a AttentionParams<'a>,
    query: &'a [f32],
    pages: KvPages<'a>,
    span: &'a SequenceSpan,
    head: usize,
    rows: Range<usize>,
    out: &'a DisjointSlices<'a>,
    log_sum_exp: Option<&'a DisjointSlices<'a>>,
}

impl Attention for QueryBlock<'_> {
    #[inline(always)]
    fn run<L: Lanes, A: Arithmetic>(self, simd: L, arithmetic: A) {
        let mut scratch = RoundedRows::EMPTY;
        let terms = ScoreTerms::new(self.params, self.head);
        let mut row = self.rows.start;
        while row < self.rows.end {
            let count = (self.rows.end - row).min(ROWS);
            self.tile_of_rows(simd, arithmetic, row, count, terms, &mut scratch);
            row += count;
        }
    }
}

impl QueryBlock<'_> {
    /// Up to six rows through all tiles that any of them sees.
    #[inline(always)]
    fn tile_of_rows<L: Lanes, A: Arithmetic>(
        &self,
        simd: L,
        arithmetic: A,
        first: usize,
        count: usize,
        terms: Option<ScoreTerms>,
        scratch: &mut RoundedRows,
    ) {
        let AttentionParams { heads, head_dim, .. } = *self.params;
        let key_head = self.head / self.params.group();
        let row = self.span.first_row + first;
        let position = self.span.first_position + first;
        let keys = self.span.first_position + self.span.rows;
        let seen: [Range<usize>; ROWS] =
            std::array::from_fn(|r| visible(self.params, keys, position + r));
        let at = |r: usize| ((row + r) * heads + self.head) * head_dim;
        let query = Rows::new(self.query, at(0), heads * head_dim, count, head_dim);
        let rounded = arithmetic.lhs_if_narrow(query, &mut scratch.query);

        let scale = if terms.is_some() { 1.0 } else { self.params.scale };
        let mut max = [f32::NEG_INFINITY; LANES];
        let mut totals = [[0.0f32; LANES]; ROWS];
        let mut has_total = [false; ROWS];
        let mut weights = [[0.0f32; PAGE]; ROWS];
        let mut o = [[0.0f32; COLUMNS]; ROWS];
        let tiles = seen[0].start / PAGE..seen[count - 1].end.div_ceil(PAGE);
        for tile_index in tiles {
            let page = self.pages.table[self.span.first_page + tile_index] as usize;
            let page = &self.pages.storage[page * self.pages.stride..][..self.pages.stride];
            let len = self.params.head_len();
            let keys = &page[self.pages.keys_at + key_head * len..][..len];
            let values = &page[self.pages.values_at + key_head * len..][..len];
            // Which keys of the tile each row sees.
            let in_tile: [Range<usize>; ROWS] = std::array::from_fn(|r| {
                let range = &seen[r];
                let low = range.start.saturating_sub(tile_index * PAGE).min(PAGE);
                let high = range.end.saturating_sub(tile_index * PAGE).min(PAGE);
                low..high.max(low)
            });

            let scores = OutPtr { ptr: weights[0].as_mut_ptr(), row_stride: PAGE };
            // The last row sees the furthest.
            let columns = in_tile[count - 1].end.next_multiple_of(LANES);
            // SAFETY: `count` rows of queries, a tile of keys, and the scores' array.
            unsafe { arithmetic.scores(query, rounded, &mut scratch.part, keys, columns, scores) };

            let mut m = [f32::NEG_INFINITY; LANES];
            let mut l = [[0.0f32; LANES]; ROWS];
            for r in 0..count {
                if in_tile[r].is_empty() {
                    continue;
                }
                if let Some(terms) = terms {
                    let key_offset = (tile_index * PAGE) as f32 - (position + r) as f32;
                    terms.finish(simd, &mut weights[r], &in_tile[r], key_offset);
                }
                (m[r], l[r]) = exponentiate(simd, &mut weights[r], &in_tile[r], scale);
            }

            // Online softmax: M' = max(M, m), a = exp(M − M'), b = exp(m − M') of all rows at once.
            let (old, new) = (simd.load(&max), simd.load(&m));
            let new_max = simd.max(old, new);
            let a = simd.to_array(exp_lanes(simd, simd.sub(old, new_max)));
            let b = simd.to_array(exp_lanes(simd, simd.sub(new, new_max)));
            let new_max = simd.to_array(new_max);
            let is_first_tile: [bool; ROWS] = std::array::from_fn(|r| !has_total[r]);
            for r in 0..count {
                if in_tile[r].is_empty() {
                    continue;
                }
                if has_total[r] {
                    let (l, total) = (simd.load(&l[r]), simd.load(&totals[r]));
                    let total = simd.fma(l, simd.splat(b[r]), simd.mul(total, simd.splat(a[r])));
                    totals[r] = simd.to_array(total);
                    max[r] = new_max[r];
                } else {
                    (totals[r], max[r], has_total[r]) = (l[r], m[r], true);
                }
            }

            let lhs = arithmetic.weights(&weights[..count], &mut scratch.weights);
            for column in (0..head_dim).step_by(COLUMNS) {
                let columns = (head_dim - column).min(COLUMNS);
                let operands = Operands {
                    a: lhs,
                    b: Rhs { ptr: values[column..].as_ptr().cast(), step_stride: head_dim },
                    out: OutPtr { ptr: o[0].as_mut_ptr(), row_stride: COLUMNS },
                    accumulate: Accumulate::FromZero,
                };
                // SAFETY: the visible keys' weights and values, and the array of sums.
                unsafe { arithmetic.ragged_tile(columns, &in_tile[..count], operands) };
                for r in 0..count {
                    if in_tile[r].is_empty() {
                        continue;
                    }
                    // SAFETY: rows of a head belong to one task.
                    let out =
                        unsafe { self.out.range_mut(at(r) + column..at(r) + column + columns) };
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
        for r in 0..count {
            let factor = simd.splat(normalizers.factors[r]);
            // SAFETY: rows of a head belong to one task.
            let out = unsafe { self.out.range_mut(at(r)..at(r) + head_dim) };
            for out in out.chunks_mut(LANES) {
                simd.store_some(simd.mul(simd.load_some(out), factor), out);
            }
            if let Some(to) = self.log_sum_exp {
                let at = (row + r) * heads + self.head;
                // SAFETY: as above.
                let to = unsafe { to.range_mut(at..at + 1) };
                to[0] = normalizers.log_sum_exp(r);
            }
        }
    }
}
