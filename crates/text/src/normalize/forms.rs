//! The Unicode forms, as Hugging Face's tokenizers know them.

use std::{ops::RangeInclusive, sync::LazyLock};

use regex_syntax::hir::{Class, Hir, HirKind};
use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

/// Canonical composition.
pub(super) fn nfc(text: &str) -> String {
    of_known(text, |known| known.nfc().collect())
}

/// Canonical decomposition.
pub(super) fn nfd(text: &str) -> String {
    of_known(text, |known| known.nfd().collect())
}

/// Composition of what is compatible.
pub(super) fn nfkc(text: &str) -> String {
    of_known(text, |known| known.nfkc().collect())
}

/// Decomposition of what is compatible.
pub(super) fn nfkd(text: &str) -> String {
    of_known(text, |known| known.nfkd().collect())
}

/// Whether it is a mark that combines with what stands before it.
pub(super) fn is_mark(sign: char) -> bool {
    is_combining_mark(sign) && is_known(sign)
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
            let normal = match *name {
                "NFC" => nfc(text),
                "NFD" => nfd(text),
                "NFKC" => nfkc(text),
                "NFKD" => nfkd(text),
                _ => text.chars().filter(|sign| !is_mark(*sign)).collect(),
            };
            assert_eq!(normal, *formed, "{name} of {text:?}");
        }
    }
}
