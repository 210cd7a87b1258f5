//! The line that a person watches while a model learns; on stderr, and only on a terminal.

use std::{cell::Cell, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use lookback_train::{Event, Recipe};

use crate::print::Print;

/// Step, loss, validation loss, tokens a second, time left.
pub(crate) struct Progress {
    bar: ProgressBar,
    tokens_per_step: u64,
    loss: Cell<f64>,
    validation: Cell<f64>,
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
        if print.is_quiet() || print.is_verbose() {
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
            tokens_per_step: recipe.tokens_per_step() as u64,
            loss: Cell::new(f64::NAN),
            validation: Cell::new(f64::NAN),
        }
    }

    /// Whether anybody sees it.
    pub(crate) fn is_seen(&self) -> bool {
        !self.bar.is_hidden()
    }

    /// Takes up what a run tells.
    pub(crate) fn tell(&self, event: &Event<'_>) {
        match event {
            Event::Step { taken, .. } => {
                let before = self.loss.get();
                let now =
                    if before.is_nan() { taken.loss } else { 0.95 * before + 0.05 * taken.loss };
                self.loss.set(now);
                self.bar.set_position(taken.step);
                if taken.step.is_multiple_of(16) {
                    self.show();
                }
            }
            Event::Judged { loss, .. } => {
                self.validation.set(*loss);
                self.show();
            }
            Event::Kept { .. } => {}
        }
    }

    /// A line above it.
    pub(crate) fn say(&self, text: &str) {
        self.bar.println(text);
    }

    /// Takes it away.
    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }

    fn show(&self) {
        let validation = self.validation.get();
        let validation = match validation.is_nan() {
            true => String::new(),
            false => format!("  validation {validation:.3}"),
        };
        let speed = self.bar.per_sec() * self.tokens_per_step as f64;
        let loss = self.loss.get();
        self.bar.set_message(format!("loss {loss:.3}{validation}  {speed:.0} tokens/s"));
    }
}
