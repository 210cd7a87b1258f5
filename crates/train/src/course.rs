//! The course of a run: steps, validations, checkpoints, snapshots, until its end or an interrupt.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use lookback_engine::Weights;
use lookback_files::{Refusal, Result, Setting, counted};
use serde_json::json;

use crate::{
    best::Kept,
    changes::{Changes, between_notes},
    directory::Directory,
    trainer::{Source, Taken, Trainer},
};

/// Snapshots of a run from which on there are some where the loss has changed suddenly, too.
const DENSE: u64 = 20;

/// How a run's length is given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// Optimizer steps.
    Steps(u64),
    /// Tokens to learn from.
    Tokens(u64),
    /// Wall time, which a short calibration turns into a number of steps.
    Minutes(f64),
    /// Ends after so many seconds, wherever it is.
    Seconds(f64),
}

/// What a run tells whoever watches it.
#[derive(Debug)]
pub enum Event<'a> {
    /// A step was taken.
    Step {
        /// What it did.
        taken: Taken,
        /// The weights as they stand.
        weights: &'a Weights,
    },
    /// The model was judged by what was kept back.
    Judged {
        /// Steps done.
        step: u64,
        /// Nats per token.
        loss: f64,
        /// The weights as they stand, for a sample.
        weights: &'a Weights,
    },
    /// A checkpoint was written.
    Kept {
        /// Steps done.
        step: u64,
    },
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All steps were taken.
    Whole,
    /// Its seconds were over.
    Time,
}

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finished {
    /// How it ended.
    pub ending: Ending,
    /// Steps done, those before a resume included.
    pub steps: u64,
    /// Steps of this part of the run.
    pub taken: u64,
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
    pub kept: Option<Kept>,
}

/// A run over a source of data, kept in a directory.
#[derive(Debug)]
pub struct Course<'a> {
    /// The model that learns.
    pub trainer: &'a mut Trainer,
    /// What it learns from.
    pub source: &'a Source,
    /// Where all is kept; a timing keeps nothing.
    pub directory: Option<&'a Directory>,
    /// Set when the run is to stop after the step that it takes. A validation is cut short then, and is
    /// made when the run goes on.
    pub stop: &'a AtomicBool,
}

/// Averages and clocks of a run.
pub(crate) struct Tally {
    began: Instant,
    /// Seconds of each step.
    learning: Vec<f32>,
    /// The last validation: its step and its loss.
    pub(crate) judged: Option<(u64, f64)>,
    changes: Changes,
}

impl Course<'_> {
    /// Takes the steps of the recipe that are not yet taken; one at least, and then no more than end, with
    /// the last validation, within so many seconds.
    ///
    /// # Errors
    /// When a file cannot be written; when the loss is no number, with the last checkpoint kept; when
    /// stopped, after a checkpoint was written.
    pub fn run(
        &mut self,
        seconds: Option<f64>,
        tell: &mut dyn FnMut(Event<'_>) -> Result<()>,
    ) -> Result<Finished> {
        let steps = self.trainer.recipe().steps;
        let mut tally = Tally {
            began: Instant::now(),
            learning: Vec::new(),
            judged: None,
            changes: self.changes_before(),
        };
        let seconds = seconds.map(|seconds| seconds - self.validation_seconds());
        let mut ending = Ending::Whole;
        if self.trainer.steps() == 0 {
            self.keep_snapshot(0)?;
        }
        if self.trainer.steps() == steps {
            tally.judged = self.judged_before();
        } else if self.validation_is_missing() && self.judge(&mut tally, tell)?.is_none() {
            return self.interrupted();
        }
        while self.trainer.steps() < steps {
            if self.stop.load(Ordering::Relaxed) {
                return self.interrupted();
            }
            let is_late = |seconds| tally.began.elapsed().as_secs_f64() >= seconds;
            if !tally.learning.is_empty() && seconds.is_some_and(is_late) {
                ending = Ending::Time;
                break;
            }
            let taken = self.trainer.step(self.source);
            tally.learning.push(taken.seconds as f32);
            if !taken.loss.is_finite() {
                return Err(self.went_wrong("loss", taken.step + 1));
            }
            if !taken.gradient_norm.is_finite() {
                return Err(self.went_wrong("gradient", taken.step + 1));
            }
            tell(Event::Step { taken, weights: self.trainer.weights() })?;
            self.note(&taken, &mut tally, tell)?;
        }
        let step = self.trainer.steps();
        if ending == Ending::Time {
            // Before a validation that a run which goes on past this step never makes.
            self.keep(step, tell)?;
        }
        let validation_loss = match tally.judged {
            Some((at, loss)) if at == step => loss,
            _ => match self.judge(&mut tally, tell)? {
                Some(loss) => loss,
                None => return self.interrupted(),
            },
        };
        if ending == Ending::Whole {
            self.keep(step, tell)?;
        }
        if let Some(directory) = self.directory {
            let written = directory.write_model(self.trainer);
            self.written(written)?;
        }
        let tokens = (tally.learning.len() * self.trainer.recipe().tokens_per_step()) as f64;
        let learning: f64 = tally.learning.iter().fold(0.0, |sum, &step| sum + f64::from(step));
        Ok(Finished {
            ending,
            steps: step,
            taken: tally.learning.len() as u64,
            seconds: tally.began.elapsed().as_secs_f64(),
            tokens_per_second: tokens / learning,
            seconds_per_step: median(&mut tally.learning),
            training_loss: self.trainer.mean_loss(),
            validation_loss,
            kept: self.trainer.kept(),
        })
    }

    /// What is due after a step: metrics, a snapshot, a validation, a checkpoint. Where the validation is
    /// cut short, the checkpoint is left to [`interrupted`](Self::interrupted).
    fn note(
        &mut self,
        taken: &Taken,
        tally: &mut Tally,
        tell: &mut dyn FnMut(Event<'_>) -> Result<()>,
    ) -> Result<()> {
        // Of the part of the run that this step is of: a replay is judged where the run was.
        let recipe = self.trainer.recipe_at(taken.step - 1);
        let (steps, snapshots) = (recipe.steps, recipe.snapshots);
        let is_last = taken.step == self.trainer.recipe().steps;
        let keep = every(recipe.checkpoint_every, steps, 10);
        let mut is_snapshot =
            snapshots > 0 && taken.step.is_multiple_of((steps / snapshots).max(1));
        if taken.step.is_multiple_of((steps / 20).max(1)) {
            let seconds = tally.began.elapsed().as_secs_f64();
            tracing::debug!(
                step = taken.step,
                loss = taken.loss,
                rate = taken.rate,
                seconds,
                "learned"
            );
        }
        if taken.step.is_multiple_of(between_notes(steps)) {
            let is_sudden = tally.changes.is_sudden(taken.step, steps, taken.loss);
            is_snapshot |= snapshots >= DENSE && is_sudden;
            self.add(json!({
                "step": taken.step,
                "training_loss": taken.loss,
                "gradient_norm": taken.gradient_norm,
                "rate": taken.rate,
            }))?;
        }
        if is_snapshot {
            self.keep_snapshot(taken.step)?;
        }
        if self.validation_is_due() && !is_last && self.judge(tally, tell)?.is_none() {
            return Ok(());
        }
        if taken.step.is_multiple_of(keep) && !is_last {
            self.keep(taken.step, tell)?;
            // Of a run that has been continued: its model is never older than its checkpoint.
            if let Some(directory) = self.directory.filter(|directory| directory.has_model()) {
                self.written(directory.write_model(self.trainer))?;
            }
        }
        Ok(())
    }

    /// Writes a checkpoint, unless it would take the place of one that can be gone on with and be
    /// none itself: a step may leave numbers that only the next one finds to be none.
    fn keep(&mut self, step: u64, tell: &mut dyn FnMut(Event<'_>) -> Result<()>) -> Result<()> {
        let Some(directory) = self.directory else { return Ok(()) };
        self.source.data.check_unchanged()?;
        if !self.trainer.is_sound(self.source) {
            return Err(self.went_wrong("loss or gradient", step + 1));
        }
        let began = Instant::now();
        self.written(directory.keep_checkpoint(self.trainer))?;
        tracing::debug!(
            file = %directory.checkpoint().display(),
            step,
            seconds = began.elapsed().as_secs_f64(),
            "checkpoint written"
        );
        tell(Event::Kept { step })
    }

    /// What the metrics say of the losses so far, where a run goes on.
    fn changes_before(&self) -> Changes {
        let mut changes = Changes::default();
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

    pub(crate) fn add(&self, line: serde_json::Value) -> Result<()> {
        match self.directory {
            Some(directory) => self.written(directory.add_metrics(&line)),
            None => Ok(()),
        }
    }

    /// What was to be written, or why it was not and what is kept all the same.
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
        self.keep(step, &mut |_| Ok(()))?;
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

    pub(crate) fn went_wrong(&self, what: &str, step: u64) -> Refusal {
        // In the form that a setting is read in: 2.5e-5, not a row of noughts.
        let rate = format!("{} rate={:?}", Setting("set"), self.trainer.recipe().rate / 4.0);
        let what = format!("the {what} of step {step} is no number any more");
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

impl Limit {
    /// Steps of a run; where time is the limit, the seconds that a [`crate::Pace`] turns into steps.
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
