//! Cuts a text into words, inside which alone pieces are merged: Hugging Face's pre-tokenizers.

mod behavior;
mod characters;
mod stage;

use lookback_files::{Refusal, Result, excerpt, quoted_excerpt};
use serde_json::Value;

use crate::{
    budget::{self, Budget},
    field,
    pattern::{GPT2, Pattern},
};
use behavior::Behavior;
use characters::Kind;
pub(crate) use stage::Prepend;
use stage::Stage;

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
        // Where nothing follows, the model takes bytes as they are.
        splitter.is_byte_level =
            splitter.stages.pop_if(|stage| matches!(stage, Stage::Letters)).is_some();
        Ok(splitter)
    }

    fn add(&mut self, value: &Value) -> Result<()> {
        if value.is_null() {
            return Ok(());
        }
        let kind = field::text(value, "type", "a pre-tokenizer")?;
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
                if field::flag(value, "add_prefix_space", true)? {
                    self.stages.push(Stage::PrefixSpace);
                }
                if field::flag(value, "use_regex", true)? {
                    let (behavior, inverted) = (Behavior::Isolated, false);
                    let pattern = Pattern::regex(GPT2)?;
                    self.stages.push(Stage::Split { pattern, behavior, inverted });
                }
                self.stages.push(Stage::Letters);
            }
            "Split" => self.stages.push(Stage::Split {
                pattern: Pattern::read(&value["pattern"])?,
                behavior: Behavior::read(field::text(value, "behavior", "Split")?, "Split")?,
                inverted: field::flag(value, "invert", false)?,
            }),
            "CharDelimiterSplit" => self.stages.push(Stage::Split {
                pattern: Pattern::Text(
                    field::text(value, "delimiter", "CharDelimiterSplit")?.to_owned(),
                ),
                behavior: Behavior::Removed,
                inverted: false,
            }),
            "Digits" => {
                let kind = Kind::Digits;
                let behavior = match field::flag(value, "individual_digits", false)? {
                    true => Behavior::Isolated,
                    false => Behavior::Contiguous,
                };
                self.stages.push(Stage::Characters { kind, behavior });
            }
            "WhitespaceSplit" => {
                let (kind, behavior) = (Kind::WhiteSpace, Behavior::Removed);
                self.stages.push(Stage::Characters { kind, behavior });
            }
            "Punctuation" => {
                let kind = Kind::Punctuation;
                let behavior = match value["behavior"].is_null() {
                    true => Behavior::Isolated,
                    false => Behavior::read(
                        field::text(value, "behavior", "Punctuation")?,
                        "Punctuation",
                    )?,
                };
                self.stages.push(Stage::Characters { kind, behavior });
            }
            "UnicodeScripts" => self.stages.push(Stage::Scripts),
            // Words and what stands between them, without white space; a pattern of Rust, not of Oniguruma.
            "Whitespace" => self.stages.push(Stage::Split {
                pattern: Pattern::of_rust(r"\w+|[^\w\s]+")?,
                behavior: Behavior::Removed,
                inverted: true,
            }),
            "Metaspace" => self.stages.push(Stage::Metaspace {
                sign: sign(value)?,
                prepend: prepend(value)?,
                cuts: field::flag(value, "split", true)?,
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

    /// Hands the words of a part of a text on, in order. `first`: how many bytes at its beginning stand for
    /// the text's first character.
    pub(crate) fn words(
        &self,
        part: &str,
        first: usize,
        budget: &Budget,
        word: &mut dyn FnMut(&str) -> Result<()>,
    ) -> Result<()> {
        through(&self.stages, part, first, budget, word)
    }

    /// Stages that a text goes through.
    pub(crate) fn stages(&self) -> usize {
        self.stages.len()
    }
}

/// Old files say `add_prefix_space`, new ones `prepend_scheme`.
pub(crate) fn prepend(value: &Value) -> Result<Prepend> {
    let adds_space = field::flag(value, "add_prefix_space", true)?;
    let scheme = &value["prepend_scheme"];
    match scheme.as_str() {
        Some("never") => Ok(Prepend::Never),
        Some("always" | "first") if !adds_space => Err(Refusal::user(format!(
            "Metaspace has add_prefix_space false and the prepend_scheme {scheme}, which contradict each other"
        ))),
        Some("always") => Ok(Prepend::Always),
        Some("first") => Ok(Prepend::First),
        None if scheme.is_null() && adds_space => Ok(Prepend::Always),
        None if scheme.is_null() => Ok(Prepend::Never),
        _ => {
            let scheme = excerpt(&scheme.to_string());
            Err(Refusal::unsupported(format!("the prepend_scheme {scheme} is not understood")))
        }
    }
}

/// The one character that a Metaspace puts for a space.
pub(crate) fn sign(value: &Value) -> Result<String> {
    let sign = match &value["replacement"] {
        Value::Null => "▁",
        _ => field::text(value, "replacement", "Metaspace")?,
    };
    if sign.chars().count() == 1 {
        return Ok(sign.to_owned());
    }
    let sign = quoted_excerpt(sign);
    Err(Refusal::user(format!("the replacement {sign} of Metaspace is not one character")))
}

fn through(
    stages: &[Stage],
    part: &str,
    first: usize,
    budget: &Budget,
    word: &mut dyn FnMut(&str) -> Result<()>,
) -> Result<()> {
    let Some((stage, rest)) = stages.split_first() else {
        return if part.is_empty() { Ok(()) } else { word(part) };
    };
    budget.take(part.len(), &|| format!("pre-tokenizer ({})", stage.name()))?;
    stage.words(part, first, budget, &mut |part, first| through(rest, part, first, budget, word))
}

#[cfg(test)]
mod tests;
