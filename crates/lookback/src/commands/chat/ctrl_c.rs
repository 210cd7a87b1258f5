//! Ctrl-C in a chat stops the answer that is being written; where none is, it ends the program.
//!
//! A termination is left to the system, which ends the program at once: a chat has nothing to keep.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use lookback_files::{Refusal, Result};
use signal_hook::{consts::SIGINT, flag};

/// The exit code of a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// What Ctrl-C does.
#[derive(Debug)]
pub(super) struct CtrlC {
    /// Set once the answer is to stop.
    stop: Arc<AtomicBool>,
    /// Whether the program ends.
    ends: Arc<AtomicBool>,
}

impl CtrlC {
    /// Begins to listen.
    pub(super) fn listen() -> Result<Self> {
        let (stop, ends) = (Arc::default(), Arc::new(AtomicBool::new(true)));
        flag::register_conditional_shutdown(SIGINT, INTERRUPTED, Arc::clone(&ends))
            .and_then(|_| flag::register(SIGINT, Arc::clone(&stop)))
            .map_err(|error| {
                Refusal::ours(format!(
                    "the system does not let this program listen for Ctrl-C ({error})"
                ))
            })?;
        Ok(Self { stop, ends })
    }

    /// An answer begins. What this returns is set once it is to stop.
    pub(super) fn begin_answer(&self) -> &AtomicBool {
        self.stop.store(false, Ordering::SeqCst);
        self.ends.store(false, Ordering::SeqCst);
        &self.stop
    }

    /// The answer has ended; whether it was stopped.
    pub(super) fn end_answer(&self) -> bool {
        self.ends.store(true, Ordering::SeqCst);
        self.stop.load(Ordering::SeqCst)
    }
}
