//! The validations of a run: when one is due, what is recorded of it, and how long it takes.
//!
//! One that is interrupted leaves no trace: the checkpoint that is written then has the state before it,
//! and the metrics have no line of it, so a resumed run makes it.

use std::time::Instant;

use lookback_files::Result;
use serde_json::json;

use crate::training_loop::{RunStatistics, TrainingEvent, TrainingLoop, every};

/// Tokens by which it is tried how long a validation takes.
const TRIED: usize = 16 * 1024;

impl TrainingLoop<'_> {
    /// Whether a validation belongs behind the last step, by the part of the run that it is of.
    pub(crate) fn validation_is_due(&self) -> bool {
        let step = self.trainer.steps();
        let recipe = self.trainer.recipe_at(step.saturating_sub(1));
        let interval = every(recipe.validate_every, recipe.steps, 20);
        step > 0 && (step.is_multiple_of(interval) || step == recipe.steps)
    }

    /// Whether the validation behind the last step was cut short when the run was stopped.
    pub(crate) fn validation_is_missing(&self) -> bool {
        self.directory.is_some() && self.validation_is_due() && self.recorded_validation().is_none()
    }

    /// The validation loss; none if `stop` was set meanwhile, and then nothing of it is recorded.
    pub(crate) fn validate(
        &mut self,
        statistics: &mut RunStatistics,
        notify: &mut dyn FnMut(TrainingEvent<'_>) -> Result<()>,
    ) -> Result<Option<f64>> {
        let step = self.trainer.steps();
        let began = Instant::now();
        let (data, range) = (&self.source.data, self.source.data.validation());
        tracing::debug!(step, "judging by what was kept back");
        let Some(loss) = self.trainer.validation_loss(data, range, self.stop) else {
            tracing::debug!(step, "stopped before it was judged");
            return Ok(None);
        };
        let loss = loss.mean();
        let seconds = began.elapsed().as_secs_f64();
        tracing::debug!(step, validation_loss = loss, seconds, "judged by what was kept back");
        if !loss.is_finite() {
            return Err(self.not_finite("validation loss", step));
        }
        statistics.last_validation = Some((step, loss));
        self.trainer.record_validation(loss);
        let tokens = step * self.trainer.recipe().tokens_per_step() as u64;
        self.add_metrics(json!({ "step": step, "tokens": tokens, "validation_loss": loss }))?;
        notify(TrainingEvent::Validated { step, loss, weights: self.trainer.weights() })?;
        Ok(Some(loss))
    }

    /// Seconds of a validation, by a short trial, which ends early when interrupted.
    pub(crate) fn validation_seconds(&mut self) -> f64 {
        let range = self.source.data.validation();
        let part = range.start..range.end.min(range.start + TRIED);
        let share = range.len() as f64 / part.len().max(1) as f64;
        let began = Instant::now();
        self.trainer.validation_loss(&self.source.data, part, self.stop);
        share * began.elapsed().as_secs_f64()
    }

    /// The metrics of the last step, where a run was stopped after its validation.
    pub(crate) fn recorded_validation(&self) -> Option<(u64, f64)> {
        let step = self.trainer.steps();
        let metrics = self.directory?.read_metrics();
        let of_this = metrics.iter().filter(|line| line["step"] == step);
        of_this
            .filter_map(|line| line["validation_loss"].as_f64())
            .next_back()
            .map(|loss| (step, loss))
    }
}
