//! Cross-entropy of rows of logits, with its gradient in their place.
//!
//! ```text
//! most = max logit;  total = Σ exp(logit − most);  z = most + ln total
//! loss = (most − logit[target]) + ln total;  dlogit = exp(logit − most) · scale / total − onehot · scale
//! ```
//! Where the gradient is to hold `pull · z²` too, `scale / total` is multiplied with 1 + 2 pull z.

use crate::{
    lanes::{Kernel, LANES, Lanes},
    math::{exp_lanes, ln},
    thread_pool::{DisjointSlices, ThreadPool},
};

/// In place of a target: the row has none.
pub const NO_TARGET: u32 = u32::MAX;

/// Whether the gradient is computed with the losses, in place of the logits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LossMode {
    /// Losses only; the logits stay.
    LossOnly,
    /// Losses, and gradients in place of the logits.
    Gradient,
    /// Losses, and gradients of loss + this factor · z², the z-loss (Chowdhery et al. 2022, section 5), where z is
    /// the log-sum-exp of a row: it keeps logits from growing. The losses leave the z-loss out.
    GradientWithZLoss(f32),
}

/// Logits that are worth a thread of their own.
const MIN_PER_THREAD: usize = 8 * 1024;

/// The loss of every row, in nats; `scale` is the factor of the gradient.
///
/// `logits`: `[rows, vocabulary]`; `targets`, `losses`: `[rows]`. A logit that is not a number makes
/// the row's loss none either. A row without a target has loss and gradient +0.
pub fn cross_entropy(
    pool: &ThreadPool,
    logits: &mut [f32],
    vocabulary: usize,
    targets: &[u32],
    scale: f32,
    losses: &mut [f32],
    mode: LossMode,
) {
    let (logits, losses) = (DisjointSlices::new(logits), DisjointSlices::new(losses));
    pool.for_each_range(targets.len(), 1, MIN_PER_THREAD / vocabulary, &|rows| {
        // SAFETY: each range of rows is cut once.
        let (logits, losses) = unsafe {
            (
                logits.range_mut(rows.start * vocabulary..rows.end * vocabulary),
                losses.range_mut(rows.clone()),
            )
        };
        pool.isa().run(Rows { logits, vocabulary, targets: &targets[rows], scale, losses, mode });
    });
}

struct Rows<'a> {
    logits: &'a mut [f32],
    vocabulary: usize,
    targets: &'a [u32],
    scale: f32,
    losses: &'a mut [f32],
    mode: LossMode,
}

impl Kernel for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) {
        let rows = self.logits.chunks_exact_mut(self.vocabulary).zip(self.losses);
        for ((logits, loss), &target) in rows.zip(self.targets) {
            if target == NO_TARGET {
                *loss = 0.0;
                if self.mode != LossMode::LossOnly {
                    logits.fill(0.0);
                }
                continue;
            }
            let (max, total) = maximum_and_total(simd, logits);
            let log_total = ln(total);
            *loss = (max - logits[target as usize]) + log_total;
            let factor = match self.mode {
                LossMode::LossOnly => None,
                LossMode::Gradient => Some(self.scale / total),
                LossMode::GradientWithZLoss(z_loss) => {
                    Some(self.scale / total * (1.0 + 2.0 * z_loss * (max + log_total)))
                }
            };
            if let Some(factor) = factor {
                let (max, factor) = (simd.splat(max), simd.splat(factor));
                for part in logits.chunks_mut(LANES) {
                    let share = exp_lanes(simd, simd.sub(simd.load_some(part), max));
                    simd.store_some(simd.mul(share, factor), part);
                }
                logits[target as usize] -= self.scale;
            }
        }
    }
}

/// The largest logit and the sum of exp(logit − largest).
#[inline(always)]
pub(crate) fn maximum_and_total<L: Lanes>(simd: L, logits: &[f32]) -> (f32, f32) {
    let whole = logits.len() / LANES * LANES;
    let (whole, tail) = logits.split_at(whole);
    let min = simd.splat(f32::NEG_INFINITY);
    let mut max = min;
    for part in whole.chunks_exact(LANES) {
        max = simd.max(simd.load(part), max);
    }
    // Lanes beyond the end keep their maximum: −inf is no larger.
    let mut last = [f32::NEG_INFINITY; LANES];
    last[..tail.len()].copy_from_slice(tail);
    let last = simd.from_array(last);
    let max = simd.max_tree(simd.max(last, max));
    let shift = simd.splat(max);
    let mut total = simd.splat(0.0);
    for part in whole.chunks_exact(LANES) {
        total = simd.add(total, exp_lanes(simd, simd.sub(simd.load(part), shift)));
    }
    if !tail.is_empty() {
        let mut weights = simd.to_array(exp_lanes(simd, simd.sub(last, shift)));
        weights[tail.len()..].fill(0.0);
        total = simd.add(total, simd.from_array(weights));
    }
    (max, simd.sum_tree(total))
}

/// Softmax of rows, `[rows, vocabulary]`.
pub fn softmax(pool: &ThreadPool, logits: &[f32], vocabulary: usize, probabilities: &mut [f32]) {
    let rows = logits.len() / vocabulary;
    let out = DisjointSlices::new(probabilities);
    pool.for_each_range(rows, 1, MIN_PER_THREAD / vocabulary, &|rows| {
        let part = rows.start * vocabulary..rows.end * vocabulary;
        // SAFETY: each range of rows is cut once.
        let out = unsafe { out.range_mut(part.clone()) };
        pool.isa().run(Softmax { logits: &logits[part], vocabulary, out });
    });
}

/// Softmax of rows of so many logits.
pub(crate) struct Softmax<'a> {
    pub(crate) logits: &'a [f32],
    pub(crate) vocabulary: usize,
    pub(crate) out: &'a mut [f32],
}

impl Kernel for Softmax<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) {
        let rows = self.logits.chunks_exact(self.vocabulary);
        for (logits, out) in rows.zip(self.out.chunks_exact_mut(self.vocabulary)) {
            let (max, total) = maximum_and_total(simd, logits);
            let (max, total) = (simd.splat(max), simd.splat(total));
            for (logits, out) in logits.chunks(LANES).zip(out.chunks_mut(LANES)) {
                let weight = exp_lanes(simd, simd.sub(simd.load_some(logits), max));
                simd.store_some(simd.div(weight, total), out);
            }
        }
    }
}
