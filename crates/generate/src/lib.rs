//! Text from a model: a chain that chooses the next token, and templates that make a chat a prompt.
//!
//! Knows no HTTP and prints nothing. Read [`sample`] first.

pub mod chat;
pub mod sample;
pub mod stop;
pub mod window;
