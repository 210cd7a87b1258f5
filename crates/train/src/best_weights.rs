//! The weights of the validation with the lowest loss so far, beside those that go on learning.

use lookback_model::Network;

/// A copy of all weights, and its validation.
#[derive(Clone, Debug)]
pub(crate) struct BestWeights {
    /// Steps done at that validation.
    pub(crate) step: u64,
    /// Nats per token of that validation.
    pub(crate) loss: f64,
    /// Each weight, by its index.
    pub(crate) rows: Vec<Vec<f32>>,
}

impl BestWeights {
    /// Bytes of a copy.
    pub(crate) fn bytes(network: &Network) -> usize {
        4 * network.parameters()
    }
}

/// Which weights of a run become its model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BestValidation {
    /// Steps done at that validation.
    pub step: u64,
    /// Nats per token of that validation.
    pub loss: f64,
}
