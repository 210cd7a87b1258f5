//! The progress of many passes, on a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget};
use lookback_files::Result;

use crate::print::Print;

/// How many of them are done.
pub(in crate::commands) struct ProgressOfPasses(ProgressBar);

impl ProgressOfPasses {
    pub fn new(print: &Print) -> Self {
        let bar = ProgressBar::new(0);
        if print.is_quiet() || print.is_verbose() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        Self(bar)
    }

    pub fn show(&self, done: usize, all: usize) -> Result<()> {
        self.0.set_length(all as u64);
        self.0.set_position(done as u64);
        Ok(())
    }
}

impl Drop for ProgressOfPasses {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
