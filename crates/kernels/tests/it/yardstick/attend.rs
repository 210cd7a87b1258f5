//! Attention over heads that may share keys, with and without a window.

use ndarray::{Array2, s};

use super::{Agrees, EPS, MIN_BOUND, seeds, wide, within};
use crate::attend::fixture::{Fixture, Kind, heads};
use lookback_kernels::attend::{Alibi, AttentionParams};
use lookback_reference::attend::Variation;

/// Query, key, value, width of a head, window, to context vectors.
pub type Attend<'a> =
    &'a dyn Fn(&Array2<f64>, &Array2<f64>, &Array2<f64>, usize, Option<usize>) -> Array2<f64>;

const LENGTHS: [usize; 9] = [1, 2, 7, 8, 9, 63, 64, 65, 130];
const KINDS: [Kind; 4] = [Kind::Scale(1e-3), Kind::Scale(1.0), Kind::Scale(30.0), Kind::Spiked];

/// The twin attends as the claimant does.
pub fn attends(claimant: Attend<'_>) -> Agrees {
    for seed in seeds() {
        for (tokens, kind) in LENGTHS.iter().flat_map(|length| KINDS.map(|kind| (*length, kind))) {
            for (shape, window) in [([4, 2, 8], None), ([4, 2, 6], Some(3)), ([3, 1, 16], Some(64))]
            {
                let params = heads(shape[0], shape[1], shape[2], window);
                let fixture = Fixture::new(params, &[(0, tokens)], kind, seed);
                let query = wide(&fixture.query, params.heads * params.head_dim);
                let width = params.key_heads * params.head_dim;
                let (key, value) = (wide(&fixture.keys[0], width), wide(&fixture.values[0], width));
                let [found, _] = fixture.by_twin();
                let claimed = claimant(&query, &key, &value, params.head_dim, window);
                let plain = Variation { window, ..Variation::default() };
                let bound = bound(&query, &key, &value, params.head_dim, &|_| plain);
                let place = format!("{kind:?}, {tokens} tokens, {shape:?}, window {window:?}");
                within(&place, &found, &claimed, &bound)?;
            }
        }
    }
    Ok(())
}

/// Query, key, value, width of a head, what is changed in each head, to context vectors.
pub type AttendVaried<'a> = &'a dyn Fn(
    &Array2<f64>,
    &Array2<f64>,
    &Array2<f64>,
    usize,
    &dyn Fn(usize) -> Variation,
) -> Array2<f64>;

/// The twin attends as the claimant does, with caps, ALiBi and sinks.
pub fn attends_varied(claimant: AttendVaried<'_>) -> Agrees {
    const SINKS: [f32; 6] = [0.5, -2.0, 3.0, 0.0, 8.0, 1.0];
    let plain = |window| heads(6, 2, 8, window);
    let alibi = Some(Alibi { heads: 6, factor: 0.75 });
    let cases = [
        AttentionParams { score_cap: Some(1.5), ..plain(None) },
        AttentionParams { alibi, ..plain(None) },
        AttentionParams { sinks: Some(&SINKS), ..plain(Some(3)) },
        AttentionParams { score_cap: Some(4.0), alibi, sinks: Some(&SINKS), ..plain(Some(70)) },
    ];
    for (seed, params) in seeds().flat_map(|seed| cases.map(|params| (seed, params))) {
        for (tokens, kind) in LENGTHS.iter().flat_map(|length| KINDS.map(|kind| (*length, kind))) {
            let fixture = Fixture::new(params, &[(0, tokens)], kind, seed);
            let query = wide(&fixture.query, params.heads * params.head_dim);
            let width = params.key_heads * params.head_dim;
            let (key, value) = (wide(&fixture.keys[0], width), wide(&fixture.values[0], width));
            let variation = |head: usize| Variation {
                window: params.window,
                score_cap: params.score_cap.map(f64::from),
                alibi_slope: params.alibi.map_or(0.0, |alibi| f64::from(alibi.slope(head))),
                sink: params.sinks.map(|sinks| f64::from(sinks[head])),
            };
            let [found, _] = fixture.by_twin();
            let claimed = claimant(&query, &key, &value, params.head_dim, &variation);
            let bound = bound(&query, &key, &value, params.head_dim, &variation);
            within(&format!("{kind:?}, {tokens} tokens, {params:?}"), &found, &claimed, &bound)?;
        }
    }
    Ok(())
}

/// How far f32 may be from the truth: a score is a chain over the head, a weight's exponent is off by
/// its own and the largest score's error and by roundings of differences, which add up to the row's
/// depth; sums of weights and of weighted values add a rounding a key; the quotient is off by both. A cap's
/// exponential, sum, quotient and difference are off by a few roundings of the cap, and ALiBi by one of the score.
fn bound(
    query: &Array2<f64>,
    key: &Array2<f64>,
    value: &Array2<f64>,
    dim: usize,
    variation: &dyn Fn(usize) -> Variation,
) -> Array2<f64> {
    let mut bounds = Array2::zeros(query.dim());
    let group = query.ncols() / key.ncols();
    let (tokens, heads) = (query.nrows(), query.ncols() / dim);
    for (token, head) in (0..tokens).flat_map(|token| (0..heads).map(move |head| (token, head))) {
        let theirs = head / group * dim;
        let asked = query.slice(s![token, head * dim..(head + 1) * dim]);
        let Variation { window, score_cap, alibi_slope, sink } = variation(head);
        let first = window.map_or(0, |window| (token + 1).saturating_sub(window));
        let scale = 1.0 / (dim as f64).sqrt();
        let (mut size, mut max, mut min) = (0.0f64, f64::NEG_INFINITY, f64::INFINITY);
        let mut scores = vec![];
        for at in first..=token {
            let key = key.slice(s![at, theirs..theirs + dim]);
            let scaled = asked.dot(&key) * scale;
            let capped = score_cap.map_or(scaled, |cap| cap * (scaled / cap).tanh());
            let score = capped - alibi_slope * (token - at) as f64;
            let sizes = asked.iter().zip(key).fold(0.0, |sum, (q, k)| sum + (q * k).abs() * scale);
            size = size.max(sizes);
            (max, min) = (max.max(score), min.min(score));
            scores.push(score);
        }
        let keys = scores.len() as f64;
        let cap_error = 8.0 * score_cap.unwrap_or(0.0);
        let furthest = alibi_slope * (token - first) as f64;
        let alibi_error = if alibi_slope > 0.0 { size + furthest } else { 0.0 };
        let score_error = EPS * ((dim as f64 + 1.0) * size + cap_error + alibi_error);
        let sink = sink.unwrap_or(f64::NEG_INFINITY);
        max = max.max(sink);
        let folds = 4.0 * EPS * (keys / 64.0 + 2.0);
        let weight_error = (2.0 * score_error + EPS * (max - min) + folds).exp_m1();
        let weights: Vec<f64> = scores.iter().map(|score| (score - max).exp()).collect();
        let total = weights.iter().fold((sink - max).exp(), |sum, weight| sum + weight);
        for d in 0..dim {
            let values = value.slice(s![first..=token, theirs + d]);
            let weighted = weights.iter().zip(values).fold(0.0, |sum, (w, v)| sum + w * v.abs());
            bounds[[token, head * dim + d]] =
                3.0 * (weight_error + (keys + 8.0) * EPS) * weighted / total + MIN_BOUND;
        }
    }
    bounds
}
