//! Ctrl-C, SIGTERM and SIGHUP. A command that has nothing to keep leaves them to the system, which ends it
//! at once. One that [listens](flag) ends by itself, or is ended before a second has passed; a run that is
//! to keep what it has learned ends after the step that it is taking, which is said where it takes long.
//! Asked for twice, everything ends at once.
//!
//! A hangup that the program was started to ignore, as `nohup` does, stays ignored: whoever closes a
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
static KEEPING: AtomicUsize = AtomicUsize::new(0);
/// How often it was asked for.
static ASKED: AtomicUsize = AtomicUsize::new(0);

/// How long a command may take to end by itself.
const PATIENCE: Duration = Duration::from_millis(700);
/// How often it is looked whether what is to be kept has been.
const EVERY: Duration = Duration::from_millis(50);

/// Set once Ctrl-C (or a termination) was asked for. The first call begins to listen.
pub(crate) fn flag() -> Result<&'static AtomicBool> {
    static LISTENS: OnceLock<bool> = OnceLock::new();
    match LISTENS.get_or_init(listen) {
        true => Ok(&STOP),
        false => Err(Refusal::ours("the system does not let this program listen for Ctrl-C")),
    }
}

/// Begins to listen; whether the system allows it.
fn listen() -> bool {
    #[cfg(unix)]
    let hangup_is_ignored = hangup::is_ignored();
    let listens = ctrlc::set_handler(asked).is_ok();
    #[cfg(unix)]
    if hangup_is_ignored {
        hangup::ignore();
    }
    listens
}

/// As long as it lives, there is something to be kept before the program ends.
#[must_use]
pub(crate) struct Keeping(());

/// From now on something is to be kept.
pub(crate) fn keeping() -> Keeping {
    KEEPING.fetch_add(1, Ordering::SeqCst);
    Keeping(())
}

impl Drop for Keeping {
    fn drop(&mut self) {
        KEEPING.fetch_sub(1, Ordering::SeqCst);
    }
}

fn asked() {
    STOP.store(true, Ordering::SeqCst);
    if ASKED.fetch_add(1, Ordering::SeqCst) > 0 {
        end();
    }
    // The next signal is heard meanwhile. Without memory for a thread there is no patience.
    if thread::Builder::new().name("ending".into()).spawn(wait).is_err() {
        end();
    }
}

fn wait() {
    let is_keeping = || KEEPING.load(Ordering::SeqCst) > 0;
    thread::sleep(PATIENCE);
    if is_keeping() {
        print::last_words("ends when this step is done and kept; asked again, it ends at once");
    }
    while is_keeping() {
        thread::sleep(EVERY);
        if !is_keeping() {
            // What was kept is still to be said.
            thread::sleep(PATIENCE);
        }
    }
    end();
}

/// Nothing that is written stands under its name before it is whole, so it may end anywhere.
#[allow(clippy::exit, reason = "what computes cannot be told to stop within a pass")]
fn end() -> ! {
    print::last_words("stopped");
    std::process::exit(130)
}
