//! What a model, a run or a pass takes.

/// Bytes, before any is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Weights as they are held, panels included.
    pub weights: usize,
    /// Results of operations, kept ones included, and scratch.
    pub workspace: usize,
    /// Keys and values.
    pub cache: usize,
    /// Gradients and the optimizer's state.
    pub learning: usize,
}

impl Memory {
    /// All of it.
    pub fn total(&self) -> usize {
        self.weights + self.workspace + self.cache + self.learning
    }
}
