//! Mutants of attention: of its mask, its scale, its choice of key heads and its shares.

use lookback_reference::{
    attend::{Variation, multi_head},
    logits::softmax,
};
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

/// Attention with scores and shares of one's own, held to the property: `score` makes a score of a scaled
/// product, what is changed in the head, and the key's distance; `shares` makes shares of a row's visible scores
/// and its sink.
fn attend_varied_by(
    head_of_variation: impl Fn(usize) -> usize,
    score: impl Fn(f64, Variation, f64) -> f64,
    shares: impl Fn(&[f64], Option<f64>) -> Vec<f64>,
) -> Agrees {
    attend::attends_varied(&|query, key, value, dim, variation| {
        let group = query.ncols() / key.ncols();
        let mut out = Array2::zeros(query.dim());
        let (tokens, heads) = (query.nrows(), query.ncols() / dim);
        for (token, head) in (0..tokens).flat_map(|token| (0..heads).map(move |head| (token, head)))
        {
            let (own, theirs) = (head * dim..(head + 1) * dim, head / group * dim);
            let variation = variation(head_of_variation(head));
            let first = variation.window.map_or(0, |window| (token + 1).saturating_sub(window));
            let scores: Vec<f64> = (first..=token)
                .map(|at| {
                    let key = key.slice(s![at, theirs..theirs + dim]);
                    let product = query.slice(s![token, own.clone()]).dot(&key);
                    score(product * default_scale(dim), variation, (token - at) as f64)
                })
                .collect();
            let shares = shares(&scores, variation.sink);
            for d in 0..dim {
                let values = value.slice(s![first..=token, theirs + d]);
                out[[token, own.start + d]] =
                    shares.iter().zip(values).fold(0.0, |sum, (share, v)| sum + share * v);
            }
        }
        out
    })
}

/// Shares of a row's scores, beside a sink.
type Shares<'a> = &'a dyn Fn(&[f64], Option<f64>) -> Vec<f64>;

/// Softmax of a row with `count` sinks in its total.
fn with_sinks(scores: &[f64], sink: Option<f64>, count: f64) -> Vec<f64> {
    let sink = sink.unwrap_or(f64::NEG_INFINITY);
    let max = scores.iter().copied().fold(sink, f64::max);
    let total = scores.iter().fold(count * (sink - max).exp(), |sum, s| sum + (s - max).exp());
    scores.iter().map(|score| (score - max).exp() / total).collect()
}

#[test]
fn mutants_of_caps_slopes_and_sinks_die() {
    let cap = |scaled: f64, changed: Variation| {
        changed.score_cap.map_or(scaled, |cap| cap * (scaled / cap).tanh())
    };
    let usual = move |scaled: f64, changed: Variation, distance: f64| {
        cap(scaled, changed) - changed.alibi_slope * distance
    };
    let one_sink = |scores: &[f64], sink| with_sinks(scores, sink, 1.0);
    // What they are mutants of lives.
    attend_varied_by(|head| head, usual, one_sink).expect("it is the reference");

    let scored =
        |score: &dyn Fn(f64, Variation, f64) -> f64| attend_varied_by(|head| head, score, one_sink);
    let weighed = |shares: Shares<'_>| attend_varied_by(|head| head, usual, shares);
    all_die([
        ("no cap", scored(&|x, v, d| x - v.alibi_slope * d)),
        (
            "a cap that cuts",
            scored(&|x, v, d| v.score_cap.map_or(x, |cap| x.clamp(-cap, cap)) - v.alibi_slope * d),
        ),
        ("distances under the cap", scored(&|x, v, d| cap(x - v.alibi_slope * d, v))),
        ("no distances", scored(&|x, v, _| cap(x, v))),
        ("distances that are added", scored(&|x, v, d| cap(x, v) + v.alibi_slope * d)),
        ("distances that count from one", scored(&|x, v, d| cap(x, v) - v.alibi_slope * (d + 1.0))),
        ("distances that are squared", scored(&|x, v, d| cap(x, v) - v.alibi_slope * d * d)),
        (
            "what is changed in the next head",
            attend_varied_by(|head| (head + 1) % 6, usual, one_sink),
        ),
        ("no sink", weighed(&|scores, _| with_sinks(scores, None, 0.0))),
        ("two sinks", weighed(&|scores, sink| with_sinks(scores, sink, 2.0))),
        (
            "a sink with the first key's value",
            weighed(&|scores, sink| {
                let mut shares = with_sinks(scores, sink, 1.0);
                shares[0] += 1.0 - shares.iter().fold(0.0, |sum, share| sum + share);
                shares
            }),
        ),
    ]);
}
