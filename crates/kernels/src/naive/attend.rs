//! Attention over keys and values in pages, and its gradients: the definition of every bit of
//! [`crate::attend`].

mod backward;
mod edited;

use std::ops::Range;

use super::{
    bf16::{self, Compute},
    cap,
    sums::row_max,
};
use crate::{
    attend::{AttentionParams, KvPages, PAGE, SequenceSpan},
    lanes::{LANES, larger, sum_tree},
    math::{exp, ln},
};

pub use backward::backward;
pub use edited::{backward_row, forward_edited, pattern_edited, scores_edited};

/// A dot product over a range, added to `sum` one term (or bf16 pair) after the other, ascending.
fn chain(
    params: &AttentionParams<'_>,
    range: Range<usize>,
    a: impl Fn(usize) -> f32,
    b: impl Fn(usize) -> f32,
    sum: f32,
) -> f32 {
    match params.products {
        Compute::F32 => range.fold(sum, |sum, at| a(at).mul_add(b(at), sum)),
        Compute::Bf16 => bf16::chain(range, a, b, sum),
    }
}

/// Where the page of a position begins in the storage.
fn page_start(pages: KvPages<'_>, span: &SequenceSpan, at: usize) -> usize {
    pages.table[span.first_page + at / PAGE] as usize * pages.stride
}

/// Element `d` of the key at a position.
fn key(
    params: &AttentionParams<'_>,
    pages: KvPages<'_>,
    span: &SequenceSpan,
    key_head: usize,
    at: usize,
    d: usize,
) -> f32 {
    let (slot, dim) = (at % PAGE, params.head_dim);
    let keys = &pages.storage[page_start(pages, span, at) + pages.keys_at..];
    match params.products {
        Compute::F32 => keys[(key_head * dim + d) * PAGE + slot],
        Compute::Bf16 => {
            let pair = keys[(key_head * dim.div_ceil(2) + d / 2) * PAGE + slot];
            bf16::unpair(pair.to_bits())[d % 2]
        }
    }
}

/// Element `d` of the value at a position.
fn value(
    params: &AttentionParams<'_>,
    pages: KvPages<'_>,
    span: &SequenceSpan,
    key_head: usize,
    at: usize,
    d: usize,
) -> f32 {
    let (slot, dim) = (at % PAGE, params.head_dim);
    let values = &pages.storage[page_start(pages, span, at) + pages.values_at..];
    match params.products {
        Compute::F32 => values[(key_head * PAGE + slot) * dim + d],
        Compute::Bf16 => {
            let pair = values[key_head * dim.div_ceil(2) * PAGE + slot / 2 * dim + d];
            bf16::unpair(pair.to_bits())[slot % 2]
        }
    }
}

/// What a head makes of a sum of query · key products: the capped score, and what enters the softmax. They
/// differ under ALiBi only. `position` is the query's, `at` the key's.
pub fn capped_and_score(
    params: &AttentionParams<'_>,
    head: usize,
    sum: f32,
    position: usize,
    at: usize,
) -> [f32; 2] {
    let scaled = sum * params.scale;
    let capped = params.score_cap.map_or(scaled, |cap| cap::value(cap, scaled));
    let score = params.alibi.map_or(capped, |alibi| {
        let distance = (at as i64 - position as i64) as f32;
        alibi.slope(head).mul_add(distance, capped)
    });
    [capped, score]
}

/// A row of one head and the keys that it is compared with.
#[derive(Clone, Copy)]
struct Row<'a> {
    params: &'a AttentionParams<'a>,
    head: usize,
    /// `[head_dim]`
    query: &'a [f32],
    /// Of the query.
    position: usize,
    span: &'a SequenceSpan,
    pages: KvPages<'a>,
}

impl Row<'_> {
    /// The score with the key at a position.
    fn score(&self, at: usize) -> f32 {
        let Self { params, head, query, position, span, pages } = *self;
        let key = |d| key(params, pages, span, head / params.group(), at, d);
        let sum = chain(params, 0..params.head_dim, |d| query[d], key, 0.0);
        let [_, score] = capped_and_score(params, head, sum, position, at);
        score
    }

    /// The keys that it sees.
    fn seen(&self) -> Range<usize> {
        visible(self.params, self.span.first_position + self.span.rows, self.position)
    }

    /// Element `d` of the value at a position.
    fn value(&self, at: usize, d: usize) -> f32 {
        value(self.params, self.pages, self.span, self.head / self.params.group(), at, d)
    }
}

/// The scores of one head that enter the softmax, −inf where masked: `[queries, keys]`, keys from position 0.
pub fn scores(
    params: &AttentionParams<'_>,
    head: usize,
    query: &[f32],
    span: &SequenceSpan,
    pages: KvPages<'_>,
    out: &mut [f32],
) {
    let keys = span.first_position + span.rows;
    for (index, out) in out.chunks_exact_mut(keys.max(1)).enumerate() {
        let from = ((span.first_row + index) * params.heads + head) * params.head_dim;
        let query = &query[from..from + params.head_dim];
        out.fill(f32::NEG_INFINITY);
        let position = span.first_position + index;
        let row = Row { params, head, query, position, span, pages };
        for at in visible(params, keys, position) {
            out[at] = row.score(at);
        }
    }
}

/// The attention pattern of one head, exp(score − log-sum-exp), +0 where masked: `[queries, keys]`.
pub fn pattern(
    params: &AttentionParams<'_>,
    head: usize,
    query: &[f32],
    span: &SequenceSpan,
    pages: KvPages<'_>,
    log_sum_exp: &[f32],
    out: &mut [f32],
) {
    scores(params, head, query, span, pages, out);
    let keys = span.first_position + span.rows;
    for (index, out) in out.chunks_exact_mut(keys.max(1)).enumerate() {
        let row_log_sum_exp = log_sum_exp[(span.first_row + index) * params.heads + head];
        let seen = visible(params, keys, span.first_position + index);
        for (at, out) in out.iter_mut().enumerate() {
            *out = if seen.contains(&at) { exp(*out - row_log_sum_exp) } else { 0.0 };
        }
    }
}

/// The positions that the causal mask and the window leave visible to a row at `position`, of `keys` that
/// stand: all of them without a mask.
pub fn visible(params: &AttentionParams<'_>, keys: usize, position: usize) -> Range<usize> {
    if !params.is_causal {
        return 0..keys;
    }
    let end = position + 1;
    end.saturating_sub(params.window.unwrap_or(end))..end
}

/// The rows that see a key, of `rows` in a whole sequence.
pub fn rows_that_see(params: &AttentionParams<'_>, rows: usize, key: usize) -> Range<usize> {
    if !params.is_causal {
        return 0..rows;
    }
    key..params.window.map_or(rows, |window| rows.min(key + window))
}

/// One row of one head, by the online softmax over tiles: writes the sum of its weighted values to
/// `out` and returns its log-sum-exp. `score` gives the score of each key; where an edit has changed some,
/// a tile of nothing but −inf is passed over.
fn attend_row(
    row: Row<'_>,
    score: impl Fn(usize) -> f32,
    is_changed: bool,
    out: &mut [f32],
) -> f32 {
    let params = row.params;
    let seen = row.seen();
    let mut max = f32::NEG_INFINITY;
    let mut totals = [0.0f32; LANES];
    let mut has_begun = false;
    out.fill(0.0);
    for tile in seen.start / PAGE..seen.end.div_ceil(PAGE) {
        let keys = seen.start.max(tile * PAGE)..seen.end.min((tile + 1) * PAGE);
        let mut scores = [f32::NEG_INFINITY; PAGE];
        for at in keys.clone() {
            scores[at % PAGE] = score(at);
        }
        if is_changed && scores.iter().all(|score| *score == f32::NEG_INFINITY) {
            continue;
        }
        let m = row_max(&scores);
        let mut weights = [0.0f32; PAGE];
        let mut l = [0.0f32; LANES];
        for at in keys.clone() {
            weights[at % PAGE] = exp(scores[at % PAGE] - m);
            l[at % LANES] += weights[at % PAGE];
        }
        let o: Vec<f32> = (0..params.head_dim)
            .map(|d| {
                let value = |at| row.value(at, d);
                chain(params, keys.clone(), |at| weights[at % PAGE], value, 0.0)
            })
            .collect();
        if !has_begun {
            // Before the first tile there is nothing to rescale.
            (max, totals, has_begun) = (m, l, true);
            out.copy_from_slice(&o);
            continue;
        }
        // The factors that rescale the earlier tiles and this one to their common maximum.
        let new_max = larger(max, m);
        let (a, b) = (exp(max - new_max), exp(m - new_max));
        for (total, l) in totals.iter_mut().zip(l) {
            *total = l.mul_add(b, *total * a);
        }
        for (out, o) in out.iter_mut().zip(o) {
            *out = o.mul_add(b, *out * a);
        }
        max = new_max;
    }
    if !has_begun && params.sinks.is_none() {
        return 0.0;
    }
    let mut total = sum_tree(totals);
    let mut r = 1.0 / total;
    if let Some(sinks) = params.sinks {
        let sink = sinks[row.head];
        let new_max = larger(max, sink);
        let a = exp(max - new_max);
        total = total.mul_add(a, exp(sink - new_max));
        r = a / total;
        max = new_max;
    }
    for out in out {
        *out *= r;
    }
    max + ln(total)
}

/// Attention of every row of every span to the keys that it sees: those up to its own position, under a mask.
pub fn forward(
    params: &AttentionParams<'_>,
    query: &[f32],
    spans: &[SequenceSpan],
    pages: KvPages<'_>,
    out: &mut [f32],
    mut log_sum_exp: Option<&mut [f32]>,
) {
    for span in spans {
        for index in 0..span.rows {
            for head in 0..params.heads {
                let at_row = (span.first_row + index) * params.heads + head;
                let at = at_row * params.head_dim..;
                let (query, out) = (&query[at.clone()], &mut out[at]);
                let (query, out) = (&query[..params.head_dim], &mut out[..params.head_dim]);
                let position = span.first_position + index;
                let row = Row { params, head, query, position, span, pages };
                let row_log_sum_exp = attend_row(row, |at| row.score(at), false, out);
                if let Some(to) = &mut log_sum_exp {
                    to[at_row] = row_log_sum_exp;
                }
            }
        }
    }
}
