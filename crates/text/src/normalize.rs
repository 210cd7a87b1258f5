//! What is done to a text before it is cut: Unicode forms, replaced spaces, a space put before it.

mod forms;
mod precompiled;
mod step;

use std::borrow::Cow;

use lookback_files::{Refusal, Result, excerpt};
use serde_json::Value;

use crate::{
    budget::{self, Budget},
    field,
    pattern::Pattern,
};
use precompiled::Charsmap;
pub(crate) use step::Normalizer;

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
        "Nmt" => Normalizer::Nmt,
        "ByteLevel" => Normalizer::ByteLevel,
        "Precompiled" => {
            let map = field::text(value, "precompiled_charsmap", "Precompiled")?;
            Normalizer::Precompiled(Charsmap::read(map)?)
        }
        "Strip" => Normalizer::Strip {
            left: field::flag(value, "strip_left", true)?,
            right: field::flag(value, "strip_right", true)?,
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

/// A text after all steps, and how many bytes at its beginning stand for its first character.
#[derive(Debug, PartialEq)]
pub(crate) struct Normal<'a> {
    pub(crate) text: Cow<'a, str>,
    pub(crate) first: usize,
}

/// Does all steps, in order, as far as the budget goes.
pub(crate) fn normalize<'a>(
    steps: &[Normalizer],
    text: &'a str,
    budget: &Budget,
) -> Result<Normal<'a>> {
    normalize_as(steps, text, budget, true)
}

/// The same for the middle of a text: nothing is put before it, and nothing in it stands for the first
/// character.
pub(crate) fn normalize_inside<'a>(
    steps: &[Normalizer],
    text: &'a str,
    budget: &Budget,
) -> Result<Normal<'a>> {
    normalize_as(steps, text, budget, false)
}

fn normalize_as<'a>(
    steps: &[Normalizer],
    text: &'a str,
    budget: &Budget,
    begins: bool,
) -> Result<Normal<'a>> {
    let first = text.chars().next().filter(|_| begins).map_or(0, char::len_utf8);
    let mut normal = Normal { text: Cow::Borrowed(text), first };
    for (number, step) in steps.iter().enumerate() {
        // An empty text stays empty: nothing is put before nothing.
        if normal.text.is_empty() {
            break;
        }
        if !begins && matches!(step, Normalizer::Prepend(_)) {
            continue;
        }
        let (text, first) = step.done(
            &normal.text,
            normal.first,
            &|bytes| budget.take(bytes, &|| format!("normalizer {} ({})", number + 1, step.name())),
            budget,
        )?;
        normal = Normal { text: Cow::Owned(text), first };
    }
    Ok(normal)
}

#[cfg(test)]
mod tests;
