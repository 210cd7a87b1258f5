//! Cuts a text into words, inside which alone pieces are merged: Hugging Face's pre-tokenizers.

use std::ops::Range;

use lookback_files::{Refusal, Result, excerpt, quoted_excerpt};
use serde_json::Value;

use crate::{
    budget::{self, Budget},
    field,
    pattern::{GPT2, Pattern},
};

/// What becomes of what a pattern matches.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Behavior {
    Removed,
    Isolated,
    MergedWithPrevious,
    MergedWithNext,
    Contiguous,
}

/// Before which words a sign is put.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Prepend {
    Always,
    /// Only before the word that begins the text.
    First,
    Never,
}

/// One stage; each cuts the words of the one before.
#[derive(Debug)]
pub(crate) enum Stage {
    /// Around what a pattern matches or, inverted, does not match.
    Split { pattern: Pattern, behavior: Behavior, inverted: bool },
    /// Around digits, together or one by one.
    Digits(Behavior),
    /// At white space, which goes.
    WhiteSpace,
    /// A space before a word that has none.
    PrefixSpace,
    /// Spaces become a visible sign, and a word begins at each.
    Metaspace { sign: String, prepend: Prepend, cuts: bool },
}

impl Stage {
    /// What the file calls it.
    fn name(&self) -> &'static str {
        match self {
            Self::Split { .. } => "Split",
            Self::Digits(_) => "Digits",
            Self::WhiteSpace => "WhitespaceSplit",
            Self::PrefixSpace => "ByteLevel",
            Self::Metaspace { .. } => "Metaspace",
        }
    }
}

/// All stages, and what the words are at the end of them.
#[derive(Debug, Default)]
pub(crate) struct Splitter {
    stages: Vec<Stage>,
    /// Whether pieces are spelled in the alphabet of bytes.
    pub(crate) is_byte_level: bool,
}

impl Splitter {
    /// Reads a `pre_tokenizer` object.
    pub(crate) fn read(value: &Value) -> Result<Self> {
        let mut splitter = Self::default();
        splitter.add(value)?;
        Ok(splitter)
    }

    fn add(&mut self, value: &Value) -> Result<()> {
        if value.is_null() {
            return Ok(());
        }
        let kind = field::text(value, "type", "a pre-tokenizer")?;
        if self.is_byte_level {
            return Err(Refusal::unsupported(format!(
                "the pre-tokenizer {} after ByteLevel is not understood",
                excerpt(kind)
            )));
        }
        let is_regex =
            |stage: &&Stage| matches!(stage, Stage::Split { pattern, .. } if pattern.is_searched());
        let patterns = self.stages.iter().filter(is_regex).count();
        budget::check(self.stages.len(), budget::STAGES, "pre-tokenizers")?;
        budget::check(patterns, budget::PATTERNS, "patterns in pre-tokenizers")?;
        match kind {
            "Sequence" => {
                for one in field::list(value, "pretokenizers", "a pre-tokenizer")? {
                    self.add(one)?;
                }
            }
            "ByteLevel" => {
                if field::flag(value, "add_prefix_space", true) {
                    self.stages.push(Stage::PrefixSpace);
                }
                if field::flag(value, "use_regex", true) {
                    let (behavior, inverted) = (Behavior::Isolated, false);
                    let pattern = Pattern::regex(GPT2)?;
                    self.stages.push(Stage::Split { pattern, behavior, inverted });
                }
                self.is_byte_level = true;
            }
            "Split" => self.stages.push(Stage::Split {
                pattern: Pattern::read(&value["pattern"])?,
                behavior: behavior(field::text(value, "behavior", "Split")?)?,
                inverted: field::flag(value, "invert", false),
            }),
            "CharDelimiterSplit" => self.stages.push(Stage::Split {
                pattern: Pattern::Text(
                    field::text(value, "delimiter", "CharDelimiterSplit")?.to_owned(),
                ),
                behavior: Behavior::Removed,
                inverted: false,
            }),
            "Digits" if field::flag(value, "individual_digits", false) => {
                self.stages.push(Stage::Digits(Behavior::Isolated));
            }
            "Digits" => self.stages.push(Stage::Digits(Behavior::Contiguous)),
            "WhitespaceSplit" => self.stages.push(Stage::WhiteSpace),
            // Words and what stands between them, without white space; a pattern of Rust, not of Oniguruma.
            "Whitespace" => self.stages.push(Stage::Split {
                pattern: Pattern::of_rust(r"\w+|[^\w\s]+")?,
                behavior: Behavior::Removed,
                inverted: true,
            }),
            "Metaspace" => self.stages.push(Stage::Metaspace {
                sign: sign(value)?,
                prepend: prepend(value)?,
                cuts: field::flag(value, "split", true),
            }),
            other => {
                return Err(Refusal::unsupported(format!(
                    "the pre-tokenizer {} is not understood, and would change the ids",
                    excerpt(other)
                )));
            }
        }
        Ok(())
    }

    /// Whether a text is one word.
    pub(crate) fn cuts_nothing(&self) -> bool {
        self.stages.is_empty()
    }

    /// Whether no word goes on over the ASCII white space after an ASCII letter or digit, and what a
    /// word is does not depend on what stands before it.
    pub(crate) fn cuts_before_spaces(&self) -> bool {
        let [Stage::Split { pattern, behavior: Behavior::Isolated, inverted: false }] =
            &*self.stages
        else {
            return false;
        };
        matches!(pattern, Pattern::Words { .. })
    }

    /// Hands the words of a part of a text on, in order. `is_first`: the part begins the text.
    pub(crate) fn words(
        &self,
        part: &str,
        is_first: bool,
        budget: &Budget,
        word: &mut dyn FnMut(&str) -> Result<()>,
    ) -> Result<()> {
        through(&self.stages, part, is_first, budget, word)
    }

    /// Stages that a text goes through.
    pub(crate) fn stages(&self) -> usize {
        self.stages.len()
    }
}

fn behavior(name: &str) -> Result<Behavior> {
    Ok(match name {
        "Removed" => Behavior::Removed,
        "Isolated" => Behavior::Isolated,
        "MergedWithPrevious" => Behavior::MergedWithPrevious,
        "MergedWithNext" => Behavior::MergedWithNext,
        "Contiguous" => Behavior::Contiguous,
        other => {
            return Err(Refusal::unsupported(format!(
                "the behavior {} of Split is not understood",
                excerpt(other)
            )));
        }
    })
}

/// Old files say `add_prefix_space`, new ones `prepend_scheme`.
pub(crate) fn prepend(value: &Value) -> Result<Prepend> {
    Ok(match value["prepend_scheme"].as_str() {
        Some("always") => Prepend::Always,
        Some("first") => Prepend::First,
        Some("never") => Prepend::Never,
        None if field::flag(value, "add_prefix_space", true) => Prepend::Always,
        None => Prepend::Never,
        Some(other) => {
            let other = excerpt(other);
            return Err(Refusal::unsupported(format!(
                "the prepend_scheme {other} is not understood"
            )));
        }
    })
}

/// The one character that a Metaspace puts for a space.
pub(crate) fn sign(value: &Value) -> Result<String> {
    let sign = value["replacement"].as_str().unwrap_or("▁");
    if sign.chars().count() == 1 {
        return Ok(sign.to_owned());
    }
    let sign = quoted_excerpt(sign);
    Err(Refusal::user(format!("the replacement {sign} of Metaspace is not one character")))
}

fn through(
    stages: &[Stage],
    part: &str,
    is_first: bool,
    budget: &Budget,
    word: &mut dyn FnMut(&str) -> Result<()>,
) -> Result<()> {
    let Some((stage, rest)) = stages.split_first() else {
        return if part.is_empty() { Ok(()) } else { word(part) };
    };
    budget.take(part.len(), &|| format!("pre-tokenizer ({})", stage.name()))?;
    let cut = |part: &str, cuts: Vec<Range<usize>>, word: &mut dyn FnMut(&str) -> Result<()>| {
        for span in cuts.into_iter().filter(|span| !span.is_empty()) {
            let is_first = is_first && span.start == 0;
            through(rest, &part[span], is_first, budget, word)?;
        }
        Ok(())
    };
    match stage {
        // Nothing is joined, so each word goes on as it is found: a long text needs no list of them.
        Stage::Split { pattern, behavior: Behavior::Isolated, .. } => {
            pattern.spans(part, budget, &mut |span, _| {
                if span.is_empty() {
                    return Ok(());
                }
                let is_first = is_first && span.start == 0;
                through(rest, &part[span], is_first, budget, word)
            })
        }
        Stage::Split { pattern, behavior, inverted } => {
            let mut spans = Vec::new();
            pattern.spans(part, budget, &mut |span, matches| {
                spans.push((span, matches != *inverted));
                Ok(())
            })?;
            cut(part, joined(spans, *behavior), word)
        }
        Stage::Digits(behavior) => cut(part, joined(each(part, char::is_numeric), *behavior), word),
        Stage::WhiteSpace => {
            cut(part, joined(each(part, char::is_whitespace), Behavior::Removed), word)
        }
        Stage::PrefixSpace if part.starts_with(' ') => through(rest, part, is_first, budget, word),
        Stage::PrefixSpace => through(rest, &format!(" {part}"), is_first, budget, word),
        Stage::Metaspace { sign, prepend, cuts } => {
            let mut signed = part.replace(' ', sign);
            let wanted = match prepend {
                Prepend::Always => true,
                Prepend::First => is_first,
                Prepend::Never => false,
            };
            if wanted && !signed.starts_with(sign.as_str()) {
                signed.insert_str(0, sign);
            }
            if !cuts {
                return through(rest, &signed, is_first, budget, word);
            }
            let mut spans = Vec::new();
            Pattern::Text(sign.clone()).spans(&signed, budget, &mut |span, is| {
                spans.push((span, is));
                Ok(())
            })?;
            cut(&signed, joined(spans, Behavior::MergedWithNext), word)
        }
    }
}

/// Characters that are, one by one, and what lies between.
fn each(text: &str, is: impl Fn(char) -> bool) -> Vec<(Range<usize>, bool)> {
    let mut spans: Vec<(Range<usize>, bool)> = Vec::new();
    for (start, sign) in text.char_indices() {
        let end = start + sign.len_utf8();
        match spans.last_mut() {
            Some((span, false)) if !is(sign) => span.end = end,
            _ => spans.push((start..end, is(sign))),
        }
    }
    spans
}

/// Spans with their matches treated as the behavior says.
fn joined(spans: Vec<(Range<usize>, bool)>, behavior: Behavior) -> Vec<Range<usize>> {
    let mut words: Vec<Range<usize>> = Vec::with_capacity(spans.len());
    let mut before = None;
    match behavior {
        Behavior::Isolated => words.extend(spans.into_iter().map(|(span, _)| span)),
        Behavior::Removed => {
            words.extend(spans.into_iter().filter(|(_, is)| !is).map(|(span, _)| span));
        }
        Behavior::Contiguous => {
            for (span, is) in spans {
                match words.last_mut() {
                    Some(word) if before == Some(is) => word.end = span.end,
                    _ => words.push(span),
                }
                before = Some(is);
            }
        }
        Behavior::MergedWithPrevious => {
            for (span, is) in spans {
                match words.last_mut() {
                    Some(word) if is && before != Some(true) => word.end = span.end,
                    _ => words.push(span),
                }
                before = Some(is);
            }
        }
        Behavior::MergedWithNext => {
            for (span, is) in spans.into_iter().rev() {
                match words.last_mut() {
                    Some(word) if is && before != Some(true) => word.start = span.start,
                    _ => words.push(span),
                }
                before = Some(is);
            }
            words.reverse();
        }
    }
    words
}
