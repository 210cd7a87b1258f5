//! AdamW over all weights: moments in f32, decay on matrices and tables only.
//!
//! Loshchilov and Hutter 2019, algorithm 2, as `torch.optim.AdamW` rounds it.

use lookback_kernels::{
    optimize::{AdamW, adamw},
    room::Room,
    team::Team,
};
use lookback_model::{Network, Role, WeightId};

use crate::{gradients::Gradients, weights::Weights};

/// The settings of one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Learning rate.
    pub rate: f64,
    /// Decay of the mean of gradients.
    pub beta1: f64,
    /// Decay of the mean of their squares.
    pub beta2: f64,
    /// Added to the root of the squares.
    pub epsilon: f64,
    /// Share of `rate` by which matrices and tables shrink.
    pub decay: f64,
    /// Factor of every gradient, from clipping.
    pub gradient_factor: f64,
}

/// The optimizer's state.
#[derive(Debug)]
pub struct Adam {
    steps: u64,
    /// For each weight, the mean of its gradients and the mean of their squares.
    moments: Vec<[Room; 2]>,
}

impl Adam {
    /// Before the first step.
    pub fn new(network: &Network) -> Self {
        let zero = |len: usize| [Room::zeros(len), Room::zeros(len)];
        Self { steps: 0, moments: network.weights.iter().map(|spec| zero(spec.len())).collect() }
    }

    /// Bytes that [`Adam::new`] takes.
    pub fn bytes(network: &Network) -> usize {
        8 * network.parameters()
    }

    /// Steps done.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The two moments of a weight.
    pub fn moments(&self, id: WeightId) -> [&[f32]; 2] {
        self.moments[id.index()].each_ref().map(|moment| &**moment)
    }

    /// Takes up the state of a checkpoint: `fill` writes the two moments of each weight.
    pub fn restore<E>(
        &mut self,
        steps: u64,
        mut fill: impl FnMut(WeightId, [&mut [f32]; 2]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.steps = steps;
        for (index, moments) in self.moments.iter_mut().enumerate() {
            fill(WeightId(index as u32), moments.each_mut().map(|moment| &mut **moment))?;
        }
        Ok(())
    }

    /// One step along the gradients. The weights' panels are packed anew.
    pub fn step(
        &mut self,
        weights: &mut Weights,
        gradients: &Gradients,
        settings: &Settings,
        team: &Team,
    ) {
        self.steps += 1;
        let correction = |beta: f64| 1.0 - libm::pow(beta, self.steps as f64);
        let (correction1, correction2) = (correction(settings.beta1), correction(settings.beta2));
        let network = weights.network().clone();
        for id in network.ids() {
            let decays =
                matches!(network.weight(id).role, Role::Matrix | Role::Output | Role::Table);
            let how = AdamW {
                rate: settings.rate as f32,
                beta1: settings.beta1 as f32,
                beta2: settings.beta2 as f32,
                epsilon: settings.epsilon as f32,
                decay: if decays { settings.decay as f32 } else { 0.0 },
                correction1: correction1 as f32,
                correction2: correction2 as f32,
            };
            let [m, v] = &mut self.moments[id.index()];
            let clip = settings.gradient_factor as f32;
            adamw(team, &how, clip, weights.rows_mut(id), gradients.of(id), m, v);
        }
        weights.pack(team);
    }
}
