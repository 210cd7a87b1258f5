//! Text from a model: a chain that chooses the next token, the loop that appends it, and templates
//! that make a prompt of a chat. For those who want to see the loop at work, texts that branch and
//! share what they begin with, and one turn at a time.
//!
//! Knows no HTTP and prints nothing. Read [`repeat`] first, then [`sample`].

pub mod branches;
pub mod chat;
pub mod repeat;
pub mod sample;
pub mod stop;
pub mod turn;
pub mod window;
