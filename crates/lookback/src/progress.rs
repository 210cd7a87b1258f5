//! How far a run has come, on stderr: a line that moves on a terminal, and elsewhere a line every ten
//! seconds.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use lookback_train::{Recipe, TrainingEvent};

use crate::print::{Print, one_line};

/// Between two lines, where they do not move.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// Step, loss, validation loss, tokens a second, time left.
pub(crate) struct Progress {
    bar: ProgressBar,
    lines: Option<Lines>,
    tokens_per_step: u64,
    loss: Cell<f64>,
    validation: Cell<f64>,
}

/// Lines that stay.
struct Lines {
    began: Instant,
    /// Steps done before.
    before: u64,
    /// Steps of the run, where it has an end.
    steps: Option<u64>,
    last: Cell<Instant>,
}

impl Progress {
    /// A line for a run that has taken `done` steps.
    pub(crate) fn new(recipe: &Recipe, done: u64, seconds: Option<f64>, print: &Print) -> Self {
        let bar = match seconds {
            Some(_) => ProgressBar::new_spinner(),
            None => ProgressBar::new(recipe.steps),
        };
        let form = match seconds {
            Some(_) => "step {pos}  {msg}  {elapsed}",
            None => "step {pos}/{len}  {msg}  {eta} left  {wide_bar}",
        };
        if let Ok(style) = ProgressStyle::with_template(form) {
            bar.set_style(style.progress_chars("━╸ "));
        }
        // The lines of --verbose would break it; they say the same.
        let is_silent = print.is_quiet() || print.is_verbose();
        let now = Instant::now();
        let steps = seconds.is_none().then_some(recipe.steps);
        let lines = Lines { began: now, before: done, steps, last: Cell::new(now) };
        let lines = (bar.is_hidden() && !is_silent).then_some(lines);
        if is_silent {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        bar.set_position(done);
        bar.reset_eta();
        // It costs a thread, which a machine without memory may not give.
        if !bar.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(250));
        }
        Self {
            bar,
            lines,
            tokens_per_step: recipe.tokens_per_step() as u64,
            loss: Cell::new(f64::NAN),
            validation: Cell::new(f64::NAN),
        }
    }

    /// Whether the line that moves is seen.
    pub(crate) fn is_visible(&self) -> bool {
        !self.bar.is_hidden()
    }

    /// Shows an event of a run.
    pub(crate) fn update(&self, event: &TrainingEvent<'_>, print: &mut Print) {
        match event {
            TrainingEvent::Step { report: taken, .. } => {
                self.loss.set(taken.mean_loss);
                self.bar.set_position(taken.step);
                if taken.step.is_multiple_of(16) {
                    self.show();
                }
                if let Some(lines) = &self.lines
                    && let Some(line) = lines.due(taken.step, &self.message(None), Instant::now())
                {
                    print.warn(&line);
                }
            }
            TrainingEvent::Validated { loss, .. } => {
                self.validation.set(*loss);
                self.show();
            }
            TrainingEvent::CheckpointWritten { .. } => {}
        }
    }

    /// A line above it.
    pub(crate) fn print_line(&self, text: &str) {
        self.bar.println(one_line(text));
    }

    /// Takes it away.
    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }

    fn show(&self) {
        let speed = self.bar.per_sec() * self.tokens_per_step as f64;
        self.bar.set_message(self.message(Some(speed)));
    }

    fn message(&self, tokens_per_second: Option<f64>) -> String {
        let validation = self.validation.get();
        let validation = match validation.is_nan() {
            true => String::new(),
            false => format!("  validation {validation:.3}"),
        };
        let speed = tokens_per_second.map(|speed| format!("  {speed:.0} tokens/s"));
        format!("loss {:.3}{validation}{}", self.loss.get(), speed.unwrap_or_default())
    }
}

impl Lines {
    /// The line of a step, where the last one is long enough ago.
    fn due(&self, step: u64, message: &str, now: Instant) -> Option<String> {
        if now.duration_since(self.last.get()) < LINE_INTERVAL {
            return None;
        }
        self.last.set(now);
        let Some(steps) = self.steps else { return Some(format!("step {step}  {message}")) };
        let per_step = now.duration_since(self.began).as_secs_f64() / (step - self.before) as f64;
        let left = steps.saturating_sub(step) as f64 * per_step;
        Some(format!("step {step}/{steps}  {message}  {left:.0} s left"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_due_every_ten_seconds() {
        let began = Instant::now();
        let lines = Lines { began, before: 100, steps: Some(400), last: Cell::new(began) };
        let after = |seconds| began + Duration::from_secs(seconds);
        assert_eq!(lines.due(101, "loss 2.000", after(9)), None);
        let line = lines.due(200, "loss 2.000", after(10));
        assert_eq!(line.as_deref(), Some("step 200/400  loss 2.000  20 s left"));
        assert_eq!(lines.due(210, "loss 1.900", after(19)), None);
        assert!(lines.due(220, "loss 1.900", after(20)).is_some());
        // The length of a run with a time limit is not known yet.
        let lines = Lines { steps: None, ..lines };
        assert_eq!(lines.due(230, "loss", after(30)).as_deref(), Some("step 230  loss"));
    }
}
