//! Steps of AdamW.

use lookback_kernels::{naive, optimize::AdamW};
use ndarray::Array2;

use super::{Agrees, EPS, numbers, within};

/// What a step is made of, in f64.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub rate: f64,
    pub beta1: f64,
    pub beta2: f64,
    pub epsilon: f64,
    pub decay: f64,
}

/// Settings, number of the step from 1, weight, gradient, moments.
pub type Step<'a> = &'a dyn Fn(&Settings, i32, &mut f64, f64, &mut [f64; 2]);

const STEPS: i32 = 12;

/// AdamW as its paper has it: algorithm 2 of Loshchilov and Hutter 2019.
pub fn adamw(
    settings: &Settings,
    number: i32,
    weight: &mut f64,
    gradient: f64,
    moments: &mut [f64; 2],
) {
    let [m, v] = moments;
    *m = settings.beta1 * *m + (1.0 - settings.beta1) * gradient;
    *v = settings.beta2 * *v + (1.0 - settings.beta2) * gradient * gradient;
    let corrected_m = *m / (1.0 - settings.beta1.powi(number));
    let corrected_v = *v / (1.0 - settings.beta2.powi(number));
    *weight -= settings.rate
        * (corrected_m / (corrected_v.sqrt() + settings.epsilon) + settings.decay * *weight);
}

/// The twin's weights after some steps are the claimant's.
pub fn steps(claimant: Step<'_>) -> Agrees {
    let wide = Settings { rate: 1e-2, beta1: 0.9, beta2: 0.99, epsilon: 1e-3, decay: 0.1 };
    let mut weights = numbers(1.0, 64, 1);
    let (mut m, mut v) = (vec![0.0; 64], vec![0.0; 64]);
    let mut claimed: Vec<f64> = weights.iter().map(|weight| f64::from(*weight)).collect();
    let mut moments = vec![[0.0; 2]; 64];
    for number in 1..=STEPS {
        // Of one sign for each weight, so that no moment is a small rest of large ones; some tiny, so
        // that epsilon matters.
        let size = |at: usize| if at.is_multiple_of(3) { 1e-3 } else { 1.0 };
        let noise = numbers(0.5, 64, 10 + number as u64);
        let gradients: Vec<f32> = noise
            .iter()
            .enumerate()
            .map(|(at, noise)| (1.0 + noise) * size(at) * if at % 2 == 0 { 1.0 } else { -1.0 })
            .collect();
        let settings = AdamW {
            rate: 1e-2,
            beta1: 0.9,
            beta2: 0.99,
            epsilon: 1e-3,
            decay: 0.1,
            correction1: (1.0 - 0.9f64.powi(number)) as f32,
            correction2: (1.0 - 0.99f64.powi(number)) as f32,
        };
        naive::optimize::adamw(&settings, 1.0, &mut weights, &gradients, &mut m, &mut v);
        for at in 0..64 {
            let gradient = f64::from(gradients[at]);
            claimant(&wide, number, &mut claimed[at], gradient, &mut moments[at]);
        }
    }
    // A step is at most the rate; its quotient is off by the moments' roundings, four a step (1 − 0.99 in
    // f32 alone is off by 3 eps), and the weight rounds twice a step.
    let bound = Array2::from_elem((1, 64), f64::from(STEPS) * EPS * (2.0 + 1e-2 * 80.0));
    let claimed = Array2::from_shape_fn((1, 64), |(_, at)| claimed[at]);
    within("weights after AdamW's steps", &weights, &claimed, &bound)
}
