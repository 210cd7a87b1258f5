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
    /// The rows whose logits are computed, ascending.
    pub logit_rows: Vec<usize>,
}

impl Batch {
    /// A batch without rows, to be filled.
    pub fn new() -> Self {
        Self::default()
    }

    /// One whole sequence from position 0, with the logits of every row.
    pub fn whole(ids: &[TokenId]) -> Self {
        let mut batch = Self::new();
        batch.push(SequenceId(0), 0, ids);
        batch.add_all_logit_rows();
        batch
    }

    /// Takes everything out and keeps the memory.
    pub fn clear(&mut self) {
        self.ids.clear();
        self.positions.clear();
        self.segments.clear();
        self.logit_rows.clear();
    }

    /// Appends a segment, whose logits are not computed unless its rows are added to `logit_rows`.
    pub fn push(&mut self, sequence: SequenceId, first_position: usize, ids: &[TokenId]) {
        let rows = self.ids.len()..self.ids.len() + ids.len();
        self.ids.extend_from_slice(ids);
        self.positions.extend((first_position..first_position + ids.len()).map(|at| at as u32));
        self.segments.push(Segment { sequence, first_position, rows });
    }

    /// Lists the last row pushed among those whose logits are computed.
    pub fn add_last_logit_row(&mut self) {
        if let Some(last) = self.ids.len().checked_sub(1) {
            self.logit_rows.push(last);
        }
    }

    /// Lists every row as one whose logits are computed.
    pub fn add_all_logit_rows(&mut self) {
        self.logit_rows.clear();
        self.logit_rows.extend(0..self.ids.len());
    }

    /// The first so many of its segments, as a batch of their own.
    #[must_use]
    pub fn leading(&self, segments: usize) -> Self {
        let segments = self.segments[..segments.min(self.segments.len())].to_vec();
        let rows = segments.last().map_or(0, |last| last.rows.end);
        let logit_rows = self.logit_rows.iter().copied().filter(|row| *row < rows).collect();
        Self {
            ids: self.ids[..rows].to_vec(),
            positions: self.positions[..rows].to_vec(),
            segments,
            logit_rows,
        }
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.ids.len()
    }
}

/// What a pass over a batch is to predict.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Targets {
    /// `[logit_rows]`: the id that follows each; [`Targets::NONE`] where the loss leaves a row out.
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
