//! Cross-entropy of rows of logits, with its gradient in their place.

use super::sums::row_max;
use crate::{
    lanes::{LANES, sum_tree},
    loss::{NO_TARGET, Want},
    math::{exp, ln},
};

/// The largest logit and the sum of exp(logit − largest), in sixteen lanes and the tree.
pub fn maximum_and_total(logits: &[f32]) -> (f32, f32) {
    let most = row_max(logits);
    let mut lanes = [0.0; LANES];
    for (index, logit) in logits.iter().enumerate() {
        lanes[index % LANES] += exp(logit - most);
    }
    (most, sum_tree(lanes))
}

/// `losses[row]` = most + ln(total) − `logit[target]`; logits become (softmax − onehot) · scale.
pub fn cross_entropy(
    logits: &mut [f32],
    vocabulary: usize,
    targets: &[u32],
    scale: f32,
    losses: &mut [f32],
    want: Want,
) {
    for (row, logits) in logits.chunks_exact_mut(vocabulary).enumerate() {
        let target = targets[row];
        if target == NO_TARGET {
            losses[row] = 0.0;
            if want != Want::Loss {
                logits.fill(0.0);
            }
            continue;
        }
        let (most, total) = maximum_and_total(logits);
        losses[row] = (most - logits[target as usize]) + ln(total);
        if want != Want::Loss {
            let mut factor = scale / total;
            if let Want::Pulled(by) = want {
                factor *= 1.0 + 2.0 * by * (most + ln(total));
            }
            for logit in logits.iter_mut() {
                *logit = exp(*logit - most) * factor;
            }
            logits[target as usize] -= scale;
        }
    }
}

/// Softmax of rows.
pub fn softmax(logits: &[f32], vocabulary: usize, probabilities: &mut [f32]) {
    let rows = logits.chunks_exact(vocabulary).zip(probabilities.chunks_exact_mut(vocabulary));
    for (logits, probabilities) in rows {
        let (most, total) = maximum_and_total(logits);
        for (to, logit) in probabilities.iter_mut().zip(logits) {
            *to = exp(logit - most) / total;
        }
    }
}
