//! Ctrl-C: asked once, it lets a run stop at its next step and keep what it has.

use std::sync::{
    OnceLock,
    atomic::{AtomicBool, Ordering},
};

use lookback_files::{Refusal, Result};

static STOP: AtomicBool = AtomicBool::new(false);

/// Set once Ctrl-C (or a termination) was asked for. The first call begins to listen.
pub(crate) fn flag() -> Result<&'static AtomicBool> {
    static LISTENS: OnceLock<bool> = OnceLock::new();
    let listens =
        LISTENS.get_or_init(|| ctrlc::set_handler(|| STOP.store(true, Ordering::Relaxed)).is_ok());
    match listens {
        true => Ok(&STOP),
        false => Err(Refusal::ours("the system does not let this program listen for Ctrl-C")),
    }
}
