//! How lookback reads files, writes them whole or not at all, and refuses them in one sentence.
//!
//! Knows nothing of tensors or text. Every other crate that meets a file or a mistake comes here.

mod lock;
mod nearest;
mod refusal;
pub mod system;
mod whole;

pub use lock::Lock;
pub use nearest::nearest;
pub use refusal::{Blame, Refusal, Result};
pub use whole::{
    Mapping, add_line, check_place, keep_also_as, make_folder, map, map_file, read_utf8,
    remove_if_there, write_whole, write_whole_with,
};
