//! What stands between the output of attention or an MLP and the residual stream: in some families a norm
//! (Gemma 2, OLMo 2) and a factor (Granite). With the norm's statistics frozen at one token it is linear, so
//! that what it does to the whole output it does to each part of it.
//!
//! ```text
//! added = factor · (statistic ⊙ gain ⊙ (output − mean) + bias)      without a norm: factor · output
//! ```
//! The statistic and the mean are those of the token's whole output. A part alone would have had others:
//! the sum of the parts is exact, as in `frozen_norm`, which does the same at the end of the stream. The norms
//! before attention and the MLP are frozen in the same way, without a factor.

use lookback_engine::Weights;
use lookback_model::{Norm, NormKind};

/// The norm and the factor at one token.
#[derive(Debug)]
pub(crate) struct PostNorm {
    /// What each number of a part is multiplied with, `[width]`.
    gain: Vec<f64>,
    /// Whether the mean is taken off each part.
    is_centered: bool,
    /// What is added whatever the output is, `[width]`; none where the norm has no bias.
    pub bias: Option<Vec<f64>>,
}

impl PostNorm {
    /// Frozen at a token whose whole output this is, `[width]`.
    pub fn new(weights: &Weights, norm: Option<&Norm>, factor: f32, output: &[f64]) -> Self {
        let factor = f64::from(factor);
        let Some(norm) = norm else {
            return Self { gain: vec![factor; output.len()], is_centered: false, bias: None };
        };
        let scaled = |id, factor: f64| -> Vec<f64> {
            weights.rows(id).iter().map(|&x| factor * f64::from(x)).collect()
        };
        let is_centered = norm.kind == NormKind::Layer;
        let mean = if is_centered { mean(output) } else { 0.0 };
        let squares = output.iter().fold(0.0, |sum, x| sum + (x - mean) * (x - mean));
        let variance = squares / output.len() as f64;
        let statistic = 1.0 / (variance + f64::from(norm.epsilon)).sqrt();
        Self {
            gain: scaled(norm.weight, factor * statistic),
            is_centered,
            bias: norm.bias.map(|id| scaled(id, factor)),
        }
    }

    /// What a part of the output adds to the stream, in its place. `[width]`
    pub fn apply(&self, part: &mut [f64]) {
        self.apply_to_columns(part, 1);
    }

    /// The direction before the norm whose product with a part is that of `direction` with what the part
    /// becomes behind it. `[width]`
    pub fn pull_back(&self, direction: &[f64]) -> Vec<f64> {
        let mut pulled: Vec<f64> = direction.iter().zip(&self.gain).map(|(x, g)| x * g).collect();
        if self.is_centered {
            let mean = mean(&pulled);
            pulled.iter_mut().for_each(|x| *x -= mean);
        }
        pulled
    }

    /// The same of each column of a matrix, `[width, columns]`.
    pub fn apply_to_columns(&self, matrix: &mut [f64], columns: usize) {
        let mut means = vec![0.0; columns];
        if self.is_centered {
            for row in matrix.chunks_exact(columns) {
                means.iter_mut().zip(row).for_each(|(mean, x)| *mean += x);
            }
            means.iter_mut().for_each(|mean| *mean /= self.gain.len() as f64);
        }
        for (row, gain) in matrix.chunks_exact_mut(columns).zip(&self.gain) {
            row.iter_mut().zip(&means).for_each(|(x, mean)| *x = gain * (*x - mean));
        }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |sum, x| sum + x) / values.len() as f64
}
