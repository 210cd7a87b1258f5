//! One step of AdamW over a tensor (Loshchilov and Hutter 2019, algorithm 2).
//!
//! ```text
//! m = m + (1 − β₁)(g − m);  v = β₂ v + (1 − β₂) g²
//! w = w (1 − rate · decay) − rate / c₁ · m / (√v / √c₂ + ε)
//! ```

use crate::{
    lanes::{Kernel, LANES, Lanes},
    team::{Pieces, Team},
};

/// The settings of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamW {
    /// Learning rate.
    pub rate: f32,
    /// Decay of the mean of gradients.
    pub beta1: f32,
    /// Decay of the mean of their squares.
    pub beta2: f32,
    /// Added to the root of the squares.
    pub epsilon: f32,
    /// Share of `rate` by which the weight shrinks.
    pub decay: f32,
    /// 1 − β₁ᵗ at step t.
    pub correction1: f32,
    /// 1 − β₂ᵗ at step t.
    pub correction2: f32,
}

/// Elements that are worth a thread of their own.
const LEAST: usize = 16 * 1024;

/// One step of every element; `clip` is a factor of the gradient. All of one length.
pub fn adamw(
    team: &Team,
    how: &AdamW,
    clip: f32,
    weight: &mut [f32],
    gradient: &[f32],
    m: &mut [f32],
    v: &mut [f32],
) {
    let len = weight.len();
    let (weight, m, v) = (Pieces::new(weight), Pieces::new(m), Pieces::new(v));
    team.split(len, LANES, LEAST, &|range| {
        // SAFETY: each range is cut once.
        let (weight, m, v) = unsafe {
            (weight.piece(range.clone()), m.piece(range.clone()), v.piece(range.clone()))
        };
        team.path().run(Step { how, clip, weight, gradient: &gradient[range], m, v });
    });
}

struct Step<'a> {
    how: &'a AdamW,
    clip: f32,
    weight: &'a mut [f32],
    gradient: &'a [f32],
    m: &'a mut [f32],
    v: &'a mut [f32],
}

impl Kernel for Step<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, on: L) {
        let how = self.how;
        let clip = on.splat(self.clip);
        let shrink = on.splat(1.0 - how.rate * how.decay);
        let minus_step = on.splat(-(how.rate / how.correction1));
        let root = on.splat(how.correction2.sqrt());
        let (new1, new2) = (on.splat(1.0 - how.beta1), on.splat(1.0 - how.beta2));
        let (beta2, epsilon) = (on.splat(how.beta2), on.splat(how.epsilon));
        let parts = self.weight.chunks_mut(LANES).zip(self.gradient.chunks(LANES));
        let moments = self.m.chunks_mut(LANES).zip(self.v.chunks_mut(LANES));
        for ((weight, gradient), (m, v)) in parts.zip(moments) {
            let g = on.mul(on.load_some(gradient), clip);
            let old = on.load_some(m);
            let mean = on.fma(on.sub(g, old), new1, old);
            let square = on.fma(on.mul(g, g), new2, on.mul(on.load_some(v), beta2));
            let denominator = on.add(on.div(on.sqrt(square), root), epsilon);
            let shrunk = on.mul(on.load_some(weight), shrink);
            let moved = on.fma(on.div(mean, denominator), minus_step, shrunk);
            on.store_some(mean, m);
            on.store_some(square, v);
            on.store_some(moved, weight);
        }
    }
}
