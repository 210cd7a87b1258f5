//! What is done to a text before it is cut: Unicode forms, replaced spaces, a space put before it.

use std::{borrow::Cow, ops::RangeInclusive, sync::LazyLock};

use lookback_files::{Refusal, Result, excerpt};
use regex_syntax::hir::{Class, Hir, HirKind};
use serde_json::Value;
use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

use crate::{
    budget::{self, Budget},
    field,
    pattern::Pattern,
};

/// One step; they are done in order.
#[derive(Debug)]
pub(crate) enum Normalizer {
    Nfc,
    Nfd,
    Nfkc,
    Nfkd,
    Lowercase,
    StripAccents,
    Strip { left: bool, right: bool },
    Prepend(String),
    Replace { pattern: Pattern, content: String },
}

/// Reads the steps of a `normalizer` object.
pub(crate) fn read(value: &Value) -> Result<Vec<Normalizer>> {
    let mut steps = Vec::new();
    add(value, &mut steps)?;
    Ok(steps)
}

fn add(value: &Value, steps: &mut Vec<Normalizer>) -> Result<()> {
    if value.is_null() {
        return Ok(());
    }
    let one = match field::text(value, "type", "a normalizer")? {
        "Sequence" => {
            let several = field::list(value, "normalizers", "a normalizer")?;
            return several.iter().try_for_each(|step| add(step, steps));
        }
        "NFC" => Normalizer::Nfc,
        "NFD" => Normalizer::Nfd,
        "NFKC" => Normalizer::Nfkc,
        "NFKD" => Normalizer::Nfkd,
        "Lowercase" => Normalizer::Lowercase,
        "StripAccents" => Normalizer::StripAccents,
        "Strip" => Normalizer::Strip {
            left: field::flag(value, "strip_left", true),
            right: field::flag(value, "strip_right", true),
        },
        "Prepend" => Normalizer::Prepend(field::text(value, "prepend", "Prepend")?.to_owned()),
        "Replace" => Normalizer::Replace {
            pattern: Pattern::read(&value["pattern"])?,
            content: field::text(value, "content", "Replace")?.to_owned(),
        },
        other => {
            return Err(Refusal::unsupported(format!(
                "the normalizer {} is not understood, and would change the ids",
                excerpt(other)
            )));
        }
    };
    let is_regex = |step: &&Normalizer| matches!(step, Normalizer::Replace { pattern, .. } if pattern.is_searched());
    steps.push(one);
    budget::check(steps.len(), budget::STEPS, "normalizers")?;
    budget::check(
        steps.iter().filter(is_regex).count(),
        budget::PATTERNS,
        "patterns in normalizers",
    )
}

/// Does all steps, in order, as far as the budget goes.
pub(crate) fn normalize<'a>(
    steps: &[Normalizer],
    text: &'a str,
    budget: &Budget,
) -> Result<Cow<'a, str>> {
    normalize_as(steps, text, budget, true)
}

/// The same for the middle of a text: nothing is put before it.
pub(crate) fn normalize_inside<'a>(
    steps: &[Normalizer],
    text: &'a str,
    budget: &Budget,
) -> Result<Cow<'a, str>> {
    normalize_as(steps, text, budget, false)
}

fn normalize_as<'a>(
    steps: &[Normalizer],
    text: &'a str,
    budget: &Budget,
    begins: bool,
) -> Result<Cow<'a, str>> {
    let mut text = Cow::Borrowed(text);
    for (number, step) in steps.iter().enumerate() {
        // An empty text stays empty: nothing is put before nothing.
        if text.is_empty() {
            break;
        }
        if !begins && matches!(step, Normalizer::Prepend(_)) {
            continue;
        }
        text = Cow::Owned(step.done(
            &text,
            &|bytes| budget.take(bytes, &|| format!("normalizer {} ({})", number + 1, step.name())),
            budget,
        )?);
    }
    Ok(text)
}

impl Normalizer {
    /// What the file calls it.
    fn name(&self) -> &'static str {
        match self {
            Self::Nfc => "NFC",
            Self::Nfd => "NFD",
            Self::Nfkc => "NFKC",
            Self::Nfkd => "NFKD",
            Self::Lowercase => "Lowercase",
            Self::StripAccents => "StripAccents",
            Self::Strip { .. } => "Strip",
            Self::Prepend(_) => "Prepend",
            Self::Replace { .. } => "Replace",
        }
    }

    /// The text after this step; `take` is told of its bytes, and says whether there may be so many.
    fn done(
        &self,
        text: &str,
        take: &dyn Fn(usize) -> Result<()>,
        budget: &Budget,
    ) -> Result<String> {
        // A character becomes at most 18, so these need not be counted before they are made.
        let counted = |text: String| take(text.len()).map(|()| text);
        match self {
            Self::Nfc => counted(of_known(text, |known| known.nfc().collect())),
            Self::Nfd => counted(of_known(text, |known| known.nfd().collect())),
            Self::Nfkc => counted(of_known(text, |known| known.nfkc().collect())),
            Self::Nfkd => counted(of_known(text, |known| known.nfkd().collect())),
            // One character at a time, as Hugging Face does: a last sigma stays a middle one.
            Self::Lowercase => counted(text.chars().flat_map(char::to_lowercase).collect()),
            Self::StripAccents => {
                let is_mark = |sign: &char| is_combining_mark(*sign) && is_known(*sign);
                counted(text.chars().filter(|sign| !is_mark(sign)).collect())
            }
            Self::Strip { left, right } => {
                let mut rest = text;
                if *left {
                    rest = rest.trim_start();
                }
                if *right {
                    rest = rest.trim_end();
                }
                counted(rest.to_owned())
            }
            Self::Prepend(before) => {
                take(before.len() + text.len())?;
                Ok(format!("{before}{text}"))
            }
            Self::Replace { pattern, content } => {
                let mut replaced = String::with_capacity(text.len());
                pattern.spans(text, budget, &mut |span, matches| {
                    let piece = if matches { content } else { &text[span] };
                    take(piece.len())?;
                    replaced.push_str(piece);
                    Ok(())
                })?;
                Ok(replaced)
            }
        }
    }
}

/// The characters of Unicode 9, whose forms Hugging Face's tokenizers know; later ones stay as they are.
static KNOWN: LazyLock<Vec<RangeInclusive<char>>> = LazyLock::new(|| {
    let parsed = regex_syntax::Parser::new().parse(r"\p{Age=9.0}");
    match parsed.map(Hir::into_kind) {
        Ok(HirKind::Class(Class::Unicode(known))) => {
            known.iter().map(|range| range.start()..=range.end()).collect()
        }
        _ => vec!['\0'..=char::MAX],
    }
});

fn is_known(sign: char) -> bool {
    // All before the Greek letters are; a text of these needs no search.
    let found = || {
        let at = KNOWN.partition_point(|range| *range.end() < sign);
        KNOWN.get(at).is_some_and(|range| range.contains(&sign))
    };
    sign < '\u{370}' || found()
}

/// A form of each stretch of known characters. Others have none, and nothing is ordered or joined across
/// them.
fn of_known(text: &str, form: impl Fn(&str) -> String) -> String {
    let mut formed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|sign| !is_known(sign)) {
        formed += &form(&rest[..at]);
        let length = rest[at..].chars().next().map_or(0, char::len_utf8);
        formed += &rest[at..at + length];
        rest = &rest[at + length..];
    }
    formed + &form(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Forms that Hugging Face's tokenizers 0.23.3 give.
    const FORMS: &[(&str, &str, &str)] = &[
        ("NFC", "\u{32ff}\u{3300}", "\u{32ff}\u{3300}"),
        ("NFC", "x\u{d00}\u{8d4}y", "x\u{d00}\u{8d4}y"),
        ("NFC", "\u{11935}\u{11930}", "\u{11935}\u{11930}"),
        ("NFC", "a\u{301}\u{d00}\u{301}\u{327}", "\u{e1}\u{d00}\u{327}\u{301}"),
        ("NFC", "\u{a7f2}\u{a7f8}", "\u{a7f2}\u{a7f8}"),
        ("NFC", "e\u{301}\u{1e03}0", "\u{e9}\u{1e03}0"),
        ("NFD", "\u{32ff}\u{3300}", "\u{32ff}\u{3300}"),
        ("NFD", "x\u{d00}\u{8d4}y", "x\u{d00}\u{8d4}y"),
        ("NFD", "\u{11935}\u{11930}", "\u{11935}\u{11930}"),
        ("NFD", "a\u{301}\u{d00}\u{301}\u{327}", "a\u{301}\u{d00}\u{327}\u{301}"),
        ("NFD", "\u{a7f2}\u{a7f8}", "\u{a7f2}\u{a7f8}"),
        ("NFD", "e\u{301}\u{1e03}0", "e\u{301}b\u{307}0"),
        ("NFKC", "\u{32ff}\u{3300}", "\u{32ff}\u{30a2}\u{30d1}\u{30fc}\u{30c8}"),
        ("NFKC", "x\u{d00}\u{8d4}y", "x\u{d00}\u{8d4}y"),
        ("NFKC", "\u{11935}\u{11930}", "\u{11935}\u{11930}"),
        ("NFKC", "a\u{301}\u{d00}\u{301}\u{327}", "\u{e1}\u{d00}\u{327}\u{301}"),
        ("NFKC", "\u{a7f2}\u{a7f8}", "\u{a7f2}\u{126}"),
        ("NFKC", "e\u{301}\u{1e03}0", "\u{e9}\u{1e03}0"),
        ("NFKD", "\u{32ff}\u{3300}", "\u{32ff}\u{30a2}\u{30cf}\u{309a}\u{30fc}\u{30c8}"),
        ("NFKD", "x\u{d00}\u{8d4}y", "x\u{d00}\u{8d4}y"),
        ("NFKD", "\u{11935}\u{11930}", "\u{11935}\u{11930}"),
        ("NFKD", "a\u{301}\u{d00}\u{301}\u{327}", "a\u{301}\u{d00}\u{327}\u{301}"),
        ("NFKD", "\u{a7f2}\u{a7f8}", "\u{a7f2}\u{126}"),
        ("NFKD", "e\u{301}\u{1e03}0", "e\u{301}b\u{307}0"),
        ("StripAccents", "\u{32ff}\u{3300}", "\u{32ff}\u{3300}"),
        ("StripAccents", "x\u{d00}\u{8d4}y", "x\u{d00}y"),
        ("StripAccents", "\u{11935}\u{11930}", "\u{11935}\u{11930}"),
        ("StripAccents", "a\u{301}\u{d00}\u{301}\u{327}", "a\u{d00}"),
        ("StripAccents", "\u{a7f2}\u{a7f8}", "\u{a7f2}\u{a7f8}"),
        ("StripAccents", "e\u{301}\u{1e03}0", "e\u{1e03}0"),
    ];

    #[test]
    fn characters_later_than_unicode_9_have_no_forms() {
        for (name, text, formed) in FORMS {
            let Ok(steps) = read(&serde_json::json!({"type": name})) else { panic!("{name}") };
            let normal = normalize(&steps, text, &Budget::new(text.len(), 1)).map(Cow::into_owned);
            assert_eq!(normal.as_deref(), Ok(*formed), "{name} of {text:?}");
        }
    }
}
