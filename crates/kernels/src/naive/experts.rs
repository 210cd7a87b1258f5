//! A mixture of experts: which experts a router chooses for a token, and the sum of what they make of it.

use super::{loss::maximum_and_total, sums::row_dot};
use crate::math::exp;

/// How the chosen experts are weighted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpertWeighting {
    /// By the softmax over all experts, so that the weights of a token add up to less than 1.
    Softmax,
    /// By the same, divided by its sum over the chosen.
    Normalized,
    /// By the softmax over the chosen experts' logits.
    SoftmaxOfChosen,
}

/// How a router chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Routing {
    /// Experts that have a logit.
    pub experts: usize,
    /// How many of them are chosen.
    pub chosen: usize,
    /// How these are weighted.
    pub weighting: ExpertWeighting,
}

impl Routing {
    /// Whether its gradient reads the logits: where the softmax runs over all experts.
    pub fn gradient_reads_logits(&self) -> bool {
        self.weighting == ExpertWeighting::Softmax
    }
}

/// What a router chose, `[rows, chosen]` each.
#[derive(Clone, Copy, Debug)]
pub struct Routes<'a> {
    /// The weights of the chosen experts.
    pub weights: &'a [f32],
    /// Which these are, ascending.
    pub indices: &'a [u32],
}

/// What the chosen experts made of each row.
#[derive(Clone, Copy, Debug)]
pub struct ExpertOutputs<'a> {
    /// `[rows, chosen, width]`
    pub outputs: &'a [f32],
    /// `[rows, chosen]`
    pub weights: &'a [f32],
    /// Experts of a row.
    pub chosen: usize,
    /// Elements of a row.
    pub width: usize,
}

/// In place of a row: there is none, and its elements are +0.
pub const NO_ROW: u32 = u32::MAX;

/// Whether a logit is larger; NaN is larger than every number.
pub fn is_larger(a: f32, b: f32) -> bool {
    a > b || a.is_nan() && !b.is_nan()
}

/// Of each row of logits the `chosen` experts that come first, ascending, and their weights.
///
/// `logits`: `[rows, experts]`; `weights`, `indices`: `[rows, chosen]`.
pub fn route(routing: Routing, logits: &[f32], weights: &mut [f32], indices: &mut [u32]) {
    let Routing { experts, chosen, weighting } = routing;
    let rows = logits.chunks_exact(experts).zip(weights.chunks_exact_mut(chosen));
    for ((logits, weights), indices) in rows.zip(indices.chunks_exact_mut(chosen)) {
        let comes_before = |a: usize, b: usize| {
            is_larger(logits[a], logits[b]) || !is_larger(logits[b], logits[a]) && a < b
        };
        let is_chosen = |expert: &usize| {
            (0..experts).filter(|other| comes_before(*other, *expert)).count() < chosen
        };
        for (index, expert) in indices.iter_mut().zip((0..experts).filter(is_chosen)) {
            *index = expert as u32;
        }
        for (weight, index) in weights.iter_mut().zip(&*indices) {
            *weight = logits[*index as usize];
        }
        let (max, total) = match weighting {
            ExpertWeighting::Softmax | ExpertWeighting::Normalized => maximum_and_total(logits),
            ExpertWeighting::SoftmaxOfChosen => maximum_and_total(weights),
        };
        for weight in weights.iter_mut() {
            *weight = exp(*weight - max) / total;
        }
        if weighting == ExpertWeighting::Normalized {
            let sum = weights.iter().fold(0.0, |sum, weight| sum + weight);
            for weight in weights.iter_mut() {
                *weight /= sum;
            }
        }
    }
}

/// The gradient of the router's logits, the choice held fixed.
pub fn route_backward(
    routing: Routing,
    routes: Routes<'_>,
    logits: &[f32],
    dweights: &[f32],
    dlogits: &mut [f32],
) {
    let Routing { experts, chosen, .. } = routing;
    let Routes { weights, indices } = routes;
    for (row, dlogits) in dlogits.chunks_exact_mut(experts).enumerate() {
        let own = row * chosen..(row + 1) * chosen;
        let (dweights, weights) = (&dweights[own.clone()], &weights[own.clone()]);
        let mean = dweights.iter().zip(weights).fold(0.0f32, |sum, (dw, w)| w.mul_add(*dw, sum));
        dlogits.fill(0.0);
        if routing.gradient_reads_logits() {
            let logits = &logits[row * experts..(row + 1) * experts];
            let (max, total) = maximum_and_total(logits);
            for (dlogit, logit) in dlogits.iter_mut().zip(logits) {
                *dlogit = (exp(logit - max) / total) * -mean;
            }
        }
        for ((index, dw), w) in indices[own].iter().zip(dweights).zip(weights) {
            dlogits[*index as usize] = w * (dw - mean);
        }
    }
}

/// The weighted sum of what the chosen experts made of each row; `y`: `[rows, width]`.
pub fn combine(made: ExpertOutputs<'_>, y: &mut [f32]) {
    let ExpertOutputs { outputs, weights, chosen, width } = made;
    for (row, y) in y.chunks_exact_mut(width).enumerate() {
        y.fill(0.0);
        for slot in row * chosen..(row + 1) * chosen {
            for (y, output) in y.iter_mut().zip(&outputs[slot * width..(slot + 1) * width]) {
                *y = weights[slot].mul_add(*output, *y);
            }
        }
    }
}

/// The gradients of what the experts made and of their weights.
pub fn combine_backward(
    made: ExpertOutputs<'_>,
    dy: &[f32],
    doutputs: &mut [f32],
    dweights: &mut [f32],
) {
    let ExpertOutputs { outputs, weights, chosen, width } = made;
    for (slot, doutput) in doutputs.chunks_exact_mut(width).enumerate() {
        let row = slot / chosen;
        let dy = &dy[row * width..(row + 1) * width];
        for (doutput, dy) in doutput.iter_mut().zip(dy) {
            *doutput = weights[slot] * dy;
        }
        dweights[slot] = row_dot(dy, &outputs[slot * width..(slot + 1) * width]);
    }
}

/// Copies rows: `y[i]` = `x[rows[i]]`, +0 of [`NO_ROW`].
pub fn gather_rows(x: &[f32], width: usize, rows: &[u32], y: &mut [f32]) {
    for (&row, y) in rows.iter().zip(y.chunks_exact_mut(width)) {
        match row {
            NO_ROW => y.fill(0.0),
            row => y.copy_from_slice(&x[row as usize * width..][..width]),
        }
    }
}

/// Copies rows to where they came from: `y[rows[i]]` = `x[i]`. No row stands there twice.
pub fn scatter_rows(x: &[f32], width: usize, rows: &[u32], y: &mut [f32]) {
    for (&row, x) in rows.iter().zip(x.chunks_exact(width)) {
        if row != NO_ROW {
            y[row as usize * width..][..width].copy_from_slice(x);
        }
    }
}
