//! What a pass back leaves: a gradient for each weight that learns, continued over the passes of one step.

use lookback_kernels::{
    aligned_buffer::{self, AlignedBuffer},
    sums,
    thread_pool::ThreadPool,
};
use lookback_model::{Network, WeightId};

/// Gradients by weight, `[outputs, inner]` each.
#[derive(Debug)]
pub struct Gradients {
    of: Vec<AlignedBuffer>,
    blocks: Vec<f64>,
}

impl Gradients {
    /// Zero for every weight.
    pub fn new(network: &Network) -> Self {
        Self::of_some(network, |_| true)
    }

    /// Zero for the weights that learn; the others get no gradient.
    pub fn of_some(network: &Network, learns: impl Fn(WeightId) -> bool) -> Self {
        let len = |id: WeightId| if learns(id) { network.weight(id).len() } else { 0 };
        let longest = network.ids().map(len).max().unwrap_or(0);
        Self {
            of: network.ids().map(|id| AlignedBuffer::zeros(len(id))).collect(),
            blocks: vec![0.0; sums::blocks_len(longest)],
        }
    }

    /// Touches all of it, as [`Workspace::touched`](crate::Workspace::touched) does.
    pub fn touched(mut self, pool: &ThreadPool) -> Self {
        self.of.iter_mut().for_each(|gradient| gradient.prefault(pool));
        self
    }

    /// Bytes that [`Gradients::new`] takes.
    pub fn bytes(network: &Network) -> usize {
        4 * network.parameters()
    }

    /// Begins a new step.
    pub fn clear(&mut self, pool: &ThreadPool) {
        self.of.iter_mut().for_each(|gradient| aligned_buffer::zero_fill(pool, gradient));
    }

    /// The gradient of a weight; empty if it does not learn.
    pub fn of(&self, id: WeightId) -> &[f32] {
        &self.of[id.index()]
    }

    /// Whether a weight learns.
    pub fn learns(&self, id: WeightId) -> bool {
        !self.of(id).is_empty()
    }

    /// The gradient of a weight, if it learns.
    pub(crate) fn learned_mut(&mut self, id: WeightId) -> Option<&mut [f32]> {
        Some(&mut *self.of[id.index()]).filter(|gradient| !gradient.is_empty())
    }

    /// Takes a gradient out, to be written beside another, and put back.
    pub(crate) fn take(&mut self, id: WeightId) -> AlignedBuffer {
        std::mem::take(&mut self.of[id.index()])
    }

    pub(crate) fn put(&mut self, id: WeightId, gradient: AlignedBuffer) {
        self.of[id.index()] = gradient;
    }

    /// The root of the sum of all squares: of each weight in f32 blocks, then in f64 in their order.
    pub fn norm(&mut self, pool: &ThreadPool) -> f64 {
        let mut total = 0.0;
        for gradient in &self.of {
            total += sums::sum_of_squares(pool, gradient, &mut self.blocks);
        }
        f64::sqrt(total)
    }
}
