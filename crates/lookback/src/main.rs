//! The program: arguments in, calls out, one exit code. Read `arguments`, then `commands`.

mod arguments;
#[cfg(feature = "serve")]
mod browser;
mod commands;
mod default_command;
mod interrupt;
mod memory;
mod options;
#[cfg(feature = "serve")]
mod page_server;
mod print;
mod progress;
mod questions;
mod sample;
mod stages;
mod stories;
mod tour;

use std::process::ExitCode;

use lookback_files::{Blame, Result};

use arguments::ParsedArguments;
use print::Print;

fn main() -> ExitCode {
    let mut print = Print::standard_streams();
    let done = arguments::read(std::env::args_os(), &mut print)
        .and_then(|parsed| parsed.map_or(Ok(()), |parsed| run_command(parsed, &mut print)))
        .and_then(|()| print.flush());
    let Err(refusal) = done else { return ExitCode::SUCCESS };
    // What was written until then stands before the reason.
    let _not_more_than_failed = print.flush();
    // The reader of the pipe has closed it, as in `lookback corpus | head`.
    if print.is_pipe_closed() {
        return ExitCode::SUCCESS;
    }
    print.error(&refusal, options::is_json(std::env::args_os()));
    match refusal.blame() {
        Blame::Ours => ExitCode::from(1),
        Blame::User => ExitCode::from(2),
        Blame::Interrupt => ExitCode::from(130),
    }
}

/// Does what was asked.
fn run_command(parsed: ParsedArguments, print: &mut Print) -> Result<()> {
    print.set_verbosity(parsed.verbosity);
    for sentence in arguments::unknown_variables() {
        print.warn(&sentence);
    }
    tracing::debug!(version = env!("CARGO_PKG_VERSION"), "begun");
    let done = match parsed.command {
        None => parsed
            .machine
            .pool()
            .and_then(|pool| default_command::run(parsed.default_command, pool, print)),
        Some(command) => command.run(print),
    };
    if done.is_ok() {
        tracing::debug!(peak_memory_mb = memory::peak_mb(), "done");
    }
    done
}
