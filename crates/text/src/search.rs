//! A regular expression that may have to backtrack, searched with limits.
//!
//! The engine counts the steps of one search, and stops it at a limit, but gives no count. So a search is
//! tried with a low limit, which real patterns hardly ever reach, and then with ever higher ones; a text's
//! budget pays for each limit that was not enough. What no step counts, the bytes that a search reads ahead,
//! `reach` counts before it is tried.

use std::{ops::Range, sync::OnceLock};

use fancy_regex::{Error, Regex, RegexBuilder, RegexInput, RuntimeError};
use lookback_files::{Refusal, Result, quoted_excerpt};

use crate::{
    budget::Budget,
    reach::{Reach, Read},
};

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
    reach: Reach,
}

impl Search {
    /// Compiles a pattern, which the user knows as `source`; one that cannot be read is refused.
    pub(crate) fn new(pattern: &str, source: &str) -> Result<Self> {
        let first = compile(pattern, source)?;
        let reach = Reach::new(pattern).map_err(|why| unreadable(source, &why))?;
        let (pattern, source) = (pattern.to_owned(), source.to_owned());
        Ok(Self { pattern, source, first, higher: Default::default(), reach })
    }

    /// The first match from a byte on.
    pub(crate) fn find(
        &self,
        text: &str,
        from: usize,
        budget: &Budget,
    ) -> Result<Option<Range<usize>>> {
        if self.reach.is_plain() {
            let read = self.read(text, from, budget)?;
            return self.attempt(RegexInput::new(text).from_pos(from), read.bytes, budget);
        }
        // Each place by itself, so that none is tried before its bytes are paid for.
        for at in (from..=text.len()).filter(|at| text.is_char_boundary(*at)) {
            let read = self.read(text, at, budget)?;
            if read.may_match {
                let input = RegexInput::new(text).from_pos(at).anchored(true);
                let found = self.attempt(input, read.bytes, budget)?;
                if found.is_some() {
                    return Ok(found);
                }
            }
        }
        Ok(None)
    }

    /// What a search from here on reads, which the budget pays for.
    fn read(&self, text: &str, from: usize, budget: &Budget) -> Result<Read> {
        let read = self.reach.read(text, from, budget.left_to_read()).ok_or_else(|| {
            Refusal::user(format!(
                "the tokenizer's pattern {} gave up on this text",
                quoted_excerpt(&self.source)
            ))
        })?;
        budget.take_read(read.bytes, &self.source)?;
        Ok(read)
    }

    /// One search, which reads so many bytes if it need not backtrack.
    fn attempt(
        &self,
        input: RegexInput<'_, str>,
        bytes: usize,
        budget: &Budget,
    ) -> Result<Option<Range<usize>>> {
        budget.count_search(&self.source)?;
        let mut found = self.first.find_input(input.clone());
        for (at, limit) in LIMITS.into_iter().enumerate().skip(1) {
            match found {
                Ok(found) => return Ok(found.map(|found| found.range())),
                Err(Error::RuntimeError(RuntimeError::BacktrackLimitExceeded)) => {}
                Err(_) => break,
            }
            budget.take_steps(limit, &self.source)?;
            budget.take_read(bytes.saturating_mul(limit / LIMITS[0]), &self.source)?;
            let place = &self.higher[at - 1];
            let regex = match place.get() {
                Some(regex) => regex,
                None => {
                    let regex = limited(&self.pattern, &self.source, limit)?;
                    place.get_or_init(|| regex)
                }
            };
            found = regex.find_input(input.clone());
        }
        found.map(|found| found.map(|found| found.range())).map_err(|error| {
            Refusal::user(format!(
                "the tokenizer's pattern {} gave up on this text ({error})",
                quoted_excerpt(&self.source)
            ))
        })
    }

    /// Whether a match begins at a byte.
    pub(crate) fn is_at(&self, text: &str, at: usize, budget: &Budget) -> Result<bool> {
        let read = self.read(text, at, budget)?;
        let input = RegexInput::new(text).from_pos(at).anchored(true);
        Ok(self.attempt(input, read.bytes, budget)?.is_some())
    }

    /// Hands on each match, in order, as the engine's own iterator does: none is empty right behind
    /// the one before it.
    pub(crate) fn each(
        &self,
        text: &str,
        budget: &Budget,
        visit: &mut dyn FnMut(Range<usize>) -> Result<()>,
    ) -> Result<()> {
        self.each_but(text, budget, &mut |span| visit(span.clone()).map(|()| span.end))
    }

    /// The same, where each match may give its last bytes back: `visit` says where it ends.
    pub(crate) fn each_but(
        &self,
        text: &str,
        budget: &Budget,
        visit: &mut dyn FnMut(Range<usize>) -> Result<usize>,
    ) -> Result<()> {
        let (mut from, mut before) = (0, None);
        while from <= text.len()
            && let Some(span) = self.find(text, from, budget)?
        {
            if span.is_empty() {
                from = span.end + text[span.end..].chars().next().map_or(1, char::len_utf8);
                if before == Some(span.end) {
                    continue;
                }
                before = Some(span.end);
                visit(span)?;
                continue;
            }
            from = visit(span)?;
            before = Some(from);
        }
        Ok(())
    }
}

/// Compiles a pattern that hardly ever backtracks.
pub(crate) fn compile(pattern: &str, source: &str) -> Result<Regex> {
    limited(pattern, source, LIMITS[0])
}

fn limited(pattern: &str, source: &str, limit: usize) -> Result<Regex> {
    let built = RegexBuilder::new(pattern).backtrack_limit(limit).build();
    built.map_err(|error| unreadable(source, &error.to_string()))
}

fn unreadable(source: &str, why: &str) -> Refusal {
    Refusal::user(format!("the pattern {} cannot be read ({why})", quoted_excerpt(source)))
}
