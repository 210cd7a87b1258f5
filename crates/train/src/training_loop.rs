//! The training loop: steps, validations, checkpoints, snapshots, until its end or an interrupt.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use lookback_engine::Weights;
use lookback_files::{Refusal, Result, Setting, counted};
use serde_json::json;

use crate::{
    best_weights::BestValidation,
    directory::Directory,
    loss_changes::{LossChanges, steps_between_losses},
    trainer::{Source, StepReport, Trainer},
};

/// From this many snapshots of a run on, there are also some where the loss has changed suddenly.
const DENSE: u64 = 20;

/// How a run's length is given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RunLength {
    /// Optimizer steps.
    Steps(u64),
    /// Tokens to learn from.
    Tokens(u64),
    /// Wall time, which a short calibration turns into a number of steps.
    Minutes(f64),
    /// Ends after so many seconds, wherever it is.
    Seconds(f64),
}

/// An event of the training loop.
#[derive(Debug)]
pub enum TrainingEvent<'a> {
    /// A step was taken.
    Step {
        /// What it did.
        report: StepReport,
        /// The weights as they stand.
        weights: &'a Weights,
    },
    /// The validation loss was computed.
    Validated {
        /// Steps done.
        step: u64,
        /// Nats per token.
        loss: f64,
        /// The weights as they stand, for a sample.
        weights: &'a Weights,
    },
    /// A checkpoint was written.
    CheckpointWritten {
        /// Steps done.
        step: u64,
    },
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// All steps were taken.
    Completed,
    /// Its seconds were over.
    OutOfTime,
}

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finished {
    /// How it ended.
    pub end: RunEnd,
    /// Steps done, those before a resume included.
    pub steps: u64,
    /// Steps of this part of the run.
    pub steps_taken: u64,
    /// Seconds of this part of the run.
    pub seconds: f64,
    /// Tokens learned from in a second of the steps alone; not a number if none was taken.
    pub tokens_per_second: f64,
    /// The median of the steps that were taken, in seconds; not a number if none was.
    pub seconds_per_step: f64,
    /// Nats per token of the last steps: each loss weighs 0.95 times the next; not a number before the
    /// first step.
    pub training_loss: f64,
    /// Nats per token on what was kept back, by the weights of the last step.
    pub validation_loss: f64,
    /// Which weights are kept, where they are those of the best validation.
    pub best: Option<BestValidation>,
}

/// A run over a source of data, kept in a directory.
#[derive(Debug)]
pub struct TrainingLoop<'a> {
    /// The model that learns.
    pub trainer: &'a mut Trainer,
    /// What it learns from.
    pub source: &'a Source,
    /// The run's directory; a timing has none.
    pub directory: Option<&'a Directory>,
    /// Set when the run is to stop after the step that it takes. A validation is cut short then, and is
    /// made when the run goes on.
    pub stop: &'a AtomicBool,
}

/// Running statistics of a run.
pub(crate) struct RunStatistics {
    began: Instant,
    /// Seconds of each step.
    step_seconds: Vec<f32>,
    /// The last validation: its step and its loss.
    pub(crate) last_validation: Option<(u64, f64)>,
    changes: LossChanges,
}

impl TrainingLoop<'_> {
    /// Takes the steps of the recipe that are not yet taken; one at least, and then no more than end, with
    /// the last validation, within so many seconds.
    ///
    /// # Errors
    /// When a file cannot be written; when the loss is not finite, with the last checkpoint kept; when
    /// stopped, after a checkpoint was written.
    pub fn run(
        &mut self,
        seconds: Option<f64>,
        notify: &mut dyn FnMut(TrainingEvent<'_>) -> Result<()>,
    ) -> Result<Finished> {
        let steps = self.trainer.recipe().steps;
        let mut statistics = RunStatistics {
            began: Instant::now(),
            step_seconds: Vec::new(),
            last_validation: None,
            changes: self.recorded_changes(),
        };
        let seconds = seconds.map(|seconds| seconds - self.validation_seconds());
        let mut end = RunEnd::Completed;
        if self.trainer.steps() == 0 {
            self.keep_snapshot(0)?;
        }
        if self.trainer.steps() == steps {
            statistics.last_validation = self.recorded_validation();
        } else if self.validation_is_missing() && self.validate(&mut statistics, notify)?.is_none()
        {
            return self.interrupted();
        }
        while self.trainer.steps() < steps {
            if self.stop.load(Ordering::Relaxed) {
                return self.interrupted();
            }
            let is_late = |seconds| statistics.began.elapsed().as_secs_f64() >= seconds;
            if !statistics.step_seconds.is_empty() && seconds.is_some_and(is_late) {
                end = RunEnd::OutOfTime;
                break;
            }
            let report = self.trainer.step(self.source);
            statistics.step_seconds.push(report.seconds as f32);
            if !report.loss.is_finite() {
                return Err(self.not_finite("loss", report.step + 1));
            }
            if !report.gradient_norm.is_finite() {
                return Err(self.not_finite("gradient", report.step + 1));
            }
            notify(TrainingEvent::Step { report, weights: self.trainer.weights() })?;
            self.after_step(&report, &mut statistics, notify)?;
        }
        let step = self.trainer.steps();
        if end == RunEnd::OutOfTime {
            // Before a validation that a run which goes on past this step never makes.
            self.save_checkpoint(step, notify)?;
        }
        let validation_loss = match statistics.last_validation {
            Some((at, loss)) if at == step => loss,
            _ => match self.validate(&mut statistics, notify)? {
                Some(loss) => loss,
                None => return self.interrupted(),
            },
        };
        if end == RunEnd::Completed {
            self.save_checkpoint(step, notify)?;
        }
        if let Some(directory) = self.directory {
            let written = directory.write_model(self.trainer);
            self.written(written)?;
        }
        let tokens =
            (statistics.step_seconds.len() * self.trainer.recipe().tokens_per_step()) as f64;
        let step_seconds: f64 =
            statistics.step_seconds.iter().fold(0.0, |sum, &step| sum + f64::from(step));
        Ok(Finished {
            end,
            steps: step,
            steps_taken: statistics.step_seconds.len() as u64,
            seconds: statistics.began.elapsed().as_secs_f64(),
            tokens_per_second: tokens / step_seconds,
            seconds_per_step: median(&mut statistics.step_seconds),
            training_loss: self.trainer.mean_loss(),
            validation_loss,
            best: self.trainer.best_validation(),
        })
    }

    /// What is due after a step: metrics, a snapshot, a validation, a checkpoint. Where the validation is
    /// cut short, the checkpoint is left to [`interrupted`](Self::interrupted).
    fn after_step(
        &mut self,
        report: &StepReport,
        statistics: &mut RunStatistics,
        notify: &mut dyn FnMut(TrainingEvent<'_>) -> Result<()>,
    ) -> Result<()> {
        // Of the part of the run that this step is of: a replay validates where the run did.
        let recipe = self.trainer.recipe_at(report.step - 1);
        let (steps, snapshots) = (recipe.steps, recipe.snapshots);
        let is_last = report.step == self.trainer.recipe().steps;
        let keep = every(recipe.checkpoint_every, steps, 10);
        let mut is_snapshot =
            snapshots > 0 && report.step.is_multiple_of((steps / snapshots).max(1));
        if report.step.is_multiple_of((steps / 20).max(1)) {
            let seconds = statistics.began.elapsed().as_secs_f64();
            tracing::debug!(
                step = report.step,
                loss = report.loss,
                rate = report.rate,
                seconds,
                "learned"
            );
        }
        if report.step.is_multiple_of(steps_between_losses(steps)) {
            let is_sudden = statistics.changes.is_sudden(report.step, steps, report.loss);
            is_snapshot |= snapshots >= DENSE && is_sudden;
            self.add_metrics(json!({
                "step": report.step,
                "training_loss": report.loss,
                "gradient_norm": report.gradient_norm,
                "rate": report.rate,
            }))?;
        }
        if is_snapshot {
            self.keep_snapshot(report.step)?;
        }
        if self.validation_is_due() && !is_last && self.validate(statistics, notify)?.is_none() {
            return Ok(());
        }
        if report.step.is_multiple_of(keep) && !is_last {
            self.save_checkpoint(report.step, notify)?;
            // Of a run that has been continued: its model is never older than its checkpoint.
            if let Some(directory) = self.directory.filter(|directory| directory.has_model()) {
                self.written(directory.write_model(self.trainer))?;
            }
        }
        Ok(())
    }

    /// Writes a checkpoint, unless it would replace one that can be resumed from while it cannot
    /// itself: a step may leave weights whose loss is NaN only in the next one.
    fn save_checkpoint(
        &mut self,
        step: u64,
        notify: &mut dyn FnMut(TrainingEvent<'_>) -> Result<()>,
    ) -> Result<()> {
        let Some(directory) = self.directory else { return Ok(()) };
        self.source.data.check_unchanged()?;
        if !self.trainer.can_go_on(self.source) {
            return Err(self.not_finite("loss or gradient", step + 1));
        }
        let began = Instant::now();
        self.written(directory.write_checkpoint(self.trainer))?;
        tracing::debug!(
            file = %directory.checkpoint().display(),
            step,
            seconds = began.elapsed().as_secs_f64(),
            "checkpoint written"
        );
        notify(TrainingEvent::CheckpointWritten { step })
    }

    /// The losses so far from the metrics, where a run is resumed.
    fn recorded_changes(&self) -> LossChanges {
        let mut changes = LossChanges::default();
        let Some(directory) = self.directory.filter(|_| self.trainer.steps() > 0) else {
            return changes;
        };
        for line in directory.read_metrics() {
            if let (Some(step), Some(loss)) =
                (line["step"].as_u64(), line["training_loss"].as_f64())
            {
                let steps = self.trainer.recipe_at(step.saturating_sub(1)).steps;
                changes.is_sudden(step, steps, loss);
            }
        }
        changes
    }

    fn keep_snapshot(&self, step: u64) -> Result<()> {
        let Some(directory) = self.directory else { return Ok(()) };
        let weights = self.trainer.weights();
        self.written(directory.write_snapshot(step, weights))?;
        if self.trainer.recipe().whole_snapshots {
            self.written(directory.write_whole_snapshot(step, weights))?;
        }
        Ok(())
    }

    pub(crate) fn add_metrics(&self, line: serde_json::Value) -> Result<()> {
        match self.directory {
            Some(directory) => self.written(directory.add_metrics(&line)),
            None => Ok(()),
        }
    }

    /// The result of a write, or its error with what is kept all the same.
    fn written(&self, done: Result<()>) -> Result<()> {
        done.map_err(|refusal| match self.directory {
            Some(directory) if !directory.checkpoints().is_empty() => refusal.then(format!(
                "the last checkpoint is kept in {}; go on with {} when this is mended",
                directory.path().display(),
                Setting("resume")
            )),
            _ => refusal,
        })
    }

    fn interrupted(&mut self) -> Result<Finished> {
        let step = self.trainer.steps();
        let Some(directory) = self.directory else {
            return Err(Refusal::interrupt(format!("stopped after {}", counted(step, "step"))));
        };
        self.save_checkpoint(step, &mut |_| Ok(()))?;
        let written = directory.write_model(self.trainer);
        self.written(written)?;
        Err(Refusal::interrupt(format!(
            "stopped after {}, which {} kept in {}; go on with {}",
            counted(step, "step"),
            if step == 1 { "is" } else { "are" },
            directory.path().display(),
            Setting("resume")
        )))
    }

    pub(crate) fn not_finite(&self, what: &str, step: u64) -> Refusal {
        // In the form that a setting is read in: 2.5e-5, not a row of noughts.
        let rate = format!("{} rate={:?}", Setting("set"), self.trainer.recipe().rate / 4.0);
        let what = format!("the {what} of step {step} became NaN or infinite");
        Refusal::ours(match self.directory {
            Some(directory) if directory.checkpoint().exists() => format!(
                "{what}; the last checkpoint is kept in {}; go on from it with a lower rate, \
                 {} {rate}",
                directory.path().display(),
                Setting("resume")
            ),
            _ => format!("{what}; nothing was kept yet; try a lower rate, {rate}"),
        })
    }
}

/// Steps between two of what is done every so many steps, or so many times in all where that is 0.
pub(crate) fn every(given: u64, steps: u64, times: u64) -> u64 {
    if given > 0 { given } else { (steps / times).max(1) }
}

/// The one in the middle; not a number if there is none.
fn median(times: &mut [f32]) -> f64 {
    times.sort_by(f32::total_cmp);
    times.get(times.len() / 2).map_or(f64::NAN, |&time| f64::from(time))
}

impl RunLength {
    /// Steps of a run; where time is the limit, the seconds that a [`crate::Calibration`] turns into steps.
    pub fn steps(self, tokens_per_step: usize) -> std::result::Result<u64, f64> {
        let steps = match self {
            Self::Steps(steps) => steps,
            Self::Tokens(tokens) => tokens.div_ceil(tokens_per_step as u64),
            Self::Minutes(minutes) => return Err(60.0 * minutes),
            // Never the end: the clock is.
            Self::Seconds(_) => u64::MAX / 2,
        };
        Ok(steps.max(1))
    }
}
