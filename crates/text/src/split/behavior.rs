//! What becomes of the delimiters that words are cut at.

use std::ops::Range;

use lookback_files::{Refusal, Result, excerpt};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Behavior {
    Removed,
    Isolated,
    MergedWithPrevious,
    MergedWithNext,
    Contiguous,
}

impl Behavior {
    /// Of a pre-tokenizer that is called so.
    pub(super) fn read(name: &str, pre_tokenizer: &str) -> Result<Self> {
        Ok(match name {
            "Removed" => Self::Removed,
            "Isolated" => Self::Isolated,
            "MergedWithPrevious" => Self::MergedWithPrevious,
            "MergedWithNext" => Self::MergedWithNext,
            "Contiguous" => Self::Contiguous,
            other => {
                return Err(Refusal::unsupported(format!(
                    "the behavior {} of {pre_tokenizer} is not understood",
                    excerpt(other)
                )));
            }
        })
    }
}

/// Characters that are, one by one, and what lies between.
pub(super) fn each(text: &str, is: impl Fn(char) -> bool) -> Vec<(Range<usize>, bool)> {
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
pub(super) fn joined(spans: Vec<(Range<usize>, bool)>, behavior: Behavior) -> Vec<Range<usize>> {
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
