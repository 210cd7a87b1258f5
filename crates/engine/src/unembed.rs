//! Unembedding of rows of the residual stream: the final norm, the head, the softmax; and any norm and the
//! MLP's activation on plain numbers.
//!
//! Uses the operations of the interpreter, so rows of a pass get the same bits here. Keeps no
//! cache, and rows may be of any layer; see `logit_lens` of the lens.

use lookback_kernels::{
    activate, loss,
    naive::activate::{backward, linear_value},
    thread_pool::ThreadPool,
};
use lookback_model::{Activation, Head, Norm, NormKind};

use crate::{
    interpreter::apply_norm,
    operations::statistics_per_norm,
    products::{self, Input, Operands},
    weights::Weights,
};

/// Rows after the final norm, with their statistics.
#[derive(Clone, Debug, PartialEq)]
pub struct NormOutput {
    /// `[rows, width]`
    pub rows: Vec<f32>,
    /// What was subtracted from each row, `[rows]`: its mean, or 0 under an RMS norm.
    pub means: Vec<f32>,
    /// What each row was multiplied with before the norm's weight, `[rows]`.
    pub factors: Vec<f32>,
}

/// Rows unembedded.
#[derive(Clone, Debug, PartialEq)]
pub struct Unembedded {
    /// `[rows, vocabulary]`
    pub logits: Vec<f32>,
    /// `[rows, vocabulary]`: softmax of the logits.
    pub probabilities: Vec<f32>,
}

/// The final norm of rows of the residual stream, `[rows, width]`.
pub fn final_norm(weights: &Weights, pool: &ThreadPool, stream: &[f32]) -> NormOutput {
    norm_rows(weights, pool, &weights.network().ln_final, stream)
}

/// A norm of the network, over rows of its width.
pub fn norm_rows(weights: &Weights, pool: &ThreadPool, config: &Norm, x: &[f32]) -> NormOutput {
    let rows = x.len() / config.width;
    let mut normed = vec![0.0; x.len()];
    let mut statistics = vec![0.0; statistics_per_norm(config) * rows];
    apply_norm(weights, pool, config, x, &mut normed, Some(&mut statistics));
    let (means, factors) = match config.kind {
        NormKind::Layer => statistics.chunks_exact(2).map(|row| (row[0], row[1])).unzip(),
        NormKind::Rms => (vec![0.0; rows], statistics),
    };
    NormOutput { rows: normed, means, factors }
}

/// Logits and probabilities of rows of the residual stream, `[rows, width]`, as if they were the last
/// layer's (the logit lens).
pub fn unembed(weights: &Weights, pool: &ThreadPool, stream: &[f32]) -> Unembedded {
    let Head { linear: head, .. } = &weights.network().head;
    let mut normed = final_norm(weights, pool, stream).rows;
    let rows = normed.len() / weights.network().config.width;
    let mut logits = vec![0.0; rows * head.outputs];
    let operands = &mut Operands::default();
    if let Some([_, out]) = &weights.network().projections {
        let mut projected = vec![0.0; rows * out.outputs];
        let input = Input { x: &normed, value: None };
        products::forward(pool, weights, out, input, operands, None, &mut projected);
        normed = projected;
        operands.invalidate();
    }
    let input = Input { x: &normed, value: None };
    products::forward(pool, weights, head, input, operands, None, &mut logits);
    products::bound_logits(pool, &weights.network().head, &mut logits);
    let mut probabilities = vec![0.0; logits.len()];
    loss::softmax(pool, &logits, head.outputs, &mut probabilities);
    Unembedded { logits, probabilities }
}

/// An activation of each number, without the linear branch of a gated MLP.
pub fn activation(pool: &ThreadPool, kind: Activation, pre: &[f32]) -> Vec<f32> {
    let mut post = vec![0.0; pre.len()];
    activate::forward(pool, kind, pre, None, &mut post);
    post
}

/// What an activation's results are multiplied with, of each number of the linear branch of a gated MLP.
pub fn linear_factors(kind: Activation, linear: &[f32]) -> Vec<f32> {
    linear.iter().map(|&x| linear_value(kind, x)).collect()
}

/// The slopes of an activation at some units.
#[derive(Clone, Debug, PartialEq)]
pub struct ActivationSlopes {
    /// Of what leaves a unit, by what enters its activation. `[units]`
    pub pre: Vec<f32>,
    /// By the linear branch, in a gated MLP. `[units]`
    pub linear: Option<Vec<f32>>,
}

/// The slopes that the backward pass has there.
pub fn activation_slopes(
    kind: Activation,
    pre: &[f32],
    linear: Option<&[f32]>,
) -> ActivationSlopes {
    let mut of_pre = vec![0.0; pre.len()];
    let mut of_linear = linear.map(|_| vec![0.0; pre.len()]);
    let ones = vec![1.0; pre.len()];
    backward(kind, &ones, pre, linear, &mut of_pre, of_linear.as_deref_mut());
    ActivationSlopes { pre: of_pre, linear: of_linear }
}
