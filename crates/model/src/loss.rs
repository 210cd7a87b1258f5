//! What a pass with targets reports.

/// The cross-entropy of a pass.
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
