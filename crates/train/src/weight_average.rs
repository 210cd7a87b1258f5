//! The mean of the weights over the last steps of a run, which becomes the model.
//!
//! Izmailov et al. 2018: late steps walk around a place that is better than any of them. The mean
//! stands beside the weights that go on learning, and takes their place only to be validated and saved.

use lookback_engine::Weights;
use lookback_model::{Network, WeightId};

/// A running mean of all weights.
#[derive(Clone, Debug)]
pub(crate) struct WeightAverage {
    steps: u64,
    weights: Vec<Vec<f32>>,
}

impl WeightAverage {
    /// Of no step yet.
    pub(crate) fn new(network: &Network) -> Self {
        Self {
            steps: 0,
            weights: network.weights.iter().map(|spec| vec![0.0; spec.len()]).collect(),
        }
    }

    /// Bytes that [`WeightAverage::new`] takes.
    pub(crate) fn bytes(network: &Network) -> usize {
        4 * network.parameters()
    }

    /// How many steps it is the mean of.
    pub(crate) fn steps(&self) -> u64 {
        self.steps
    }

    /// The mean of a weight.
    pub(crate) fn weight(&self, id: WeightId) -> &[f32] {
        &self.weights[id.index()]
    }

    /// Begins anew.
    pub(crate) fn clear(&mut self) {
        self.steps = 0;
    }

    /// Takes the weights of one more step in: mean = mean + (weight − mean) / steps.
    pub(crate) fn add(&mut self, weights: &Weights) {
        self.steps += 1;
        let share = (1.0 / self.steps as f64) as f32;
        for (index, mean) in self.weights.iter_mut().enumerate() {
            let rows = weights.rows(WeightId(index as u32));
            if self.steps == 1 {
                mean.copy_from_slice(rows);
                continue;
            }
            for (mean, weight) in mean.iter_mut().zip(rows) {
                *mean += (weight - *mean) * share;
            }
        }
    }

    /// Takes up the state of a checkpoint: `fill` writes the mean of each weight.
    pub(crate) fn restore<E>(
        &mut self,
        steps: u64,
        mut fill: impl FnMut(WeightId, &mut [f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.steps = steps;
        for (index, mean) in self.weights.iter_mut().enumerate() {
            fill(WeightId(index as u32), mean)?;
        }
        Ok(())
    }

    /// Exchanges the mean and the weights.
    pub(crate) fn swap(&mut self, weights: &mut Weights) {
        for (index, mean) in self.weights.iter_mut().enumerate() {
            weights.rows_mut(WeightId(index as u32)).swap_with_slice(mean);
        }
    }
}
