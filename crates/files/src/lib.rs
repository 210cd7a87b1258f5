//! How lookback reads files, writes them whole or not at all, and refuses them in one sentence.
//!
//! Knows nothing of tensors or text. Every other crate that meets a file or a mistake comes here.
//!
//! ```
//! use lookback_files::{Kind, Refusal, Setting};
//!
//! let refusal = Refusal::of(Kind::InvalidSetting, format!("{} 2: a share is at most 1", Setting("top_p")));
//! assert_eq!(refusal.kind(), Kind::InvalidSetting);
//! assert_eq!(refusal.to_string(), "top_p 2: a share is at most 1");
//! assert_eq!(refusal.sentence(|name| format!("settings.{name}")), "settings.top_p 2: a share is at most 1");
//! ```

mod atomic_write;
mod counted;
mod encoding;
mod excerpt;
mod kind;
mod limited_read;
mod lock;
mod mapping;
mod nearest;
mod refusal;
mod setting;
pub mod system;
mod whole_directory;

pub use atomic_write::{
    append_line, check_writable, create_directory, link_or_copy, remove_if_exists, write_atomic,
    write_atomic_with,
};
pub use counted::counted;
pub use encoding::{byte_order_mark, text};
pub use excerpt::{excerpt, quoted_excerpt};
pub use kind::Kind;
pub use limited_read::{
    MAX_RECORDS_BYTES, MAX_SETTINGS_BYTES, MAX_TOKENIZER_BYTES, copy_stream, open_regular,
    open_stream, read_bytes_up_to, read_utf8, read_utf8_if_exists, read_utf8_up_to,
};
pub use lock::Lock;
pub use mapping::{Mapping, map, map_file};
pub use nearest::nearest;
pub use refusal::{Blame, Refusal, Result};
pub use setting::Setting;
pub use whole_directory::{check_free_name, write_directory_with};
