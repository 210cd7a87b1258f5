//! How long the parts of a run take, by a short trial before it.
//!
//! A time limit becomes a number of steps here, once, so that the clock never enters the mathematics:
//! that number is kept, and a run of as many steps has the same bits.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use crate::{
    recipe::Recipe,
    trainer::{Source, Trainer},
};

/// Validations of a run, the last one included, by default; fewer where time is short.
const VALIDATIONS: f64 = 21.0;

/// Tokens by which a validation is tried.
const TRIED: usize = 16 * 1024;

/// Seconds of a run's parts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calibration {
    /// The trial itself, which is part of the time that was asked for.
    pub trial: f64,
    /// A step.
    pub step: f64,
    /// A validation.
    pub validation: f64,
}

impl Calibration {
    /// Of a trial that was stopped.
    const STOPPED: Self = Self { trial: 0.0, step: f64::INFINITY, validation: 0.0 };

    /// Tries steps and a validation for about a thirtieth of a run of so many seconds, on a trainer
    /// that is then thrown away: nothing of it enters the run. Ends at once, with a step that never
    /// ends when it is interrupted.
    pub fn measure(mut trainer: Trainer, source: &Source, seconds: f64, stop: &AtomicBool) -> Self {
        let began = Instant::now();
        trainer.set_steps(1000);
        // The first step touches all memory for the first time, and is not like the others.
        trainer.step(source);
        let long = f64::clamp(seconds / 30.0, 0.5, 6.0);
        let first = Instant::now();
        let mut steps = 0;
        while steps < 5 || first.elapsed().as_secs_f64() < long {
            if stop.load(Ordering::Relaxed) {
                return Self::STOPPED;
            }
            trainer.step(source);
            steps += 1;
        }
        // The mean, not the median: a run has its slow steps too, and their time is the sum.
        let step = first.elapsed().as_secs_f64() / f64::from(steps);
        let range = source.data.validation();
        let part = range.start..range.end.min(range.start + TRIED);
        let share = range.len() as f64 / part.len() as f64;
        let validation_start = Instant::now();
        if trainer.validation_loss(&source.data, part, stop).is_none() {
            return Self::STOPPED;
        }
        let validation = share * validation_start.elapsed().as_secs_f64();
        let trial = began.elapsed().as_secs_f64();
        tracing::debug!(trial, step, validation, "seconds of each part, as tried");
        Self { trial, step, validation }
    }

    /// Settles the steps of a run that takes so many seconds, with its validations and the trial.
    ///
    /// Unless the recipe says how often it validates, a run of any length spends at most a tenth of
    /// its time on it; the last validation is always there.
    pub fn set_recipe_steps(&self, seconds: f64, recipe: &mut Recipe) {
        // The last checkpoint looks one step ahead.
        let rest = seconds - self.trial - self.step;
        let within = |rest: f64, step: f64| ((f64::max(0.0, rest) / step) as u64).max(1);
        if recipe.validate_every > 0 {
            let step = self.step + self.validation / recipe.validate_every as f64;
            recipe.steps = within(rest - self.validation, step);
            return;
        }
        let validations = (seconds / 10.0 / self.validation).floor().clamp(1.0, VALIDATIONS);
        recipe.steps = within(rest - validations * self.validation, self.step);
        if validations < VALIDATIONS {
            recipe.validate_every = recipe.steps.div_ceil(validations as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset;

    #[test]
    fn what_a_run_does_beside_its_steps_is_part_of_its_time() {
        let settled = |calibration: Calibration, seconds, every| {
            let mut recipe = preset("tiny").unwrap();
            recipe.validate_every = every;
            calibration.set_recipe_steps(seconds, &mut recipe);
            (recipe.steps, recipe.validate_every)
        };
        let calibration = Calibration { trial: 6.0, step: 0.01, validation: 0.5 };
        assert_eq!(settled(calibration, 180.0, 0), (16_349, 0));
        assert_eq!(settled(calibration, 180.0, 1000), (16_522, 1000));
        assert_eq!(settled(calibration, 1.0, 0), (1, 1));
        let slow = Calibration { trial: 2.0, step: 0.25, validation: 2.5 };
        // Two validations in a minute: half way and at the end.
        assert_eq!(settled(slow, 60.0, 0), (211, 106));
        assert_eq!(settled(Calibration { step: f64::INFINITY, ..calibration }, 180.0, 0), (1, 0));
    }
}
