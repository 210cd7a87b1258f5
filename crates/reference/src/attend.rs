//! Attention: compare tokens, make weights, mix values.

use ndarray::{Array2, ArrayView2, Axis, concatenate, s};

use crate::logits::softmax;

/// Every token asks the tokens up to itself how useful they are, and takes that share of their values.
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

/// Softmax of each row over what it may see: itself and what came before, at most `window` tokens.
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

/// Multi-head attention. With fewer key heads (grouped-query attention), neighbouring heads share one.
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
    let contexts: Vec<Array2<f64>> = (0..heads)
        .map(|head| {
            let shared = head / (heads / key_heads);
            let own = s![.., head * head_dim..(head + 1) * head_dim];
            let theirs = s![.., shared * head_dim..(shared + 1) * head_dim];
            attend(query.slice(own), key.slice(theirs), value.slice(theirs), window)
        })
        .collect();
    let views: Vec<_> = contexts.iter().map(|context| context.view()).collect();
    concatenate(Axis(1), &views).expect("all heads have as many tokens")
}
