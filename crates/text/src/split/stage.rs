//! What each pre-tokenizer does to a word.

use std::ops::Range;

use lookback_files::Result;

use super::{
    behavior::{self, Behavior},
    characters::{self, Kind},
};
use crate::{alphabet, budget::Budget, pattern::Pattern};

/// Before which words a sign is put.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Prepend {
    Always,
    /// Only before words that begin with the text's first character.
    First,
    Never,
}

/// One stage; each cuts the words of the one before.
#[derive(Debug)]
pub(crate) enum Stage {
    /// Around what a pattern matches or, inverted, does not match.
    Split { pattern: Pattern, behavior: Behavior, inverted: bool },
    /// Around characters of a kind.
    Characters { kind: Kind, behavior: Behavior },
    /// Where another script begins.
    Scripts,
    /// A space before a word that has none.
    PrefixSpace,
    /// Each byte becomes its letter in the alphabet of bytes.
    Letters,
    /// Spaces become a visible sign, and a word begins at each.
    Metaspace { sign: String, prepend: Prepend, cuts: bool },
}

/// Takes a word, and how many bytes at its beginning stand for the text's first character.
pub(super) type Visit<'a> = &'a mut dyn FnMut(&str, usize) -> Result<()>;

impl Stage {
    /// What the file calls it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Split { .. } => "Split",
            Self::Characters { kind: Kind::Digits, .. } => "Digits",
            Self::Characters { kind: Kind::Punctuation, .. } => "Punctuation",
            Self::Characters { kind: Kind::WhiteSpace, .. } => "WhitespaceSplit",
            Self::Scripts => "UnicodeScripts",
            Self::PrefixSpace | Self::Letters => "ByteLevel",
            Self::Metaspace { .. } => "Metaspace",
        }
    }

    /// Hands on the words of a word, in order. `first`: how many bytes at its beginning stand for the
    /// text's first character.
    pub(super) fn words(
        &self,
        part: &str,
        first: usize,
        budget: &Budget,
        visit: Visit<'_>,
    ) -> Result<()> {
        let cut = |part: &str, first: usize, cuts: Vec<Range<usize>>, visit: Visit<'_>| {
            cuts.into_iter().try_for_each(|span| one(part, span, first, visit))
        };
        match self {
            // Nothing is joined, so each word goes on as it is found: a long text needs no list of them.
            Self::Split { pattern, behavior: Behavior::Isolated, .. } => {
                pattern.spans(part, budget, &mut |span, _| one(part, span, first, visit))
            }
            Self::Split { pattern, behavior, inverted } => {
                let mut spans = Vec::new();
                pattern.spans(part, budget, &mut |span, matches| {
                    spans.push((span, matches != *inverted));
                    Ok(())
                })?;
                cut(part, first, behavior::joined(spans, *behavior), visit)
            }
            Self::Characters { kind, behavior } => {
                let spans = behavior::each(part, |sign| kind.has(sign));
                cut(part, first, behavior::joined(spans, *behavior), visit)
            }
            Self::Scripts => cut(part, first, scripts(part), visit),
            Self::PrefixSpace if part.starts_with(' ') => visit(part, first),
            Self::PrefixSpace => visit(&format!(" {part}"), if first > 0 { first + 1 } else { 0 }),
            Self::Letters => {
                let spelled = |text: &str| text.bytes().map(alphabet::letter).collect::<String>();
                visit(&spelled(part), spelled(&part[..first]).len())
            }
            Self::Metaspace { sign, prepend, cuts } => {
                let mut signed = part.replace(' ', sign);
                let mut first = part[..first].replace(' ', sign).len();
                let wanted = match prepend {
                    Prepend::Always => true,
                    Prepend::First => first > 0,
                    Prepend::Never => false,
                };
                if wanted && !signed.starts_with(sign.as_str()) {
                    signed.insert_str(0, sign);
                    first += if first > 0 { sign.len() } else { 0 };
                }
                if !cuts {
                    return visit(&signed, first);
                }
                let mut spans = Vec::new();
                Pattern::Text(sign.clone()).spans(&signed, budget, &mut |span, is| {
                    spans.push((span, is));
                    Ok(())
                })?;
                cut(&signed, first, behavior::joined(spans, Behavior::MergedWithNext), visit)
            }
        }
    }
}

/// Hands on one word of a word; none that is empty.
fn one(part: &str, span: Range<usize>, first: usize, visit: Visit<'_>) -> Result<()> {
    if span.is_empty() {
        return Ok(());
    }
    let first = first.clamp(span.start, span.end) - span.start;
    visit(&part[span], first)
}

/// Words of one script each. Characters of any script stand with those before them; what stands before the
/// first script is left out, as Hugging Face's tokenizers do.
fn scripts(part: &str) -> Vec<Range<usize>> {
    let mut words: Vec<Range<usize>> = Vec::new();
    let mut before = None;
    for (start, sign) in part.char_indices() {
        let end = start + sign.len_utf8();
        let script = characters::script(sign);
        match words.last_mut() {
            _ if script.is_some() && script != before => words.push(start..end),
            Some(word) => word.end = end,
            None => {}
        }
        before = script.or(before);
    }
    words
}
