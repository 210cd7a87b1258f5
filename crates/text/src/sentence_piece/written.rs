//! What a `tokenizer.json` has no words for stands in it beside the normalizers that come nearest: other programs
//! read those, and this one reads all of it back.
//!
//! ```text
//! "normalizer": {"type": "Sequence", "normalizers": […], "sentencepiece": {"add_dummy_prefix": true, …}}
//! ```

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use lookback_files::{Refusal, Result};
use serde_json::{Value, json};

use super::{
    Prefix,
    proto::{Kind, NormalizerSpec},
};
use crate::{field, tokenizer::Parts, vocabulary::Vocabulary};

const KEY: &str = "sentencepiece";

/// How a text is prepared, in the words of `sentencepiece_model.proto`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spec {
    pub(super) add_dummy_prefix: bool,
    pub(super) remove_extra_whitespaces: bool,
    pub(super) escape_whitespaces: bool,
    /// As [`Prefix::is_first_only`].
    pub(crate) prefix_first_only: bool,
    pub(super) charsmap: Option<Vec<u8>>,
    unused: Vec<u32>,
}

impl Spec {
    pub(super) fn of(proto: &NormalizerSpec, unused: Vec<u32>, prefix: Prefix) -> Self {
        Self {
            add_dummy_prefix: prefix.is_added.unwrap_or_else(|| proto.add_dummy_prefix()),
            remove_extra_whitespaces: proto.remove_extra_whitespaces(),
            escape_whitespaces: proto.escape_whitespaces(),
            prefix_first_only: prefix.is_first_only,
            charsmap: proto.precompiled_charsmap.clone().filter(|map| !map.is_empty()),
            unused,
        }
    }

    /// Reads a `normalizer` object; none where it says nothing of SentencePiece.
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
        write_merges(vocabulary, &mut written);
        written
    }

    /// What each piece is, as `tokenizer.json` tells them apart.
    pub(super) fn kinds(&self, parts: &Parts) -> Vec<Kind> {
        let vocabulary = &parts.vocabulary;
        let mut kinds = vec![Kind::Normal; vocabulary.size() as usize];
        if vocabulary.byte_fallback {
            let bytes = (0..=255u8).filter_map(|byte| vocabulary.id(&format!("<0x{byte:02X}>")));
            bytes.for_each(|id| kinds[id as usize] = Kind::Byte);
        }
        let of_added = parts
            .added
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

/// Whether other programs know a merge: those of characters that are no pieces stand elsewhere.
pub(crate) fn is_of_other_programs(vocabulary: &Vocabulary, merge: (u32, u32)) -> bool {
    merge.0.max(merge.1) < vocabulary.size()
}

/// Puts into a `normalizer` object how many merges again and again are equal, so that the leftmost comes first, and
/// the merges that other programs do not know, each with its place.
pub(crate) fn write_merges(vocabulary: &Vocabulary, normalizer: &mut Value) {
    let Some(ranks) = &vocabulary.ranks else { return };
    let counts = ranks.chunk_by(|one, other| one == other).map(<[u32]>::len);
    normalizer[KEY]["equal_merges"] = counts.collect();
    let others = vocabulary
        .merges
        .iter()
        .enumerate()
        .filter(|(_, merge)| !is_of_other_programs(vocabulary, **merge));
    let spelled = |(place, &(left, right)): (usize, &(u32, u32))| {
        json!([place, vocabulary.piece(left), vocabulary.piece(right)])
    };
    let others: Vec<Value> = others.map(spelled).collect();
    if !others.is_empty() {
        normalizer[KEY]["other_merges"] = json!(others);
    }
}

/// Reads what `write_merges` wrote.
pub(crate) fn read_merges(normalizer: &Value, vocabulary: &mut Vocabulary) -> Result<()> {
    let Some(counts) = normalizer[KEY]["equal_merges"].as_array() else { return Ok(()) };
    let broken =
        |what: &str| Refusal::user(format!("{what} of the normalizer are not those of the merges"));
    let mut others: HashMap<usize, (u32, u32)> = HashMap::new();
    for other in normalizer[KEY]["other_merges"].as_array().into_iter().flatten() {
        let mut half = |text: &Value| -> Option<u32> {
            let text = text.as_str()?;
            let mut signs = text.chars();
            match (vocabulary.id(text), signs.next(), signs.next()) {
                (None, Some(sign), None) => Some(vocabulary.add_part(sign)),
                (id, ..) => id,
            }
        };
        let halves = half(&other[1]).zip(half(&other[2]));
        let place = other[0].as_u64().and_then(|place| usize::try_from(place).ok());
        let (place, halves) = place.zip(halves).ok_or_else(|| broken("other_merges"))?;
        others.insert(place, halves);
    }
    let mut known = std::mem::take(&mut vocabulary.merges).into_iter();
    let all = known.len() + others.len();
    let merged = (0..all).map_while(|place| others.get(&place).copied().or_else(|| known.next()));
    vocabulary.merges = merged.collect();
    let mut ranks = Vec::with_capacity(all);
    for (rank, count) in (0..).zip(counts) {
        let count = count.as_u64().and_then(|count| usize::try_from(count).ok());
        let count = count.filter(|count| *count <= all - ranks.len());
        ranks.extend(std::iter::repeat_n(rank, count.ok_or_else(|| broken("equal_merges"))?));
    }
    if ranks.len() != all || vocabulary.merges.len() != all {
        return Err(broken("equal_merges"));
    }
    vocabulary.ranks = Some(ranks);
    Ok(())
}
