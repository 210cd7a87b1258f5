//! What a pass back leaves: a gradient for each weight that learns, continued over the passes of one step.

use lookback_kernels::{
    room::{self, Room},
    sums,
    team::Team,
};
use lookback_model::{Network, WeightId};

/// Gradients by weight, `[outputs, inner]` each.
#[derive(Debug)]
pub struct Gradients {
    of: Vec<Room>,
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
            of: network.ids().map(|id| Room::zeros(len(id))).collect(),
            blocks: vec![0.0; sums::blocks_len(longest)],
        }
    }

    /// Touches all of it, as [`Workspace::touched`](crate::Workspace::touched) does.
    pub fn touched(mut self, team: &Team) -> Self {
        self.of.iter_mut().for_each(|gradient| gradient.touch(team));
        self
    }

    /// Bytes that [`Gradients::new`] takes.
    pub fn bytes(network: &Network) -> usize {
        4 * network.parameters()
    }

    /// Begins a new step.
    pub fn clear(&mut self, team: &Team) {
        self.of.iter_mut().for_each(|gradient| room::clear(team, gradient));
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
    pub(crate) fn take(&mut self, id: WeightId) -> Room {
        std::mem::take(&mut self.of[id.index()])
    }

    pub(crate) fn put(&mut self, id: WeightId, gradient: Room) {
        self.of[id.index()] = gradient;
    }

    /// The root of the sum of all squares: of each weight in f32 blocks, then in f64 in their order.
    pub fn norm(&mut self, team: &Team) -> f64 {
        let mut total = 0.0;
        for gradient in &self.of {
            total += sums::sum_of_squares(team, gradient, &mut self.blocks);
        }
        f64::sqrt(total)
    }
}
