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
/// wakes whoever reads, on a core that may be computing the next piece.
const MOMENT: Duration = Duration::from_millis(10);

/// A sentence on stderr from a thread that has no [`Print`], when the program is about to end.
pub(crate) fn last_words(sentence: &str) {
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
pub(crate) struct Loudness {
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
    notes_are_read: bool,
    is_quiet: bool,
    is_verbose: bool,
    nobody_listens: bool,
    shown_at: Option<Instant>,
}

impl Print {
    /// The program's own stdout and stderr.
    pub(crate) fn to_the_terminal() -> Self {
        Self {
            results: Box::new(io::BufWriter::new(io::stdout())),
            notes: Box::new(io::stderr()),
            on_terminal: io::stdout().is_terminal().then(escape::Stream::default),
            notes_are_read: io::stderr().is_terminal(),
            is_quiet: false,
            is_verbose: false,
            nobody_listens: false,
            shown_at: None,
        }
    }

    /// Takes up how much is to be said besides results.
    pub(crate) fn set(&mut self, loudness: Loudness) {
        self.is_quiet = loudness.quiet;
        self.is_verbose = loudness.verbose;
        self.notes_are_read = !loudness.quiet && (self.notes_are_read || loudness.verbose);
        if loudness.verbose {
            events::show();
        }
    }

    /// Whether nothing but results and failures is to be said.
    pub(crate) fn is_quiet(&self) -> bool {
        self.is_quiet
    }

    /// Whether every stage is told in a line of its own.
    pub(crate) fn is_verbose(&self) -> bool {
        self.is_verbose
    }

    /// A part of the result, as it stands; on a terminal without what a terminal would obey.
    pub(crate) fn piece(&mut self, text: &str) -> Result<()> {
        let written = match &mut self.on_terminal {
            Some(stream) => self.results.write_all(stream.push(text).as_bytes()),
            None => self.results.write_all(text.as_bytes()),
        };
        self.settle(written)
    }

    /// A piece of a result that grows, which is shown by the next piece at the latest that comes when a
    /// moment has passed; whoever has printed the last one [flushes](Self::flush).
    pub(crate) fn stream(&mut self, text: &str) -> Result<()> {
        self.piece(text)?;
        let now = Instant::now();
        if self.shown_at.is_some_and(|then| now.duration_since(then) < MOMENT) {
            return Ok(());
        }
        self.shown_at = Some(now);
        self.flush()
    }

    /// A line of the result.
    pub(crate) fn line(&mut self, text: &str) -> Result<()> {
        self.piece(text)?;
        self.piece("\n")
    }

    /// The whole result, as one object on one line.
    pub(crate) fn json(&mut self, object: &serde_json::Value) -> Result<()> {
        self.line(&escape::json(&object.to_string()))
    }

    /// Shows what was printed so far.
    pub(crate) fn flush(&mut self) -> Result<()> {
        let written = self.results.flush();
        self.settle(written)
    }

    /// Asks for a line, where somebody types it.
    pub(crate) fn prompt(&mut self) -> Result<()> {
        if self.notes_are_read && io::stdin().is_terminal() {
            let _nobody_minds = write!(self.notes, "> ").and_then(|()| self.notes.flush());
        }
        self.flush()
    }

    /// Something about how it goes, for a person who watches; nothing depends on it.
    pub(crate) fn note(&mut self, text: &str) {
        if self.notes_are_read {
            let _nobody_minds = writeln!(self.notes, "{}", one_line(text));
        }
    }

    /// Something that a person should know of the result, whether or not a terminal shows it.
    pub(crate) fn say(&mut self, text: &str) {
        if !self.is_quiet {
            let _nobody_minds = writeln!(self.notes, "lookback: {}", one_line(text));
        }
    }

    /// Why it was not done; where JSON was asked for, also as an object with its kind on stdout.
    pub(crate) fn refusal(&mut self, refusal: &Refusal, as_json: bool) {
        let sentence = refusal.sentence(flag);
        if as_json {
            let object = json!({ "error": sentence, "kind": refusal.kind().name() });
            let _not_more_than_failed = self.json(&object).and_then(|()| self.flush());
        }
        let _nowhere_else_to_say_it = writeln!(self.notes, "lookback: {}", one_line(&sentence));
    }

    /// Whether the reader of the results has closed the pipe.
    pub(crate) fn nobody_listens(&self) -> bool {
        self.nobody_listens
    }

    fn settle(&mut self, written: io::Result<()>) -> Result<()> {
        written.map_err(|error| {
            self.nobody_listens |= error.kind() == ErrorKind::BrokenPipe;
            Refusal::ours(format!("the result could not be written to stdout ({error})"))
        })
    }
}
