//! One sequence that is read token by token or in chunks: what generating needs.

use lookback_files::{Refusal, Result};
use lookback_kernels::team::Team;
use lookback_model::{Batch, SequenceId, TokenId, forward};

use crate::{Cache, Run, Shape, Weights, Workspace};

/// Rows of a prompt that pass through at once.
const CHUNK: usize = 256;

/// A sequence, its cache, and the weights that read it.
#[derive(Debug)]
pub struct Session<'a> {
    weights: &'a Weights,
    team: &'a Team,
    space: Workspace,
    cache: Cache,
    batch: Batch,
    logits: Vec<f32>,
    context: usize,
}

impl<'a> Session<'a> {
    /// For a sequence of at most `context` tokens.
    pub fn new(weights: &'a Weights, team: &'a Team, context: usize) -> Self {
        let network = weights.network();
        let shape = Shape::Run { rows: CHUNK.min(context), wanted: 1 };
        Self {
            space: Workspace::new(network, shape, context, team.threads()),
            cache: Cache::new(network, 1, Cache::pages(context)),
            batch: Batch::new(),
            logits: vec![0.0; network.config.vocabulary],
            weights,
            team,
            context,
        }
    }

    /// Bytes that [`Session::new`] takes.
    pub fn bytes(weights: &Weights, context: usize, threads: usize) -> usize {
        let network = weights.network();
        let shape = Shape::Run { rows: CHUNK.min(context), wanted: 1 };
        Workspace::bytes(network, shape, context, threads)
            + Cache::bytes(network, Cache::pages(context))
    }

    /// Tokens read so far.
    pub fn tokens(&self) -> usize {
        self.cache.tokens(SEQUENCE)
    }

    /// Tokens it can hold.
    pub fn context(&self) -> usize {
        self.context
    }

    /// Forgets everything from position `tokens` on.
    pub fn truncate(&mut self, tokens: usize) {
        self.cache.truncate(SEQUENCE, tokens);
    }

    /// Reads tokens behind those that it holds, and gives the logits after the last, `[vocabulary]`.
    pub fn read(&mut self, ids: &[TokenId]) -> Result<&[f32]> {
        let held = self.tokens();
        if held + ids.len() > self.context {
            return Err(Refusal::ours(format!(
                "{} tokens do not fit behind {held} in a context of {}",
                ids.len(),
                self.context
            )));
        }
        let network = self.weights.network();
        for (index, chunk) in ids.chunks(CHUNK.min(self.context)).enumerate() {
            self.batch.clear();
            self.batch.push(SEQUENCE, held + index * CHUNK.min(self.context), chunk);
            self.batch.want_last();
            let (space, cache) = (&mut self.space, &mut self.cache);
            let mut run = Run::cached(self.weights, space, cache, self.team, &self.batch)?;
            let logits = forward::logits(network, &mut run, &self.batch);
            self.logits.copy_from_slice(run.read(logits));
        }
        Ok(&self.logits)
    }
}

/// The only sequence of a session.
const SEQUENCE: SequenceId = SequenceId(0);
