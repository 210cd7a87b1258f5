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
mod print;
mod progress;
mod questions;
mod sample;
mod stages;
mod tour;

use std::process::ExitCode;

use lookback_files::Blame;

use print::Print;

fn main() -> ExitCode {
    let mut print = Print::to_the_terminal();
    let done = arguments::read(std::env::args_os(), &mut print)
        .and_then(|asked| asked.map_or(Ok(()), |asked| commands::run(asked, &mut print)))
        .and_then(|()| print.flush());
    let Err(refusal) = done else { return ExitCode::SUCCESS };
    // What was written until then stands before the reason.
    let _not_more_than_failed = print.flush();
    // Whoever closed the pipe has read enough, as in `lookback corpus | head`.
    if print.nobody_listens() {
        return ExitCode::SUCCESS;
    }
    print.refusal(&refusal);
    match refusal.blame() {
        Blame::Ours => ExitCode::from(1),
        Blame::User => ExitCode::from(2),
        Blame::Interrupt => ExitCode::from(130),
    }
}
