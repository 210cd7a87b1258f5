//! What a tokenizer's file may cost: limits of its parts, held when it is read, and for each text a budget
//! of bytes and of search steps in proportion to the text, held while it is encoded.
//!
//! Such a file comes from elsewhere. Without limits a few hundred bytes of it (a replacement of `a` by
//! `aa`, sixty times; a pattern that backtracks without end) fill the memory or never finish. The limits
//! are far above what real tokenizers need, and the refusal names the part of the file that reached one.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use lookback_files::{Refusal, Result};

/// Normalizers, decoders: each is one pass over a text.
pub(crate) const STEPS: usize = 256;
/// Parts of a decoder that hold back what may be the end of a text.
pub(crate) const STRIPS: usize = 16;
/// Pre-tokenizers; each calls the next one, so this is a depth of the stack.
pub(crate) const STAGES: usize = 64;
/// Tokens that a post-processor puts around a text.
pub(crate) const AROUND: usize = 64;
/// Bytes of a regular expression. The longest of known tokenizers have about a thousand.
pub(crate) const PATTERN: usize = 8 << 10;
/// Regular expressions of its normalizers, and of its pre-tokenizers; compiling one may take a tenth of a
/// second and ten megabytes.
pub(crate) const PATTERNS: usize = 16;
/// Bytes of a piece of the vocabulary. The longest of known vocabularies have a few hundred.
pub(crate) const PIECE: usize = 16 << 10;
/// Bytes of a piece of a unigram language model, all of which are looked at wherever a text has them: its
/// trainers make 16 characters at most.
pub(crate) const UNIGRAM_PIECE: usize = 1 << 10;
/// Bytes of all its pieces together. The largest known vocabularies have some ten million.
pub(crate) const UNIGRAM: usize = 1 << 25;
/// Bytes of all added tokens together.
pub(crate) const ADDED: usize = 4 << 20;

/// Bytes that each step may make beside those in proportion to the text.
const BYTES: usize = 1 << 20;
/// Bytes that may be made for each byte of a text, beside one for each step.
const BYTES_EACH: usize = 64;
/// Backtracking steps of all searches, and those for each byte of a text.
const SEARCH: usize = 1 << 26;
const SEARCH_EACH: usize = 256;
/// Bytes that all searches read, and those for each byte of a text. Real patterns read each byte about ten
/// times; one that reads the rest of a long text at each place reads half of it, times its length.
const READ: usize = 1 << 24;
const READ_EACH: usize = 64;
/// Those for each byte that a step makes or is given.
const READ_OF_STEP: usize = 4;
/// Time of all searches, and that for each byte of a text: hundreds of times what real patterns take. It
/// stops only what is a product of steps and of bytes that are read, each of which has its limit.
const TIME: Duration = Duration::from_secs(5);
const TIME_EACH: Duration = Duration::from_micros(10);
/// The clock is looked at once in so many searches.
const LOOKS: u32 = 1 << 12;

/// Refuses a part of the file that is larger than a limit.
pub(crate) fn check(count: usize, limit: usize, what: &str) -> Result<()> {
    if count <= limit {
        return Ok(());
    }
    Err(Refusal::user(format!(
        "the tokenizer has more than {limit} {what}, which are the most that are read; it is broken or \
         made to do harm, so fetch it again from a place that you trust"
    )))
}

/// What is left of a text's budget.
#[derive(Debug)]
pub(crate) struct Budget {
    text: usize,
    bytes: Cell<usize>,
    steps: Cell<usize>,
    read: Cell<usize>,
    searches: Cell<u32>,
    began: Cell<Option<Instant>>,
}

impl Budget {
    /// For a text of so many bytes that goes through so many steps.
    pub(crate) fn new(text: usize, steps: usize) -> Self {
        let bytes = text.saturating_mul(BYTES_EACH + steps).saturating_add(BYTES);
        let search = text.saturating_mul(SEARCH_EACH).saturating_add(SEARCH);
        Self {
            text,
            bytes: Cell::new(bytes),
            steps: Cell::new(search),
            read: Cell::new(text.saturating_mul(READ_EACH).saturating_add(READ)),
            searches: Cell::new(0),
            began: Cell::new(None),
        }
    }

    /// Takes bytes that a part of the tokenizer makes, before it makes them.
    pub(crate) fn take(&self, bytes: usize, part: &dyn Fn() -> String) -> Result<()> {
        match self.bytes.get().checked_sub(bytes) {
            Some(left) => {
                self.bytes.set(left);
                let read = bytes.saturating_mul(READ_OF_STEP);
                self.read.set(self.read.get().saturating_add(read));
                Ok(())
            }
            None => Err(Refusal::user(format!(
                "the tokenizer's {} makes far more out of a text of {} bytes than a tokenizer does; mend \
                 or remove it there",
                part(),
                self.text
            ))),
        }
    }

    /// Takes the steps of a search that its pattern took at most.
    pub(crate) fn take_steps(&self, steps: usize, pattern: &str) -> Result<()> {
        match self.steps.get().checked_sub(steps) {
            Some(left) => self.steps.set(left),
            None => return Err(self.gave_up(pattern)),
        }
        self.look_at_the_clock(pattern)
    }

    /// How many bytes searches may still read.
    pub(crate) fn left_to_read(&self) -> usize {
        self.read.get()
    }

    /// Takes bytes that a search reads.
    pub(crate) fn take_read(&self, bytes: usize, pattern: &str) -> Result<()> {
        match self.read.get().checked_sub(bytes) {
            Some(left) => {
                self.read.set(left);
                Ok(())
            }
            None => Err(self.gave_up(pattern)),
        }
    }

    /// Counts a search that was short in steps.
    pub(crate) fn count_search(&self, pattern: &str) -> Result<()> {
        let searches = self.searches.get().wrapping_add(1);
        self.searches.set(searches);
        if searches % LOOKS == 1 { self.look_at_the_clock(pattern) } else { Ok(()) }
    }

    fn look_at_the_clock(&self, pattern: &str) -> Result<()> {
        let Some(began) = self.began.get() else {
            self.began.set(Some(Instant::now()));
            return Ok(());
        };
        let text = u32::try_from(self.text).unwrap_or(u32::MAX);
        if began.elapsed() <= TIME + TIME_EACH * text { Ok(()) } else { Err(self.gave_up(pattern)) }
    }

    fn gave_up(&self, pattern: &str) -> Refusal {
        Refusal::user(format!(
            "the tokenizer's pattern {} takes too many steps to search a text of {} bytes; mend it there",
            lookback_files::quoted_excerpt(pattern),
            self.text
        ))
    }
}
