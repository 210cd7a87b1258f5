//! Mutants of a step of AdamW.

use super::all_die;
use crate::yardstick::steps;

#[test]
fn mutants_of_adamw_die() {
    let step = |claimant: steps::Step<'_>| steps::steps(claimant);
    all_die([
        (
            "decay in the gradient",
            step(&|how, number, weight, gradient, moments| {
                let gradient = gradient + how.decay * *weight;
                let how = steps::Settings { decay: 0.0, ..*how };
                steps::adamw(&how, number, weight, gradient, moments);
            }),
        ),
        (
            "no decay",
            step(&|how, number, weight, gradient, moments| {
                steps::adamw(
                    &steps::Settings { decay: 0.0, ..*how },
                    number,
                    weight,
                    gradient,
                    moments,
                );
            }),
        ),
        (
            "no correction",
            step(&|how, _, weight, gradient, moments| {
                steps::adamw(how, 100_000, weight, gradient, moments);
            }),
        ),
        (
            "steps counted from 0",
            step(&|how, number, weight, gradient, moments| {
                steps::adamw(how, (number - 1).max(1), weight, gradient, moments);
            }),
        ),
        (
            "epsilon in the root",
            step(&|how, number, weight, gradient, moments| {
                let [m, v] = moments;
                *m = how.beta1 * *m + (1.0 - how.beta1) * gradient;
                *v = how.beta2 * *v + (1.0 - how.beta2) * gradient * gradient;
                let (m, v) =
                    (*m / (1.0 - how.beta1.powi(number)), *v / (1.0 - how.beta2.powi(number)));
                let root = (v + how.epsilon * how.epsilon).sqrt();
                *weight -= how.rate * (m / root + how.decay * *weight);
            }),
        ),
        (
            "the betas swapped",
            step(&|how, number, weight, gradient, moments| {
                let how = steps::Settings { beta1: how.beta2, beta2: how.beta1, ..*how };
                steps::adamw(&how, number, weight, gradient, moments);
            }),
        ),
    ]);
}
