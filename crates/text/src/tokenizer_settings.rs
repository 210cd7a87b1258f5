//! The settings of a tokenizer from the files beside it: its class, the model's type, and which tokens are put around texts.

use std::path::{Path, PathBuf};

use lookback_files::{Refusal, Result};
use serde_json::{Map, Value};

use crate::{template, tokenizer::Parts, tokenizer_config};

/// The settings from the files beside a tokenizer.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    pub(crate) directory: Option<PathBuf>,
    /// `tokenizer_config.json`.
    pub(crate) settings: Map<String, Value>,
    /// The class of transformers, without `Fast` behind it.
    pub(crate) class: Option<String>,
    /// In `config.json`.
    pub(crate) model_type: Option<String>,
}

impl Beside {
    pub(crate) fn read(directory: &Path) -> Result<Self> {
        let settings = tokenizer_config::read(directory, tokenizer_config::SETTINGS)?;
        let settings = settings.unwrap_or_default();
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let class = text(settings.get("tokenizer_class"));
        let class = class.map(|name| name.strip_suffix("Fast").unwrap_or(&name).to_owned());
        // Of every tokenizer there may be; says nothing of this one.
        let class =
            class.filter(|name| !["PreTrainedTokenizer", "TokenizersBackend"].contains(&&**name));
        // A configuration that cannot be read is refused where the model is opened.
        let config = tokenizer_config::read(directory, "config.json").ok().flatten();
        let model_type = config.and_then(|config| text(config.get("model_type")));
        Ok(Self { directory: Some(directory.to_owned()), settings, class, model_type })
    }

    pub(crate) fn flag(&self, key: &str) -> Option<bool> {
        self.settings.get(key).and_then(Value::as_bool)
    }

    /// Puts bos and eos around texts where `add_bos_token` and `add_eos_token` are set.
    pub(crate) fn put_around(&self, parts: &mut Parts) -> Result<()> {
        let template = template::Template::read(&parts.post_processor)?;
        let own = |stated: Option<bool>, id: Option<u32>, put: &[u32]| match (stated, id) {
            (Some(true), Some(id)) => vec![id],
            (Some(false), _) => Vec::new(),
            // A token of another name than the file's takes its place.
            (None, Some(id)) if put.len() == 1 => vec![id],
            _ => put.to_vec(),
        };
        let before = own(self.flag("add_bos_token"), parts.bos, &template.before);
        let after = own(self.flag("add_eos_token"), parts.eos, &template.after);
        parts.post_processor = template::write_all(&named(parts, &before)?, &named(parts, &after)?);
        Ok(())
    }
}

/// A template of these tokens.
pub(crate) fn around(parts: &Parts, bos: Option<u32>, eos: Option<u32>) -> Value {
    let named = |id: Option<u32>| -> Vec<(String, u32)> {
        id.and_then(|id| named(parts, &[id]).ok()).unwrap_or_default()
    };
    template::write_all(&named(bos), &named(eos))
}

/// Tokens with their names.
fn named(parts: &Parts, ids: &[u32]) -> Result<Vec<(String, u32)>> {
    let name = |&id: &u32| {
        let added = parts.added.iter().find(|token| token.id == id);
        let name = added.map_or_else(|| parts.vocabulary.piece(id), |token| &token.content);
        if name.is_empty() {
            return Err(Refusal::user(format!(
                "the token {id} is put around texts, and has no name"
            )));
        }
        Ok((name.to_owned(), id))
    };
    ids.iter().map(name).collect()
}
