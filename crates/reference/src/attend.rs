//! Attention: scores of queries and keys, their softmax, and the weighted sum of values.

use ndarray::{Array2, ArrayView2, Axis, concatenate, s};

use crate::logits::softmax;

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
pub fn masked_softmax(mut scores: Array2<f64>, window: Option<usize>) -> Array2<f64> {
    for ((query, key), score) in scores.indexed_iter_mut() {
        let is_future = key > query;
        let is_too_old = window.is_some_and(|window| key + window <= query);
        if is_future || is_too_old {
            *score = f64::NEG_INFINITY;
        }
    }
    softmax(&scores)
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
    let (heads, key_heads) = (query.ncols() / head_dim, key.ncols() / head_dim);
    let head_outputs: Vec<Array2<f64>> = (0..heads)
        .map(|head| {
            let key_head = head / (heads / key_heads);
            let columns = s![.., head * head_dim..(head + 1) * head_dim];
            let key_columns = s![.., key_head * head_dim..(key_head + 1) * head_dim];
            let (key, value) = (key.slice(key_columns), value.slice(key_columns));
            attend(query.slice(columns), key, value, window)
        })
        .collect();
    let views: Vec<_> = head_outputs.iter().map(|output| output.view()).collect();
    concatenate(Axis(1), &views).expect("all heads have as many tokens")
}
