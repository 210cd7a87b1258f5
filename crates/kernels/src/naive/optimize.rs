//! AdamW (Loshchilov and Hutter 2019, algorithm 2), as `torch.optim.AdamW` rounds it.

use crate::optimize::AdamW;

/// One step of every element; `clip` is a factor of the gradient.
pub fn adamw(
    settings: &AdamW,
    clip: f32,
    weight: &mut [f32],
    gradient: &[f32],
    m: &mut [f32],
    v: &mut [f32],
) {
    let shrink = 1.0 - settings.rate * settings.decay;
    let step = settings.rate / settings.correction1;
    let root = settings.correction2.sqrt();
    for index in 0..weight.len() {
        let g = gradient[index] * clip;
        m[index] = (g - m[index]).mul_add(1.0 - settings.beta1, m[index]);
        v[index] = (g * g).mul_add(1.0 - settings.beta2, v[index] * settings.beta2);
        let denominator = v[index].sqrt() / root + settings.epsilon;
        weight[index] = (m[index] / denominator).mul_add(-step, weight[index] * shrink);
    }
}
