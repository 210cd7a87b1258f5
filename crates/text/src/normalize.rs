//! What is done to a text before it is cut: Unicode forms, replaced spaces, a space put before it.

use std::borrow::Cow;

use lookback_files::{Refusal, Result};
use serde_json::Value;
use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

use crate::{field, pattern::Pattern};

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
    if value.is_null() {
        return Ok(Vec::new());
    }
    let one = match field::text(value, "type", "a normalizer")? {
        "Sequence" => {
            let mut steps = Vec::new();
            for step in field::list(value, "normalizers", "a normalizer")? {
                steps.extend(read(step)?);
            }
            return Ok(steps);
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
            return Err(Refusal::user(format!(
                "the normalizer {other} is not understood, and would change the ids"
            )));
        }
    };
    Ok(vec![one])
}

/// Does all steps, in order.
pub(crate) fn normalize<'a>(steps: &[Normalizer], text: &'a str) -> Result<Cow<'a, str>> {
    let mut text = Cow::Borrowed(text);
    for step in steps {
        // An empty text stays empty: nothing is put before nothing.
        if text.is_empty() {
            break;
        }
        text = Cow::Owned(match step {
            Normalizer::Nfc => text.nfc().collect(),
            Normalizer::Nfd => text.nfd().collect(),
            Normalizer::Nfkc => text.nfkc().collect(),
            Normalizer::Nfkd => text.nfkd().collect(),
            // One character at a time, as Hugging Face does: a last sigma stays a middle one.
            Normalizer::Lowercase => text.chars().flat_map(char::to_lowercase).collect(),
            Normalizer::StripAccents => {
                text.chars().filter(|sign| !is_combining_mark(*sign)).collect()
            }
            Normalizer::Strip { left, right } => {
                let mut rest = &*text;
                if *left {
                    rest = rest.trim_start();
                }
                if *right {
                    rest = rest.trim_end();
                }
                rest.to_owned()
            }
            Normalizer::Prepend(_) if text.is_empty() => String::new(),
            Normalizer::Prepend(before) => format!("{before}{text}"),
            Normalizer::Replace { pattern, content } => {
                let mut replaced = String::with_capacity(text.len());
                pattern.spans(&text, &mut |span, matches| {
                    replaced.push_str(if matches { content } else { &text[span] });
                })?;
                replaced
            }
        });
    }
    Ok(text)
}
