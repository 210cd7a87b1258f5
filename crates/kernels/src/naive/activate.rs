//! Activations, alone or times a linear branch, with gradients.

use crate::math::{erf, exp, sigmoid};

/// An MLP's nonlinearity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activation {
    /// x · sigmoid(x) (Elfwing et al. 2018)
    #[default]
    Silu,
    /// x · Φ(x), by the error function (Hendrycks and Gimpel 2016)
    Gelu,
    /// GELU's approximation by tanh, as GPT-2 has it (ibid., section 2)
    GeluTanh,
    /// max(x, 0)² (So et al. 2021)
    Relu2,
    /// max(x, 0)
    Relu,
    /// x · sigmoid(1.702 x), GELU's approximation by a sigmoid (Hendrycks and Gimpel 2016, section 2)
    QuickGelu,
    /// g · sigmoid(1.702 g) of g = min(x, 7), times one more than the linear branch within ±7 (OpenAI 2025,
    /// gpt-oss)
    SwigluOai,
}

impl Activation {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::Silu,
        Self::Gelu,
        Self::GeluTanh,
        Self::Relu2,
        Self::Relu,
        Self::QuickGelu,
        Self::SwigluOai,
    ];
}

/// The factor in the sigmoid that is like GELU's.
pub const ALPHA: f32 = 1.702;
/// How far gpt-oss's branches go.
pub const LIMIT: f32 = 7.0;
/// √(2/π), of GELU's approximation.
pub const ROOT_2_OVER_PI: f32 = 0.797_884_6;
/// The factor of the cube in GELU's approximation.
pub const CUBE: f32 = 0.044_715;
/// 1/√2
pub const ROOT_HALF: f32 = std::f32::consts::FRAC_1_SQRT_2;
/// 1/√(2π)
pub const DENSITY: f32 = 0.398_942_3;

/// The activation of one number.
pub fn value(activation: Activation, x: f32) -> f32 {
    match activation {
        Activation::Silu => x * sigmoid(x),
        Activation::Gelu => x * (0.5 * (1.0 + erf(x * ROOT_HALF))),
        // ½(1 + tanh u) = sigmoid(2u)
        Activation::GeluTanh => x * sigmoid(twice_u(x)),
        Activation::Relu2 => {
            let x = positive(x);
            x * x
        }
        Activation::Relu => positive(x),
        Activation::QuickGelu => x * sigmoid(ALPHA * x),
        Activation::SwigluOai => {
            let x = at_most_limit(x);
            x * sigmoid(ALPHA * x)
        }
    }
}

/// Its derivative.
pub fn derivative(activation: Activation, x: f32) -> f32 {
    match activation {
        Activation::Silu => {
            let s = sigmoid(x);
            (x * s).mul_add(1.0 - s, s)
        }
        Activation::Gelu => {
            let share = 0.5 * (1.0 + erf(x * ROOT_HALF));
            let density = DENSITY * exp(x * x * -0.5);
            x.mul_add(density, share)
        }
        Activation::GeluTanh => {
            let s = sigmoid(twice_u(x));
            let twice_du = (x * x).mul_add(6.0 * ROOT_2_OVER_PI * CUBE, 2.0 * ROOT_2_OVER_PI);
            (x * s * (1.0 - s)).mul_add(twice_du, s)
        }
        Activation::Relu2 => 2.0 * positive(x),
        Activation::Relu => {
            if x > 0.0 {
                1.0
            } else {
                0.0
            }
        }
        Activation::QuickGelu => {
            let s = sigmoid(ALPHA * x);
            (ALPHA * (x * s)).mul_add(1.0 - s, s)
        }
        Activation::SwigluOai => {
            if x > LIMIT {
                return 0.0;
            }
            let s = sigmoid(ALPHA * x);
            (ALPHA * (x * s)).mul_add(1.0 - s, s)
        }
    }
}

/// What the activation is multiplied with, of one number of the linear branch.
pub fn linear_value(activation: Activation, x: f32) -> f32 {
    match activation {
        Activation::SwigluOai => {
            let x = at_most_limit(x);
            (if x < -LIMIT { -LIMIT } else { x }) + 1.0
        }
        Activation::Silu
        | Activation::Gelu
        | Activation::GeluTanh
        | Activation::Relu2
        | Activation::Relu
        | Activation::QuickGelu => x,
    }
}

/// Whether it stands still there.
fn is_bounded(activation: Activation, x: f32) -> bool {
    activation == Activation::SwigluOai && x.abs() > LIMIT
}

/// x, or the limit if x is larger; NaN stays NaN.
fn at_most_limit(x: f32) -> f32 {
    if x > LIMIT { LIMIT } else { x }
}

/// 2 · √(2/π) · (x + 0.044715 x³)
fn twice_u(x: f32) -> f32 {
    (2.0 * ROOT_2_OVER_PI) * (x * x * x).mul_add(CUBE, x)
}

/// x where it is above 0; NaN stays NaN.
fn positive(x: f32) -> f32 {
    if x.is_nan() || x > 0.0 { x } else { 0.0 }
}

/// post = act(pre) [· linear]
pub fn forward(activation: Activation, pre: &[f32], linear: Option<&[f32]>, post: &mut [f32]) {
    for index in 0..pre.len() {
        let value = value(activation, pre[index]);
        post[index] =
            linear.map_or(value, |linear| value * linear_value(activation, linear[index]));
    }
}

/// Overwrites the gradients of both branches.
pub fn backward(
    activation: Activation,
    dpost: &[f32],
    pre: &[f32],
    linear: Option<&[f32]>,
    dpre: &mut [f32],
    mut dlinear: Option<&mut [f32]>,
) {
    for index in 0..pre.len() {
        let (x, dy) = (pre[index], dpost[index]);
        dpre[index] = match linear {
            Some(linear) => {
                dy * linear_value(activation, linear[index]) * derivative(activation, x)
            }
            None => dy * derivative(activation, x),
        };
        if let (Some(dlinear), Some(linear)) = (&mut dlinear, linear) {
            let stands_still = is_bounded(activation, linear[index]);
            dlinear[index] = if stands_still { 0.0 } else { dy * value(activation, x) };
        }
    }
}
