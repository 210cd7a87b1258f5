//! Attention over heads that may share keys, with and without a window.

use ndarray::{Array2, s};

use super::{Agrees, EPS, MIN_BOUND, seeds, wide, within};
use crate::attend::world::{Kind, World, heads};

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
                let world = World::new(params, &[(0, tokens)], kind, seed);
                let query = wide(&world.query, params.heads * params.head_dim);
                let width = params.key_heads * params.head_dim;
                let (key, value) = (wide(&world.keys[0], width), wide(&world.values[0], width));
                let [found, _] = world.by_twin();
                let claimed = claimant(&query, &key, &value, params.head_dim, window);
                let bound = bound(&query, &key, &value, params.head_dim, window);
                let place = format!("{kind:?}, {tokens} tokens, {shape:?}, window {window:?}");
                within(&place, &found, &claimed, &bound)?;
            }
        }
    }
    Ok(())
}

/// How far f32 may be from the truth: a score is a chain over the head, a weight's exponent is off by
/// its own and the largest score's error and by roundings of differences, which add up to the row's
/// depth; sums of weights and of weighted values add a rounding a key; the quotient is off by both.
fn bound(
    query: &Array2<f64>,
    key: &Array2<f64>,
    value: &Array2<f64>,
    dim: usize,
    window: Option<usize>,
) -> Array2<f64> {
    let mut bounds = Array2::zeros(query.dim());
    let group = query.ncols() / key.ncols();
    for ((token, column), to) in bounds.indexed_iter_mut() {
        let (head, d) = (column / dim, column % dim);
        let theirs = head / group * dim;
        let asked = query.slice(s![token, head * dim..(head + 1) * dim]);
        let first = window.map_or(0, |window| (token + 1).saturating_sub(window));
        let scale = 1.0 / (dim as f64).sqrt();
        let (mut size, mut max, mut min) = (0.0f64, f64::NEG_INFINITY, f64::INFINITY);
        let mut scores = vec![];
        for at in first..=token {
            let key = key.slice(s![at, theirs..theirs + dim]);
            let score = asked.dot(&key) * scale;
            let sizes = asked.iter().zip(key).fold(0.0, |sum, (q, k)| sum + (q * k).abs() * scale);
            size = size.max(sizes);
            (max, min) = (max.max(score), min.min(score));
            scores.push(score);
        }
        let keys = scores.len() as f64;
        let score_error = (dim as f64 + 1.0) * EPS * size;
        let folds = 4.0 * EPS * (keys / 64.0 + 2.0);
        let weight_error = (2.0 * score_error + EPS * (max - min) + folds).exp_m1();
        let weights: Vec<f64> = scores.iter().map(|score| (score - max).exp()).collect();
        let total = weights.iter().fold(0.0, |sum, weight| sum + weight);
        let values = value.slice(s![first..=token, theirs + d]);
        let weighted = weights.iter().zip(values).fold(0.0, |sum, (w, v)| sum + w * v.abs());
        *to = 3.0 * (weight_error + (keys + 8.0) * EPS) * weighted / total + MIN_BOUND;
    }
    bounds
}
