//! Turns a chat into the prompt that a model was trained on, through the model's own template.
//!
//! Templates are Jinja, set up as transformers sets them up: a line that holds only a block leaves
//! no line behind, Python's string methods work, and `raise_exception` and `strftime_now` exist.
//! A template comes with a model file from anywhere, so it gets neither files nor endless loops.

mod date;
mod json;

use std::time::SystemTime;

use lookback_files::{Refusal, Result};
use minijinja::{
    Environment, Error, ErrorKind, context,
    syntax::SyntaxConfig,
    value::{Serde, Value},
};
use serde::Serialize;

/// How many of the template machine's instructions one chat may take; real templates need about a
/// hundred for each message, and this many take well under a second.
const FUEL: u64 = 2_000_000;

const UNREADABLE: &str = "the model's chat template cannot be read";

/// What one side said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// `system`, `user` or `assistant`, or whatever else the template knows.
    pub role: String,
    /// The words.
    pub content: String,
}

impl Message {
    /// A message of this role.
    pub fn new(role: impl Into<String>, content: impl Into<String>) -> Self {
        Self { role: role.into(), content: content.into() }
    }
}

/// Whether the prompt ends where the assistant begins to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The assistant speaks next.
    Assistant,
    /// Only what was said.
    Said,
}

/// A model's template and the special tokens it names.
#[derive(Debug)]
pub struct Template {
    environment: Environment<'static>,
    beginning: String,
    end: String,
}

impl Template {
    /// Parses a template. `beginning` and `end` are the texts of the tokens that open and close a
    /// text (`bos_token`, `eos_token`), or empty.
    pub fn parse(source: &str, beginning: &str, end: &str) -> Result<Self> {
        let mut environment = Environment::new();
        let mut syntax = SyntaxConfig::builder();
        syntax.trim_blocks(true).lstrip_blocks(true);
        environment.set_syntax(syntax.build().map_err(|error| refuse(UNREADABLE, &error))?);
        environment.set_fuel(Some(FUEL));
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment
            .set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_filter("tojson", json::as_python_writes_it);
        environment.add_function("raise_exception", |why: String| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, why))
        });
        environment.add_function("strftime_now", |format: String| {
            date::written(SystemTime::now(), &format)
                .map_err(|why| Error::new(ErrorKind::InvalidOperation, why))
        });
        environment
            .add_template_owned("chat", source.to_owned())
            .map_err(|error| refuse(UNREADABLE, &error))?;
        Ok(Self { environment, beginning: beginning.to_owned(), end: end.to_owned() })
    }

    /// The prompt for this chat.
    pub fn render(&self, messages: &[Message], end: End) -> Result<String> {
        let template =
            self.environment.get_template("chat").map_err(|error| refuse(UNREADABLE, &error))?;
        template
            .render(context! {
                messages => Value::from(Serde(messages)),
                add_generation_prompt => end == End::Assistant,
                bos_token => self.beginning.as_str(),
                eos_token => self.end.as_str(),
                tools => Value::from(()),
                documents => Value::from(()),
            })
            .map_err(|error| refuse("the model's chat template refuses this chat", &error))
    }
}

fn refuse(what: &str, error: &Error) -> Refusal {
    if error.kind() == ErrorKind::OutOfFuel {
        return Refusal::user(format!(
            "{what}: it was stopped after {FUEL} steps, so it probably loops for ever"
        ));
    }
    let line = error.line().map(|line| format!(" (line {line})")).unwrap_or_default();
    let why = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    Refusal::user(format!("{what}: {why}{line}"))
}
