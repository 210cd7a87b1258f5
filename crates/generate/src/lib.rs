//! Text from a model: a chain that chooses the next token, the loop that appends it, and templates
//! that make a prompt of a chat.
//!
//! Knows no HTTP and prints nothing. Read [`repeat`] first, then [`sample`].

pub mod chat;
pub mod repeat;
pub mod sample;
pub mod stop;
pub mod window;
