//! Gradients of the trainable weights, accumulated over the passes of one step.

use lookback_kernels::{
    aligned_buffer::{self, AlignedBuffer},
    sums,
    thread_pool::ThreadPool,
};
use lookback_model::{Network, WeightId};

/// Gradients by weight, `[outputs, inner]` each.
#[derive(Debug)]
pub struct Gradients {
    by_weight: Vec<AlignedBuffer>,
    blocks: Vec<f64>,
}

impl Gradients {
    /// Zero for every weight.
    pub fn new(network: &Network) -> Self {
        Self::for_weights(network, |_| true)
    }

    /// Zero for the trainable weights; the others get no gradient.
    pub fn for_weights(network: &Network, is_trainable: impl Fn(WeightId) -> bool) -> Self {
        let len = |id: WeightId| if is_trainable(id) { network.weight(id).len() } else { 0 };
        let longest = network.ids().map(len).max().unwrap_or(0);
        Self {
            by_weight: network.ids().map(|id| AlignedBuffer::zeros(len(id))).collect(),
            blocks: vec![0.0; sums::blocks_len(longest)],
        }
    }

    /// Touches all of it, as [`Workspace::touched`](crate::Workspace::touched) does.
    pub fn touched(mut self, pool: &ThreadPool) -> Self {
        self.by_weight.iter_mut().for_each(|gradient| gradient.prefault(pool));
        self
    }

    /// Bytes that [`Gradients::new`] takes.
    pub fn bytes(network: &Network) -> usize {
        4 * network.parameters()
    }

    /// Begins a new step.
    pub fn clear(&mut self, pool: &ThreadPool) {
        self.by_weight.iter_mut().for_each(|gradient| aligned_buffer::zero_fill(pool, gradient));
    }

    /// The gradient of a weight; empty if it is not trainable.
    pub fn of(&self, id: WeightId) -> &[f32] {
        &self.by_weight[id.index()]
    }

    /// Whether a weight is trainable.
    pub fn is_trainable(&self, id: WeightId) -> bool {
        !self.of(id).is_empty()
    }

    /// The gradient of a weight, if it is trainable.
    pub(crate) fn trainable_mut(&mut self, id: WeightId) -> Option<&mut [f32]> {
        Some(&mut *self.by_weight[id.index()]).filter(|gradient| !gradient.is_empty())
    }

    /// Takes a gradient out, to be written beside another, and put back.
    pub(crate) fn take(&mut self, id: WeightId) -> AlignedBuffer {
        std::mem::take(&mut self.by_weight[id.index()])
    }

    pub(crate) fn put(&mut self, id: WeightId, gradient: AlignedBuffer) {
        self.by_weight[id.index()] = gradient;
    }

    /// The root of the sum of all squares: of each weight in f32 blocks, then in f64 in their order.
    pub fn norm(&mut self, pool: &ThreadPool) -> f64 {
        let mut total = 0.0;
        for gradient in &self.by_weight {
            total += sums::sum_of_squares(pool, gradient, &mut self.blocks);
        }
        f64::sqrt(total)
    }
}
