//! Softmax and cross-entropy: logits become probabilities, and a loss.

use ndarray::{Array2, Axis};

/// Soft-capped logit: `cap · tanh(score / cap)`, which stays within ±cap and is the score itself near 0.
pub fn capped(score: f64, cap: f64) -> f64 {
    cap * (score / cap).tanh()
}

/// Scores to probabilities that add up to 1, row by row.
pub fn softmax(scores: &Array2<f64>) -> Array2<f64> {
    log_softmax(scores).exp()
}

/// The logarithms of these probabilities, row by row.
pub fn log_softmax(scores: &Array2<f64>) -> Array2<f64> {
    // exp overflows above 709. The same shift of all scores cancels out of the quotient, so the largest
    // is moved to 0 first.
    let max = scores.fold_axis(Axis(1), f64::NEG_INFINITY, |a, b| a.max(*b)).insert_axis(Axis(1));
    let shifted = scores - &max;
    let log_sum_exp = shifted.exp().sum_axis(Axis(1)).ln().insert_axis(Axis(1));
    shifted - &log_sum_exp
}

/// The cross-entropy of each row: −ln of its target's probability, in nats.
pub fn cross_entropy(logits: &Array2<f64>, targets: &[usize]) -> Vec<f64> {
    let log_probabilities = log_softmax(logits);
    targets.iter().enumerate().map(|(row, &target)| -log_probabilities[[row, target]]).collect()
}
