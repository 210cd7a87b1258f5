//! What a `tokenizer.json` has no words for stands in it beside the normalizers that come nearest: other programs
//! read those, and this one reads all of it back.
//!
//! ```text
//! "normalizer": {"type": "Sequence", "normalizers": […], "sentencepiece": {"add_dummy_prefix": true, …}}
//! ```

use base64::{Engine as _, engine::general_purpose::STANDARD};
use lookback_files::{Refusal, Result};
use serde_json::{Value, json};

use super::merges;
use crate::{added::Added, field, vocabulary::Vocabulary};

/// The key of a `normalizer` object under which it stands.
pub(super) const KEY: &str = merges::KEY;

/// What a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Unknown,
    Control,
    UserDefined,
    Unused,
    Byte,
}

/// How a text is prepared, in the words of `sentencepiece_model.proto`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spec {
    pub(crate) add_dummy_prefix: bool,
    pub(crate) remove_extra_whitespaces: bool,
    pub(crate) escape_whitespaces: bool,
    /// Whether nothing is put before what follows a special token.
    pub(crate) prefix_first_only: bool,
    /// The rules of normalization, compiled.
    pub(crate) charsmap: Option<Vec<u8>>,
    /// Ids of pieces that are never taken.
    pub(crate) unused: Vec<u32>,
}

impl Spec {
    /// Reads a `normalizer` object; none where it is not SentencePiece's.
    pub(crate) fn read(normalizer: &Value) -> Result<Option<Self>> {
        let spec = &normalizer[KEY];
        if spec["add_dummy_prefix"].is_null() {
            return Ok(None);
        }
        let of_charsmap = |step: &Value| step["precompiled_charsmap"].as_str().map(str::to_owned);
        let steps = normalizer["normalizers"].as_array();
        let charsmap = steps.and_then(|steps| steps.iter().find_map(of_charsmap));
        let charsmap = charsmap.map(|map| STANDARD.decode(map)).transpose();
        let unused = spec["unused"].as_array().into_iter().flatten().filter_map(Value::as_u64);
        Ok(Some(Self {
            add_dummy_prefix: field::flag(spec, "add_dummy_prefix", true)?,
            remove_extra_whitespaces: field::flag(spec, "remove_extra_whitespaces", true)?,
            escape_whitespaces: field::flag(spec, "escape_whitespaces", true)?,
            prefix_first_only: field::flag(spec, "prefix_first_only", false)?,
            charsmap: charsmap.map_err(|_| {
                Refusal::user("the precompiled_charsmap of Precompiled is no base64")
            })?,
            unused: unused.filter_map(|id| u32::try_from(id).ok()).collect(),
        }))
    }

    /// A `normalizer` object.
    pub(crate) fn write(&self, vocabulary: &Vocabulary) -> Value {
        let replace = |pattern: Value, content: &str| json!({"type": "Replace", "pattern": pattern, "content": content});
        let mut steps = Vec::new();
        if let Some(map) = &self.charsmap {
            let map = STANDARD.encode(map);
            steps.push(json!({"type": "Precompiled", "precompiled_charsmap": map}));
        }
        if self.remove_extra_whitespaces {
            steps.push(json!({"type": "Strip", "strip_left": true, "strip_right": true}));
            steps.push(replace(json!({"Regex": " {2,}"}), " "));
        }
        let space = if self.escape_whitespaces { "▁" } else { " " };
        if self.add_dummy_prefix {
            steps.push(json!({"type": "Prepend", "prepend": space}));
        }
        if self.escape_whitespaces {
            steps.push(replace(json!({"String": " "}), space));
        }
        let mut written = json!({
            "type": "Sequence",
            "normalizers": steps,
            KEY: {
                "add_dummy_prefix": self.add_dummy_prefix,
                "remove_extra_whitespaces": self.remove_extra_whitespaces,
                "escape_whitespaces": self.escape_whitespaces,
                "prefix_first_only": self.prefix_first_only,
                "unused": self.unused,
            },
        });
        merges::write(vocabulary, &mut written);
        written
    }

    /// The type of each piece, by `tokenizer.json`.
    pub(super) fn kinds(&self, vocabulary: &Vocabulary, added: &[Added]) -> Vec<Kind> {
        let mut kinds = vec![Kind::Normal; vocabulary.size() as usize];
        if vocabulary.byte_fallback {
            let bytes = (0..=255u8).filter_map(|byte| vocabulary.id(&format!("<0x{byte:02X}>")));
            bytes.for_each(|id| kinds[id as usize] = Kind::Byte);
        }
        let of_added = added
            .iter()
            .map(|token| (token.id, if token.special { Kind::Control } else { Kind::UserDefined }));
        let of_unused = self.unused.iter().map(|&id| (id, Kind::Unused));
        let of_unknown = vocabulary.unknown.map(|id| (id, Kind::Unknown));
        for (id, kind) in of_added.chain(of_unused).chain(of_unknown) {
            if let Some(place) = kinds.get_mut(id as usize) {
                *place = kind;
            }
        }
        kinds
    }
}
