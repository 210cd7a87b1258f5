//! `--verbose`: the crates' `tracing` events, a line each on stderr.
//!
//! The crates do not depend on this: each has its events, this program's one
//! subscriber is here, and without `--verbose` an event costs a comparison.

use std::io::{self, IsTerminal};

use tracing_subscriber::{
    Layer,
    field::MakeExt,
    filter::{LevelFilter, Targets},
    fmt::{self, format, time},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use super::one_line;

/// Writes every event of lookback's crates from now on, with the time since this call.
pub(super) fn show() {
    let is_wanted = |value: std::ffi::OsString| !value.is_empty();
    let is_plain = std::env::var_os("NO_COLOR").is_some_and(is_wanted);
    let lines = fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(!is_plain && io::stderr().is_terminal())
        .with_timer(time::uptime())
        // Values are names of files and words of strangers; the line's own colours stay.
        .fmt_fields(
            format::debug_fn(|line, field, value| {
                let value = format!("{value:?}");
                match field.name() {
                    "message" => write!(line, "{}", one_line(&value)),
                    name => write!(line, "{name}={}", one_line(&value)),
                }
            })
            .delimited(" "),
        )
        // A stderr that is closed must not end the work.
        .log_internal_errors(false);
    let ours = Targets::new().with_target("lookback", LevelFilter::DEBUG);
    let first = tracing_subscriber::registry().with(lines.with_filter(ours)).try_init();
    debug_assert!(first.is_ok(), "somebody listens already");
}
