//! A regular expression that may have to backtrack, searched with limits.
//!
//! The engine counts the steps of one search, and stops it at a limit, but gives no count. So a search is
//! tried with a low limit, which real patterns hardly ever reach, and then with ever higher ones; a text's
//! budget pays for each limit that was not enough.

use std::{ops::Range, sync::OnceLock};

use fancy_regex::{Error, Regex, RegexBuilder, RuntimeError};
use lookback_files::{Refusal, Result, quoted};

use crate::budget::Budget;

/// Steps of one search.
const LIMITS: [usize; 5] = [1 << 12, 1 << 16, 1 << 20, 1 << 24, 1 << 28];

/// A pattern, compiled once for each limit that was needed.
#[derive(Debug)]
pub(crate) struct Search {
    pattern: String,
    /// What the user knows it by.
    source: String,
    first: Regex,
    higher: [OnceLock<Regex>; LIMITS.len() - 1],
}

impl Search {
    /// Compiles a pattern, which the user knows as `source`; one that cannot be read is refused.
    pub(crate) fn new(pattern: &str, source: &str) -> Result<Self> {
        let first = compile(pattern, source)?;
        let (pattern, source) = (pattern.to_owned(), source.to_owned());
        Ok(Self { pattern, source, first, higher: Default::default() })
    }

    /// The first match from a byte on.
    pub(crate) fn find(
        &self,
        text: &str,
        from: usize,
        budget: &Budget,
    ) -> Result<Option<Range<usize>>> {
        budget.count_search(&self.source)?;
        let mut found = self.first.find_from_pos(text, from);
        for (at, limit) in LIMITS.into_iter().enumerate().skip(1) {
            match found {
                Ok(found) => return Ok(found.map(|found| found.range())),
                Err(Error::RuntimeError(RuntimeError::BacktrackLimitExceeded)) => {}
                Err(_) => break,
            }
            budget.take_steps(limit, &self.source)?;
            let place = &self.higher[at - 1];
            let regex = match place.get() {
                Some(regex) => regex,
                None => {
                    let regex = limited(&self.pattern, &self.source, limit)?;
                    place.get_or_init(|| regex)
                }
            };
            found = regex.find_from_pos(text, from);
        }
        found.map(|found| found.map(|found| found.range())).map_err(|error| {
            Refusal::user(format!(
                "the tokenizer's pattern {} gave up on this text ({error})",
                quoted(&self.source)
            ))
        })
    }

    /// Hands on each match, in order, as the engine's own iterator does: none is empty right behind
    /// the one before it.
    pub(crate) fn each(
        &self,
        text: &str,
        budget: &Budget,
        visit: &mut dyn FnMut(Range<usize>) -> Result<()>,
    ) -> Result<()> {
        let (mut from, mut before) = (0, None);
        while from <= text.len()
            && let Some(span) = self.find(text, from, budget)?
        {
            from = span.end;
            if span.is_empty() {
                from += text[span.end..].chars().next().map_or(1, char::len_utf8);
                if before == Some(span.end) {
                    continue;
                }
            }
            before = Some(span.end);
            visit(span)?;
        }
        Ok(())
    }
}

/// Compiles a pattern that hardly ever backtracks.
pub(crate) fn compile(pattern: &str, source: &str) -> Result<Regex> {
    limited(pattern, source, LIMITS[0])
}

fn limited(pattern: &str, source: &str, limit: usize) -> Result<Regex> {
    RegexBuilder::new(pattern).backtrack_limit(limit).build().map_err(|error| {
        Refusal::user(format!("the pattern {} cannot be read ({error})", quoted(source)))
    })
}
