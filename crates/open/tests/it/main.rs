//! Models as Rust programs open them.

mod edits;
mod goldens;
mod interventions;
