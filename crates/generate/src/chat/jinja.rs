//! How templates are run: minijinja with what transformers adds to jinja2, on a thread of its own whose
//! stack is large enough for the deepest template that [`super::source`] lets through and the deepest
//! value that its fuel can build.

use std::thread;

use lookback_files::{Refusal, Result};
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind,
    syntax::SyntaxConfig,
    value::{Rest, Value, ValueKind},
};

use super::{UNREADABLE, json, methods, numbers, python_repr, views};

/// Bytes of stack, of which only those that are used take memory.
const STACK: usize = 512 << 20;

/// Runs on a thread with a stack of its own.
pub(super) fn on_own_stack<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("chat template".to_owned()).stack_size(STACK);
        let running = builder.spawn_scoped(scope, work).map_err(|error| {
            Refusal::ours(format!("the system gives no thread to run a chat template on ({error})"))
        })?;
        let failed = |_| {
            Refusal::ours("the chat template could not be run, which is a mistake of the program")
        };
        running.join().map_err(failed)?
    })
}

/// An environment with this template, under the name `chat`.
pub(super) fn environment(source: String) -> Result<Environment<'static>> {
    let mut environment = Environment::new();
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true);
    environment.set_syntax(syntax.build().map_err(|error| refuse(UNREADABLE, &error))?);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_unknown_method_callback(methods::call);
    environment.set_formatter(python_repr::print);
    environment.add_filter("string", python_repr::string);
    environment.add_filter("join", python_repr::join);
    environment.add_filter("tojson", json::dumps);
    environment.add_filter("int", numbers::int);
    environment.add_filter("float", numbers::float);
    // Of a mapping jinja2 takes attributes, such as its methods, and never its items.
    environment.add_filter("attr", |value: &Value, name: &str| match value.kind() {
        ValueKind::Map => Ok(Value::UNDEFINED),
        _ => value.get_attr(name),
    });
    environment.add_function("dict", numbers::dict);
    environment.add_function("range", views::Range::call);
    // What only one of the two has. `pprint` breaks lines where Python's does not.
    environment.remove_filter("pprint");
    environment.remove_global("debug");
    for name in ["cycler", "joiner", "lipsum"] {
        environment.add_function(name, move |_: Rest<Value>| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, format!("{name} is not understood")))
        });
    }
    environment.add_filter("trim", |text: String, signs: Option<String>| {
        methods::trim(&text, signs.as_deref())
    });
    // Where jinja2's tests are not minijinja's.
    environment.add_test("iterable", |value: &Value| {
        !value.is_none() && (value.is_undefined() || value.try_iter().is_ok())
    });
    environment.add_test("sequence", |value: &Value| {
        value.is_undefined()
            || matches!(value.kind(), ValueKind::String | ValueKind::Seq | ValueKind::Map)
            || value.downcast_object_ref::<views::Range>().is_some()
    });
    environment.add_test("callable", |value: &Value| value.kind() == ValueKind::Plain);
    environment.add_function("raise_exception", |why: String| -> Result<Value, Error> {
        Err(Error::new(ErrorKind::InvalidOperation, why))
    });
    environment.add_template_owned("chat", source).map_err(|error| refuse(UNREADABLE, &error))?;
    Ok(environment)
}

/// An error of minijinja as a sentence.
pub(super) fn refuse(what: &str, error: &Error) -> Refusal {
    if error.kind() == ErrorKind::OutOfFuel {
        return Refusal::user(format!(
            "{what}: it was stopped after as many steps as its chat may take, so it probably loops for ever"
        ));
    }
    let line = error.line().map(|line| format!(" (line {line})")).unwrap_or_default();
    let why = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    Refusal::user(format!("{what}: {why}{line}"))
}
