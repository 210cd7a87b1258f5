//! Mutants of a step of AdamW.

use super::all_die;
use crate::yardstick::steps;

#[test]
fn mutants_of_adamw_die() {
    let step = |claimant: steps::Step<'_>| steps::steps(claimant);
    all_die([
        (
            "decay in the gradient",
            step(&|settings, number, weight, gradient, moments| {
                let gradient = gradient + settings.decay * *weight;
                let settings = steps::Settings { decay: 0.0, ..*settings };
                steps::adamw(&settings, number, weight, gradient, moments);
            }),
        ),
        (
            "no decay",
            step(&|settings, number, weight, gradient, moments| {
                steps::adamw(
                    &steps::Settings { decay: 0.0, ..*settings },
                    number,
                    weight,
                    gradient,
                    moments,
                );
            }),
        ),
        (
            "no correction",
            step(&|settings, _, weight, gradient, moments| {
                steps::adamw(settings, 100_000, weight, gradient, moments);
            }),
        ),
        (
            "steps counted from 0",
            step(&|settings, number, weight, gradient, moments| {
                steps::adamw(settings, (number - 1).max(1), weight, gradient, moments);
            }),
        ),
        (
            "epsilon in the root",
            step(&|settings, number, weight, gradient, moments| {
                let [m, v] = moments;
                *m = settings.beta1 * *m + (1.0 - settings.beta1) * gradient;
                *v = settings.beta2 * *v + (1.0 - settings.beta2) * gradient * gradient;
                let (m, v) = (
                    *m / (1.0 - settings.beta1.powi(number)),
                    *v / (1.0 - settings.beta2.powi(number)),
                );
                let root = (v + settings.epsilon * settings.epsilon).sqrt();
                *weight -= settings.rate * (m / root + settings.decay * *weight);
            }),
        ),
        (
            "the betas swapped",
            step(&|settings, number, weight, gradient, moments| {
                let settings =
                    steps::Settings { beta1: settings.beta2, beta2: settings.beta1, ..*settings };
                steps::adamw(&settings, number, weight, gradient, moments);
            }),
        ),
    ]);
}
