//! A prefix cache: of texts that begin alike, each is read from where it differs from those read before.
//!
//! A caller gives the whole text, without a name for it. The prefix that it has in common with a cached
//! text is not read again: both sequences list the same pages of the cache, and a page is copied only
//! when it is written to. The least recently used text is evicted first. Cached or read again, shared
//! or not: the logits are the same to the bit.

use lookback_engine::{Compute, KvCache, Sequences, ThreadPool, Weights};
use lookback_files::{Refusal, Result};
use lookback_model::{Edits, Network, SequenceId};
use lookback_text::TokenId;

use crate::repeat::LanguageModel;

/// The cached texts, and the pages that hold their keys and values.
#[derive(Debug)]
pub struct PrefixCache {
    sequences: Sequences,
    texts: Vec<CachedText>,
    clock: u64,
    /// Pages of the cache, and how many of them are used at most.
    pages: [usize; 2],
}

#[derive(Debug, Default)]
struct CachedText {
    /// What its sequence has read, from position 0 on.
    ids: Vec<TokenId>,
    last_used: u64,
}

/// What one call of [`PrefixCache::read`] took from the cache, and what it computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PrefillStats {
    /// Tokens that stood in the cache already.
    pub cached: usize,
    /// Tokens that passed through the model.
    pub computed: usize,
    /// Pages of the cache that hold the text.
    pub pages: usize,
    /// How many of these hold another text's beginning too.
    pub shared_pages: usize,
}

impl PrefixCache {
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
        let (texts, pages) = (texts.max(2), pages.max(2 * KvCache::pages(context)));
        Self {
            sequences: Sequences::new(network, compute, threads, context, texts, pages),
            texts: (0..texts).map(|_| CachedText::default()).collect(),
            clock: 0,
            pages: [pages; 2],
        }
    }

    /// The same, which evicts texts before they use more than so many pages together. Only the text
    /// that is being read may need more.
    pub fn with_max_pages(mut self, max_pages: usize) -> Self {
        self.pages[1] = max_pages;
        self
    }

    /// The same, of passes with edits: a cache of its own, so that no page is shared with other edits.
    ///
    /// # Errors
    /// As [`Sequences::with_edits`].
    pub fn with_edits(self, network: &Network, edits: &Edits, threads: usize) -> Result<Self> {
        let sequences = self.sequences.with_edits(network, edits, threads)?;
        Ok(Self { sequences, ..self })
    }

    /// Tokens that a text can have.
    pub fn context(&self) -> usize {
        self.sequences.context()
    }

    /// Pages that all texts use together.
    pub fn used_pages(&self) -> usize {
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

    /// Reads what is new in a text. [`PrefixCache::logits`] then says what may follow its last token.
    pub fn read(
        &mut self,
        weights: &Weights,
        pool: &ThreadPool,
        ids: &[TokenId],
    ) -> Result<PrefillStats> {
        self.check(ids)?;
        // Where all of it is cached, the last token is read again for the logits after it.
        let cached = |text: &CachedText| common(&text.ids, ids).min(ids.len() - 1);
        let best = (0..self.texts.len())
            .max_by_key(|&index| (cached(&self.texts[index]), self.texts[index].last_used))
            .unwrap_or(0);
        let cached = cached(&self.texts[best]);
        let grows = cached == self.texts[best].ids.len();
        let index = if grows && cached > 0 { best } else { self.least_recently_used(Some(best)) };
        if index != best {
            self.sequences.fork(sequence(best), sequence(index));
            self.sequences.truncate(sequence(index), cached);
            self.texts[index].ids = self.texts[best].ids[..cached].to_vec();
        }
        self.clock += 1;
        self.texts[index].last_used = self.clock;
        self.evict_until_it_fits(index, cached, ids.len());
        self.append(weights, pool, index, &ids[cached..])?;
        let (pages, shared_pages) = self.sequences.cache().page_counts(sequence(index));
        Ok(PrefillStats { cached, computed: ids.len() - cached, pages, shared_pages })
    }

    /// Reads a whole text without the cache: every token is computed, and nothing is cached afterwards.
    pub fn read_uncached(
        &mut self,
        weights: &Weights,
        pool: &ThreadPool,
        ids: &[TokenId],
    ) -> Result<()> {
        self.check(ids)?;
        let index = self.least_recently_used(None);
        self.evict(index);
        self.evict_until_it_fits(index, 0, ids.len());
        self.append(weights, pool, index, ids)?;
        self.evict(index);
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

    fn append(
        &mut self,
        weights: &Weights,
        pool: &ThreadPool,
        index: usize,
        ids: &[TokenId],
    ) -> Result<()> {
        match self.sequences.read(weights, pool, sequence(index), ids) {
            Ok(_) => self.texts[index].ids.extend_from_slice(ids),
            Err(refusal) => {
                self.evict(index);
                return Err(refusal);
            }
        }
        Ok(())
    }

    /// Evicts other texts until a text can grow from `cached` to `tokens` tokens. Its last page counts
    /// as one that is copied.
    fn evict_until_it_fits(&mut self, index: usize, cached: usize, tokens: usize) {
        let needed = KvCache::pages(tokens) - cached / KvCache::PAGE;
        let mut others: Vec<usize> =
            (0..self.texts.len()).filter(|&other| other != index).collect();
        others.sort_by_key(|&other| self.texts[other].last_used);
        let [all, max_pages] = self.pages;
        for other in others {
            let free = self.sequences.cache().free();
            if free >= needed && all - free + needed <= max_pages {
                return;
            }
            self.evict(other);
        }
    }

    fn least_recently_used(&self, except: Option<usize>) -> usize {
        let others = (0..self.texts.len()).filter(|&index| Some(index) != except);
        others.min_by_key(|&index| self.texts[index].last_used).unwrap_or(0)
    }

    fn evict(&mut self, index: usize) {
        self.sequences.truncate(sequence(index), 0);
        self.texts[index] = CachedText::default();
    }
}

/// One text among [`PrefixCache`], as the loop reads it.
#[derive(Debug)]
pub struct CachedSequence<'a> {
    cache: &'a mut PrefixCache,
    weights: &'a Weights,
    pool: &'a ThreadPool,
    ids: Vec<TokenId>,
    reading: PrefillStats,
}

impl<'a> CachedSequence<'a> {
    /// A text of which nothing is read yet; what another text has in common with it need not be.
    pub fn new(cache: &'a mut PrefixCache, weights: &'a Weights, pool: &'a ThreadPool) -> Self {
        Self { cache, weights, pool, ids: Vec::new(), reading: PrefillStats::default() }
    }

    /// What the last reading took.
    pub fn reading(&self) -> PrefillStats {
        self.reading
    }
}

impl LanguageModel for CachedSequence<'_> {
    fn truncate(&mut self, tokens: usize) {
        self.ids.truncate(tokens);
    }

    fn read(&mut self, ids: &[TokenId]) -> Result<&[f32]> {
        self.ids.extend_from_slice(ids);
        self.reading = self.cache.read(self.weights, self.pool, &self.ids)?;
        Ok(self.cache.logits())
    }
}

fn sequence(index: usize) -> SequenceId {
    SequenceId(index as u32)
}

/// How many tokens two texts begin with alike.
fn common(left: &[TokenId], right: &[TokenId]) -> usize {
    left.iter().zip(right).take_while(|(left, right)| left == right).count()
}
