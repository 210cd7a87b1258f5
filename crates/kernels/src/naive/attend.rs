//! Attention over keys and values in pages, and its gradients: the definition of every bit of
//! [`crate::attend`].

use std::ops::Range;

use super::{
    bf16::{self, Compute},
    cap,
    sums::{row_dot, row_max},
};
use crate::{
    attend::{AttentionParams, BackwardInputs, Gradients, KvPages, PAGE, SequenceSpan},
    lanes::{LANES, larger, sum_tree},
    math::{exp, ln},
};

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
        for at in visible(params, position) {
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
        let seen = visible(params, span.first_position + index);
        for (at, out) in out.iter_mut().enumerate() {
            *out = if seen.contains(&at) { exp(*out - row_log_sum_exp) } else { 0.0 };
        }
    }
}

/// The positions that the causal mask and the window leave visible to a row at `position`.
pub fn visible(params: &AttentionParams<'_>, position: usize) -> Range<usize> {
    let end = position + 1;
    end.saturating_sub(params.window.unwrap_or(end))..end
}

/// One row of one head, by the online softmax over tiles: writes the sum of its weighted values to
/// `out` and returns its log-sum-exp.
fn attend_row(row: Row<'_>, out: &mut [f32]) -> f32 {
    let params = row.params;
    let seen = visible(params, row.position);
    let mut max = f32::NEG_INFINITY;
    let mut totals = [0.0f32; LANES];
    for tile in seen.start / PAGE..seen.end.div_ceil(PAGE) {
        let keys = seen.start.max(tile * PAGE)..seen.end.min((tile + 1) * PAGE);
        let mut scores = [f32::NEG_INFINITY; PAGE];
        for at in keys.clone() {
            scores[at % PAGE] = row.score(at);
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
        if tile == seen.start / PAGE {
            // Before the first tile there is nothing to rescale.
            (max, totals) = (m, l);
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

/// Causal attention of every row of every span to the keys up to its own position.
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
            let row = span.first_row + index;
            for head in 0..params.heads {
                let at = (row * params.heads + head) * params.head_dim..;
                let (query, out) = (&query[at.clone()], &mut out[at]);
                let (query, out) = (&query[..params.head_dim], &mut out[..params.head_dim]);
                let position = span.first_position + index;
                let row_log_sum_exp =
                    attend_row(Row { params, head, query, position, span, pages }, out);
                if let Some(to) = &mut log_sum_exp {
                    to[row * params.heads + head] = row_log_sum_exp;
                }
            }
        }
    }
}

/// Gradients over whole sequences. Positions begin at 0; `dq`, `dk`, `dv` are overwritten.
///
/// With D = Σ dout·out over sixteen lanes, P = exp(score − lse), dP the chain of dout·v and
/// dS = P · (dP − D) · scale, where a soft cap's derivative comes before the scale: dq is the chain of dS·k
/// over keys, dk of dS·q and dv of P·dout over the group's heads, then rows. A chain is a dot product summed in
/// ascending order; masked pairs of query and key are in none. A sink's gradient is the chain of
/// −exp(sink − lse) · D over all rows, from what stands there.
pub fn backward(
    params: &AttentionParams<'_>,
    inputs: BackwardInputs<'_>,
    gradients: Gradients<'_>,
) {
    let BackwardInputs { query, key, value, out, log_sum_exp, dout, spans } = inputs;
    let Gradients { dq, dk, dv, dsinks } = gradients;
    let dim = params.head_dim;
    dq.fill(0.0);
    dk.fill(0.0);
    dv.fill(0.0);
    for span in spans {
        for head in 0..params.heads {
            let of_row = |row: usize| ((span.first_row + row) * params.heads + head) * dim;
            let of_key = |key: usize| {
                ((span.first_row + key) * params.key_heads + head / params.group()) * dim
            };
            // P and dS of every row and key, where the row sees the key.
            let mut p = vec![vec![0.0f32; span.rows]; span.rows];
            let mut ds = p.clone();
            for row in 0..span.rows {
                let at = of_row(row);
                let d = row_dot(&dout[at..at + dim], &out[at..at + dim]);
                for seen in visible(params, row) {
                    let key_start = of_key(seen);
                    let product = |a: &[f32], b: &[f32]| {
                        chain(params, 0..dim, |i| a[at + i], |i| b[key_start + i], 0.0)
                    };
                    let sum = product(query, key);
                    let [capped, score] = capped_and_score(params, head, sum, row, seen);
                    p[row][seen] = exp(score - log_sum_exp[at / dim]);
                    let mut dscore = p[row][seen] * (product(dout, value) - d);
                    if let Some(cap) = params.score_cap {
                        dscore *= cap::derivative(cap, capped);
                    }
                    ds[row][seen] = dscore * params.scale;
                }
            }
            for row in 0..span.rows {
                for i in 0..dim {
                    let sum = &mut dq[of_row(row) + i];
                    let key = |at| key[of_key(at) + i];
                    *sum = chain(params, visible(params, row), |at| ds[row][at], key, *sum);
                }
            }
            for at in 0..span.rows {
                // The rows that see this key.
                let end = params.window.map_or(span.rows, |window| span.rows.min(at + window));
                for i in 0..dim {
                    let sum = &mut dk[of_key(at) + i];
                    let query = |row| query[of_row(row) + i];
                    *sum = chain(params, at..end, |row| ds[row][at], query, *sum);
                    let sum = &mut dv[of_key(at) + i];
                    let dout = |row| dout[of_row(row) + i];
                    *sum = chain(params, at..end, |row| p[row][at], dout, *sum);
                }
            }
        }
    }
    if let (Some(sinks), Some(dsinks)) = (params.sinks, dsinks) {
        for (at, row_log_sum_exp) in log_sum_exp.iter().enumerate() {
            let of_row = at * dim..(at + 1) * dim;
            let d = row_dot(&dout[of_row.clone()], &out[of_row]);
            let head = at % params.heads;
            let p = exp(sinks[head] - row_log_sum_exp);
            dsinks[head] = (-p).mul_add(d, dsinks[head]);
        }
    }
}
