//! The end of the forward pass on rows from anywhere in it: the last norm, the head, the softmax; and
//! the MLP's activation on plain numbers.
//!
//! Uses the operations of the interpreter, so rows of a pass get the same bits here. Keeps no
//! cache and knows nothing of what the rows mean; see `depths` in the lens.

use lookback_kernels::{activate, cap, loss, thread_pool::ThreadPool};
use lookback_model::{Activation, Head, NormKind};

use crate::{
    interpreter::norm,
    operations::statistics_of,
    products::{self, Factors},
    weights::Weights,
};

/// Rows after the last norm.
#[derive(Clone, Debug, PartialEq)]
pub struct Normed {
    /// `[rows, width]`
    pub rows: Vec<f32>,
    /// What was subtracted from each row, `[rows]`: its mean, or 0 under an RMS norm.
    pub means: Vec<f32>,
    /// What each row was multiplied with before the norm's weight, `[rows]`.
    pub factors: Vec<f32>,
}

/// What the model says about rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// `[rows, vocabulary]`
    pub logits: Vec<f32>,
    /// `[rows, vocabulary]`: softmax of the logits.
    pub probabilities: Vec<f32>,
}

/// The last norm of rows of the residual stream, `[rows, width]`.
pub fn last_norm(weights: &Weights, pool: &ThreadPool, stream: &[f32]) -> Normed {
    let network = weights.network();
    let (width, how) = (network.config.width, &network.ln_final);
    let rows = stream.len() / width;
    let mut normed = vec![0.0; stream.len()];
    let mut statistics = vec![0.0; statistics_of(how) * rows];
    norm(weights, pool, how, stream, &mut normed, Some(&mut statistics));
    let (means, factors) = match how.kind {
        NormKind::Layer => statistics.chunks_exact(2).map(|row| (row[0], row[1])).unzip(),
        NormKind::Rms => (vec![0.0; rows], statistics),
    };
    Normed { rows: normed, means, factors }
}

/// What the model would say if rows of the residual stream, `[rows, width]`, were its last.
pub fn say(weights: &Weights, pool: &ThreadPool, stream: &[f32]) -> Said {
    let Head { linear: head, cap: most } = &weights.network().head;
    let normed = last_norm(weights, pool, stream).rows;
    let mut logits = vec![0.0; stream.len() / head.inputs * head.outputs];
    let factors = &mut Factors::default();
    products::forward(pool, weights, head, &normed, None, factors, None, &mut logits);
    if let Some(most) = *most {
        cap::forward(pool, most, &mut logits);
    }
    let mut probabilities = vec![0.0; logits.len()];
    loss::softmax(pool, &logits, head.outputs, &mut probabilities);
    Said { logits, probabilities }
}

/// An activation of each number, without the linear branch of a gated MLP.
pub fn activation(pool: &ThreadPool, how: Activation, pre: &[f32]) -> Vec<f32> {
    let mut post = vec![0.0; pre.len()];
    activate::forward(pool, how, pre, None, &mut post);
    post
}
