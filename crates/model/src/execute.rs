//! The dozen operations that a transformer consists of, as an executor offers them.
//!
//! The forward pass calls these on handles and does not know whether they are counted, computed,
//! recorded or watched. Read `forward` next, then the executors in the engine.

use crate::{
    Activation, Batch, Targets,
    network::{Attend, Head, Linear, Norm, Rotary, WeightId},
    sites::Site,
};

/// Which rows of a table are gathered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Index {
    /// Those of the tokens' ids.
    Ids,
    /// Those of the tokens' positions.
    Positions,
}

/// What a pass with targets reports.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Loss {
    /// The sum of all rows' losses, in nats.
    pub total: f64,
    /// Rows that had a target.
    pub rows: usize,
}

impl Loss {
    /// Nats per token.
    pub fn mean(&self) -> f64 {
        self.total / self.rows as f64
    }
}

/// An executor of the forward pass.
///
/// Every operation reads its inputs and makes a new `[rows, width]`; none changes what it reads.
/// The provided methods are fusions: an executor may override them, and each equals its parts bit
/// for bit.
pub trait Execute {
    /// A handle on `[rows, width]`, wherever the executor keeps it.
    type Rows: Copy;

    /// Gathers rows of a table of the given width.
    fn embed(&mut self, table: WeightId, width: usize, by: Index, batch: &Batch) -> Self::Rows;
    /// Brings every row, or every head of it, to a common scale.
    fn norm(&mut self, x: Self::Rows, how: &Norm) -> Self::Rows;
    /// `x · weightᵀ + bias`
    fn linear(&mut self, x: Self::Rows, how: &Linear) -> Self::Rows;
    /// Turns the pairs of every head by their rows' positions.
    fn rotate(&mut self, x: Self::Rows, how: &Rotary, batch: &Batch) -> Self::Rows;
    /// Lets every row look at those before it in its sequence.
    fn attend(&mut self, qkv: [Self::Rows; 3], how: &Attend, batch: &Batch) -> Self::Rows;
    /// `activation(pre)`, times `linear` in gated MLPs.
    fn gate(&mut self, pre: Self::Rows, linear: Option<Self::Rows>, how: Activation) -> Self::Rows;
    /// `x + y`
    fn add(&mut self, x: Self::Rows, y: Self::Rows) -> Self::Rows;
    /// The rows whose logits are wanted.
    fn select(&mut self, x: Self::Rows, batch: &Batch) -> Self::Rows;
    /// `[wanted, vocabulary]`
    fn logits(&mut self, x: Self::Rows, how: &Head) -> Self::Rows;
    /// Cross-entropy of the wanted rows' logits, which are never held all at once.
    fn loss(&mut self, x: Self::Rows, how: &Head, targets: &Targets) -> Loss;

    /// A place that may be looked at. Whoever does not watch passes it on.
    fn site(&mut self, _: Site, x: Self::Rows) -> Self::Rows {
        x
    }

    /// Several linear layers on the same rows.
    fn linears<const N: usize>(&mut self, x: Self::Rows, how: [&Linear; N]) -> [Self::Rows; N] {
        how.map(|how| self.linear(x, how))
    }

    /// `to + (x · weightᵀ + bias)`; `at` is where the sum in brackets may be seen.
    fn linear_add(&mut self, x: Self::Rows, how: &Linear, to: Self::Rows, at: Site) -> Self::Rows {
        let y = self.linear(x, how);
        let y = self.site(at, y);
        self.add(to, y)
    }
}
