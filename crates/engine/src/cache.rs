//! Keys and values of many sequences, in pages of 64 positions that are shared by reference.
//!
//! A page holds 64 positions of every layer. A sequence is a list of pages; a copy of a sequence
//! lists the same pages, and a page that two lists name is copied when one of them writes to it.

use std::ops::Range;

use lookback_files::{Kind, Refusal, Result};
use lookback_kernels::{
    aligned_buffer::AlignedBuffer,
    attend::{self, PAGE, SequenceSpan},
    thread_pool::ThreadPool,
};
use lookback_model::{Attend, Batch, Network, Program, SequenceId};

use crate::{
    attention::{LayerPages, heads, layer_len, layer_len_of_program},
    packed::Compute,
};

/// The pages, and how many sequences refer to each.
#[derive(Debug)]
pub struct KvCache {
    /// `[pages, layers, keys then values]`: numbers, or pairs of bf16.
    storage: AlignedBuffer,
    compute: Compute,
    layers: usize,
    /// Words of one layer in a page.
    layer: usize,
    /// For each page, its reference count: how many sequences list it.
    references: Vec<u32>,
    /// Free pages; the last is given away next.
    free: Vec<u32>,
    sequences: Vec<Sequence>,
}

/// What a cache already holds of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cached {
    /// Nothing of its positions, nor of those behind them.
    Nothing,
    /// The keys and values of the layers below the one that the pass begins at.
    LowerLayers,
}

#[derive(Debug, Default)]
struct Sequence {
    tokens: usize,
    pages: Vec<u32>,
}

impl KvCache {
    /// Positions in a page.
    pub const PAGE: usize = PAGE;

    /// A cache for `sequences` sequences and, in all of them together, `pages` pages, for passes of weights
    /// with products in this precision.
    pub fn new(network: &Network, compute: Compute, sequences: usize, pages: usize) -> Self {
        Self::with_shape(shape(network, compute), compute, sequences, pages)
    }

    /// The same for passes of another program than the network's own, such as a variant.
    pub fn for_program(
        program: &Program,
        compute: Compute,
        sequences: usize,
        pages: usize,
    ) -> Self {
        let shape = (program.attentions().count(), layer_len_of_program(program, compute));
        Self::with_shape(shape, compute, sequences, pages)
    }

    fn with_shape(
        (layers, layer): (usize, usize),
        compute: Compute,
        sequences: usize,
        pages: usize,
    ) -> Self {
        let empty = || Sequence { tokens: 0, pages: Vec::with_capacity(pages) };
        Self {
            storage: AlignedBuffer::zeros(pages * layers * layer),
            compute,
            layers,
            layer,
            references: vec![0; pages],
            free: (0..pages as u32).rev().collect(),
            sequences: (0..sequences).map(|_| empty()).collect(),
        }
    }

    /// Pages that a sequence of so many tokens fills.
    pub fn pages(tokens: usize) -> usize {
        tokens.div_ceil(PAGE)
    }

    /// Bytes that [`KvCache::new`] takes.
    pub fn bytes(network: &Network, compute: Compute, pages: usize) -> usize {
        let (layers, layer) = shape(network, compute);
        4 * pages * layers * layer
    }

    /// Bytes that [`KvCache::for_program`] takes.
    pub fn program_bytes(program: &Program, compute: Compute, pages: usize) -> usize {
        4 * pages * program.attentions().count() * layer_len_of_program(program, compute)
    }

    /// Sequences that it was made for.
    pub(crate) fn sequences(&self) -> usize {
        self.sequences.len()
    }

    /// The precision of the passes that fill it.
    pub(crate) fn compute(&self) -> Compute {
        self.compute
    }

    /// Tokens held of a sequence.
    pub fn tokens(&self, sequence: SequenceId) -> usize {
        self.sequences[sequence.0 as usize].tokens
    }

    /// Pages that a sequence lists, and how many of these another lists too.
    pub fn page_counts(&self, sequence: SequenceId) -> (usize, usize) {
        let pages = &self.sequences[sequence.0 as usize].pages;
        let shared = pages.iter().filter(|&&page| self.references[page as usize] > 1).count();
        (pages.len(), shared)
    }

    /// Free pages.
    pub fn free(&self) -> usize {
        self.free.len()
    }

    /// Forgets everything from position `tokens` on.
    pub fn truncate(&mut self, sequence: SequenceId, tokens: usize) {
        let sequence = &mut self.sequences[sequence.0 as usize];
        let kept_pages = Self::pages(tokens).min(sequence.pages.len());
        for page in sequence.pages.drain(kept_pages..) {
            let references = &mut self.references[page as usize];
            *references -= 1;
            if *references == 0 {
                self.free.push(page);
            }
        }
        sequence.tokens = sequence.tokens.min(tokens);
    }

    /// Makes `target` a copy of `source` that shares its pages.
    pub fn fork(&mut self, source: SequenceId, target: SequenceId) {
        if source == target {
            return;
        }
        self.truncate(target, 0);
        let mut pages = std::mem::take(&mut self.sequences[target.0 as usize].pages);
        let shared = &self.sequences[source.0 as usize];
        pages.extend_from_slice(&shared.pages);
        for &page in &pages {
            self.references[page as usize] += 1;
        }
        let tokens = shared.tokens;
        self.sequences[target.0 as usize] = Sequence { tokens, pages };
    }

    /// Puts keys and values of a batch's rows into the pages of its sequences, as the pass that made them would: of
    /// some attentions the keys that are multiplied and the values, `[rows, key_heads, head_dim]` each. A pass over
    /// later rows that begins with the first of these layers then needs no pass over these. What a page holds of
    /// other layers is not to be read.
    ///
    /// # Errors
    /// When a sequence is not held up to its first row; when there is no page left.
    pub fn store<'r>(
        &mut self,
        pool: &ThreadPool,
        batch: &Batch,
        layers: impl IntoIterator<Item = (&'r Attend, [&'r [f32]; 2])>,
    ) -> Result<()> {
        let (mut spans, mut table) = (Vec::new(), Vec::new());
        self.allocate(batch, Cached::Nothing, &mut spans, &mut table)?;
        for (attend, [keys, values]) in layers {
            let pages = self.layer_pages(attend.layer).pages_mut(&mut self.storage, &table);
            attend::store(pool, &heads(attend, self.compute), keys, values, &spans, pages);
        }
        Ok(())
    }

    /// Allocates pages for a batch, whose rows then count as held, and lists its spans and their pages.
    pub(crate) fn allocate(
        &mut self,
        batch: &Batch,
        cached: Cached,
        spans: &mut Vec<SequenceSpan>,
        table: &mut Vec<u32>,
    ) -> Result<()> {
        spans.clear();
        table.clear();
        for segment in &batch.segments {
            let rows = segment.first_position..segment.first_position + segment.rows.len();
            match cached {
                Cached::Nothing => self.truncate(segment.sequence, rows.start),
                Cached::LowerLayers => self.truncate(segment.sequence, rows.end),
            }
            self.grow(segment.sequence, rows, cached)?;
            spans.push(SequenceSpan {
                first_row: segment.rows.start,
                rows: segment.rows.len(),
                first_position: segment.first_position,
                first_page: table.len(),
            });
            table.extend_from_slice(&self.sequences[segment.sequence.0 as usize].pages);
        }
        Ok(())
    }

    /// One layer's place inside every page.
    pub(crate) fn layer_pages(&self, layer: usize) -> LayerPages {
        let at = layer * self.layer;
        LayerPages { stride: self.layers * self.layer, keys_at: at, values_at: at + self.layer / 2 }
    }

    /// All pages.
    pub(crate) fn storage(&self) -> &[f32] {
        &self.storage
    }

    /// All pages, to be written.
    pub(crate) fn storage_mut(&mut self) -> &mut [f32] {
        &mut self.storage
    }

    /// Gives a sequence pages of its own for these positions.
    fn grow(
        &mut self,
        sequence: SequenceId,
        positions: Range<usize>,
        cached: Cached,
    ) -> Result<()> {
        let held = self.tokens(sequence);
        let Range { start: first, end } = positions;
        let needed = if cached == Cached::LowerLayers { end } else { first };
        if needed > held {
            return Err(Refusal::ours(format!(
                "sequence {} holds {held} tokens and cannot go on at position {needed}",
                sequence.0
            )));
        }
        for index in first / PAGE..Self::pages(end) {
            let held = self.sequences[sequence.0 as usize].pages.get(index).copied();
            match held {
                Some(page) if self.references[page as usize] == 1 => {}
                Some(page) => {
                    let own = self.free_page()?;
                    let len = self.layers * self.layer;
                    let from = page as usize * len;
                    self.storage.copy_within(from..from + len, own as usize * len);
                    self.references[page as usize] -= 1;
                    self.sequences[sequence.0 as usize].pages[index] = own;
                }
                None => {
                    let own = self.free_page()?;
                    self.sequences[sequence.0 as usize].pages.push(own);
                }
            }
        }
        self.sequences[sequence.0 as usize].tokens = end;
        Ok(())
    }

    fn free_page(&mut self) -> Result<u32> {
        let page = self.free.pop().ok_or_else(|| {
            let pages = self.references.len();
            let what = format!("the cache is full: its {pages} pages hold {} tokens", pages * PAGE);
            Refusal::of(Kind::CacheFull, format!("{what}; make it larger or ask for fewer"))
        })?;
        self.references[page as usize] = 1;
        Ok(page)
    }
}

/// Layers, and words of one layer in a page.
fn shape(network: &Network, compute: Compute) -> (usize, usize) {
    let first = network.blocks.first().map(|block| &block.attend);
    (network.blocks.len(), layer_len(first, compute))
}

#[cfg(test)]
mod tests {
    use lookback_model::{Config, Size};

    use super::*;

    /// A cache for four sequences with so many pages.
    fn cache(pages: usize) -> KvCache {
        let size = Size {
            vocabulary: 5,
            width: 8,
            layers: 1,
            heads: 2,
            key_heads: 1,
            hidden: 8,
            context: 4 * PAGE,
        };
        KvCache::new(&Network::new(&Config::llama(size).unwrap()), Compute::F32, 4, pages)
    }

    /// Every page is either free or listed by as many sequences as its count.
    fn assert_every_page_is_accounted_for(cache: &KvCache) {
        for page in 0..cache.references.len() as u32 {
            let lists = |of: &Sequence| of.pages.iter().filter(|&&listed| listed == page).count();
            let references: usize = cache.sequences.iter().map(lists).sum();
            let free = cache.free.iter().filter(|&&free| free == page).count();
            assert_eq!(references, cache.references[page as usize] as usize);
            assert_eq!(free, usize::from(references == 0));
        }
    }

    /// Goes on at position `first` of a sequence with so many rows.
    fn grow(cache: &mut KvCache, sequence: u32, first: usize, rows: usize) -> Result<()> {
        cache.truncate(SequenceId(sequence), first);
        cache.grow(SequenceId(sequence), first..first + rows, Cached::Nothing)
    }

    #[test]
    fn pages_are_given_back_and_given_away_again() {
        let mut cache = cache(4);
        for round in 0..5 {
            grow(&mut cache, 0, 0, 2 * PAGE + 1).unwrap();
            assert_eq!((cache.page_counts(SequenceId(0)), cache.free()), ((3, 0), 1));
            cache.fork(SequenceId(0), SequenceId(1));
            assert_eq!((cache.page_counts(SequenceId(1)), cache.free()), ((3, 3), 1));
            // The last page is copied when one of the two writes to it.
            grow(&mut cache, 1, 2 * PAGE + 1, 1).unwrap();
            assert_eq!((cache.page_counts(SequenceId(1)), cache.free()), ((3, 2), 0));
            assert_every_page_is_accounted_for(&cache);
            let refused = grow(&mut cache, 2, 0, 1).unwrap_err();
            assert_eq!(refused.kind(), Kind::CacheFull);
            let refused = refused.to_string();
            assert!(refused.starts_with("the cache is full: its 4 pages"), "{refused}");
            assert_every_page_is_accounted_for(&cache);
            cache.truncate(SequenceId(round % 2), 0);
            assert_every_page_is_accounted_for(&cache);
            cache.truncate(SequenceId(1 - round % 2), PAGE);
            grow(&mut cache, 3, 0, 3 * PAGE).unwrap();
            assert_every_page_is_accounted_for(&cache);
            (0..4).for_each(|of| cache.truncate(SequenceId(of), 0));
            assert_eq!(cache.free.len(), 4);
        }
    }
}
