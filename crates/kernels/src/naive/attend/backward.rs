//! The gradients of attention over whole sequences: the definition of every bit.

use super::{capped_and_score, chain, edited::backward_row, rows_that_see, visible};
use crate::{
    attend::{
        AttentionParams, BackwardInputs, Gradients,
        edits::{AttentionEdit, has_row},
    },
    math::exp,
    naive::{cap, sums::row_dot},
};

/// Gradients over whole sequences. Positions begin at 0; `dq`, `dk`, `dv` are overwritten.
///
/// With D = Σ dout·out over sixteen lanes, P = exp(score − lse), dP the chain of dout·v and
/// dS = P · (dP − D) · scale, where a soft cap's derivative comes before the scale: dq is the chain of dS·k
/// over keys, dk of dS·q and dv of P·dout over the group's heads, then rows. A chain is a dot product summed in
/// ascending order; masked pairs of query and key are in none. A sink's gradient is the chain of
/// −exp(sink − lse) · D over all rows, from what stands there.
///
/// Of rows with edits, [`backward_row`] makes D, P and dS.
pub fn backward(
    params: &AttentionParams<'_>,
    inputs: BackwardInputs<'_>,
    edits: &[AttentionEdit],
    gradients: Gradients<'_>,
) {
    let BackwardInputs { query, key, value, out, log_sum_exp, dout, spans } = inputs;
    let Gradients { dq, dk, dv, dsinks } = gradients;
    let dim = params.head_dim;
    dq.fill(0.0);
    dk.fill(0.0);
    dv.fill(0.0);
    let mut delta = vec![0.0f32; log_sum_exp.len()];
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
                if has_row(edits, head, row) {
                    let place = [head, row];
                    delta[at / dim] =
                        backward_row(params, inputs, edits, span, place, &mut p[row], &mut ds[row]);
                    continue;
                }
                let d = row_dot(&dout[at..at + dim], &out[at..at + dim]);
                delta[at / dim] = d;
                for seen in visible(params, span.rows, row) {
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
                    *sum =
                        chain(params, visible(params, span.rows, row), |at| ds[row][at], key, *sum);
                }
            }
            for at in 0..span.rows {
                let rows = rows_that_see(params, span.rows, at);
                for i in 0..dim {
                    let sum = &mut dk[of_key(at) + i];
                    let query = |row| query[of_row(row) + i];
                    *sum = chain(params, rows.clone(), |row| ds[row][at], query, *sum);
                    let sum = &mut dv[of_key(at) + i];
                    let dout = |row| dout[of_row(row) + i];
                    *sum = chain(params, rows.clone(), |row| p[row][at], dout, *sum);
                }
            }
        }
    }
    if let (Some(sinks), Some(dsinks)) = (params.sinks, dsinks) {
        for (at, row_log_sum_exp) in log_sum_exp.iter().enumerate() {
            let head = at % params.heads;
            let p = exp(sinks[head] - row_log_sum_exp);
            dsinks[head] = (-p).mul_add(delta[at], dsinks[head]);
        }
    }
}
