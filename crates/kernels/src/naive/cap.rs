//! A soft bound of numbers, with its gradient.

use crate::math::exp;

/// cap · tanh(x / cap), as cap − 2 cap / (1 + e^(2x / cap)).
pub fn value(cap: f32, x: f32) -> f32 {
    cap - (2.0 * cap) / (1.0 + exp(x * (2.0 / cap)))
}

/// The derivative of [`value`], from its result y: 1 − (y / cap)².
pub fn derivative(cap: f32, y: f32) -> f32 {
    let share = y * (1.0 / cap);
    (-share).mul_add(share, 1.0)
}

/// In place of each number, the bounded one.
pub fn forward(cap: f32, x: &mut [f32]) {
    for x in x {
        *x = value(cap, *x);
    }
}

/// In place of the gradient of what was bounded, `y`, that of what entered: dy · (1 − (y / cap)²).
pub fn backward(cap: f32, y: &[f32], dy: &mut [f32]) {
    for (y, dy) in y.iter().zip(dy) {
        *dy *= derivative(cap, *y);
    }
}
