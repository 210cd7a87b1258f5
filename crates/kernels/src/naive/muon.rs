//! Muon (Jordan et al. 2024): a step along the momentum, made nearly orthogonal by Newton–Schulz.

use super::{
    bf16::{self, Compute},
    matmul, sums,
};
use crate::{
    matmul::{Accumulate, Epilogue},
    muon::{EPSILON, Muon, STEPS, factor, newton_schulz_coefficients},
};

/// One step of a matrix `[rows, columns]`; `clip` is a factor of the gradient, `m` the momentum.
pub fn muon(
    settings: &Muon,
    clip: f32,
    [rows, columns]: [usize; 2],
    weight: &mut [f32],
    gradient: &[f32],
    m: &mut [f32],
) {
    let mut direction = vec![0.0; weight.len()];
    for (index, out) in direction.iter_mut().enumerate() {
        let g = gradient[index] * clip;
        m[index] = (g - m[index]).mul_add(1.0 - settings.momentum, m[index]);
        *out = (m[index] - g).mul_add(settings.momentum, g);
    }
    orthogonalize(settings.products, [rows, columns], &mut direction);
    let (shrink, step) =
        (1.0 - settings.rate * settings.decay, settings.rate * factor([rows, columns]));
    for (weight, direction) in weight.iter_mut().zip(&direction) {
        *weight = direction.mul_add(-step, *weight * shrink);
    }
}

type Forward = fn(&[f32], &[f32], usize, usize, Epilogue<'_>, &mut [f32]);
type Gradient = fn(&[f32], &[f32], usize, usize, &mut [f32]);
type Back = fn(&[f32], &[f32], usize, usize, Accumulate, &mut [f32]);

/// Brings every singular value of a matrix `[rows, columns]` near 1.
pub fn orthogonalize(products: Compute, [rows, columns]: [usize; 2], x: &mut [f32]) {
    let (forward, weight_gradient, input_gradient): (Forward, Gradient, Back) = match products {
        Compute::F32 => (matmul::forward, matmul::weight_gradient, matmul::input_gradient),
        Compute::Bf16 => (bf16::forward, bf16::weight_gradient, bf16::input_gradient),
    };
    let length = f64::sqrt(sums::sum_of_squares(x));
    let shorten = (1.0 / (length + EPSILON)) as f32;
    x.iter_mut().for_each(|x| *x *= shorten);
    let small = rows.min(columns);
    let (mut gram, mut square) = (vec![0.0; small * small], vec![0.0; small * small]);
    let mut next = vec![0.0; x.len()];
    let [a, b, c] = newton_schulz_coefficients();
    for _ in 0..STEPS {
        if rows <= columns {
            forward(x, x, rows, columns, Epilogue::default(), &mut gram);
        } else {
            gram.fill(0.0);
            weight_gradient(x, x, columns, columns, &mut gram);
        }
        forward(&gram, &gram, small, small, Epilogue::default(), &mut square);
        for (gram, square) in gram.iter_mut().zip(&square) {
            *gram = square.mul_add(c, *gram * b);
        }
        for diagonal in 0..small {
            gram[diagonal * small + diagonal] += a;
        }
        if rows <= columns {
            input_gradient(&gram, x, rows, columns, Accumulate::FromZero, &mut next);
        } else {
            forward(x, &gram, columns, columns, Epilogue::default(), &mut next);
        }
        x.copy_from_slice(&next);
    }
}
