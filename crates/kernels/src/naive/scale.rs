//! Numbers times a factor, or within a bound, with the gradient of that.

/// y = x · factor
pub fn scale(factor: f32, x: &[f32], y: &mut [f32]) {
    for (x, y) in x.iter().zip(y) {
        *y = x * factor;
    }
}

/// y = x within ± `bound`: NaN stays NaN, and the sign of a zero stays.
pub fn clamp(bound: f32, x: &[f32], y: &mut [f32]) {
    for (x, y) in x.iter().zip(y) {
        *y = if *x > bound {
            bound
        } else if *x < -bound {
            -bound
        } else {
            *x
        };
    }
}

/// In place of the gradient of what was bounded, that of what entered, `x`: +0 beyond the bound, and where x is NaN.
pub fn clamp_backward(bound: f32, x: &[f32], dy: &mut [f32]) {
    for (x, dy) in x.iter().zip(dy) {
        if !(-bound..=bound).contains(x) {
            *dy = 0.0;
        }
    }
}
