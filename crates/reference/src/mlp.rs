//! The MLP (feed-forward network) works on each token alone: no token reads another one here.

use ndarray::{Array1, Array2};

/// `x · weightᵀ + bias`
#[derive(Clone, Debug)]
pub struct Linear {
    /// `[outputs, inputs]`
    pub weight: Array2<f64>,
    /// `[outputs]`
    pub bias: Option<Array1<f64>>,
}

impl Linear {
    /// `[tokens, inputs]` to `[tokens, outputs]`.
    pub fn apply(&self, x: &Array2<f64>) -> Array2<f64> {
        let y = x.dot(&self.weight.t());
        match &self.bias {
            Some(bias) => y + bias,
            None => y,
        }
    }
}

/// The nonlinearity, without which two linear layers would be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// x · sigmoid(x)
    Silu,
    /// x · Φ(x), with Φ the cumulative distribution function of the normal distribution
    Gelu,
    /// The same, approximated with tanh
    GeluTanh,
    /// max(x, 0)²
    Relu2,
    /// max(x, 0)
    Relu,
    /// x · sigmoid(1.702 x)
    QuickGelu,
    /// g · sigmoid(1.702 g) of g = min(x, 7), in the gated MLPs of gpt-oss
    SwigluOai,
}

impl Activation {
    /// The activation of one number.
    pub fn apply(self, x: f64) -> f64 {
        match self {
            Self::Silu => x / (1.0 + (-x).exp()),
            Self::Gelu => 0.5 * x * (1.0 + erf(x / 2f64.sqrt())),
            Self::GeluTanh => {
                let u = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3));
                0.5 * x * (1.0 + u.tanh())
            }
            Self::Relu2 => x.max(0.0).powi(2),
            Self::Relu => x.max(0.0),
            Self::QuickGelu => x / (1.0 + (-1.702 * x).exp()),
            Self::SwigluOai => {
                let bounded = x.min(7.0);
                bounded / (1.0 + (-1.702 * bounded).exp())
            }
        }
    }

    /// The factor that a gated MLP multiplies it with, from one number of the other branch.
    pub fn apply_linear(self, x: f64) -> f64 {
        match self {
            Self::SwigluOai => x.clamp(-7.0, 7.0) + 1.0,
            Self::Silu
            | Self::Gelu
            | Self::GeluTanh
            | Self::Relu2
            | Self::Relu
            | Self::QuickGelu => x,
        }
    }
}

/// The error function, by a series whose terms have one sign, so that nothing cancels; beyond 6 it
/// is ±1.
pub fn erf(x: f64) -> f64 {
    if x.abs() > 6.0 {
        return x.signum();
    }
    // e^(−x²) · Σ 2ⁿ x^(2n+1) / (1·3·5…(2n+1)): all terms of one sign.
    let (mut term, mut sum, mut n) = (x, 0.0, 0.0);
    while term.abs() > 1e-18 {
        sum += term;
        n += 1.0;
        term *= 2.0 * x * x / (2.0 * n + 1.0);
    }
    2.0 / std::f64::consts::PI.sqrt() * (-x * x).exp() * sum
}

/// Up to the hidden units, through the activation, and down again.
#[derive(Clone, Debug)]
pub struct Mlp {
    /// In gated MLPs, into the activation. Shazeer 2020.
    pub gate: Option<Linear>,
    /// In gated MLPs, what the activated values are multiplied with; in others, into the activation.
    pub up: Linear,
    /// The nonlinearity.
    pub activation: Activation,
    /// Back to the residual stream.
    pub down: Linear,
}

impl Mlp {
    /// `[tokens, width]` to `[tokens, width]`.
    pub fn apply(&self, x: &Array2<f64>) -> Array2<f64> {
        let up = self.up.apply(x);
        let hidden = match &self.gate {
            Some(gate) => {
                let linear = up.mapv(|x| self.activation.apply_linear(x));
                gate.apply(x).mapv(|x| self.activation.apply(x)) * linear
            }
            None => up.mapv(|x| self.activation.apply(x)),
        };
        self.down.apply(&hidden)
    }
}
