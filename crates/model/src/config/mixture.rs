//! A mixture of experts, as a configuration has it.

use lookback_files::{Refusal, Result, counted};
use lookback_kernels::naive::experts::ExpertWeighting;

/// A mixture of experts in place of the MLP: a router chooses a few of several MLPs for each token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MixtureConfig {
    /// Experts of a block.
    pub experts: usize,
    /// How many of them work on a token.
    pub chosen: usize,
    /// Width of an expert's hidden layer.
    pub hidden: usize,
    /// How the chosen ones are weighted.
    pub weighting: ExpertWeighting,
    /// Whether the router adds a bias.
    pub router_bias: bool,
    /// Whether each layer has experts; all have if it is empty. Others have an MLP.
    pub layers_with_experts: Vec<bool>,
}

impl MixtureConfig {
    /// Whether a layer has experts.
    pub(super) fn is_in(&self, layer: usize) -> bool {
        self.layers_with_experts.get(layer).copied().unwrap_or(true)
    }

    /// Refuses what cannot be a mixture.
    pub(super) fn check(&self, layers: usize) -> Result<()> {
        let Self { experts, chosen, hidden, layers_with_experts, .. } = self;
        for (what, size, max) in
            [("experts", *experts, 1 << 12), ("an expert's width", *hidden, 1 << 22)]
        {
            if size == 0 || size > max {
                return Err(Refusal::user(format!(
                    "{what} of {size} cannot be; from 1 to {max} are understood"
                )));
            }
        }
        if !(1..=*experts).contains(chosen) {
            return Err(Refusal::user(format!(
                "{chosen} of {} cannot work on each token; from 1 to all of them can",
                counted(*experts, "expert")
            )));
        }
        if !layers_with_experts.is_empty() && layers_with_experts.len() != layers {
            return Err(Refusal::user(format!(
                "{} said to have experts or not cannot be; the model has {layers}",
                counted(layers_with_experts.len(), "layer")
            )));
        }
        Ok(())
    }
}
