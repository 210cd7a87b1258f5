//! How lookback reads files, writes them whole or not at all, and refuses them in one sentence.
//!
//! Knows nothing of tensors or text. Every other crate that meets a file or a mistake comes here.

mod refusal;
mod whole;

pub use refusal::{Blame, Refusal, Result};
pub use whole::{Mapping, check_place, map, read_utf8, write_whole, write_whole_with};
