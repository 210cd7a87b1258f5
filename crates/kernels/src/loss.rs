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
    team::{Pieces, Team},
};

/// In place of a target: the row has none.
pub const NO_TARGET: u32 = u32::MAX;

/// Whether the logits are to become their gradient.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Want {
    /// Losses only; the logits stay.
    Loss,
    /// Losses, and gradients in place of the logits.
    Gradient,
    /// The same, with gradients of loss + this times z²: it pulls the logits' log-total to 0, so that
    /// they do not drift away together (Chowdhery et al. 2022, section 5). Losses are told without.
    Pulled(f32),
}

/// Logits that are worth a thread of their own.
const LEAST: usize = 8 * 1024;

/// The loss of every row, in nats; `scale` is the factor of the gradient.
///
/// `logits`: `[rows, vocabulary]`; `targets`, `losses`: `[rows]`. A logit that is not a number makes
/// the row's loss none either. A row without a target has loss and gradient +0.
pub fn cross_entropy(
    team: &Team,
    logits: &mut [f32],
    vocabulary: usize,
    targets: &[u32],
    scale: f32,
    losses: &mut [f32],
    want: Want,
) {
    let (logits, losses) = (Pieces::new(logits), Pieces::new(losses));
    team.split(targets.len(), 1, LEAST / vocabulary, &|rows| {
        // SAFETY: each range of rows is cut once.
        let (logits, losses) = unsafe {
            (
                logits.piece(rows.start * vocabulary..rows.end * vocabulary),
                losses.piece(rows.clone()),
            )
        };
        team.path().run(Rows { logits, vocabulary, targets: &targets[rows], scale, losses, want });
    });
}

struct Rows<'a> {
    logits: &'a mut [f32],
    vocabulary: usize,
    targets: &'a [u32],
    scale: f32,
    losses: &'a mut [f32],
    want: Want,
}

impl Kernel for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, on: L) {
        let rows = self.logits.chunks_exact_mut(self.vocabulary).zip(self.losses);
        for ((logits, loss), &target) in rows.zip(self.targets) {
            if target == NO_TARGET {
                *loss = 0.0;
                if self.want != Want::Loss {
                    logits.fill(0.0);
                }
                continue;
            }
            let (most, total) = maximum_and_total(on, logits);
            let log_total = ln(total);
            *loss = (most - logits[target as usize]) + log_total;
            let factor = match self.want {
                Want::Loss => None,
                Want::Gradient => Some(self.scale / total),
                Want::Pulled(by) => {
                    Some(self.scale / total * (1.0 + 2.0 * by * (most + log_total)))
                }
            };
            if let Some(factor) = factor {
                let (most, factor) = (on.splat(most), on.splat(factor));
                for part in logits.chunks_mut(LANES) {
                    let share = exp_lanes(on, on.sub(on.load_some(part), most));
                    on.store_some(on.mul(share, factor), part);
                }
                logits[target as usize] -= self.scale;
            }
        }
    }
}

/// The largest logit and the sum of exp(logit − largest).
#[inline(always)]
fn maximum_and_total<L: Lanes>(on: L, logits: &[f32]) -> (f32, f32) {
    let whole = logits.len() / LANES * LANES;
    let (whole, tail) = logits.split_at(whole);
    let least = on.splat(f32::NEG_INFINITY);
    let mut most = least;
    for part in whole.chunks_exact(LANES) {
        most = on.max(on.load(part), most);
    }
    // Lanes beyond the end keep their maximum: −inf is no larger.
    let mut last = [f32::NEG_INFINITY; LANES];
    last[..tail.len()].copy_from_slice(tail);
    let last = on.from_array(last);
    let most = on.max_tree(on.max(last, most));
    let shift = on.splat(most);
    let mut total = on.splat(0.0);
    for part in whole.chunks_exact(LANES) {
        total = on.add(total, exp_lanes(on, on.sub(on.load(part), shift)));
    }
    if !tail.is_empty() {
        let mut weights = on.to_array(exp_lanes(on, on.sub(last, shift)));
        weights[tail.len()..].fill(0.0);
        total = on.add(total, on.from_array(weights));
    }
    (most, on.sum_tree(total))
}

/// Softmax of rows, `[rows, vocabulary]`.
pub fn softmax(team: &Team, logits: &[f32], vocabulary: usize, probabilities: &mut [f32]) {
    let rows = logits.len() / vocabulary;
    let to = Pieces::new(probabilities);
    team.split(rows, 1, LEAST / vocabulary, &|rows| {
        let part = rows.start * vocabulary..rows.end * vocabulary;
        // SAFETY: each range of rows is cut once.
        let to = unsafe { to.piece(part.clone()) };
        team.path().run(Softmax { logits: &logits[part], vocabulary, to });
    });
}

struct Softmax<'a> {
    logits: &'a [f32],
    vocabulary: usize,
    to: &'a mut [f32],
}

impl Kernel for Softmax<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, on: L) {
        let rows = self.logits.chunks_exact(self.vocabulary);
        for (logits, to) in rows.zip(self.to.chunks_exact_mut(self.vocabulary)) {
            let (most, total) = maximum_and_total(on, logits);
            let (most, total) = (on.splat(most), on.splat(total));
            for (logits, to) in logits.chunks(LANES).zip(to.chunks_mut(LANES)) {
                let weight = exp_lanes(on, on.sub(on.load_some(logits), most));
                on.store_some(on.div(weight, total), to);
            }
        }
    }
}
