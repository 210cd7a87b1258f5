//! The one file that prints: results to stdout, notes and errors to stderr.
//!
//! Results are the same bytes in a file and in a pipe as a model wrote them, and on a terminal without
//! what a terminal would obey; notes appear only on one. What else is said is one line each, whatever
//! the names and values in it hold. See `escape`.

mod escape;
mod events;

use std::{
    io::{self, ErrorKind, IsTerminal, Write},
    time::{Duration, Instant},
};

use clap::Args;
use lookback_files::{Refusal, Result};
use serde_json::json;

pub(crate) use escape::one_line;

/// Pieces that follow each other faster are shown together: no eye tells them apart, and each showing
/// wakes the reader, on a core that may be computing the next piece.
const MIN_FLUSH_INTERVAL: Duration = Duration::from_millis(10);

/// A sentence on stderr from a thread that has no [`Print`], when the program is about to end.
pub(crate) fn final_message(sentence: &str) {
    let _nowhere_else_to_say_it = writeln!(io::stderr(), "lookback: {}", one_line(sentence));
}

/// How a setting that a library names is given here.
pub(crate) fn flag(setting: &str) -> String {
    match setting {
        "prompt" => "-p".to_owned(),
        "print_config" => "lookback train --print-config".to_owned(),
        _ => format!("--{}", setting.replace('_', "-")),
    }
}

/// How much is said on stderr besides why something failed.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Verbosity {
    /// Says nothing on stderr but why it failed.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Says on stderr how each stage goes, on a terminal or not.
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
}

/// Where results and notes go.
pub(crate) struct Print {
    results: Box<dyn Write>,
    notes: Box<dyn Write>,
    /// What a terminal gets in place of the results' own bytes.
    on_terminal: Option<escape::Stream>,
    shows_status: bool,
    is_quiet: bool,
    is_verbose: bool,
    is_pipe_closed: bool,
    flushed_at: Option<Instant>,
}

impl Print {
    /// The program's own stdout and stderr.
    pub(crate) fn standard_streams() -> Self {
        Self {
            results: Box::new(io::BufWriter::new(io::stdout())),
            notes: Box::new(io::stderr()),
            on_terminal: io::stdout().is_terminal().then(escape::Stream::default),
            shows_status: io::stderr().is_terminal(),
            is_quiet: false,
            is_verbose: false,
            is_pipe_closed: false,
            flushed_at: None,
        }
    }

    /// Sets how much is printed besides results.
    pub(crate) fn set_verbosity(&mut self, verbosity: Verbosity) {
        self.is_quiet = verbosity.quiet;
        self.is_verbose = verbosity.verbose;
        self.shows_status = !verbosity.quiet && (self.shows_status || verbosity.verbose);
        if verbosity.verbose {
            events::show();
        }
    }

    /// Whether nothing but results and failures is printed.
    pub(crate) fn is_quiet(&self) -> bool {
        self.is_quiet
    }

    /// Whether every stage is printed in a line of its own.
    pub(crate) fn is_verbose(&self) -> bool {
        self.is_verbose
    }

    /// A part of the result, as it stands; on a terminal without what a terminal would obey.
    pub(crate) fn write(&mut self, text: &str) -> Result<()> {
        let written = match &mut self.on_terminal {
            Some(stream) => self.results.write_all(stream.push(text).as_bytes()),
            None => self.results.write_all(text.as_bytes()),
        };
        self.check_written(written)
    }

    /// A piece of a result that grows, which is shown by the next piece at the latest that comes when a
    /// moment has passed; after the last one call [`flush`](Self::flush).
    pub(crate) fn stream(&mut self, text: &str) -> Result<()> {
        self.write(text)?;
        let now = Instant::now();
        if self.flushed_at.is_some_and(|then| now.duration_since(then) < MIN_FLUSH_INTERVAL) {
            return Ok(());
        }
        self.flushed_at = Some(now);
        self.flush()
    }

    /// A line of the result.
    pub(crate) fn line(&mut self, text: &str) -> Result<()> {
        self.write(text)?;
        self.write("\n")
    }

    /// The whole result, as one object on one line.
    pub(crate) fn json(&mut self, object: &serde_json::Value) -> Result<()> {
        self.line(&escape::json(&object.to_string()))
    }

    /// Shows what was printed so far.
    pub(crate) fn flush(&mut self) -> Result<()> {
        let written = self.results.flush();
        self.check_written(written)
    }

    /// Prompts for a line at a terminal.
    pub(crate) fn prompt(&mut self) -> Result<()> {
        if self.shows_status && io::stdin().is_terminal() {
            let _nobody_minds = write!(self.notes, "> ").and_then(|()| self.notes.flush());
        }
        self.flush()
    }

    /// Something about how it goes, for a person who watches; nothing depends on it.
    pub(crate) fn status(&mut self, text: &str) {
        if self.shows_status {
            let _nobody_minds = writeln!(self.notes, "{}", one_line(text));
        }
    }

    /// A warning about the result, whether or not stderr is a terminal.
    pub(crate) fn warn(&mut self, text: &str) {
        if !self.is_quiet {
            let _nobody_minds = writeln!(self.notes, "lookback: {}", one_line(text));
        }
    }

    /// Why it was not done; where JSON was asked for, also as an object with its kind on stdout.
    pub(crate) fn error(&mut self, refusal: &Refusal, as_json: bool) {
        let sentence = refusal.sentence(flag);
        if as_json {
            let object = json!({ "error": sentence, "kind": refusal.kind().name() });
            let _not_more_than_failed = self.json(&object).and_then(|()| self.flush());
        }
        let _nowhere_else_to_say_it = writeln!(self.notes, "lookback: {}", one_line(&sentence));
    }

    /// Whether the reader of the results has closed the pipe.
    pub(crate) fn is_pipe_closed(&self) -> bool {
        self.is_pipe_closed
    }

    fn check_written(&mut self, written: io::Result<()>) -> Result<()> {
        written.map_err(|error| {
            self.is_pipe_closed |= error.kind() == ErrorKind::BrokenPipe;
            Refusal::ours(format!("the result could not be written to stdout ({error})"))
        })
    }
}
