//! Models as Rust programs open them.

mod attention;
mod attention_text;
mod convert;
mod diff;
mod edits;
mod goldens;
mod heads;
mod interventions;
mod path;
mod sweep;
mod why;
