//! Attention: scores of queries and keys, their softmax, and the weighted sum of values.

use ndarray::{Array2, ArrayView2, Axis, concatenate, s};

use crate::logits::{capped, softmax};

/// Causal attention of one head: the weights of a token are the softmax of query · key / √head_dim
/// over the tokens up to itself, and its output is the sum of their values with these weights.
///
/// `query`, `key`, `value`: `[tokens, head_dim]` of one head. Vaswani et al. 2017, section 3.2.1.
pub fn attend(
    query: ArrayView2<'_, f64>,
    key: ArrayView2<'_, f64>,
    value: ArrayView2<'_, f64>,
    window: Option<usize>,
) -> Array2<f64> {
    let scores = query.dot(&key.t()) / (query.ncols() as f64).sqrt();
    let weights = masked_softmax(scores, window);
    weights.dot(&value)
}

/// Softmax of each row under the causal mask, which leaves a token itself and those before it, at
/// most `window` tokens in all.
pub fn masked_softmax(scores: Array2<f64>, window: Option<usize>) -> Array2<f64> {
    softmax(&masked(scores, window))
}

/// The scores, −∞ where a token is not seen.
pub fn masked(mut scores: Array2<f64>, window: Option<usize>) -> Array2<f64> {
    for ((query, key), score) in scores.indexed_iter_mut() {
        let is_future = key > query;
        let is_too_old = window.is_some_and(|window| key + window <= query);
        if is_future || is_too_old {
            *score = f64::NEG_INFINITY;
        }
    }
    scores
}

/// Multi-head attention. With fewer key heads than query heads (grouped-query attention),
/// neighbouring query heads share a key head and its value head.
///
/// `query`: `[tokens, heads · head_dim]`, `key`, `value`: `[tokens, key_heads · head_dim]`. Ainslie et
/// al. 2023, section 2.2.
pub fn multi_head(
    query: &Array2<f64>,
    key: &Array2<f64>,
    value: &Array2<f64>,
    head_dim: usize,
    window: Option<usize>,
) -> Array2<f64> {
    let variation = Variation { window, ..Variation::default() };
    multi_head_varied(query, key, value, head_dim, |_| variation)
}

/// What some families change in the attention of a head.
#[derive(Clone, Copy, Debug, Default)]
pub struct Variation {
    /// Sliding window: how many tokens a token sees, itself included.
    pub window: Option<usize>,
    /// Scores are capped softly: cap · tanh(score / cap). Gemma Team 2024, section 2.
    pub score_cap: Option<f64>,
    /// What a score loses for each position that its key is further away. Press et al. 2022, section 3.
    pub alibi_slope: f64,
    /// One more score of every row, which has no value. Xiao et al. 2023, as gpt-oss learns it.
    pub sink: Option<f64>,
}

/// [`attend`] with what a family changes in it.
pub fn attend_varied(
    query: ArrayView2<'_, f64>,
    key: ArrayView2<'_, f64>,
    value: ArrayView2<'_, f64>,
    variation: Variation,
) -> Array2<f64> {
    let scores = masked(scores_varied(query, key, variation), variation.window);
    softmax_beside(scores, variation.sink).dot(&value)
}

/// The scores of [`attend_varied`] before a mask, `[queries, keys]`.
pub fn scores_varied(
    query: ArrayView2<'_, f64>,
    key: ArrayView2<'_, f64>,
    variation: Variation,
) -> Array2<f64> {
    let Variation { score_cap, alibi_slope, .. } = variation;
    let mut scores = query.dot(&key.t()) / (query.ncols() as f64).sqrt();
    if let Some(cap) = score_cap {
        scores.mapv_inplace(|score| capped(score, cap));
    }
    for ((query, key), score) in scores.indexed_iter_mut() {
        *score -= alibi_slope * (query as f64 - key as f64);
    }
    scores
}

/// Softmax of each row, beside a sink if there is one.
pub fn softmax_beside(scores: Array2<f64>, sink: Option<f64>) -> Array2<f64> {
    match sink {
        None => softmax(&scores),
        Some(sink) => {
            let sinks = Array2::from_elem((scores.nrows(), 1), sink);
            let scores = concatenate![Axis(1), scores, sinks];
            softmax(&scores).slice_move(s![.., ..-1])
        }
    }
}

/// [`multi_head`] with what a family changes in each head.
pub fn multi_head_varied(
    query: &Array2<f64>,
    key: &Array2<f64>,
    value: &Array2<f64>,
    head_dim: usize,
    variation: impl Fn(usize) -> Variation,
) -> Array2<f64> {
    let (heads, key_heads) = (query.ncols() / head_dim, key.ncols() / head_dim);
    let head_outputs: Vec<Array2<f64>> = (0..heads)
        .map(|head| {
            let key_head = head / (heads / key_heads);
            let columns = s![.., head * head_dim..(head + 1) * head_dim];
            let key_columns = s![.., key_head * head_dim..(key_head + 1) * head_dim];
            let (key, value) = (key.slice(key_columns), value.slice(key_columns));
            attend_varied(query.slice(columns), key, value, variation(head))
        })
        .collect();
    let views: Vec<_> = head_outputs.iter().map(|output| output.view()).collect();
    concatenate(Axis(1), &views).expect("all heads have as many tokens")
}
