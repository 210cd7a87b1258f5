//! What a run can choose among, each with its paper.

use lookback_engine::Compute;
use lookback_model::Activation;
use serde::{Deserialize, Serialize};

/// The precisions of matrix products by their names in settings: the serde of one.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Compute", rename_all = "lowercase")]
pub(super) enum ComputeName {
    /// f32 times f32.
    F32,
    /// Both rounded to bf16, with sums in f32: about twice the speed where the processor has it.
    Bf16,
}

/// How weights follow their gradients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Optimizer {
    /// Every weight by AdamW (Loshchilov and Hutter 2019).
    #[default]
    AdamW,
    /// The matrices of the blocks by Muon (Jordan et al. 2024), with steps as long as those of AdamW
    /// (Liu et al. 2025); tables, head, norms and biases by AdamW.
    Muon,
}

impl Optimizer {
    /// As the engine has it: what is not AdamW's multiplies in the run's precision.
    pub(crate) fn method(self, compute: Compute) -> lookback_engine::Method {
        match self {
            Self::AdamW => lookback_engine::Method::AdamW,
            Self::Muon => lookback_engine::Method::Muon(compute),
        }
    }
}

/// Forms of model that a run can make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Architecture {
    /// Layer norm, learned positions, GELU with tanh, biases, tied head.
    Gpt2,
    /// As GPT-2, with exact GELU and without biases, as nanoGPT has it. Its files are those of a
    /// GPT-2 whose biases are zero.
    Nanogpt,
    /// RMS norm, rotary positions, gated SiLU, no biases, tied head.
    Llama,
}

/// Which weights of a run become its model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeptWeights {
    /// Those of the validation with the lowest loss, the earliest of equals (early stopping; Prechelt
    /// 1998).
    Best,
    /// Those of the last step.
    #[default]
    Last,
}

/// How the rate goes over a run, after its warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// Half a cosine down to its last share (Loshchilov and Hutter 2017).
    #[default]
    Cosine,
    /// At its height until the last `cooldown_share` of the run, then in a line down: warm-up, stable,
    /// decay (Hu et al. 2024, section 4).
    Stable,
}

/// How the matrices of attention start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StartHeads {
    /// Independent draws, like every other matrix.
    #[default]
    Plain,
    /// So that a head begins by looking at tokens like its own and passing them on: the products of
    /// queries and keys, and of values and output, are near the identity (Trockman and Kolter 2023).
    Mimetic,
}

/// The nonlinearities that a llama's MLP may have, by their names in settings: its serde.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Activation", rename_all = "lowercase")]
pub(super) enum GatedActivation {
    /// SwiGLU (Shazeer 2020).
    Silu,
    /// GEGLU (Shazeer 2020).
    Gelu,
    #[serde(skip)]
    GeluTanh,
    /// The square of ReLU (So et al. 2021).
    Relu2,
    #[serde(skip)]
    Relu,
    #[serde(skip)]
    QuickGelu,
    #[serde(skip)]
    SwigluOai,
}
