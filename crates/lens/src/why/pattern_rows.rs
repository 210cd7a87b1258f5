//! Rows of attention patterns: of a pass whose patterns were captured, or made again a token at a time.
//!
//! A long text's patterns are most of what a pass holds, and of them few rows are read. A row is that of a pass of its
//! token alone through the layer, behind the keys and values of the tokens before it: each bit is that of the whole
//! pattern.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use lookback_engine::{KvCache, ThreadPool, Weights, Workspace, forward_between_sites};
use lookback_files::Result;
use lookback_model::{Batch, BlockSite, SequenceId, Site, forward};

use super::known_pass::{KNOWN, known_rows, store_known};
use crate::{Trace, received::Received, source_contributions::pattern_row};

/// The sequence that goes on behind the known one.
const TOKEN: SequenceId = SequenceId(1);

/// The rows of the patterns of a pass.
pub(super) struct PatternRows<'a> {
    weights: &'a Weights,
    pool: &'a ThreadPool,
    trace: &'a Trace,
    passes: RefCell<Option<(Workspace, KvCache)>>,
    /// By layer and token: `[heads, keys]`.
    made: RefCell<BTreeMap<[usize; 2], Rc<Vec<f32>>>>,
}

impl<'a> PatternRows<'a> {
    /// Of a pass that was traced: its patterns, or what makes them again.
    pub fn new(weights: &'a Weights, pool: &'a ThreadPool, trace: &'a Trace) -> Self {
        let (passes, made) = (RefCell::default(), RefCell::default());
        Self { weights, pool, trace, passes, made }
    }

    /// A head's weights at a token, of each key up to the token at least.
    pub fn row(&self, layer: usize, head: usize, token: usize) -> Result<Vec<f32>> {
        if let Some(pattern) = self.trace.block(layer, BlockSite::Pattern) {
            return Ok(pattern_row(pattern, head, token).to_vec());
        }
        let known = self.made.borrow().get(&[layer, token]).cloned();
        let rows = match known {
            Some(rows) => rows,
            None => {
                let rows = Rc::new(self.make(layer, token)?);
                self.made.borrow_mut().insert([layer, token], rows.clone());
                rows
            }
        };
        let keys = token + 1;
        Ok(rows[head * keys..(head + 1) * keys].to_vec())
    }

    /// All heads of a token, `[heads, keys]`.
    fn make(&self, layer: usize, token: usize) -> Result<Vec<f32>> {
        let mut passes = self.passes.borrow_mut();
        let (workspace, cache) = match &mut *passes {
            Some(passes) => passes,
            empty => empty.insert(self.passes()?),
        };
        let at = |site| Site::Block(layer as u16, site);
        let (start, pattern) = (at(BlockSite::ResidPre), at(BlockSite::Pattern));
        let mut batch = Batch::new();
        batch.push(TOKEN, token, &self.trace.ids[token..=token]);
        cache.fork(KNOWN, TOKEN);
        let own = std::iter::once(token..token + 1).collect::<Vec<_>>();
        let stream = known_rows(self.trace, workspace, start, &own)?;
        let stream: Vec<(Site, &[f32])> =
            stream.iter().map(|(site, rows)| (*site, &rows[..])).collect();
        let mut received = Received::new([pattern]);
        let between = (&stream[..], &[pattern][..]);
        let cache = Some(cache);
        forward_between_sites(
            self.weights,
            workspace,
            cache,
            self.pool,
            &batch,
            between,
            &mut received,
        )?;
        Ok(received.0.remove(&pattern).unwrap_or_default())
    }

    /// What passes of single tokens are computed in.
    fn passes(&self) -> Result<(Workspace, KvCache)> {
        let (network, compute) = (self.weights.network(), self.weights.compute());
        let program = self.trace.edits.logits(network, forward::Rows::LogitRows)?;
        let tokens = self.trace.ids.len();
        // The page in which a token stands is copied.
        let pages = KvCache::pages(tokens) + 1;
        let mut cache = KvCache::for_program(&program, compute, 2, pages);
        store_known(&mut cache, self.pool, (self.trace, tokens), (&program, 0))?;
        let is_visible =
            |site| matches!(site, Site::Block(_, BlockSite::ResidPre | BlockSite::Pattern));
        let threads = self.pool.threads();
        let workspace =
            Workspace::for_logit_rows(network, program, [1, 1], is_visible, tokens, threads)
                .with_precision(network, compute);
        Ok((workspace, cache))
    }
}
