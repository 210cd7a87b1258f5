//! Forward for a sequence of a single row, as in decoding: several heads of the row are computed together.
//!
//! 1. Heads that share a key head are the rows of a tile, so that each key and value is loaded once for them.
//! 2. Each step of the online softmax is computed for all heads before the next step, which hides latency.
//! 3. All heads see the same keys, so their values are a plain tile of those steps.
//! 4. The factors that rescale the totals and outputs of all heads stand in one vector.

use std::ops::Range;

use super::{
    AttentionParams, KvPages, PAGE, SequenceSpan,
    arithmetic::{Arithmetic, Attention, RoundedRows},
    score_terms::{Normalizers, ScoreTerms},
    softmax::exponentiate,
};
use crate::{
    lanes::{LANES, Lanes},
    math::exp_lanes,
    naive::{attend::visible, matmul::Accumulate},
    tile::{COLUMNS, Operands, OutPtr, ROWS, Rhs},
    transpose::Rows,
};

/// Into how many parts the heads of each of `rows` rows are cut: a vector holds a part's heads, and
/// every thread has one.
pub(super) fn part_count(params: &AttentionParams<'_>, rows: usize, threads: usize) -> usize {
    params.heads.div_ceil(LANES).max(threads.div_ceil(rows.max(1))).min(params.heads)
}

/// The heads of a part: whole groups, where the parts can have as many of them.
pub(super) fn heads_of_part(
    params: &AttentionParams<'_>,
    part: usize,
    parts: usize,
) -> Range<usize> {
    part * params.heads / parts..(part + 1) * params.heads / parts
}

/// At most sixteen heads of the only row of a span.
pub(super) struct SingleQuery<'a> {
    pub params: &'a AttentionParams<'a>,
    pub query: &'a [f32],
    pub pages: KvPages<'a>,
    pub span: &'a SequenceSpan,
    pub heads: Range<usize>,
    /// `[heads of this part, head_dim]`
    pub out: &'a mut [f32],
    /// `[heads of this part]`
    pub log_sum_exp: Option<&'a mut [f32]>,
}

/// Heads with one key head: as many as a tile has rows.
#[derive(Clone, Copy)]
struct Group {
    /// Counted from the part's first.
    first: usize,
    count: usize,
    key_head: usize,
}

impl Attention for SingleQuery<'_> {
    #[inline(always)]
    fn run<L: Lanes, A: Arithmetic>(self, simd: L, arithmetic: A) {
        let Self { params, query, pages, span, heads, out, log_sum_exp, .. } = self;
        let (head_dim, count) = (params.head_dim, heads.len());
        let first = (span.first_row * params.heads + heads.start) * head_dim;
        let query = &query[first..first + count * head_dim];
        assert!(count <= LANES && out.len() == query.len(), "more heads than a vector has lanes");

        let mut scratch = RoundedRows::EMPTY;
        let mut weights = [[0.0f32; PAGE]; LANES];
        let mut totals = [[0.0f32; LANES]; LANES];
        let mut max = [f32::NEG_INFINITY; LANES];
        let has_terms = params.has_score_terms();
        let mut terms = [None; LANES];
        if has_terms {
            let own = terms.iter_mut().zip(heads.clone());
            own.for_each(|(terms, head)| *terms = ScoreTerms::new(params, head));
        }
        let scale = if has_terms { 1.0 } else { params.scale };
        let seen = visible(params, span.first_position + 1, span.first_position);
        for tile_index in seen.start / PAGE..seen.end.div_ceil(PAGE) {
            let page = pages.table[span.first_page + tile_index] as usize;
            let page = &pages.storage[page * pages.stride..][..pages.stride];
            let base = tile_index * PAGE;
            let in_tile = seen.start.max(base) - base..seen.end.min(base + PAGE) - base;
            let is_first = base <= seen.start;

            let len = params.head_len();
            let mut group = next_group(params, &heads, 0);
            while group.count > 0 {
                let keys = &page[pages.keys_at + group.key_head * len..][..len];
                let first = group.first * head_dim;
                let query = Rows::new(query, first, head_dim, group.count, head_dim);
                let rounded = arithmetic.lhs_if_narrow(query, &mut scratch.query);
                let scores = &mut weights[group.first..group.first + group.count];
                let to = OutPtr { ptr: scores.as_mut_ptr().cast(), row_stride: PAGE };
                let columns = in_tile.end.next_multiple_of(LANES);
                // SAFETY: the group's queries, a tile of keys, and the group's scores.
                unsafe { arithmetic.scores(query, rounded, &mut scratch.part, keys, columns, to) };
                group = next_group(params, &heads, group.first + group.count);
            }

            let mut m = [f32::NEG_INFINITY; LANES];
            let (mut a, mut b) = ([0.0f32; LANES], [0.0f32; LANES]);
            let mut l = [[0.0f32; LANES]; LANES];
            if has_terms {
                let key_offset = base as f32 - span.first_position as f32;
                for (weights, terms) in weights.iter_mut().zip(terms) {
                    if let Some(terms) = terms {
                        terms.finish(simd, weights, &in_tile, key_offset);
                    }
                }
            }
            for head in 0..count {
                (m[head], l[head]) = exponentiate(simd, &mut weights[head], &in_tile, scale);
            }
            if is_first {
                (max, totals) = (m, l);
            } else {
                // M' = max(M, m), a = exp(M − M'), b = exp(m − M') of all heads at once.
                let (old, new) = (simd.load(&max), simd.load(&m));
                let both = simd.max(old, new);
                a = simd.to_array(exp_lanes(simd, simd.sub(old, both)));
                b = simd.to_array(exp_lanes(simd, simd.sub(new, both)));
                max = simd.to_array(both);
                for head in 0..count {
                    let (l, total) = (simd.load(&l[head]), simd.load(&totals[head]));
                    let total =
                        simd.fma(l, simd.splat(b[head]), simd.mul(total, simd.splat(a[head])));
                    simd.store(total, &mut totals[head]);
                }
            }

            let mut group = next_group(params, &heads, 0);
            while group.count > 0 {
                let values = &page[pages.values_at + group.key_head * len..][..len];
                let of_group = &weights[group.first..group.first + group.count];
                let left = arithmetic.weights(of_group, &mut scratch.weights);
                let own = group.first * head_dim..(group.first + group.count) * head_dim;
                let out = &mut out[own];
                for column in (0..head_dim).step_by(COLUMNS) {
                    let columns = (head_dim - column).min(COLUMNS);
                    let mut o = [[0.0f32; COLUMNS]; ROWS];
                    let to = if is_first {
                        OutPtr { ptr: out[column..].as_mut_ptr(), row_stride: head_dim }
                    } else {
                        OutPtr { ptr: o.as_mut_ptr().cast(), row_stride: COLUMNS }
                    };
                    let operands = Operands {
                        a: left,
                        b: Rhs { ptr: values[column..].as_ptr().cast(), step_stride: head_dim },
                        out: to,
                        accumulate: Accumulate::FromZero,
                    };
                    // SAFETY: the group's weights and values of the keys it sees, and its outputs or the array
                    // of sums.
                    unsafe {
                        arithmetic.ragged_tile_of_range(group.count, columns, &in_tile, operands);
                    }
                    if is_first {
                        continue;
                    }
                    for (row, o) in o.iter().take(group.count).enumerate() {
                        let out = &mut out[row * head_dim + column..][..columns];
                        let head = group.first + row;
                        let (a, b) = (simd.splat(a[head]), simd.splat(b[head]));
                        for (out, o) in out.chunks_mut(LANES).zip(o.chunks(LANES)) {
                            let merged =
                                simd.fma(simd.load(o), b, simd.mul(simd.load_some(out), a));
                            simd.store_some(merged, out);
                        }
                    }
                }
                group = next_group(params, &heads, group.first + group.count);
            }
        }

        let mut sums = [0.0f32; LANES];
        for head in 0..count {
            sums[head] = simd.sum_tree(simd.load(&totals[head]));
        }
        let sinks = params.sinks.map(|sinks| simd.load_some(&sinks[heads.clone()]));
        let normalizers = Normalizers::new(simd, max, sums, sinks);
        for (head, out) in out.chunks_exact_mut(head_dim).enumerate() {
            let factor = simd.splat(normalizers.factors[head]);
            for out in out.chunks_mut(LANES) {
                simd.store_some(simd.mul(simd.load_some(out), factor), out);
            }
        }
        for (head, to) in log_sum_exp.into_iter().flatten().enumerate() {
            *to = normalizers.log_sum_exp(head);
        }
    }
}

/// The heads from `first` on, counted from the part's first, that share a key head; none at its end.
#[inline(always)]
fn next_group(params: &AttentionParams<'_>, heads: &Range<usize>, first: usize) -> Group {
    let head = heads.start + first;
    let key_head = head / params.group();
    let end = heads.end.min((key_head + 1) * params.group());
    Group { first, count: end.saturating_sub(head).min(ROWS), key_head }
}
