//! The course of a run: steps, validations, checkpoints, snapshots, until its end or an interrupt.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use lookback_engine::Weights;
use lookback_files::{Refusal, Result};
use serde_json::json;

use crate::{
    changes::{Changes, between_notes},
    directory::Directory,
    trainer::{Source, Taken, Trainer},
};

/// Embedding tables kept over a run, whatever happens.
const SNAPSHOTS: u64 = 20;
/// How a run's length is given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// Optimizer steps.
    Steps(u64),
    /// Tokens to learn from.
    Tokens(u64),
    /// Wall time, which a short calibration turns into a number of steps.
    Minutes(f64),
    /// Ends after so many seconds, wherever it is: for timing, not for models to keep.
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
    /// Seconds of this part of the run.
    pub seconds: f64,
    /// Tokens learned from in a second of learning, validations not counted.
    pub tokens_per_second: f64,
    /// The median of the steps that were taken, in seconds; not a number if none was.
    pub seconds_per_step: f64,
    /// Nats per token, averaged over the last steps.
    pub training_loss: f64,
    /// Nats per token on what was kept back.
    pub validation_loss: f64,
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
    /// Checkpoints that stay, the newest included; at least one.
    pub checkpoints: usize,
    /// Set when the run is to stop at its next step.
    pub stop: &'a AtomicBool,
}

/// Averages and clocks of a run.
struct Tally {
    began: Instant,
    /// Seconds of each step.
    learning: Vec<f32>,
    recent: f64,
    judged: Option<(u64, f64)>,
    changes: Changes,
}

impl Course<'_> {
    /// Takes the steps of the recipe that are not yet taken.
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
            recent: f64::NAN,
            judged: None,
            changes: self.changes_before(steps),
        };
        let mut ending = Ending::Whole;
        if self.trainer.steps() == 0 {
            self.keep_snapshot(0)?;
        }
        if self.trainer.steps() == steps {
            tally.judged = self.judged_before();
        }
        while self.trainer.steps() < steps {
            if self.stop.load(Ordering::Relaxed) {
                return self.interrupted();
            }
            if seconds.is_some_and(|seconds| tally.began.elapsed().as_secs_f64() >= seconds) {
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
            tally.recent = match tally.recent.is_nan() {
                true => taken.loss,
                false => tally.recent + 0.05 * (taken.loss - tally.recent),
            };
            tell(Event::Step { taken, weights: self.trainer.weights() })?;
            self.note(&taken, &mut tally, tell)?;
        }
        let step = self.trainer.steps();
        let validation_loss = match tally.judged {
            Some((at, loss)) if at == step => loss,
            _ => self.judge(&mut tally, tell)?,
        };
        self.keep(step, tell)?;
        if let Some(directory) = self.directory {
            let written = directory.write_model(self.trainer);
            self.written(written)?;
        }
        let tokens = (tally.learning.len() * self.trainer.recipe().tokens_per_step()) as f64;
        let learning: f64 = tally.learning.iter().fold(0.0, |sum, &step| sum + f64::from(step));
        Ok(Finished {
            ending,
            steps: step,
            seconds: tally.began.elapsed().as_secs_f64(),
            tokens_per_second: tokens / learning,
            seconds_per_step: median(&mut tally.learning),
            training_loss: tally.recent,
            validation_loss,
        })
    }

    /// What is due after a step: metrics, a validation, a checkpoint, a snapshot.
    fn note(
        &mut self,
        taken: &Taken,
        tally: &mut Tally,
        tell: &mut dyn FnMut(Event<'_>) -> Result<()>,
    ) -> Result<()> {
        let recipe = self.trainer.recipe();
        let steps = recipe.steps;
        let every = |given: u64, parts: u64| if given > 0 { given } else { (steps / parts).max(1) };
        let (judge, keep) = (every(recipe.validate_every, 20), every(recipe.checkpoint_every, 10));
        let mut is_snapshot = taken.step.is_multiple_of((steps / SNAPSHOTS).max(1));
        if is_snapshot {
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
            is_snapshot |= tally.changes.is_sudden(taken.step, steps, taken.loss);
            self.add(json!({
                "step": taken.step,
                "training_loss": taken.loss,
                "gradient_norm": taken.gradient_norm,
                "rate": taken.rate,
            }))?;
        }
        if taken.step.is_multiple_of(judge) && taken.step < steps {
            self.judge(tally, tell)?;
        }
        if is_snapshot {
            self.keep_snapshot(taken.step)?;
        }
        if taken.step.is_multiple_of(keep) && taken.step < steps {
            self.keep(taken.step, tell)?;
        }
        Ok(())
    }

    fn judge(
        &mut self,
        tally: &mut Tally,
        tell: &mut dyn FnMut(Event<'_>) -> Result<()>,
    ) -> Result<f64> {
        let step = self.trainer.steps();
        let began = Instant::now();
        let loss = self.trainer.judge(&self.source.data, self.source.data.validation()).mean();
        let seconds = began.elapsed().as_secs_f64();
        tracing::debug!(step, validation_loss = loss, seconds, "judged by what was kept back");
        if !loss.is_finite() {
            return Err(self.went_wrong("validation loss", step));
        }
        tally.judged = Some((step, loss));
        let tokens = step * self.trainer.recipe().tokens_per_step() as u64;
        self.add(json!({ "step": step, "tokens": tokens, "validation_loss": loss }))?;
        tell(Event::Judged { step, loss, weights: self.trainer.weights() })?;
        Ok(loss)
    }

    /// Writes a checkpoint, unless it would take the place of one that can be gone on with and be
    /// none itself: a step may leave numbers that only the next one finds to be none.
    fn keep(&mut self, step: u64, tell: &mut dyn FnMut(Event<'_>) -> Result<()>) -> Result<()> {
        let Some(directory) = self.directory else { return Ok(()) };
        if !self.trainer.is_sound(self.source) {
            return Err(self.went_wrong("loss or gradient", step + 1));
        }
        let began = Instant::now();
        self.written(directory.keep_checkpoint(self.trainer, self.checkpoints))?;
        tracing::debug!(
            file = %directory.checkpoint().display(),
            step,
            seconds = began.elapsed().as_secs_f64(),
            "checkpoint written"
        );
        tell(Event::Kept { step })
    }

    /// What the metrics say of the last step, where a run was stopped after it was judged.
    fn judged_before(&self) -> Option<(u64, f64)> {
        let step = self.trainer.steps();
        let metrics = self.directory?.read_metrics();
        let of_this = metrics.iter().filter(|line| line["step"] == step);
        of_this
            .filter_map(|line| line["validation_loss"].as_f64())
            .next_back()
            .map(|loss| (step, loss))
    }

    /// What the metrics say of the losses so far, where a run goes on.
    fn changes_before(&self, steps: u64) -> Changes {
        let mut changes = Changes::default();
        let Some(directory) = self.directory.filter(|_| self.trainer.steps() > 0) else {
            return changes;
        };
        for line in directory.read_metrics() {
            if let (Some(step), Some(loss)) =
                (line["step"].as_u64(), line["training_loss"].as_f64())
            {
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

    fn add(&self, line: serde_json::Value) -> Result<()> {
        match self.directory {
            Some(directory) => self.written(directory.add_metrics(&line)),
            None => Ok(()),
        }
    }

    /// What was to be written, or why it was not and what is kept all the same.
    fn written(&self, done: Result<()>) -> Result<()> {
        done.map_err(|refusal| match self.directory {
            Some(directory) if !directory.checkpoints().is_empty() => refusal.then(format!(
                "the last checkpoint is kept in {}; go on with --resume when this is mended",
                directory.path().display()
            )),
            _ => refusal,
        })
    }

    fn interrupted(&mut self) -> Result<Finished> {
        let step = self.trainer.steps();
        let Some(directory) = self.directory else {
            return Err(Refusal::interrupt(format!("stopped after {step} steps")));
        };
        self.keep(step, &mut |_| Ok(()))?;
        let written = directory.write_model(self.trainer);
        self.written(written)?;
        Err(Refusal::interrupt(format!(
            "stopped after {step} steps, which are kept in {}; go on with --resume",
            directory.path().display()
        )))
    }

    fn went_wrong(&self, what: &str, step: u64) -> Refusal {
        // In the form that --set reads: 2.5e-5, not a row of noughts.
        let rate = format!("--set rate={:?}", self.trainer.recipe().rate / 4.0);
        let what = format!("the {what} of step {step} is no number any more");
        Refusal::ours(match self.directory {
            Some(directory) if directory.checkpoint().exists() => format!(
                "{what}; the last checkpoint is kept in {}; go on from it with a lower rate, \
                 --resume {rate}",
                directory.path().display()
            ),
            _ => format!("{what}; nothing was kept yet; try a lower rate, {rate}"),
        })
    }
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
