//! The progress of many passes, on a terminal.

use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget};
use lookback_files::{Refusal, Result};
use lookback_model::TensorWritten;

use crate::{interrupt, print::Print};

/// How many of them are done. Ctrl-C ends them between two.
pub(in crate::commands) struct ProgressOfPasses {
    bar: ProgressBar,
    interrupted: &'static AtomicBool,
}

impl ProgressOfPasses {
    pub fn new(print: &Print) -> Result<Self> {
        let bar = ProgressBar::new(0);
        if print.is_quiet() || print.is_verbose() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        Ok(Self { bar, interrupted: interrupt::stop_flag()? })
    }

    pub fn show(&self, done: usize, all: usize) -> Result<()> {
        self.bar.set_length(all as u64);
        self.bar.set_position(done as u64);
        // What is done is no result without the rest, and nothing is written before the last one.
        if self.interrupted.load(Ordering::Relaxed) && done < all {
            let what = format!("stopped after {done} of {all} passes; nothing was written");
            return Err(Refusal::interrupt(what));
        }
        Ok(())
    }
}

impl Drop for ProgressOfPasses {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// How much of a model is written. Ctrl-C ends it between two tensors.
pub(in crate::commands) struct ProgressOfTensors(ProgressOfPasses);

impl ProgressOfTensors {
    pub fn new(print: &Print) -> Result<Self> {
        ProgressOfPasses::new(print).map(Self)
    }

    pub fn show(&self, tensor: &TensorWritten<'_>) -> Result<()> {
        let ProgressOfPasses { bar, interrupted } = &self.0;
        bar.set_length(tensor.all as u64);
        bar.set_position(tensor.done as u64);
        if interrupted.load(Ordering::Relaxed) && tensor.done < tensor.all {
            return Err(Refusal::interrupt("stopped before the last tensor; nothing was written"));
        }
        Ok(())
    }
}
