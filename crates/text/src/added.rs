//! Tokens that are found in a text before it is cut: `<|im_end|>` and their like.

use std::{collections::HashSet, ops::Range, sync::LazyLock};

use aho_corasick::{AhoCorasick, Input, MatchKind};
use fancy_regex::Regex;
use lookback_files::{Refusal, Result, quoted_excerpt};
use serde_json::Value;

use crate::{
    budget::{self, Budget},
    field, normalize,
    normalize::Normalizer,
    structure::Spelled,
};

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
        let id = id.ok_or_else(|| {
            Refusal::user(format!("the added token {} has no id", quoted_excerpt(content)))
        })?;
        Self::read_as(value, id)
    }

    /// The same of an object whose id stands elsewhere.
    pub(crate) fn read_as(value: &Value, id: u32) -> Result<Self> {
        let content = field::text(value, "content", "an added token")?.to_owned();
        let special = field::flag(value, "special", false)?;
        Ok(Self {
            id,
            single_word: field::flag(value, "single_word", false)?,
            lstrip: field::flag(value, "lstrip", false)?,
            rstrip: field::flag(value, "rstrip", false)?,
            normalized: field::flag(value, "normalized", !special)?,
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

/// Added tokens in one automaton, so that a search takes a text's time, however many they are.
#[derive(Debug)]
pub(crate) struct Finder {
    /// None where nothing is looked for.
    automaton: Option<AhoCorasick>,
    /// By the number of the pattern.
    tokens: Vec<Added>,
}

impl Finder {
    /// For text as it is (`normalizers` empty), or for normalized text.
    pub(crate) fn new<'a>(
        tokens: impl Iterator<Item = &'a Added>,
        normalizers: &[Normalizer],
    ) -> Result<Self> {
        let (mut sought, mut known, mut found) = (Vec::new(), HashSet::new(), Vec::new());
        let mut bytes = 0;
        for token in tokens {
            let budget = Budget::new(token.content.len(), normalizers.len());
            let text =
                normalize::normalize(normalizers, &token.content, &budget)?.text.into_owned();
            bytes += text.len();
            budget::check(bytes, budget::ADDED, "bytes of added tokens")?;
            // Of two that are written alike the first is found.
            if !text.is_empty() && known.insert(text.clone()) {
                sought.push(text);
                found.push(token.clone());
            }
        }
        if sought.is_empty() {
            return Ok(Self { automaton: None, tokens: found });
        }
        let automaton = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(sought);
        let automaton = automaton.map_err(|error| {
            Refusal::user(format!("the added tokens cannot be searched for ({error})"))
        })?;
        Ok(Self { automaton: Some(automaton), tokens: found })
    }

    /// Walks over the whole text: each span, and the id of the token that it is. None is empty.
    /// `classify` says whether the spelling of a special token is that token or text.
    pub(crate) fn spans(
        &self,
        text: &str,
        classify: &mut dyn FnMut(Range<usize>) -> Result<Spelled>,
        visit: &mut dyn FnMut(Range<usize>, Option<u32>) -> Result<()>,
    ) -> Result<()> {
        let (mut from, mut at) = (0, 0);
        while let Some((found, token)) = self.next(text, at..text.len()) {
            let (found, token, spelled) = self.classified(text, found, token, classify)?;
            let (mut start, mut end) = (found.start, found.end);
            at = end;
            let stands_alone =
                || !text[..start].ends_with(is_of_word) && !text[end..].starts_with(is_of_word);
            if spelled == Spelled::PartlyText {
                at = start + text[start..].chars().next().map_or(1, char::len_utf8);
                continue;
            }
            if spelled == Spelled::Text || token.single_word && !stands_alone() {
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

    /// The first token spelled within these bytes; of those that begin alike the longest.
    fn next(&self, text: &str, within: Range<usize>) -> Option<(Range<usize>, &Added)> {
        let found = self.automaton.as_ref()?.find(Input::new(text).range(within))?;
        Some((found.start()..found.end(), &self.tokens[found.pattern().as_usize()]))
    }

    /// What a found token's spelling is. Where it is text in part, a shorter token that begins there may
    /// stand in its place.
    fn classified<'a>(
        &'a self,
        text: &str,
        mut found: Range<usize>,
        mut token: &'a Added,
        classify: &mut dyn FnMut(Range<usize>) -> Result<Spelled>,
    ) -> Result<(Range<usize>, &'a Added, Spelled)> {
        loop {
            let spelled = if token.special { classify(found.clone())? } else { Spelled::Token };
            if spelled != Spelled::PartlyText {
                return Ok((found, token, spelled));
            }
            match self.next(text, found.start..found.end - 1) {
                Some((shorter, other)) if shorter.start == found.start => {
                    (found, token) = (shorter, other);
                }
                _ => return Ok((found, token, spelled)),
            }
        }
    }
}

/// What `\w` is: letters, marks, digits, connectors; but not fractions.
static OF_WORD: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\w$").ok());

fn is_of_word(sign: char) -> bool {
    let mut room = [0; 4];
    let sign = sign.encode_utf8(&mut room);
    OF_WORD.as_ref().is_some_and(|regex| regex.is_match(sign).unwrap_or(false))
}
