//! Many texts that begin alike, each read from where it parts from those read before.
//!
//! Whoever asks gives the whole text and needs no name: what it has in common with a text that is
//! still held is not read again, since a branch lists the same pages of the cache and copies a page
//! only when it writes to it. The text that was not asked for the longest gives way. Held or read
//! again, shared or not: the logits are the same to the bit, so none of this can be seen in a text.

use lookback_engine::{Cache, Compute, Sequences, ThreadPool, Weights};
use lookback_files::{Refusal, Result};
use lookback_model::{Network, SequenceId};
use lookback_text::TokenId;

use crate::repeat::Reader;

/// Texts that are held, and what they have read.
#[derive(Debug)]
pub struct Branches {
    sequences: Sequences,
    texts: Vec<Text>,
    clock: u64,
    /// Pages of the cache, and how many of them are held at most.
    pages: [usize; 2],
}

#[derive(Debug, Default)]
struct Text {
    /// What its sequence has read, from position 0 on.
    ids: Vec<TokenId>,
    asked_for: u64,
}

/// What one reading took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Tokens that stood in the cache already.
    pub known: usize,
    /// Tokens that passed through the model.
    pub read: usize,
    /// Pages of the cache that hold the text.
    pub pages: usize,
    /// How many of these hold another text's beginning too.
    pub shared: usize,
}

impl Branches {
    /// Room for `texts` texts, at least two, of at most `context` tokens, that share `pages` pages;
    /// there are always enough for two whole texts, one beside the other.
    pub fn new(
        network: &Network,
        compute: Compute,
        threads: usize,
        context: usize,
        texts: usize,
        pages: usize,
    ) -> Self {
        let (texts, pages) = (texts.max(2), pages.max(2 * Cache::pages(context)));
        Self {
            sequences: Sequences::new(network, compute, threads, context, texts, pages),
            texts: (0..texts).map(|_| Text::default()).collect(),
            clock: 0,
            pages: [pages; 2],
        }
    }

    /// The same, which forgets texts before they hold more than so many pages together. Only the text
    /// that is read may need more.
    pub fn holding(mut self, most: usize) -> Self {
        self.pages[1] = most;
        self
    }

    /// Tokens that a text can have.
    pub fn context(&self) -> usize {
        self.sequences.context()
    }

    /// Pages that all texts hold together.
    pub fn held_pages(&self) -> usize {
        self.pages[0] - self.sequences.cache().free()
    }

    /// The logits after the text that was read last. `[vocabulary]`
    pub fn logits(&self) -> &[f32] {
        self.sequences.logits()
    }

    /// The same as probabilities. `[vocabulary]`
    pub fn probabilities(&self, pool: &ThreadPool) -> Vec<f32> {
        self.sequences.probabilities(pool)
    }

    /// Reads what is new in a text. [`Branches::logits`] then says what may follow its last token.
    pub fn read(
        &mut self,
        weights: &Weights,
        pool: &ThreadPool,
        ids: &[TokenId],
    ) -> Result<Reading> {
        self.check(ids)?;
        // Who has read all of it has to read the last token again, to say what follows.
        let known = |text: &Text| common(&text.ids, ids).min(ids.len() - 1);
        let best = (0..self.texts.len())
            .max_by_key(|&at| (known(&self.texts[at]), self.texts[at].asked_for))
            .unwrap_or(0);
        let known = known(&self.texts[best]);
        let grows = known == self.texts[best].ids.len();
        let at = if grows && known > 0 { best } else { self.longest_unasked(Some(best)) };
        if at != best {
            self.sequences.fork(sequence(best), sequence(at));
            self.sequences.truncate(sequence(at), known);
            self.texts[at].ids = self.texts[best].ids[..known].to_vec();
        }
        self.clock += 1;
        self.texts[at].asked_for = self.clock;
        self.make_room(at, known, ids.len());
        self.read_on(weights, pool, at, &ids[known..])?;
        let (pages, shared) = self.sequences.cache().page_counts(sequence(at));
        Ok(Reading { known, read: ids.len() - known, pages, shared })
    }

    /// Reads a whole text as one does who has no cache: every token, and nothing is held afterwards.
    pub fn read_afresh(
        &mut self,
        weights: &Weights,
        pool: &ThreadPool,
        ids: &[TokenId],
    ) -> Result<()> {
        self.check(ids)?;
        let at = self.longest_unasked(None);
        self.forget(at);
        self.make_room(at, 0, ids.len());
        self.read_on(weights, pool, at, ids)?;
        self.forget(at);
        Ok(())
    }

    fn check(&self, ids: &[TokenId]) -> Result<()> {
        if ids.is_empty() || ids.len() > self.context() {
            return Err(Refusal::ours(format!(
                "a text of {} tokens cannot be read in a context of {}",
                ids.len(),
                self.context()
            )));
        }
        Ok(())
    }

    fn read_on(
        &mut self,
        weights: &Weights,
        pool: &ThreadPool,
        at: usize,
        ids: &[TokenId],
    ) -> Result<()> {
        match self.sequences.read(weights, pool, sequence(at), ids) {
            Ok(_) => self.texts[at].ids.extend_from_slice(ids),
            Err(refusal) => {
                self.forget(at);
                return Err(refusal);
            }
        }
        Ok(())
    }

    /// Gives pages back until a text can grow from `known` to `tokens` tokens. Its last page counts
    /// as one that is copied.
    fn make_room(&mut self, at: usize, known: usize, tokens: usize) {
        let wanted = Cache::pages(tokens) - known / Cache::PAGE;
        let mut others: Vec<usize> = (0..self.texts.len()).filter(|&other| other != at).collect();
        others.sort_by_key(|&other| self.texts[other].asked_for);
        let [all, most] = self.pages;
        for other in others {
            let free = self.sequences.cache().free();
            if free >= wanted && all - free + wanted <= most {
                return;
            }
            self.forget(other);
        }
    }

    fn longest_unasked(&self, except: Option<usize>) -> usize {
        let others = (0..self.texts.len()).filter(|&at| Some(at) != except);
        others.min_by_key(|&at| self.texts[at].asked_for).unwrap_or(0)
    }

    fn forget(&mut self, at: usize) {
        self.sequences.truncate(sequence(at), 0);
        self.texts[at] = Text::default();
    }
}

/// One text among [`Branches`], as the loop reads it.
#[derive(Debug)]
pub struct Branch<'a> {
    branches: &'a mut Branches,
    weights: &'a Weights,
    pool: &'a ThreadPool,
    ids: Vec<TokenId>,
    reading: Reading,
}

impl<'a> Branch<'a> {
    /// A text of which nothing is read yet; what another text has in common with it need not be.
    pub fn new(branches: &'a mut Branches, weights: &'a Weights, pool: &'a ThreadPool) -> Self {
        Self { branches, weights, pool, ids: Vec::new(), reading: Reading::default() }
    }

    /// What the last reading took.
    pub fn reading(&self) -> Reading {
        self.reading
    }
}

impl Reader for Branch<'_> {
    fn keep(&mut self, tokens: usize) {
        self.ids.truncate(tokens);
    }

    fn read(&mut self, ids: &[TokenId]) -> Result<&[f32]> {
        self.ids.extend_from_slice(ids);
        self.reading = self.branches.read(self.weights, self.pool, &self.ids)?;
        Ok(self.branches.logits())
    }
}

fn sequence(at: usize) -> SequenceId {
    SequenceId(at as u32)
}

/// How many tokens two texts begin with alike.
fn common(left: &[TokenId], right: &[TokenId]) -> usize {
    left.iter().zip(right).take_while(|(left, right)| left == right).count()
}
