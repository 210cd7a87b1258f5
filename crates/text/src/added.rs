//! Tokens that are found in a text before it is cut: `<|im_end|>` and their like.

use std::{ops::Range, sync::LazyLock};

use fancy_regex::Regex;
use lookback_files::{Refusal, Result};
use serde_json::Value;

use crate::{field, normalize, normalize::Normalizer};

/// A token with a text of its own, and where that is looked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Added {
    pub(crate) id: u32,
    pub(crate) content: String,
    /// Not inside a longer word.
    pub(crate) single_word: bool,
    /// Takes the white space before it.
    pub(crate) lstrip: bool,
    /// Takes the white space after it.
    pub(crate) rstrip: bool,
    /// Looked for in the normalized text, not in the text as it is.
    pub(crate) normalized: bool,
    /// Structure, not text.
    pub(crate) special: bool,
}

impl Added {
    pub(crate) fn read(value: &Value) -> Result<Self> {
        let content = field::text(value, "content", "an added token")?;
        let id = value["id"].as_u64().and_then(|id| u32::try_from(id).ok());
        let id =
            id.ok_or_else(|| Refusal::user(format!("the added token {content:?} has no id")))?;
        Self::read_as(value, id)
    }

    /// The same of an object whose id stands elsewhere.
    pub(crate) fn read_as(value: &Value, id: u32) -> Result<Self> {
        let content = field::text(value, "content", "an added token")?.to_owned();
        let special = field::flag(value, "special", false);
        Ok(Self {
            id,
            single_word: field::flag(value, "single_word", false),
            lstrip: field::flag(value, "lstrip", false),
            rstrip: field::flag(value, "rstrip", false),
            normalized: field::flag(value, "normalized", !special),
            special,
            content,
        })
    }

    pub(crate) fn write(&self) -> Value {
        serde_json::json!({
            "id": self.id,
            "content": self.content,
            "single_word": self.single_word,
            "lstrip": self.lstrip,
            "rstrip": self.rstrip,
            "normalized": self.normalized,
            "special": self.special,
        })
    }
}

/// Added tokens by their first byte, the longest first.
#[derive(Debug)]
pub(crate) struct Finder(Vec<Vec<(String, Added)>>);

impl Finder {
    /// For text as it is (`normalizers` empty), or for normalized text.
    pub(crate) fn new<'a>(
        tokens: impl Iterator<Item = &'a Added>,
        normalizers: &[Normalizer],
    ) -> Result<Self> {
        let mut by_byte = vec![Vec::new(); 256];
        for token in tokens {
            let sought = normalize::normalize(normalizers, &token.content)?.into_owned();
            if let Some(&first) = sought.as_bytes().first() {
                by_byte[usize::from(first)].push((sought, token.clone()));
            }
        }
        for tokens in &mut by_byte {
            tokens.sort_by_key(|(sought, _)| std::cmp::Reverse(sought.len()));
        }
        Ok(Self(by_byte))
    }

    /// Walks over the whole text: each span, and the id of the token that it is. None is empty.
    pub(crate) fn spans(
        &self,
        text: &str,
        finds_specials: bool,
        visit: &mut dyn FnMut(Range<usize>, Option<u32>) -> Result<()>,
    ) -> Result<()> {
        let (mut from, mut at) = (0, 0);
        while at < text.len() {
            let rest = &text.as_bytes()[at..];
            let here = self.0[usize::from(rest[0])].iter();
            let Some((sought, token)) =
                here.clone().find(|(sought, _)| rest.starts_with(sought.as_bytes()))
            else {
                at += 1;
                continue;
            };
            let (mut start, mut end) = (at, at + sought.len());
            at = end;
            let stands_alone =
                || !text[..start].ends_with(is_of_word) && !text[end..].starts_with(is_of_word);
            if token.special && !finds_specials || token.single_word && !stands_alone() {
                continue;
            }
            if token.lstrip {
                start = text[..start].trim_end().len().max(from);
            }
            if token.rstrip {
                end = text.len() - text[end..].trim_start().len();
                at = end;
            }
            if from < start {
                visit(from..start, None)?;
            }
            visit(start..end, Some(token.id))?;
            from = end;
        }
        if from < text.len() { visit(from..text.len(), None) } else { Ok(()) }
    }
}

/// What `\w` is: letters, marks, digits, connectors; but not fractions.
static OF_WORD: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\w$").ok());

fn is_of_word(sign: char) -> bool {
    let mut room = [0; 4];
    let sign = sign.encode_utf8(&mut room);
    OF_WORD.as_ref().is_some_and(|regex| regex.is_match(sign).unwrap_or(false))
}
