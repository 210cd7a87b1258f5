//! The mean of the training losses of late, which is what a run prints: single losses jump about.
//!
//! Each loss weighs 0.95 times the next. Such a sum begins at 0, so it is divided by the sum of its own
//! weights, as Adam divides its moments (Kingma and Ba 2015, section 3): the mean of one loss is that loss.

/// What a loss weighs beside the next.
const DECAY: f64 = 0.95;

/// A mean over losses, the latest first.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct MeanLoss {
    /// The sum of the weighted losses.
    pub(crate) sum: f64,
    /// The sum of their weights.
    pub(crate) weight: f64,
}

impl MeanLoss {
    /// Takes up one more loss.
    pub(crate) fn add(&mut self, loss: f64) {
        self.sum = DECAY * self.sum + (1.0 - DECAY) * loss;
        self.weight = DECAY * self.weight + (1.0 - DECAY);
    }

    /// The mean; not a number of no loss.
    pub(crate) fn mean(&self) -> f64 {
        self.sum / self.weight
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_of_equal_losses_is_theirs_from_the_first_on() {
        let mut mean = MeanLoss::default();
        assert!(mean.mean().is_nan());
        for _ in 0..100 {
            mean.add(2.5);
            assert!((mean.mean() - 2.5).abs() < 1e-12);
        }
    }

    #[test]
    fn the_first_losses_weigh_no_more_than_others() {
        let mut mean = MeanLoss::default();
        [8.0, 2.0].into_iter().for_each(|loss| mean.add(loss));
        // (0.95 · 8 + 2) / 1.95
        assert!((mean.mean() - 9.6 / 1.95).abs() < 1e-12);
        (0..400).for_each(|_| mean.add(2.0));
        assert!((mean.mean() - 2.0).abs() < 1e-7);
    }
}
