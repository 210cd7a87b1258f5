//! The loss of a model over windows of a dataset: what runs are validated by, and what `eval` prints.
//!
//! Which windows share a pass follows from their lengths and the context alone, so that the
//! same weights and windows give the same bits.

use std::{
    ops::Range,
    sync::atomic::{AtomicBool, Ordering},
};

use lookback_engine::{Shape, ThreadPool, Weights, Workspace, evaluate};
use lookback_model::{Batch, Loss, SequenceId, Targets, TokenId};
use lookback_text::dataset::Dataset;

/// Rows of a pass, or one context where that is more.
const ROWS: usize = 1024;

/// Computes the loss of weights over windows.
#[derive(Debug)]
pub struct Validator {
    context: usize,
    sequences: usize,
    batch: Batch,
    targets: Targets,
    window: Vec<TokenId>,
}

impl Validator {
    /// Over windows of one context at most, as many in a pass as whole ones fill it.
    pub fn new(context: usize) -> Self {
        Self {
            context,
            sequences: (ROWS / context).max(1),
            batch: Batch::new(),
            targets: Targets { ids: Vec::new(), scale: 1.0, z_loss: 0.0 },
            window: vec![TokenId(0); context + 1],
        }
    }

    /// With at least so many windows in a pass, where they are short.
    #[must_use]
    pub fn with_min_sequences(mut self, sequences: usize) -> Self {
        self.sequences = self.sequences.max(sequences.min(self.rows()));
        self
    }

    fn rows(&self) -> usize {
        (ROWS / self.context).max(1) * self.context
    }

    /// The passes that a workspace has to be made for.
    pub fn shape(&self) -> Shape {
        Shape::Evaluation { rows: self.rows(), sequences: self.sequences }
    }

    /// The loss over windows, each of two tokens at least: all but its last enter, all but its first are
    /// targets.
    pub fn loss(
        &mut self,
        weights: &Weights,
        workspace: &mut Workspace,
        pool: &ThreadPool,
        data: &Dataset,
        windows: impl Iterator<Item = Range<usize>>,
    ) -> Loss {
        let never = AtomicBool::new(false);
        self.loss_unless_stopped(weights, workspace, pool, data, windows, &never)
            .unwrap_or_default()
    }

    /// As [`loss`](Self::loss); none if `stop` was set before the last pass, which is looked at before
    /// each: the loss over some of the windows is not the loss over all of them.
    pub fn loss_unless_stopped(
        &mut self,
        weights: &Weights,
        workspace: &mut Workspace,
        pool: &ThreadPool,
        data: &Dataset,
        windows: impl Iterator<Item = Range<usize>>,
        stop: &AtomicBool,
    ) -> Option<Loss> {
        let (mut all, mut windows) = (Loss::default(), windows.peekable());
        while windows.peek().is_some() {
            if stop.load(Ordering::Relaxed) {
                return None;
            }
            self.batch.clear();
            self.targets.ids.clear();
            for index in 0..self.sequences {
                let left = self.rows() - self.targets.ids.len();
                let Some(place) = windows.next_if(|place| place.len() - 1 <= left) else { break };
                let window = &mut self.window[..place.len()];
                data.read(place.start, window);
                self.batch.push(SequenceId(index as u32), 0, &window[..window.len() - 1]);
                self.targets.ids.extend(window[1..].iter().map(|id| id.0));
            }
            self.batch.add_all_logit_rows();
            let loss = evaluate(weights, workspace, pool, &self.batch, &self.targets);
            all.total += loss.total;
            all.rows += loss.rows;
        }
        Some(all)
    }
}
