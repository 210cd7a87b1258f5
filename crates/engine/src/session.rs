//! One sequence that is read token by token or in chunks: what generating needs.

use std::{ops::Deref, sync::Arc};

use lookback_files::Result;
use lookback_kernels::thread_pool::ThreadPool;
use lookback_model::{Edits, SequenceId, TokenId};

use crate::{KvCache, Sequences, Weights, sequences};

/// A sequence, its cache, and the weights that read it.
///
/// It owns a share of the weights and of the threads, so that it can be kept and sent to another thread;
/// one that only lives as long as they do may borrow them: `Session<&Weights, &ThreadPool>`.
#[derive(Debug)]
pub struct Session<W = Arc<Weights>, T = Arc<ThreadPool>> {
    weights: W,
    pool: T,
    sequences: Sequences,
}

impl<W: Deref<Target = Weights>, T: Deref<Target = ThreadPool>> Session<W, T> {
    /// For a sequence of at most `context` tokens.
    pub fn new(weights: W, pool: T, context: usize) -> Self {
        let pages = KvCache::pages(context);
        let sequences =
            Sequences::new(weights.network(), weights.compute(), pool.threads(), context, 1, pages);
        Self { weights, pool, sequences }
    }

    /// The same, of passes with edits, before anything is read.
    ///
    /// # Errors
    /// As [`Sequences::with_edits`].
    pub fn with_edits(self, edits: &Edits) -> Result<Self> {
        let Self { weights, pool, sequences } = self;
        let sequences = sequences.with_edits(weights.network(), edits, pool.threads())?;
        Ok(Self { weights, pool, sequences })
    }

    /// Tokens read so far.
    pub fn tokens(&self) -> usize {
        self.sequences.tokens(SEQUENCE)
    }

    /// Tokens it can hold.
    pub fn context(&self) -> usize {
        self.sequences.context()
    }

    /// Forgets everything from position `tokens` on.
    pub fn truncate(&mut self, tokens: usize) {
        self.sequences.truncate(SEQUENCE, tokens);
    }

    /// Reads tokens behind those that it holds, and gives the logits after the last, `[vocabulary]`.
    pub fn read(&mut self, ids: &[TokenId]) -> Result<&[f32]> {
        self.sequences.read(&self.weights, &self.pool, SEQUENCE, ids)
    }
}

impl Session {
    /// Bytes that [`Session::new`] takes.
    pub fn bytes(weights: &Weights, context: usize, threads: usize) -> usize {
        Sequences::bytes(
            weights.network(),
            weights.compute(),
            threads,
            context,
            KvCache::pages(context),
        )
    }

    /// Bytes that [`Session::with_edits`] takes, which the plain one makes room for first: those of the larger.
    ///
    /// # Errors
    /// As [`Sequences::with_edits`].
    pub fn edited_bytes(
        weights: &Weights,
        edits: &Edits,
        context: usize,
        threads: usize,
    ) -> Result<usize> {
        let (network, pages) = (weights.network(), KvCache::pages(context));
        let compute = weights.compute();
        let edited = Sequences::edited_bytes(network, edits, compute, threads, context, pages)?;
        Ok(edited.max(Self::bytes(weights, context, threads)))
    }

    /// Rows of a prompt that pass through at once.
    pub const CHUNK: usize = sequences::CHUNK;
}

/// The only sequence of a session.
const SEQUENCE: SequenceId = SequenceId(0);
