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

mod bounded;
mod counted;
mod encoding;
mod kind;
mod lock;
mod mapping;
mod nearest;
mod refusal;
mod setting;
mod shown;
pub mod system;
mod whole;

pub use bounded::{
    RECORDS, SETTINGS, TOKENIZER, copy_stream, open_regular, open_stream, read_bytes_up_to,
    read_utf8, read_utf8_if_there, read_utf8_up_to,
};
pub use counted::counted;
pub use encoding::{byte_order_mark, text};
pub use kind::Kind;
pub use lock::Lock;
pub use mapping::{Mapping, map, map_file};
pub use nearest::nearest;
pub use refusal::{Blame, Refusal, Result};
pub use setting::Setting;
pub use shown::{quoted, shown};
pub use whole::{
    add_line, check_place, keep_also_as, make_folder, remove_if_there, write_whole,
    write_whole_with,
};
