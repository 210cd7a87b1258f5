//! Cross-entropy of rows of logits, with its gradient in their place.

use super::sums::row_max;
use crate::{
    lanes::{LANES, sum_tree},
    loss::{LossMode, NO_TARGET},
    math::{exp, ln},
};

/// The largest logit and the sum of exp(logit − largest), in sixteen lanes and the tree.
pub fn maximum_and_total(logits: &[f32]) -> (f32, f32) {
    let max = row_max(logits);
    let mut lanes = [0.0; LANES];
    for (index, logit) in logits.iter().enumerate() {
        lanes[index % LANES] += exp(logit - max);
    }
    (max, sum_tree(lanes))
}

/// `losses[row]` = most + ln(total) − `logit[target]`; logits become (softmax − onehot) · scale.
pub fn cross_entropy(
    logits: &mut [f32],
    vocabulary: usize,
    targets: &[u32],
    scale: f32,
    losses: &mut [f32],
    mode: LossMode,
) {
    for (row, logits) in logits.chunks_exact_mut(vocabulary).enumerate() {
        let target = targets[row];
        if target == NO_TARGET {
            losses[row] = 0.0;
            if mode != LossMode::LossOnly {
                logits.fill(0.0);
            }
            continue;
        }
        let (max, total) = maximum_and_total(logits);
        losses[row] = (max - logits[target as usize]) + ln(total);
        if mode != LossMode::LossOnly {
            let mut factor = scale / total;
            if let LossMode::GradientWithZLoss(z_loss) = mode {
                factor *= 1.0 + 2.0 * z_loss * (max + ln(total));
            }
            for logit in logits.iter_mut() {
                *logit = exp(*logit - max) * factor;
            }
            logits[target as usize] -= scale;
        }
    }
}

/// Softmax of rows.
pub fn softmax(logits: &[f32], vocabulary: usize, probabilities: &mut [f32]) {
    let rows = logits.chunks_exact(vocabulary).zip(probabilities.chunks_exact_mut(vocabulary));
    for (logits, probabilities) in rows {
        let (max, total) = maximum_and_total(logits);
        for (to, logit) in probabilities.iter_mut().zip(logits) {
            *to = exp(logit - max) / total;
        }
    }
}
