//! Rows of several sequences, one below the other. No padding anywhere.

use std::ops::Range;

use lookback_text::TokenId;

/// One sequence among those that a cache holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SequenceId(pub u32);

/// The rows of one sequence in a [`Batch`]: `rows.len()` tokens from `first_position` on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Whose tokens they are.
    pub sequence: SequenceId,
    /// The position of its first row.
    pub first_position: usize,
    /// Its rows in the batch.
    pub rows: Range<usize>,
}

/// What one pass computes: training has B segments of T rows, prefill one, decoding n chats n of
/// one row each, a server any mixture. Only positions, rotation and attention look at segments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// `[rows]`
    pub ids: Vec<TokenId>,
    /// `[rows]`: where each row stands in its sequence.
    pub positions: Vec<u32>,
    /// Side by side, covering all rows in order.
    pub segments: Vec<Segment>,
    /// The rows whose logits are wanted, ascending.
    pub wanted: Vec<usize>,
}

impl Batch {
    /// A batch without rows, to be filled.
    pub fn new() -> Self {
        Self::default()
    }

    /// One whole sequence from position 0, all its logits wanted.
    pub fn whole(ids: &[TokenId]) -> Self {
        let mut batch = Self::new();
        batch.push(SequenceId(0), 0, ids);
        batch.want_all();
        batch
    }

    /// Takes everything out and keeps the memory.
    pub fn clear(&mut self) {
        self.ids.clear();
        self.positions.clear();
        self.segments.clear();
        self.wanted.clear();
    }

    /// Puts a segment below those that stand there. Its logits are not wanted yet.
    pub fn push(&mut self, sequence: SequenceId, first_position: usize, ids: &[TokenId]) {
        let rows = self.ids.len()..self.ids.len() + ids.len();
        self.ids.extend_from_slice(ids);
        self.positions.extend((first_position..first_position + ids.len()).map(|at| at as u32));
        self.segments.push(Segment { sequence, first_position, rows });
    }

    /// Wants the logits of the last row pushed.
    pub fn want_last(&mut self) {
        if let Some(last) = self.ids.len().checked_sub(1) {
            self.wanted.push(last);
        }
    }

    /// Wants the logits of every row.
    pub fn want_all(&mut self) {
        self.wanted.clear();
        self.wanted.extend(0..self.ids.len());
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.ids.len()
    }
}

/// What a pass over a batch is to predict.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Targets {
    /// `[wanted rows]`: the id that follows each; [`Targets::NONE`] where none is asked.
    pub ids: Vec<u32>,
    /// The factor of every row's loss in the objective, usually one over the rows of a step.
    pub scale: f32,
    /// What the square of a row's log-total weighs beside its loss in the gradient.
    pub z_loss: f32,
}

impl Targets {
    /// No target: the row counts neither in the loss nor in the gradient.
    pub const NONE: u32 = u32::MAX;
}
