//! Attention over paged keys and values, and its gradients.

use std::ops::Range;

use super::sums::{row_max, row_of_products};
use crate::{
    attend::{Heads, PAGE, Pages, Span},
    lanes::{LANES, larger, sum_tree},
    math::{exp, ln},
};

/// The score of a query with the key at a position: the chain of products, times the scale.
fn score(
    how: &Heads,
    query: &[f32],
    pages: Pages<'_>,
    span: &Span,
    key_head: usize,
    at: usize,
) -> f32 {
    let page = pages.table[span.first_page + at / PAGE] as usize * pages.stride + pages.keys_at;
    let keys = &pages.storage[page + key_head * how.head_dim * PAGE..];
    let mut sum = 0.0f32;
    for (d, q) in query.iter().enumerate() {
        sum = q.mul_add(keys[d * PAGE + at % PAGE], sum);
    }
    sum * how.scale
}

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
    for (index, out) in out.chunks_exact_mut(keys.max(1)).enumerate() {
        let from = ((span.first_row + index) * how.heads + head) * how.head_dim;
        let query = &query[from..from + how.head_dim];
        out.fill(f32::NEG_INFINITY);
        for at in visible(how, span.first_position + index) {
            out[at] = score(how, query, pages, span, head / how.group(), at);
        }
    }
}

/// exp(score − log-sum-exp) of one head, +0 where hidden: `[queries, keys]`.
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

/// The positions that a row at `position` sees.
pub fn visible(how: &Heads, position: usize) -> Range<usize> {
    let end = position + 1;
    end.saturating_sub(how.window.unwrap_or(end))..end
}

/// One row of one head: its weighted values and its log-sum-exp.
fn attend_row(
    how: &Heads,
    query: &[f32],
    pages: Pages<'_>,
    span: &Span,
    key_head: usize,
    position: usize,
    out: &mut [f32],
) -> f32 {
    let seen = visible(how, position);
    let mut most = f32::NEG_INFINITY;
    let mut totals = [0.0f32; LANES];
    for tile in seen.start / PAGE..seen.end.div_ceil(PAGE) {
        let keys = seen.start.max(tile * PAGE)..seen.end.min((tile + 1) * PAGE);
        let mut scores = [f32::NEG_INFINITY; PAGE];
        for at in keys.clone() {
            scores[at % PAGE] = score(how, query, pages, span, key_head, at);
        }
        let m = row_max(&scores);
        let mut l = [0.0f32; LANES];
        let mut o = vec![0.0f32; how.head_dim];
        let page = pages.table[span.first_page + tile] as usize * pages.stride + pages.values_at;
        let values = &pages.storage[page + key_head * how.head_dim * PAGE..];
        for at in keys {
            let weight = exp(scores[at % PAGE] - m);
            l[at % LANES] += weight;
            for (d, o) in o.iter_mut().enumerate() {
                *o = weight.mul_add(values[at % PAGE * how.head_dim + d], *o);
            }
        }
        if tile == seen.start / PAGE {
            // The first tile is where the fold begins.
            (most, totals) = (m, l);
            out.copy_from_slice(&o);
            continue;
        }
        let both = larger(most, m);
        let (a, b) = (exp(most - both), exp(m - both));
        for (total, l) in totals.iter_mut().zip(l) {
            *total = l.mul_add(b, *total * a);
        }
        for (out, o) in out.iter_mut().zip(o) {
            *out = o.mul_add(b, *out * a);
        }
        most = both;
    }
    let total = sum_tree(totals);
    let r = 1.0 / total;
    for out in out {
        *out *= r;
    }
    most + ln(total)
}

/// Every row of every span looks at the keys before it.
pub fn forward(
    how: &Heads,
    query: &[f32],
    spans: &[Span],
    pages: Pages<'_>,
    out: &mut [f32],
    mut log_sum_exp: Option<&mut [f32]>,
) {
    for span in spans {
        for index in 0..span.rows {
            let row = span.first_row + index;
            for head in 0..how.heads {
                let at = (row * how.heads + head) * how.head_dim..;
                let (query, out) = (&query[at.clone()], &mut out[at]);
                let (query, out) = (&query[..how.head_dim], &mut out[..how.head_dim]);
                let key_head = head / how.group();
                let position = span.first_position + index;
                let sum = attend_row(how, query, pages, span, key_head, position, out);
                if let Some(to) = &mut log_sum_exp {
                    to[row * how.heads + head] = sum;
                }
            }
        }
    }
}

/// Gradients over whole sequences. Positions begin at 0; `dq`, `dk`, `dv` are overwritten.
///
/// With D = Σ dout·out over sixteen lanes, P = exp(score − lse), dP the chain of dout·v and
/// dS = P · (dP − D) · scale: dq is the chain of dS·k over keys, dk of dS·q and dv of P·dout over the
/// group's heads, then rows. Hidden pairs are in no chain.
#[allow(clippy::too_many_arguments, reason = "a backward reads all that its forward read and made")]
pub fn backward(
    how: &Heads,
    query: &[f32],
    key: &[f32],
    value: &[f32],
    out: &[f32],
    log_sum_exp: &[f32],
    dout: &[f32],
    spans: &[Span],
    dq: &mut [f32],
    dk: &mut [f32],
    dv: &mut [f32],
) {
    let dim = how.head_dim;
    let chain =
        |a: &[f32], b: &[f32]| a.iter().zip(b).fold(0.0f32, |sum, (a, b)| a.mul_add(*b, sum));
    dq.fill(0.0);
    dk.fill(0.0);
    dv.fill(0.0);
    for span in spans {
        for key_head in 0..how.key_heads {
            for head in key_head * how.group()..(key_head + 1) * how.group() {
                for index in 0..span.rows {
                    let row = (span.first_row + index) * how.heads + head;
                    let of_row = row * dim..(row + 1) * dim;
                    let (q, dz) = (&query[of_row.clone()], &dout[of_row.clone()]);
                    let d = row_of_products(dz, &out[of_row.clone()]);
                    for at in visible(how, index) {
                        let column = (span.first_row + at) * how.key_heads + key_head;
                        let of_key = column * dim..(column + 1) * dim;
                        let (k, v) = (&key[of_key.clone()], &value[of_key.clone()]);
                        let p = exp(chain(q, k) * how.scale - log_sum_exp[row]);
                        let ds = p * (chain(dz, v) - d) * how.scale;
                        for i in 0..dim {
                            let dq = &mut dq[of_row.start + i];
                            *dq = ds.mul_add(k[i], *dq);
                            let dk = &mut dk[of_key.start + i];
                            *dk = ds.mul_add(q[i], *dk);
                            let dv = &mut dv[of_key.start + i];
                            *dv = p.mul_add(dz[i], *dv);
                        }
                    }
                }
            }
        }
    }
}
