//! One step of each optimizer in f64, as their papers write it.

use ndarray::Array2;

/// The settings of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Learning rate.
    pub rate: f64,
    /// AdamW's decays of the mean of gradients and of the mean of their squares.
    pub betas: [f64; 2],
    /// Added to the root of the squares.
    pub epsilon: f64,
    /// Muon's decay of the mean of gradients.
    pub momentum: f64,
    /// Share of `rate` by which the weight shrinks.
    pub decay: f64,
}

/// Step number `t`, from 1, of AdamW. Loshchilov and Hutter 2019, algorithm 2.
pub fn adamw(
    settings: &Settings,
    t: i32,
    weight: &mut Array2<f64>,
    gradient: &Array2<f64>,
    mean: &mut Array2<f64>,
    square: &mut Array2<f64>,
) {
    let [beta1, beta2] = settings.betas;
    *mean = beta1 * &*mean + (1.0 - beta1) * gradient;
    *square = beta2 * &*square + (1.0 - beta2) * gradient.mapv(|g| g * g);
    let corrected_mean = &*mean / (1.0 - beta1.powi(t));
    let corrected_square = &*square / (1.0 - beta2.powi(t));
    let step = corrected_mean / (corrected_square.mapv(f64::sqrt) + settings.epsilon);
    *weight = (1.0 - settings.rate * settings.decay) * &*weight - settings.rate * step;
}

/// A step of Muon. Jordan et al. 2024, with the factor of Liu et al. 2025, section 2.2.
pub fn muon(
    settings: &Settings,
    weight: &mut Array2<f64>,
    gradient: &Array2<f64>,
    mean: &mut Array2<f64>,
) {
    *mean = settings.momentum * &*mean + (1.0 - settings.momentum) * gradient;
    let ahead = settings.momentum * &*mean + (1.0 - settings.momentum) * gradient;
    let longer = weight.nrows().max(weight.ncols()) as f64;
    let step = 0.2 * longer.sqrt() * newton_schulz(ahead);
    *weight = (1.0 - settings.rate * settings.decay) * &*weight - settings.rate * step;
}

/// Five steps that bring every singular value near 1.
pub fn newton_schulz(x: Array2<f64>) -> Array2<f64> {
    let length = x.mapv(|x| x * x).sum().sqrt();
    let mut x = x / (length + 1e-7);
    for _ in 0..5 {
        let gram = x.dot(&x.t());
        let mixed = -4.775 * &gram + 2.0315 * gram.dot(&gram);
        x = 3.4445 * &x + mixed.dot(&x);
    }
    x
}
