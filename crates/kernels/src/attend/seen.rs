//! Scores and patterns, for whoever looks: the same chains, kept.

use super::{Heads, PAGE, Pages, Span};
use crate::{math::exp, naive::attend::visible};

/// The scaled scores of one head, −inf where hidden: `[queries, keys]`, keys from position 0.
pub fn scores(
    how: &Heads,
    head: usize,
    query: &[f32],
    span: &Span,
    pages: Pages<'_>,
    out: &mut [f32],
) {
    let keys = span.first_position + span.rows;
    let key_head = head / how.group();
    for (index, out) in out.chunks_exact_mut(keys.max(1)).enumerate() {
        let at = ((span.first_row + index) * how.heads + head) * how.head_dim;
        let query = &query[at..at + how.head_dim];
        let seen = visible(how, span.first_position + index);
        out.fill(f32::NEG_INFINITY);
        let mut first = seen.start;
        while first < seen.end {
            let end = seen.end.min((first / PAGE + 1) * PAGE);
            let page = pages.table[span.first_page + first / PAGE] as usize * pages.stride;
            let keys = &pages.storage[page + pages.keys_at + key_head * how.head_dim * PAGE..];
            let sums = &mut out[first..end];
            sums.fill(0.0);
            for (q, keys) in query.iter().zip(keys.chunks_exact(PAGE)) {
                for (sum, key) in sums.iter_mut().zip(&keys[first % PAGE..]) {
                    *sum = q.mul_add(*key, *sum);
                }
            }
            for sum in sums {
                *sum *= how.scale;
            }
            first = end;
        }
    }
}

/// exp(score − log-sum-exp) of one head, +0 where hidden: `[queries, keys]`.
///
/// `log_sum_exp`: `[rows, heads]`, as [`forward`](super::forward()) gives it.
pub fn pattern(
    how: &Heads,
    head: usize,
    query: &[f32],
    span: &Span,
    pages: Pages<'_>,
    log_sum_exp: &[f32],
    out: &mut [f32],
) {
    scores(how, head, query, span, pages, out);
    let keys = span.first_position + span.rows;
    for (index, out) in out.chunks_exact_mut(keys.max(1)).enumerate() {
        let total = log_sum_exp[(span.first_row + index) * how.heads + head];
        let seen = visible(how, span.first_position + index);
        for (at, out) in out.iter_mut().enumerate() {
            *out = if seen.contains(&at) { exp(*out - total) } else { 0.0 };
        }
    }
}
