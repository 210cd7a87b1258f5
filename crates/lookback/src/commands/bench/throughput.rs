//! A prompt read and tokens decoded, with a clock beside them.

use std::time::Instant;

use lookback_engine::{Compute, KvCache, Session, Shape, ThreadPool, Weights, Workspace, forward};
use lookback_files::Result;
use lookback_model::{Batch, Network, SequenceId, TokenId};

/// How much passes through the model.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lengths {
    /// Tokens of each sequence's prompt.
    pub prompt: usize,
    /// Tokens of each sequence that pass one by one.
    pub decode: usize,
    /// Sequences.
    pub batch: usize,
}

impl Lengths {
    fn positions(self) -> usize {
        self.prompt + self.decode
    }

    /// Rows of a prompt that pass at once, as where a text is generated.
    fn chunk(self) -> usize {
        self.prompt.min(Session::CHUNK)
    }

    fn shape(self) -> Shape {
        Shape::Inference { rows: self.chunk().max(self.batch), logit_rows: self.batch }
    }
}

/// Measured times: medians of several rounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Throughput {
    lengths: Lengths,
    /// Of all prompts.
    pub prefill_seconds: f64,
    /// Of all tokens after them.
    pub decode_seconds: f64,
}

/// Rounds of which the median counts.
const ROUNDS: usize = 3;

impl Throughput {
    /// Bytes that [`Throughput::measure`] takes beside the weights.
    pub(super) fn bytes(
        network: &Network,
        compute: Compute,
        lengths: Lengths,
        threads: usize,
    ) -> usize {
        let pages = lengths.batch * KvCache::pages(lengths.positions());
        Workspace::bytes(network, lengths.shape(), compute, lengths.positions(), threads)
            + KvCache::bytes(network, compute, pages)
    }

    /// Reads and decodes for some rounds, each after one short pass that touches every weight.
    /// `between` is called before, between and after the rounds.
    pub(super) fn measure(
        weights: &Weights,
        lengths: Lengths,
        pool: &ThreadPool,
        between: &mut dyn FnMut(),
    ) -> Result<Self> {
        let network = weights.network();
        let pages = lengths.batch * KvCache::pages(lengths.positions());
        let mut pass = Pass {
            workspace: Workspace::new(
                network,
                lengths.shape(),
                lengths.positions(),
                pool.threads(),
            )
            .with_precision(weights.network(), weights.compute()),
            cache: KvCache::new(network, weights.compute(), lengths.batch, pages),
            batch: Batch::new(),
            weights,
            pool,
        };
        let (mut prefill, mut decode) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            between();
            // What was done between has taken the place of the weights in the caches.
            pass.step(1, 0)?;
            let start = Instant::now();
            for sequence in 0..lengths.batch {
                pass.read(sequence, lengths)?;
            }
            prefill.push(start.elapsed().as_secs_f64());
            let start = Instant::now();
            for position in lengths.prompt..lengths.positions() {
                pass.step(lengths.batch, position)?;
            }
            decode.push(start.elapsed().as_secs_f64());
        }
        Ok(Self { lengths, prefill_seconds: median(prefill), decode_seconds: median(decode) })
    }

    pub(super) fn prefill_tokens_per_second(&self) -> f64 {
        (self.lengths.batch * self.lengths.prompt) as f64 / self.prefill_seconds
    }

    pub(super) fn decode_tokens_per_second(&self) -> f64 {
        (self.lengths.batch * self.lengths.decode) as f64 / self.decode_seconds
    }

    /// Floating-point operations of all prompts: products with weights, and visible pairs of
    /// attention. Only the last row of a chunk has logits.
    pub(super) fn prefill_flops(&self, network: &Network) -> f64 {
        let Lengths { prompt, batch, .. } = self.lengths;
        let head = network.head.linear.inputs * network.head.linear.outputs;
        let blocks = network.block_multiplications() as usize;
        let attention: usize = network
            .blocks
            .iter()
            .map(|block| {
                let seen = |row: usize| (row + 1).min(block.attend.window.unwrap_or(usize::MAX));
                let pairs: usize = (0..prompt).map(seen).sum();
                2 * pairs * block.attend.heads * block.attend.head_dim
            })
            .sum();
        let heads = head * prompt.div_ceil(self.lengths.chunk());
        2.0 * (batch * (blocks * prompt + attention + heads)) as f64
    }

    /// Bytes that a step of decoding reads: every weight, and of every sequence the keys and values so
    /// far; the mean of all steps.
    pub(super) fn bytes_a_step(weights: &Weights, lengths: Lengths) -> f64 {
        let Lengths { prompt, decode, batch } = lengths;
        let number = match weights.compute() {
            Compute::F32 => 4,
            Compute::Bf16 => 2,
        };
        let read_by = |attend: &lookback_model::Attend| {
            let seen = |position: usize| (position + 1).min(attend.window.unwrap_or(usize::MAX));
            let positions: usize = (prompt..prompt + decode).map(seen).sum();
            2 * number * attend.key_heads * attend.head_dim * positions
        };
        let blocks = &weights.network().blocks;
        let kept: usize = blocks.iter().map(|block| read_by(&block.attend)).sum();
        weights.bytes_read() as f64 + (batch * kept) as f64 / decode as f64
    }
}

/// Some id, not the same everywhere.
pub(super) fn id(position: usize, vocabulary: usize) -> TokenId {
    TokenId((position.wrapping_mul(7919) % vocabulary) as u32)
}

pub(super) fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// What passes are made with.
struct Pass<'a> {
    weights: &'a Weights,
    pool: &'a ThreadPool,
    workspace: Workspace,
    cache: KvCache,
    batch: Batch,
}

impl Pass<'_> {
    fn id(&self, position: usize) -> TokenId {
        id(position, self.weights.network().config.vocabulary)
    }

    /// A sequence's prompt from the beginning, in chunks.
    fn read(&mut self, sequence: usize, lengths: Lengths) -> Result<()> {
        let ids: Vec<TokenId> = (0..lengths.prompt).map(|position| self.id(position)).collect();
        let chunk = lengths.chunk();
        for (index, ids) in ids.chunks(chunk).enumerate() {
            self.batch.clear();
            self.batch.push(SequenceId(sequence as u32), index * chunk, ids);
            self.batch.add_last_logit_row();
            self.pass()?;
        }
        Ok(())
    }

    /// One more token of every sequence.
    fn step(&mut self, sequences: usize, position: usize) -> Result<()> {
        self.batch.clear();
        for sequence in 0..sequences {
            let id = self.id(position + sequence);
            self.batch.push(SequenceId(sequence as u32), position, &[id]);
            self.batch.add_last_logit_row();
        }
        self.pass()
    }

    fn pass(&mut self) -> Result<()> {
        let (workspace, cache) = (&mut self.workspace, &mut self.cache);
        forward(self.weights, workspace, cache, self.pool, &self.batch)?;
        Ok(())
    }
}
