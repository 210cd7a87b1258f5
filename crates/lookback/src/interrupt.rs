//! Ctrl-C, SIGTERM and SIGHUP. A command that has nothing to keep leaves them to the system, which ends it
//! at once. One that [listens](stop_flag) ends by itself, or is ended before a second has passed; a run that is
//! to keep what it has learned ends after the step that it is taking, which is said where it takes long.
//! Asked for twice, everything ends at once.
//!
//! A hangup that the program was started to ignore, as `nohup` does, stays ignored: a user who closes a
//! terminal wants the run behind it to go on.

#[cfg(unix)]
mod hangup;

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use lookback_files::{Refusal, Result};

use crate::print;

static STOP: AtomicBool = AtomicBool::new(false);
/// Works that end by themselves, and keep what they have.
static SAVE_HOLDS: AtomicUsize = AtomicUsize::new(0);
/// How often it was asked for.
static REQUESTS: AtomicUsize = AtomicUsize::new(0);

/// How long a command may take to end by itself.
const GRACE_PERIOD: Duration = Duration::from_millis(700);
/// How often it is looked whether what is to be kept has been.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Set once Ctrl-C (or a termination) was asked for. The first call begins to listen.
pub(crate) fn stop_flag() -> Result<&'static AtomicBool> {
    static HAS_HANDLER: OnceLock<bool> = OnceLock::new();
    match HAS_HANDLER.get_or_init(install_handler) {
        true => Ok(&STOP),
        false => Err(Refusal::ours("the system does not let this program listen for Ctrl-C")),
    }
}

/// Begins to listen; whether the system allows it.
fn install_handler() -> bool {
    #[cfg(unix)]
    let hangup_is_ignored = hangup::is_ignored();
    let is_installed = ctrlc::set_handler(on_signal).is_ok();
    #[cfg(unix)]
    if hangup_is_ignored {
        hangup::ignore();
    }
    is_installed
}

/// As long as it lives, there is something to be kept before the program ends.
#[must_use]
pub(crate) struct SaveHold(());

/// From now on something is to be kept.
pub(crate) fn hold_for_save() -> SaveHold {
    SAVE_HOLDS.fetch_add(1, Ordering::SeqCst);
    SaveHold(())
}

impl Drop for SaveHold {
    fn drop(&mut self) {
        SAVE_HOLDS.fetch_sub(1, Ordering::SeqCst);
    }
}

fn on_signal() {
    STOP.store(true, Ordering::SeqCst);
    if REQUESTS.fetch_add(1, Ordering::SeqCst) > 0 {
        exit_now();
    }
    // The next signal is heard meanwhile. Without memory for a thread there is no patience.
    if thread::Builder::new().name("ending".into()).spawn(exit_after_grace_period).is_err() {
        exit_now();
    }
}

fn exit_after_grace_period() {
    let is_saving = || SAVE_HOLDS.load(Ordering::SeqCst) > 0;
    thread::sleep(GRACE_PERIOD);
    if is_saving() {
        print::final_message("ends when this step is done and kept; asked again, it ends at once");
    }
    while is_saving() {
        thread::sleep(POLL_INTERVAL);
        if !is_saving() {
            // What was kept is still to be said.
            thread::sleep(GRACE_PERIOD);
        }
    }
    exit_now();
}

/// Nothing that is written stands under its name before it is whole, so it may end anywhere.
#[allow(clippy::exit, reason = "what computes cannot be told to stop within a pass")]
fn exit_now() -> ! {
    print::final_message("stopped");
    std::process::exit(130)
}
