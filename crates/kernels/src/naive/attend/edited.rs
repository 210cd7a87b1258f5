//! Attention some of whose scores or weights are changed: the definition of every bit.

use super::{Row, attend_row, capped_and_score, chain, forward, scores, visible};
use crate::{
    attend::{
        AttentionParams, BackwardInputs, KvPages, SequenceSpan,
        edits::{
            AttentionEdit, edit_pattern, edit_pattern_gradient, edit_scores, edit_scores_gradient,
            has_pattern_row, has_row,
        },
    },
    math::exp,
    naive::{cap, sums::row_dot},
};

/// As [`forward`], with changed scores and weights.
///
/// Changed scores go the same way as others. A row whose weights are changed is the chain of its weights and
/// values over the keys that it sees, from +0, unless every weight has the bits that it had.
pub fn forward_edited(
    (params, edits): (&AttentionParams<'_>, &[AttentionEdit]),
    query: &[f32],
    spans: &[SequenceSpan],
    pages: KvPages<'_>,
    out: &mut [f32],
    mut log_sum_exp: Option<&mut [f32]>,
) {
    forward(params, query, spans, pages, out, log_sum_exp.as_deref_mut());
    for span in spans {
        for index in 0..span.rows * params.heads {
            let (head, at) = (index % params.heads, span.first_row * params.heads + index);
            let position = span.first_position + index / params.heads;
            if !has_row(edits, head, position) {
                continue;
            }
            let elements = at * params.head_dim..(at + 1) * params.head_dim;
            let (query, out) = (&query[elements.clone()], &mut out[elements]);
            let row = Row { params, head, query, position, span, pages };
            let seen = row.seen();
            let mut scores = vec![f32::NEG_INFINITY; seen.end];
            for at in seen.clone() {
                scores[at] = row.score(at);
            }
            let is_changed = edit_scores(edits, [head, position], &seen, &mut scores);
            let row_log_sum_exp = attend_row(row, |at| scores[at], is_changed, out);
            if let Some(to) = &mut log_sum_exp {
                to[at] = row_log_sum_exp;
            }
            let mut weights = vec![0.0f32; seen.end];
            for at in seen.clone() {
                weights[at] = exp(scores[at] - row_log_sum_exp);
            }
            if edit_pattern(edits, [head, position], &seen, &mut weights) {
                for (d, out) in out.iter_mut().enumerate() {
                    let value = |at| row.value(at, d);
                    *out = chain(params, seen.clone(), |at| weights[at], value, 0.0);
                }
            }
        }
    }
}

/// As [`scores`], with changed ones.
pub fn scores_edited(
    (params, edits): (&AttentionParams<'_>, &[AttentionEdit]),
    head: usize,
    query: &[f32],
    span: &SequenceSpan,
    pages: KvPages<'_>,
    out: &mut [f32],
) {
    scores(params, head, query, span, pages, out);
    let keys = span.first_position + span.rows;
    for (index, out) in out.chunks_exact_mut(keys.max(1)).enumerate() {
        let position = span.first_position + index;
        edit_scores(edits, [head, position], &visible(params, keys, position), out);
    }
}

/// The weights that multiply values, +0 where masked, with changed scores and weights.
pub fn pattern_edited(
    (params, edits): (&AttentionParams<'_>, &[AttentionEdit]),
    head: usize,
    query: &[f32],
    span: &SequenceSpan,
    pages: KvPages<'_>,
    log_sum_exp: &[f32],
    out: &mut [f32],
) {
    scores_edited((params, edits), head, query, span, pages, out);
    let keys = span.first_position + span.rows;
    for (index, out) in out.chunks_exact_mut(keys.max(1)).enumerate() {
        let row_log_sum_exp = log_sum_exp[(span.first_row + index) * params.heads + head];
        let position = span.first_position + index;
        let seen = visible(params, keys, position);
        for (at, out) in out.iter_mut().enumerate() {
            *out = if seen.contains(&at) { exp(*out - row_log_sum_exp) } else { 0.0 };
        }
        edit_pattern(edits, [head, position], &seen, out);
    }
}

/// Of one row of a head of a whole sequence that may have edits: the weights that multiply values in `p`, and
/// the gradients of its sums of products in `ds`, at the keys that it sees. Gives its D.
///
/// Where weights are changed, their gradients pass through the changes back to those of the softmax, and D is the
/// chain of both over the keys that the row sees; so do the gradients of scores then.
#[inline(always)]
pub fn backward_row(
    params: &AttentionParams<'_>,
    inputs: BackwardInputs<'_>,
    edits: &[AttentionEdit],
    span: &SequenceSpan,
    [head, row]: [usize; 2],
    p: &mut [f32],
    ds: &mut [f32],
) -> f32 {
    let BackwardInputs { query, key, value, out, log_sum_exp, dout, .. } = inputs;
    let (dim, place) = (params.head_dim, [head, row]);
    let at = ((span.first_row + row) * params.heads + head) * dim;
    let (query, dout, out) = (&query[at..at + dim], &dout[at..at + dim], &out[at..at + dim]);
    let key_head = head / params.group();
    let of_key = |of: usize| {
        let at = ((span.first_row + of) * params.key_heads + key_head) * dim;
        at..at + dim
    };
    let product =
        |a: &[f32], b: &[f32]| chain(params, 0..dim, |index| a[index], |index| b[index], 0.0);
    let score =
        |of: usize| capped_and_score(params, head, product(query, &key[of_key(of)]), row, of);
    let seen = visible(params, span.rows, row);
    for of in seen.clone() {
        let [_, score] = score(of);
        p[of] = score;
        ds[of] = product(dout, &value[of_key(of)]);
    }
    edit_scores(edits, place, &seen, p);
    for of in seen.clone() {
        p[of] = exp(p[of] - log_sum_exp[at / dim]);
    }
    let delta = if has_pattern_row(edits, head, row) {
        edit_pattern_gradient(edits, place, &seen, ds);
        seen.clone().fold(0.0, |sum, of| p[of].mul_add(ds[of], sum))
    } else {
        row_dot(dout, out)
    };
    for of in seen.clone() {
        ds[of] = p[of] * (ds[of] - delta);
    }
    edit_pattern(edits, place, &seen, p);
    edit_scores_gradient(edits, place, &seen, ds);
    for of in seen {
        if let Some(cap) = params.score_cap {
            let [capped, _] = score(of);
            ds[of] *= cap::derivative(cap, capped);
        }
        ds[of] *= params.scale;
    }
    delta
}
