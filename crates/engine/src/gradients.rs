//! What a pass back leaves: a gradient for each weight, continued over the passes of one step.

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
        let longest = network.weights.iter().map(|spec| spec.len()).max().unwrap_or(0);
        Self {
            of: network.weights.iter().map(|spec| Room::zeros(spec.len())).collect(),
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

    /// The gradient of a weight.
    pub fn of(&self, id: WeightId) -> &[f32] {
        &self.of[id.index()]
    }

    pub(crate) fn of_mut(&mut self, id: WeightId) -> &mut [f32] {
        &mut self.of[id.index()]
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
