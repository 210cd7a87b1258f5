//! Attention scores and patterns, to be looked at: computed as in forward, and stored.

use std::ops::Range;

use super::{
    AttentionParams, KvPages, PAGE, SequenceSpan,
    arithmetic::{Arithmetic, Attention, RoundedRows, run},
    score_terms::ScoreTerms,
};
use crate::{
    lanes::{LANES, Lanes},
    math::exp_lanes,
    naive::attend::visible,
    thread_pool::{DisjointSlices, ThreadPool},
    tile::{COLUMNS, OutPtr, ROWS},
    transpose::Rows,
};

/// Blocks of six rows that are worth a thread of their own.
const MIN_PER_THREAD: usize = 4;

/// The scores that enter the softmax, −inf where masked: `[heads, queries, keys]`, keys from position 0.
pub fn scores(
    pool: &ThreadPool,
    params: &AttentionParams<'_>,
    query: &[f32],
    span: &SequenceSpan,
    pages: KvPages<'_>,
    out: &mut [f32],
) {
    scores_or_pattern(pool, params, query, span, pages, None, out);
}

/// exp(score − log-sum-exp), +0 where masked: `[heads, queries, keys]`.
///
/// `log_sum_exp`: `[rows, heads]`, as [`forward`](super::forward()) gives it.
pub fn pattern(
    pool: &ThreadPool,
    params: &AttentionParams<'_>,
    query: &[f32],
    span: &SequenceSpan,
    pages: KvPages<'_>,
    log_sum_exp: &[f32],
    out: &mut [f32],
) {
    scores_or_pattern(pool, params, query, span, pages, Some(log_sum_exp), out);
}

fn scores_or_pattern(
    pool: &ThreadPool,
    params: &AttentionParams<'_>,
    query: &[f32],
    span: &SequenceSpan,
    pages: KvPages<'_>,
    log_sum_exp: Option<&[f32]>,
    out: &mut [f32],
) {
    let keys = span.first_position + span.rows;
    assert_eq!(out.len(), params.heads * span.rows * keys, "an output of another shape");
    let blocks = span.rows.div_ceil(ROWS);
    let out = DisjointSlices::new(out);
    pool.for_each_range(params.heads * blocks, 1, MIN_PER_THREAD, &|tasks| {
        for task in tasks {
            let (head, first) = (task / blocks, task % blocks * ROWS);
            let rows = first..span.rows.min(first + ROWS);
            // SAFETY: rows of a head belong to one task.
            let out = unsafe {
                let row = |row: usize| (head * span.rows + row) * keys;
                out.range_mut(row(rows.start)..row(rows.end))
            };
            run(
                pool.isa(),
                params,
                ScoresOrPattern { params, query, span, pages, log_sum_exp, head, rows, out },
            );
        }
    });
}

/// Up to six rows of one head.
struct ScoresOrPattern<'a> {
    params: &'a AttentionParams<'a>,
    query: &'a [f32],
    span: &'a SequenceSpan,
    pages: KvPages<'a>,
    log_sum_exp: Option<&'a [f32]>,
    head: usize,
    rows: Range<usize>,
    /// `[rows, keys]`
    out: &'a mut [f32],
}

impl Attention for ScoresOrPattern<'_> {
    #[inline(always)]
    fn run<L: Lanes, A: Arithmetic>(self, simd: L, arithmetic: A) {
        let Self { params, query, span, pages, log_sum_exp, head, rows, out, .. } = self;
        let AttentionParams { heads, head_dim, .. } = *params;
        let keys = span.first_position + span.rows;
        let at = |row: usize| ((span.first_row + row) * heads + head) * head_dim;
        let mut scratch = RoundedRows::EMPTY;
        let query = Rows::new(query, at(rows.start), heads * head_dim, rows.len(), head_dim);
        let rounded = arithmetic.lhs_if_narrow(query, &mut scratch.query);
        out.fill(if log_sum_exp.is_some() { 0.0 } else { f32::NEG_INFINITY });
        let first = visible(params, keys, span.first_position + rows.start).start / PAGE;
        let end = visible(params, keys, span.first_position + rows.end - 1).end.div_ceil(PAGE);
        let terms = ScoreTerms::new(params, head);
        let scale = simd.splat(if terms.is_some() { 1.0 } else { params.scale });
        for page_index in first..end {
            let page = pages.table[span.first_page + page_index] as usize * pages.stride;
            let len = params.head_len();
            let of_head = page + pages.keys_at + head / params.group() * len;
            let page_keys = &pages.storage[of_head..of_head + len];
            let mut held = [[0.0f32; PAGE]; ROWS];
            let to = OutPtr { ptr: held[0].as_mut_ptr(), row_stride: PAGE };
            // SAFETY: these rows of queries, a tile of keys, and an array of six rows.
            unsafe { arithmetic.scores(query, rounded, &mut scratch.part, page_keys, COLUMNS, to) };
            for ((row, held), out) in rows.clone().zip(&mut held).zip(out.chunks_exact_mut(keys)) {
                let total =
                    log_sum_exp.map(|sums| simd.splat(sums[(span.first_row + row) * heads + head]));
                if let Some(terms) = terms {
                    let key_offset =
                        (page_index * PAGE) as f32 - (span.first_position + row) as f32;
                    terms.finish(simd, held, &(0..PAGE), key_offset);
                }
                for part in held.chunks_exact_mut(LANES) {
                    let score = simd.mul(simd.load(part), scale);
                    let kept = match total {
                        Some(total) => exp_lanes(simd, simd.sub(score, total)),
                        None => score,
                    };
                    simd.store(kept, part);
                }
                let seen = visible(params, keys, span.first_position + row);
                let base = page_index * PAGE;
                let (low, high) = (seen.start.max(base), seen.end.min(base + PAGE));
                if low < high {
                    out[low..high].copy_from_slice(&held[low - base..high - base]);
                }
            }
        }
    }
}
