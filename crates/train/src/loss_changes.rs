//! Where the loss of a run changes suddenly, so that snapshots are dense there.

/// Lines of losses in `metrics.jsonl` over a run.
const NOTED: u64 = 1000;
/// After so many of them it is asked whether the loss has changed suddenly.
const BLOCK: u64 = 5;
/// Over so many of them the loss is averaged: single steps differ by a tenth.
const AVERAGED: usize = 10;
/// The change, as a share of the loss, that is worth a snapshot: abilities appear suddenly, and the loss
/// of the tokens that they are for falls with them.
const SUDDEN: f64 = 0.08;

/// Where the loss has changed suddenly. It follows from the recorded losses alone, which
/// `metrics.jsonl` keeps, so that a run that was stopped has the snapshots of one that was not.
#[derive(Default)]
pub(crate) struct LossChanges {
    noted: Vec<f64>,
    /// The mean loss when it changed last.
    before: Option<f64>,
}

impl LossChanges {
    /// Takes up the loss of a noted step; whether it has changed suddenly since it last did.
    pub(crate) fn is_sudden(&mut self, step: u64, steps: u64, loss: f64) -> bool {
        self.noted.push(loss);
        if !step.is_multiple_of(BLOCK * steps_between_losses(steps)) {
            return false;
        }
        let recent = &self.noted[self.noted.len().saturating_sub(AVERAGED)..];
        let mean = recent.iter().fold(0.0, |sum, loss| sum + loss) / recent.len() as f64;
        let before = *self.before.get_or_insert(mean);
        let is_sudden = (mean - before).abs() >= SUDDEN * before;
        if is_sudden {
            self.before = Some(mean);
        }
        is_sudden
    }
}

/// Steps between two lines of losses.
pub(crate) fn steps_between_losses(steps: u64) -> u64 {
    (steps / NOTED).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The steps of a run of 2,000 after which the loss has changed suddenly, by the loss of each.
    fn sudden(loss: impl Fn(u64) -> f64) -> Vec<u64> {
        let mut changes = LossChanges::default();
        let is_sudden = |step: &u64| changes.is_sudden(*step, 2000, loss(*step));
        (2..=2000).step_by(2).filter(is_sudden).collect()
    }

    #[test]
    fn the_loss_changes_suddenly_where_it_falls_and_nowhere_else() {
        assert!(sudden(|_| 2.0).is_empty());
        let noisy = |step: u64| if step.is_multiple_of(4) { 2.1 } else { 1.9 };
        assert!(sudden(noisy).is_empty());
        // From 2 to 1 between steps 1,010 and 1,060: a change of 8 % at most every 10 steps.
        let fall = |step: u64| 2.0 - (step.clamp(1010, 1060) - 1010) as f64 / 50.0;
        let kept = sudden(fall);
        assert!((4..=8).contains(&kept.len()), "{kept:?}");
        assert!(kept.iter().all(|step| (1010..=1080).contains(step)), "{kept:?}");
    }
}
