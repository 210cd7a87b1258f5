//! What each normalizer does to a text, and which of its bytes still stand for the text's first character.

use lookback_files::Result;

use super::{forms, precompiled::Charsmap};
use crate::{alphabet, budget::Budget, pattern::Pattern};

/// One step; they are done in order.
#[derive(Debug)]
pub(crate) enum Normalizer {
    Nfc,
    Nfd,
    Nfkc,
    Nfkd,
    Lowercase,
    StripAccents,
    Nmt,
    Strip {
        left: bool,
        right: bool,
    },
    Prepend(String),
    Replace {
        pattern: Pattern,
        content: String,
    },
    Precompiled(Charsmap),
    /// Each byte becomes its letter in the alphabet of bytes.
    ByteLevel,
}

impl Normalizer {
    /// What the file calls it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Nfc => "NFC",
            Self::Nfd => "NFD",
            Self::Nfkc => "NFKC",
            Self::Nfkd => "NFKD",
            Self::Lowercase => "Lowercase",
            Self::StripAccents => "StripAccents",
            Self::Nmt => "Nmt",
            Self::Strip { .. } => "Strip",
            Self::Prepend(_) => "Prepend",
            Self::Replace { .. } => "Replace",
            Self::Precompiled(_) => "Precompiled",
            Self::ByteLevel => "ByteLevel",
        }
    }

    /// The text after this step, and how many bytes at its beginning stand for what the first `first` bytes
    /// stood for. `take` gets the number of its bytes, and refuses too many.
    pub(super) fn done(
        &self,
        text: &str,
        first: usize,
        take: &dyn Fn(usize) -> Result<()>,
        budget: &Budget,
    ) -> Result<(String, usize)> {
        // A character becomes at most 18, so these need not be counted before they are made.
        let formed = |form: &dyn Fn(&str) -> String| {
            let whole = form(text);
            take(whole.len())?;
            let beginning = form(&text[..first]);
            let first = match whole.strip_prefix(&beginning) {
                Some(_) => beginning.len(),
                // It was joined with what follows.
                None => whole.chars().next().map_or(0, char::len_utf8),
            };
            Ok((whole, first))
        };
        let each = |map: &dyn Fn(char) -> Option<char>| {
            formed(&|text| text.chars().filter_map(map).collect())
        };
        match self {
            Self::Nfc => formed(&forms::nfc),
            Self::Nfd => formed(&forms::nfd),
            Self::Nfkc => formed(&forms::nfkc),
            Self::Nfkd => formed(&forms::nfkd),
            // One character at a time, as Hugging Face does: a last sigma stays a middle one.
            Self::Lowercase => formed(&|text| text.chars().flat_map(char::to_lowercase).collect()),
            Self::StripAccents => each(&|sign| Some(sign).filter(|sign| !forms::is_mark(*sign))),
            Self::Nmt => each(&nmt),
            Self::ByteLevel => formed(&|text| text.bytes().map(alphabet::letter).collect()),
            Self::Strip { left, right } => {
                let mut rest = text;
                if *left {
                    rest = rest.trim_start();
                }
                let first = first.saturating_sub(text.len() - rest.len());
                if *right {
                    rest = rest.trim_end();
                }
                take(rest.len())?;
                Ok((rest.to_owned(), first.min(rest.len())))
            }
            Self::Prepend(before) => {
                take(before.len() + text.len())?;
                let first = if first > 0 { first + before.len() } else { 0 };
                Ok((format!("{before}{text}"), first))
            }
            Self::Replace { pattern, content } => {
                replaced(pattern, content, text, first, take, budget)
            }
            Self::Precompiled(charsmap) => precompiled(charsmap, text, first, take),
        }
    }
}

/// What SentencePiece's normalization for machine translation does to a character: some control characters
/// go, other white space becomes a space.
fn nmt(sign: char) -> Option<char> {
    match sign {
        '\u{1}'..='\u{8}' | '\u{B}' | '\u{E}'..='\u{1F}' | '\u{7F}' | '\u{8F}' | '\u{9F}' => None,
        '\t'
        | '\n'
        | '\u{C}'
        | '\r'
        | '\u{1680}'
        | '\u{200B}'..='\u{200F}'
        | '\u{2028}'
        | '\u{2029}'
        | '\u{2581}'
        | '\u{FEFF}'
        | '\u{FFFD}' => Some(' '),
        _ => Some(sign),
    }
}

/// What is put for a match stands for the match's last character; for that before it, where it is empty.
fn replaced(
    pattern: &Pattern,
    content: &str,
    text: &str,
    first: usize,
    take: &dyn Fn(usize) -> Result<()>,
    budget: &Budget,
) -> Result<(String, usize)> {
    let mut replaced = String::with_capacity(text.len());
    let mut kept = 0;
    pattern.spans(text, budget, &mut |span, matches| {
        let piece = if matches { content } else { &text[span.clone()] };
        take(piece.len())?;
        let last = text[..span.end].char_indices().next_back();
        let of_first = match last {
            _ if !matches => first.clamp(span.start, span.end) - span.start,
            Some((last, _)) if last >= first => 0,
            _ => content.len(),
        };
        if kept == replaced.len() {
            kept += of_first;
        }
        replaced.push_str(piece);
        Ok(())
    })?;
    Ok((replaced, kept))
}

fn precompiled(
    charsmap: &Charsmap,
    text: &str,
    first: usize,
    take: &dyn Fn(usize) -> Result<()>,
) -> Result<(String, usize)> {
    let mut replaced = String::with_capacity(text.len());
    let (mut at, mut kept) = (0, 0);
    charsmap.each(text, &mut |part, replacement| {
        take(replacement.len())?;
        // What becomes nothing at the beginning leaves its place to the next.
        let is_of_first = at < first || first > 0 && replaced.is_empty();
        if is_of_first && kept == replaced.len() {
            let is_whole = at + part.len() <= first || part.chars().nth(1).is_none();
            let begin = replacement.chars().next().map_or(0, char::len_utf8);
            kept += if is_whole { replacement.len() } else { begin };
        }
        at += part.len();
        replaced.push_str(replacement);
        Ok(())
    })?;
    Ok((replaced, kept))
}
