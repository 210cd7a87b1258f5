//! Several sequences in one cache, each read token by token or in chunks: branches of a text.
//!
//! Holds neither weights nor threads: they are borrowed for each pass, so that it can outlive them.

use lookback_files::{Kind, Refusal, Result, Setting};
use lookback_kernels::{loss, thread_pool::ThreadPool};
use lookback_model::{Batch, Edits, Network, SequenceId, TokenId};

use crate::{Compute, KvCache, Shape, Weights, Workspace, passes};

/// Rows of a prompt that pass through at once.
pub(crate) const CHUNK: usize = 256;

/// Sequences, their cache, and the buffers in which they are read one at a time.
#[derive(Debug)]
pub struct Sequences {
    workspace: Workspace,
    cache: KvCache,
    batch: Batch,
    logits: Vec<f32>,
    context: usize,
}

impl Sequences {
    /// For `sequences` sequences of at most `context` tokens, which together fill at most `pages`
    /// pages of the cache.
    pub fn new(
        network: &Network,
        compute: Compute,
        threads: usize,
        context: usize,
        sequences: usize,
        pages: usize,
    ) -> Self {
        Self {
            workspace: Workspace::new(network, shape(context), context, threads)
                .with_precision(network, compute),
            cache: KvCache::new(network, compute, sequences, pages),
            batch: Batch::new(),
            logits: vec![0.0; network.config.vocabulary],
            context,
        }
    }

    /// The same, of passes with edits, before anything is read: their keys and values are those of edited passes,
    /// so no other sequence shares their pages.
    ///
    /// # Errors
    /// When an edit does not fit the pass; for a pass without a mask, of which no part can be read alone.
    pub fn with_edits(self, network: &Network, edits: &Edits, threads: usize) -> Result<Self> {
        if edits.is_empty() {
            return Ok(self);
        }
        if edits.variant().no_mask {
            return Err(Refusal::of(
                Kind::InvalidSetting,
                format!(
                    "{}: without a mask a token sees those behind it, so none can be read before they are there; \
                     look at a whole text instead",
                    Setting("no_mask")
                ),
            ));
        }
        let Self { workspace, cache, batch, logits, context } = self;
        let (compute, sequences, pages) = (cache.compute(), cache.sequences(), cache.free());
        // What is planned for plain passes goes before the other comes.
        drop((workspace, cache));
        let workspace = Workspace::with_edits(network, shape(context), edits, context, threads)?
            .with_precision(network, compute);
        // A variant may have other keys than the network's own pass.
        let cache = KvCache::for_program(&workspace.program, compute, sequences, pages);
        Ok(Self { workspace, cache, batch, logits, context })
    }

    /// Bytes that [`Sequences::new`] takes.
    pub fn bytes(
        network: &Network,
        compute: Compute,
        threads: usize,
        context: usize,
        pages: usize,
    ) -> usize {
        Workspace::bytes(network, shape(context), compute, context, threads)
            + KvCache::bytes(network, compute, pages)
    }

    /// Bytes that [`Sequences::with_edits`] takes.
    ///
    /// # Errors
    /// As [`Sequences::with_edits`].
    pub fn edited_bytes(
        network: &Network,
        edits: &Edits,
        compute: Compute,
        threads: usize,
        context: usize,
        pages: usize,
    ) -> Result<usize> {
        let shape = shape(context);
        let program = shape.edited_program(network, edits)?;
        let workspace = Workspace::edited_bytes(network, shape, edits, compute, context, threads)?;
        Ok(workspace + KvCache::program_bytes(&program, compute, pages))
    }

    /// Tokens that a sequence can hold.
    pub fn context(&self) -> usize {
        self.context
    }

    /// Their keys and values.
    pub fn cache(&self) -> &KvCache {
        &self.cache
    }

    /// Tokens read of a sequence so far.
    pub fn tokens(&self, sequence: SequenceId) -> usize {
        self.cache.tokens(sequence)
    }

    /// Forgets everything of a sequence from position `tokens` on.
    pub fn truncate(&mut self, sequence: SequenceId, tokens: usize) {
        self.cache.truncate(sequence, tokens);
    }

    /// Makes `target` a copy of `source` that shares its pages.
    pub fn fork(&mut self, source: SequenceId, target: SequenceId) {
        self.cache.fork(source, target);
    }

    /// The logits after the last token that was read, of whichever sequence. `[vocabulary]`
    pub fn logits(&self) -> &[f32] {
        &self.logits
    }

    /// The same as probabilities: the site `probabilities` of that token. `[vocabulary]`
    pub fn probabilities(&self, pool: &ThreadPool) -> Vec<f32> {
        let mut probabilities = vec![0.0; self.logits.len()];
        loss::softmax(pool, &self.logits, self.logits.len(), &mut probabilities);
        probabilities
    }

    /// Reads tokens behind those that a sequence holds, and gives the logits after the last,
    /// `[vocabulary]`. The weights are of the network that this was made for.
    ///
    /// # Errors
    /// When they do not fit into its context, or one is beyond the vocabulary.
    pub fn read(
        &mut self,
        weights: &Weights,
        pool: &ThreadPool,
        sequence: SequenceId,
        ids: &[TokenId],
    ) -> Result<&[f32]> {
        let held = self.tokens(sequence);
        if held + ids.len() > self.context {
            return Err(Refusal::ours(format!(
                "{} tokens do not fit behind {held} in a context of {}",
                ids.len(),
                self.context
            )));
        }
        weights.network().config.check_ids("token", ids.iter().map(|id| id.0))?;
        let rows = CHUNK.min(self.context);
        for (index, chunk) in ids.chunks(rows).enumerate() {
            self.batch.clear();
            self.batch.push(sequence, held + index * rows, chunk);
            self.batch.add_last_logit_row();
            let (workspace, cache) = (&mut self.workspace, &mut self.cache);
            self.logits.copy_from_slice(passes::forward(
                weights,
                workspace,
                cache,
                pool,
                &self.batch,
            )?);
        }
        Ok(&self.logits)
    }
}

fn shape(context: usize) -> Shape {
    Shape::Inference { rows: CHUNK.min(context), logit_rows: 1 }
}
