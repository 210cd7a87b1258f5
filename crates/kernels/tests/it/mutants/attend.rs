//! Mutants of attention: of its mask, its scale, its choice of key heads and its shares.

use lookback_reference::{attend::multi_head, logits::softmax};
use ndarray::{Array2, Axis, s};

use super::all_die;
use crate::yardstick::{Agrees, attend};

/// Attention with a mask, a scale and a choice of key head of one's own, held to the property.
fn attend_by(
    shows: impl Fn(usize, usize, Option<usize>) -> bool,
    scale: impl Fn(usize) -> f64,
    key_head: impl Fn(usize, usize, usize) -> usize,
    shares: impl Fn(Array2<f64>) -> Array2<f64>,
) -> Agrees {
    attend::attends(&|query, key, value, dim, window| {
        let (heads, key_heads) = (query.ncols() / dim, key.ncols() / dim);
        let mut out = Array2::zeros(query.dim());
        for head in 0..heads {
            let theirs = key_head(head, heads, key_heads) * dim;
            let own = s![.., head * dim..(head + 1) * dim];
            let their = s![.., theirs..theirs + dim];
            let mut scores = query.slice(own).dot(&key.slice(their).t()) * scale(dim);
            for ((query, key), score) in scores.indexed_iter_mut() {
                if !shows(query, key, window) {
                    *score = f64::NEG_INFINITY;
                }
            }
            out.slice_mut(own).assign(&shares(scores).dot(&value.slice(their)));
        }
        out
    })
}

fn is_shown(query: usize, key: usize, window: Option<usize>) -> bool {
    key <= query && window.is_none_or(|window| key + window > query)
}

fn default_scale(dim: usize) -> f64 {
    1.0 / (dim as f64).sqrt()
}

fn usual_head(head: usize, heads: usize, key_heads: usize) -> usize {
    head / (heads / key_heads)
}

fn usual_shares(scores: Array2<f64>) -> Array2<f64> {
    softmax(&scores)
}

#[test]
fn mutants_of_attention_die() {
    // What they are mutants of lives.
    attend_by(is_shown, default_scale, usual_head, usual_shares).expect("it is the reference");

    let masked = |shows: fn(usize, usize, Option<usize>) -> bool| {
        attend_by(shows, default_scale, usual_head, usual_shares)
    };
    let scaled = |scale: fn(usize) -> f64| attend_by(is_shown, scale, usual_head, usual_shares);
    let shared = |head: fn(usize, usize, usize) -> usize| {
        attend_by(is_shown, default_scale, head, usual_shares)
    };
    let weighed = |shares: fn(Array2<f64>) -> Array2<f64>| {
        attend_by(is_shown, default_scale, usual_head, shares)
    };
    all_die([
        ("no mask", masked(|_, _, _| true)),
        ("the next token seen", masked(|q, k, w| is_shown(q, k, w) || k == q + 1)),
        ("the token itself hidden", masked(|q, k, w| is_shown(q, k, w) && (k < q || q == 0))),
        ("the first token hidden", masked(|q, k, w| is_shown(q, k, w) && (k > 0 || q == 0))),
        ("no window", masked(|q, k, _| k <= q)),
        ("a window one too wide", masked(|q, k, w| is_shown(q, k, w.map(|w| w + 1)))),
        ("a window one too narrow", masked(|q, k, w| is_shown(q, k, w.map(|w| w - 1)))),
        ("no scale", scaled(|_| 1.0)),
        ("the width for its root", scaled(|dim| 1.0 / dim as f64)),
        ("the root of another width", scaled(|dim| 1.0 / (dim as f64 + 1.0).sqrt())),
        ("key heads in turn, not in groups", shared(|head, _, key_heads| head % key_heads)),
        ("one key head for all", shared(|_, _, _| 0)),
        ("weights that do not add up to 1", weighed(|scores| scores.exp())),
        (
            "shares along the keys",
            weighed(|scores| softmax(&scores.reversed_axes()).reversed_axes()),
        ),
        ("one weight forgotten in the total", weighed(without_the_last_in_the_total)),
        (
            "values of the neighbour",
            attend::attends(&|q, k, v, dim, window| {
                let mut moved = v.clone();
                moved.slice_mut(s![1.., ..]).assign(&v.slice(s![..-1, ..]));
                multi_head(q, k, &moved, dim, window)
            }),
        ),
    ]);
}

/// Softmax whose total leaves out each row's last share.
fn without_the_last_in_the_total(scores: Array2<f64>) -> Array2<f64> {
    let mut shares = softmax(&scores);
    for (query, mut row) in shares.axis_iter_mut(Axis(0)).enumerate() {
        let rest = 1.0 - if query > 0 { row[query] } else { 0.0 };
        row /= rest;
    }
    shares
}
