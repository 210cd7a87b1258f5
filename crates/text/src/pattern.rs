//! What a text is searched for: a string, or a regular expression.
//!
//! The patterns of GPT-2 and its kin end in `\s+(?!\S)|\s+`: white space, but for the last character
//! before a word. A look-ahead needs a backtracking engine; so the ending is searched as `\s+`, which
//! an automaton finds in linear time, and the last character is given back here. The patterns of `WORDS` are
//! known; of others what stands before the ending is asked whether the white space is its own.

mod class;
mod fold;
mod onig;

use std::ops::Range;

use fancy_regex::Regex;
use lookback_files::{Refusal, Result};
use serde_json::Value;

use crate::{
    budget::{self, Budget},
    search::{self, Search},
};

/// How GPT-2 cuts a text into words.
pub(crate) const GPT2: &str =
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

/// Llama 3's: digits by threes, line ends with what precedes them.
pub(crate) const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Qwen2's: as Llama 3's, but each digit for itself.
pub(crate) const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// cl100k's, as tiktoken 0.14 has it: Llama 3's, but white space at the end is one word. Its
/// possessive quantifiers are left out; they change nothing here, and mean something else in the
/// engine that Hugging Face searches with.
pub(crate) const CL100K: &str = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+\z|\s*[\r\n]|\s+(?!\S)|\s+";

/// o200k's: a word ends where small letters are followed by capitals.
pub(crate) const O200K: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Kimi K2's: o200k's, but Han is a word for itself.
pub(crate) const KIMI_K2: &str = r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Patterns whose ending is given back here.
const WORDS: [&str; 5] = [GPT2, LLAMA3, QWEN2, CL100K, O200K];

const ENDING: &str = r"|\s+(?!\S)|\s+";
/// The same; the last alternative takes no more than one character that the one before it left.
const ENDING_OF_TIKTOKEN: &str = r"|\s+(?!\S)|\s";

/// A string or a regular expression, ready to search.
#[derive(Debug)]
pub(crate) enum Pattern {
    Text(String),
    Regex(Box<Search>),
    /// What stands before an ending such as that of `WORDS`, with `\s+` behind it and without.
    Ending {
        all: Box<Search>,
        front: Box<Search>,
    },
    /// One of `WORDS`, its ending cut to `\s+`.
    Words {
        regex: Box<Regex>,
        /// Whether an earlier alternative takes white space up to a line end.
        takes_line_ends: bool,
    },
}

impl Pattern {
    /// `{"String": …}` or `{"Regex": …}`.
    pub(crate) fn read(value: &Value) -> Result<Self> {
        match (value["String"].as_str(), value["Regex"].as_str()) {
            (Some(text), None) => Ok(Self::Text(text.to_owned())),
            (None, Some(regex)) => Self::regex(regex),
            _ => Err(Refusal::user("a pattern is neither a String nor a Regex")),
        }
    }

    /// A regular expression of Oniguruma, which Hugging Face's tokenizers search with.
    pub(crate) fn regex(source: &str) -> Result<Self> {
        budget::check(source.len(), budget::PATTERN, "bytes in a pattern")?;
        match source.strip_suffix(ENDING) {
            Some(front) if WORDS.contains(&source) => Ok(Self::Words {
                regex: Box::new(search::compile(&format!(r"{front}|\s+"), source)?),
                takes_line_ends: source != GPT2,
            }),
            _ => match Self::ending(source) {
                Some(ending) => Ok(ending),
                None => Self::searched(&onig::translated(source)?, source),
            },
        }
    }

    /// A pattern with an ending that is given back here; none for another.
    fn ending(source: &str) -> Option<Self> {
        let endings = [ENDING, ENDING_OF_TIKTOKEN];
        let front = endings.iter().find_map(|ending| source.strip_suffix(ending))?;
        // Where the ending is a part of something, as the bar of `\|`, what is before it cannot be read.
        let front = onig::translated(front).ok()?;
        let all = format!(r"(?:{front})|{}", onig::translated(r"\s+").ok()?);
        let search = |pattern: &str| Some(Box::new(Search::new(pattern, source).ok()?));
        Some(Self::Ending { all: search(&all)?, front: search(&front)? })
    }

    /// A regular expression of Rust.
    pub(crate) fn of_rust(source: &str) -> Result<Self> {
        Self::searched(source, source)
    }

    /// Whether a file brought it, and its searches are counted.
    pub(crate) fn is_searched(&self) -> bool {
        matches!(self, Self::Regex(_) | Self::Ending { .. })
    }

    fn searched(pattern: &str, source: &str) -> Result<Self> {
        Ok(Self::Regex(Box::new(Search::new(pattern, source)?)))
    }

    /// Walks over the whole text: each span, and whether it matches. One that matches may be empty.
    pub(crate) fn spans(
        &self,
        text: &str,
        budget: &Budget,
        visit: &mut dyn FnMut(Range<usize>, bool) -> Result<()>,
    ) -> Result<()> {
        let mut at = 0;
        let mut found = |span: Range<usize>| -> Result<()> {
            if at < span.start {
                visit(at..span.start, false)?;
            }
            at = span.end;
            visit(span, true)
        };
        match self {
            _ if text.is_empty() => {}
            // Nothing is found between any two characters, and at both ends.
            Self::Text(sought) if sought.is_empty() => {
                let starts = text.char_indices().map(|(start, _)| start);
                starts.chain([text.len()]).try_for_each(|start| found(start..start))?;
            }
            Self::Text(sought) => {
                for (start, _) in text.match_indices(sought.as_str()) {
                    found(start..start + sought.len())?;
                }
            }
            Self::Regex(regex) => regex.each(text, budget, &mut found)?,
            Self::Ending { all, front } => all.each_but(text, budget, &mut |span| {
                // The ending's own white space gives its last character back to the word behind it.
                let end = span.start + kept(text, span.clone(), false);
                let is_of_front = end < span.end && front.is_at(text, span.start, budget)?;
                let end = if is_of_front { span.end } else { end };
                found(span.start..end)?;
                Ok(end)
            })?,
            Self::Words { regex, takes_line_ends } => {
                let mut from = 0;
                while from < text.len() {
                    let one = regex.find_from_pos(text, from).map_err(|error| gave_up(&error))?;
                    let Some(one) = one else { break };
                    let end = one.start() + kept(text, one.range(), *takes_line_ends);
                    found(one.start()..end)?;
                    from = end;
                }
            }
        }
        if at < text.len() {
            visit(at..text.len(), false)?;
        }
        Ok(())
    }
}

/// Bytes of a match of `Words` that are its own: white space before a word gives its last character back.
fn kept(text: &str, span: Range<usize>, takes_line_ends: bool) -> usize {
    let found = &text[span.clone()];
    let last = found.chars().next_back().map_or(0, char::len_utf8);
    let is_ending = span.end < text.len()
        && found.len() > last
        && found.chars().all(char::is_whitespace)
        && !(takes_line_ends && found.contains(['\r', '\n']));
    if is_ending { found.len() - last } else { found.len() }
}

fn gave_up(error: &fancy_regex::Error) -> Refusal {
    Refusal::user(format!("the tokenizer's pattern gave up on this text ({error})"))
}

#[cfg(test)]
mod tests;
