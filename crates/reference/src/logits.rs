//! Logits become probabilities, and a measure of surprise.

use ndarray::{Array2, Axis};

/// A score that never leaves −most to most, and is itself near 0.
pub fn capped(score: f64, most: f64) -> f64 {
    most * (score / most).tanh()
}

/// Scores to shares that add up to 1, row by row.
pub fn softmax(scores: &Array2<f64>) -> Array2<f64> {
    log_softmax(scores).exp()
}

/// The logarithms of the shares.
pub fn log_softmax(scores: &Array2<f64>) -> Array2<f64> {
    // exp overflows above 709. The same shift of all scores cancels out of the quotient, so the largest
    // is moved to 0 first.
    let most = scores.fold_axis(Axis(1), f64::NEG_INFINITY, |a, b| a.max(*b)).insert_axis(Axis(1));
    let shifted = scores - &most;
    let totals = shifted.exp().sum_axis(Axis(1)).ln().insert_axis(Axis(1));
    shifted - &totals
}

/// How surprised each row is by what really came: −ln of its probability, in nats.
pub fn surprise(logits: &Array2<f64>, targets: &[usize]) -> Vec<f64> {
    let logs = log_softmax(logits);
    targets.iter().enumerate().map(|(row, &target)| -logs[[row, target]]).collect()
}
