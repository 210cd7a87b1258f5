//! How long the parts of a run take, by a short trial before it.
//!
//! A time limit becomes a number of steps here, once, so that the clock never enters the mathematics:
//! that number is kept, and whoever takes as many steps gets the same bits.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use crate::trainer::{Source, Trainer};

/// Validations of a run, the last one included, unless a recipe says otherwise.
const VALIDATIONS: f64 = 21.0;

/// Tokens by which a validation is tried.
const TRIED: usize = 16 * 1024;

/// Seconds of a run's parts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// The trial itself, which is part of the time that was asked for.
    pub trial: f64,
    /// A step.
    pub step: f64,
    /// A validation.
    pub validation: f64,
}

impl Pace {
    /// Tries steps and a validation for about a thirtieth of a run of so many seconds, on a trainer
    /// that is then thrown away: nothing of it enters the run. Ends at once, with a step that never
    /// ends, when told to stop.
    pub fn try_out(mut trainer: Trainer, source: &Source, seconds: f64, stop: &AtomicBool) -> Self {
        let began = Instant::now();
        trainer.settle_steps(1000);
        // The first step touches all memory for the first time, and is not like the others.
        trainer.step(source);
        let long = f64::clamp(seconds / 30.0, 0.5, 6.0);
        let first = Instant::now();
        let mut steps = 0;
        while steps < 5 || first.elapsed().as_secs_f64() < long {
            if stop.load(Ordering::Relaxed) {
                return Self { trial: 0.0, step: f64::INFINITY, validation: 0.0 };
            }
            trainer.step(source);
            steps += 1;
        }
        // The mean, not the median: a run has its slow steps too, and their time is the sum.
        let step = first.elapsed().as_secs_f64() / f64::from(steps);
        let range = source.data.validation();
        let part = range.start..range.end.min(range.start + TRIED);
        let share = range.len() as f64 / part.len() as f64;
        let judging = Instant::now();
        trainer.judge(&source.data, part);
        let validation = share * judging.elapsed().as_secs_f64();
        Self { trial: began.elapsed().as_secs_f64(), step, validation }
    }

    /// The steps of a run that takes so many seconds, with its validations and the trial.
    pub fn steps(&self, seconds: f64) -> u64 {
        // The last checkpoint looks one step ahead.
        let rest = seconds - self.trial - VALIDATIONS * self.validation - self.step;
        (f64::max(0.0, rest) / self.step) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_run_does_beside_its_steps_is_part_of_its_time() {
        let pace = Pace { trial: 6.0, step: 0.01, validation: 1.0 };
        assert_eq!(pace.steps(180.0), 15_299);
        assert_eq!(pace.steps(10.0), 0);
        assert_eq!(Pace { step: f64::INFINITY, ..pace }.steps(180.0), 0);
    }
}
