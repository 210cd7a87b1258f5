//! The program: arguments in, calls out, one exit code. Read `arguments`, then `commands`.

#[cfg(feature = "serve")]
mod answering;
mod arguments;
#[cfg(feature = "serve")]
mod browser;
mod commands;
mod interrupt;
mod main_job;
mod memory;
mod options;
mod print;
mod progress;
mod questions;
mod sample;
mod stages;
mod stories;
mod tour;

use std::process::ExitCode;

use lookback_files::{Blame, Result};

use arguments::Asked;
use print::Print;

fn main() -> ExitCode {
    let mut print = Print::to_the_terminal();
    let done = arguments::read(std::env::args_os(), &mut print)
        .and_then(|asked| asked.map_or(Ok(()), |asked| carry_out(asked, &mut print)))
        .and_then(|()| print.flush());
    let Err(refusal) = done else { return ExitCode::SUCCESS };
    // What was written until then stands before the reason.
    let _not_more_than_failed = print.flush();
    // Whoever closed the pipe has read enough, as in `lookback corpus | head`.
    if print.nobody_listens() {
        return ExitCode::SUCCESS;
    }
    print.refusal(&refusal, options::is_json(std::env::args_os()));
    match refusal.blame() {
        Blame::Ours => ExitCode::from(1),
        Blame::User => ExitCode::from(2),
        Blame::Interrupt => ExitCode::from(130),
    }
}

/// Does what was asked.
fn carry_out(asked: Asked, print: &mut Print) -> Result<()> {
    print.set(asked.loudness);
    for sentence in arguments::unknown_variables() {
        print.say(&sentence);
    }
    tracing::debug!(version = env!("CARGO_PKG_VERSION"), "begun");
    let done = match asked.command {
        None => asked.machine.pool().and_then(|pool| main_job::run(asked.main_job, pool, print)),
        Some(command) => command.run(print),
    };
    if done.is_ok() {
        tracing::debug!(peak_memory_mb = memory::peak_mb(), "done");
    }
    done
}
