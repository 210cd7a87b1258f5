//! Where a stored model keeps its tokenizer, and the chat template beside it, as it is written.

use std::path::{Path, PathBuf};

use lookback_files::{Refusal, Result, read_utf8};
use serde_json::Value;

use super::GgufTokenizer;

/// Where a stored model keeps its tokenizer.
#[derive(Clone, Debug, PartialEq)]
pub enum StoredTokenizer {
    /// In a Hugging Face directory: `tokenizer.json`, `tokenizer_config.json`.
    Directory(PathBuf),
    /// In a GGUF file's metadata.
    Gguf(Box<GgufTokenizer>),
}

impl StoredTokenizer {
    /// How a conversation is written, in Jinja, if the model says so.
    pub fn chat_template(&self) -> Result<Option<String>> {
        match self {
            Self::Directory(folder) => directory_template(folder),
            Self::Gguf(tokenizer) => Ok(tokenizer.chat_template.clone()),
        }
    }
}

/// `chat_template.jinja`, or the key of `tokenizer_config.json`: a text, or several with names.
fn directory_template(folder: &Path) -> Result<Option<String>> {
    let path = folder.join("chat_template.jinja");
    if path.exists() {
        return read_utf8(&path).map(Some);
    }
    let path = folder.join("tokenizer_config.json");
    if !path.exists() {
        return Ok(None);
    }
    let refuse = |what: String| Refusal::user(format!("{}: {what}", path.display()));
    let config: Value = serde_json::from_str(&read_utf8(&path)?)
        .map_err(|error| refuse(format!("not the JSON that is needed ({error})")))?;
    match config.get("chat_template") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Array(several)) => {
            let default = several.iter().find(|one| one["name"] == "default");
            Ok(default.and_then(|one| one["template"].as_str()).map(str::to_owned))
        }
        Some(_) => Err(refuse("chat_template is neither a text nor a list of texts".to_owned())),
    }
}
