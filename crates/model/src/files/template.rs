//! Where a stored model keeps its tokenizer, and the chat templates beside it, as they are written.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use lookback_files::{Refusal, Result, excerpt, read_utf8};
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
    /// How a conversation is written, in Jinja, where the model's files have it.
    pub fn chat_templates(&self) -> Result<ChatTemplates> {
        match self {
            Self::Directory(folder) => of_directory(folder),
            Self::Gguf(tokenizer) => {
                let mut templates = ChatTemplates(tokenizer.named_chat_templates.clone());
                if let Some(template) = &tokenizer.chat_template {
                    templates.0.insert(DEFAULT.to_owned(), template.clone());
                }
                Ok(templates)
            }
        }
    }
}

/// The name of the template that is taken where none is asked for.
const DEFAULT: &str = "default";

/// Chat templates by their names; `default` is the usual one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChatTemplates(BTreeMap<String, String>);

impl ChatTemplates {
    /// One template, which is the usual one.
    pub fn single(template: impl Into<String>) -> Self {
        Self(BTreeMap::from([(DEFAULT.to_owned(), template.into())]))
    }

    /// All of them by name, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, template)| (name.as_str(), template.as_str()))
    }

    /// Whether a name is that of the usual one.
    pub fn is_default(&self, name: &str) -> bool {
        name == DEFAULT
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The template of this name, or the default; a model that has neither is refused.
    pub fn choose(&self, name: Option<&str>) -> Result<&str> {
        if let Some(template) = self.0.get(name.unwrap_or(DEFAULT)) {
            return Ok(template);
        }
        if self.is_empty() {
            return Err(Refusal::user(
                "it has no chat template, so it was not trained to chat; let it continue a text instead",
            ));
        }
        let names: Vec<String> = self.0.keys().map(|name| excerpt(name)).collect();
        let names = names.join(", ");
        Err(Refusal::user(match name {
            Some(name) => format!("it has no chat template {:?}; it has {names}", excerpt(name)),
            None => format!("none of its chat templates is its default; choose one of {names}"),
        }))
    }
}

/// As transformers finds them: `chat_template.jinja` and the files of `additional_chat_templates`, or the
/// key of `tokenizer_config.json`, a text or several with names; or else `chat_template.json`.
fn of_directory(folder: &Path) -> Result<ChatTemplates> {
    let mut templates = BTreeMap::new();
    let path = folder.join("chat_template.jinja");
    if path.exists() {
        templates.insert(DEFAULT.to_owned(), read_utf8(&path)?);
    }
    for path in additional(folder) {
        if let Some(name) = path.file_stem().and_then(|name| name.to_str()) {
            templates.insert(name.to_owned(), read_utf8(&path)?);
        }
    }
    for file in ["tokenizer_config.json", "chat_template.json"] {
        let path = folder.join(file);
        if templates.is_empty() && path.exists() {
            let refuse = |what: String| Refusal::corrupt(format!("{}: {what}", path.display()));
            let object: Value = serde_json::from_str(&read_utf8(&path)?)
                .map_err(|error| refuse(format!("not the JSON that is needed ({error})")))?;
            templates = of_key(&object["chat_template"]).map_err(refuse)?;
        }
    }
    Ok(ChatTemplates(templates))
}

/// The templates in files of their own, in the order of their names.
fn additional(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder.join("additional_chat_templates")) else {
        return Vec::new();
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|end| end == "jinja")).collect();
    paths.sort();
    paths
}

fn of_key(value: &Value) -> Result<BTreeMap<String, String>, String> {
    let named = |name: &str, template: &str| (name.to_owned(), template.to_owned());
    match value {
        Value::Null => Ok(BTreeMap::new()),
        Value::String(text) => Ok(BTreeMap::from([named(DEFAULT, text)])),
        Value::Array(several) => {
            let one = |one: &Value| Some(named(one["name"].as_str()?, one["template"].as_str()?));
            let all: Option<BTreeMap<String, String>> = several.iter().map(one).collect();
            all.ok_or_else(|| "a chat_template is without a name or a template".to_owned())
        }
        _ => Err("chat_template is neither a text nor a list of texts".to_owned()),
    }
}
