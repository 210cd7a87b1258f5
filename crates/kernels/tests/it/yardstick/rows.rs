//! What works on rows alone: norms, rotation, activations, cross-entropy.

use lookback_kernels::{
    experts::{ExpertWeighting, Routing},
    loss::{LossMode, NO_TARGET},
    naive::{self, activate::Activation},
    norm::NormParams,
    position::{Direction, Rotation, angles, frequencies},
};
use lookback_reference::{experts::Weighting, mlp, norm::Norm};
use ndarray::{Array1, Array2, ArrayView2, Axis};

use super::{Agrees, EPS, MIN_BOUND, SCALES, exceeds, numbers, seeds, wide, within};

/// A norm and rows, to rows.
pub type Normalize<'a> = &'a dyn Fn(&Norm, &Array2<f64>) -> Array2<f64>;
/// Rows of one head, dimensions that turn, theta, to rows.
pub type Rotate<'a> = &'a dyn Fn(ArrayView2<'_, f64>, usize, f64) -> Array2<f64>;
/// An activation of one number.
pub type Activate<'a> = &'a dyn Fn(mlp::Activation, f64) -> f64;
/// Logits and targets, to nats; a row without a target is not asked for.
pub type CrossEntropy<'a> = &'a dyn Fn(&Array2<f64>, &[usize]) -> Vec<f64>;
/// Logits of experts, how many are chosen and how they are weighted, to each row's experts and weights.
pub type Route<'a> = &'a dyn Fn(&Array2<f64>, usize, Weighting) -> Vec<Vec<(usize, f64)>>;

const EPSILON: f32 = 1e-5;

/// The twin's norms are the claimant's.
pub fn normalizes(claimant: Normalize<'_>) -> Agrees {
    for (seed, scale) in seeds().flat_map(|seed| SCALES.map(|scale| (seed, scale))) {
        for (width, is_layer) in
            [1, 7, 16, 65, 130].into_iter().flat_map(|w| [(w, true), (w, false)])
        {
            const ROWS: usize = 5;
            // Away from 0, so that a mean that is not subtracted shows.
            let x: Vec<f32> =
                numbers(scale, ROWS * width, seed).iter().map(|x| x + 0.7 * scale).collect();
            let [weight, bias] = [1, 2].map(|more| numbers(1.0, width, seed + more));
            let bias = is_layer.then_some(bias);
            let mut found = vec![0.0; x.len()];
            match &bias {
                Some(bias) => {
                    let params =
                        NormParams { width, weight: &weight, bias: Some(bias), epsilon: EPSILON };
                    naive::norm::layer(params, &x, &mut found, None);
                }
                None => {
                    let params =
                        NormParams { width, weight: &weight, bias: None, epsilon: EPSILON };
                    naive::norm::rms(params, &x, &mut found, None);
                }
            }
            let array = |x: &[f32]| -> Array1<f64> { x.iter().map(|x| f64::from(*x)).collect() };
            let norm = Norm {
                is_layer,
                weight: array(&weight),
                bias: bias.as_deref().map(array),
                epsilon: f64::from(EPSILON),
            };
            let x = wide(&x, width);
            let place = format!("norm of {width} at {scale}, layer {is_layer}");
            within(&place, &found, &claimant(&norm, &x), &norm_bound(&norm, &x))?;
        }
    }
    Ok(())
}

/// Sums of a row run over width/16 elements a lane and a tree of four; errors of the mean enter every
/// difference, errors of the differences the variance, and half its relative error the factor.
fn norm_bound(norm: &Norm, x: &Array2<f64>) -> Array2<f64> {
    let width = x.ncols() as f64;
    let sum = (width / 16.0 + 6.0) * EPS;
    let mut bounds = Array2::zeros(x.dim());
    for (x, mut to) in x.axis_iter(Axis(0)).zip(bounds.axis_iter_mut(Axis(0))) {
        let mean = if norm.is_layer { x.fold(0.0, |sum, x| sum + x) / width } else { 0.0 };
        let size = x.fold(0.0, |sum, x| sum + x.abs()) / width;
        let mean_error = if norm.is_layer { (sum + EPS) * size } else { 0.0 };
        let apart = x.mapv(|x| (x - mean).abs());
        let error = apart.mapv(|apart| mean_error + EPS * apart);
        let variance = apart.fold(0.0, |sum, a| sum + a * a) / width;
        let variance_error =
            apart.iter().zip(&error).fold(0.0, |sum, (a, e)| sum + 2.0 * a * e + e * e) / width
                + sum * (variance + size * EPS);
        let total = variance + norm.epsilon;
        let factor = 1.0 / total.sqrt();
        let factor_error = variance_error / (2.0 * total) + 3.0 * EPS;
        for (at, to) in to.iter_mut().enumerate() {
            let value = apart[at] * factor * norm.weight[at].abs();
            let bias = norm.bias.as_ref().map_or(0.0, |bias| bias[at].abs());
            *to = error[at] * factor * norm.weight[at].abs()
                + value * (factor_error + 2.0 * EPS)
                + EPS * (value + bias)
                + MIN_BOUND;
        }
    }
    bounds
}

/// The twin's rotation is the claimant's.
pub fn rotates(claimant: Rotate<'_>) -> Agrees {
    const ROWS: usize = 70;
    for (seed, scale) in seeds().flat_map(|seed| SCALES.map(|scale| (seed, scale))) {
        for (head_dim, dims, theta) in [(8, 8, 1e4f32), (24, 6, 1e3), (16, 16, 5e5)] {
            let mut speeds = vec![0.0; dims / 2];
            frequencies(dims, theta, &mut speeds);
            let mut table = vec![0.0; ROWS * dims];
            angles(dims, &speeds, 0..ROWS, &mut table);
            let positions: Vec<u32> = (0..ROWS as u32).collect();
            let x = numbers(scale, ROWS * head_dim, seed);
            let mut found = vec![0.0; x.len()];
            let rotation = Rotation {
                heads: 1,
                head_dim,
                rotary_dim: dims,
                table: &table,
                positions: &positions,
                direction: Direction::Forward,
            };
            naive::position::rotate(rotation, &x, &mut found);
            let x = wide(&x, head_dim);
            // An angle is a product of a rounded speed (a power: some four roundings of its exponent)
            // and the position; sine and cosine round once more, and so does each product.
            let bound = Array2::from_shape_fn(x.dim(), |(row, column)| {
                if column >= dims {
                    return 0.0;
                }
                let pair = column % (dims / 2);
                let angle = row as f64 * f64::from(speeds[pair]);
                let sizes = x[[row, pair]].abs() + x[[row, pair + dims / 2]].abs();
                sizes * EPS * (8.0 * angle + 4.0) + MIN_BOUND
            });
            let claimed = claimant(x.view(), dims, f64::from(theta));
            within(&format!("rotation of {dims} of {head_dim}"), &found, &claimed, &bound)?;
        }
    }
    Ok(())
}

/// The reference's activation of this name.
pub fn in_reference(activation: Activation) -> mlp::Activation {
    match activation {
        Activation::Silu => mlp::Activation::Silu,
        Activation::Gelu => mlp::Activation::Gelu,
        Activation::GeluTanh => mlp::Activation::GeluTanh,
        Activation::Relu2 => mlp::Activation::Relu2,
        Activation::Relu => mlp::Activation::Relu,
        Activation::QuickGelu => mlp::Activation::QuickGelu,
        Activation::SwigluOai => mlp::Activation::SwigluOai,
    }
}

/// The twin's activations are the claimant's, and so are their slopes.
pub fn activates(claimant: Activate<'_>) -> Agrees {
    for (activation, named) in Activation::ALL.map(|one| (one, in_reference(one))) {
        for x in numbers(7.0, 2000, 3).into_iter().chain([0.0, -0.0, 20.0, -20.0]) {
            let wide = f64::from(x);
            let claimed = claimant(named, wide);
            let found = f64::from(naive::activate::value(activation, x));
            // A share between 0 and 1 is off by the roundings of its exponent u, s(1−s)|u| ≤ ¼ each,
            // and by its own few; it is multiplied with x.
            let bound = 8.0 * EPS * (wide.abs() + claimed.abs()) + MIN_BOUND;
            if exceeds((found - claimed).abs(), bound) {
                return Err(format!("{named:?}({x}) is {found}, not {claimed}"));
            }
            // Central differences err by h²/6 of the third derivative, at most 2 here; ReLU has a bend.
            let h = 1e-4;
            if wide.abs() < 2.0 * h {
                continue;
            }
            let slope = (claimant(named, wide + h) - claimant(named, wide - h)) / (2.0 * h);
            let found = f64::from(naive::activate::derivative(activation, x));
            let bound = 16.0 * EPS * (1.0 + wide.abs()) + h * h;
            if exceeds((found - slope).abs(), bound) {
                return Err(format!("the slope of {named:?} at {x} is {found}, not {slope}"));
            }
        }
    }
    Ok(())
}

/// The twin's cross-entropy is the claimant's; a row without a target costs nothing.
pub fn is_cross_entropy(claimant: CrossEntropy<'_>) -> Agrees {
    const ROWS: usize = 6;
    let scales = [1e-3, 1.0, 30.0, 1000.0];
    for (seed, scale) in seeds().flat_map(|seed| scales.map(|scale| (seed, scale))) {
        for vocabulary in [1, 7, 65, 300] {
            let logits = numbers(scale, ROWS * vocabulary, seed);
            let targets: Vec<usize> = (0..ROWS).map(|row| row * 5 % vocabulary).collect();
            let mut with: Vec<u32> = targets.iter().map(|target| *target as u32).collect();
            with[2] = NO_TARGET;
            let (mut kept, mut found) = (logits.clone(), vec![7.0; ROWS]);
            let mode = LossMode::Gradient;
            naive::loss::cross_entropy(&mut kept, vocabulary, &with, 0.5, &mut found, mode);
            let logits = wide(&logits, vocabulary);
            let mut claimed = claimant(&logits, &targets);
            claimed[2] = 0.0;
            for row in 0..ROWS {
                let of = logits.row(row);
                let max = of.fold(f64::NEG_INFINITY, |a, b| a.max(*b));
                let min = of.fold(f64::INFINITY, |a, b| a.min(*b));
                // The exponents' roundings add up to the depth; the total is a row's sum.
                let total_error = (max - min + vocabulary as f64 / 16.0 + 12.0) * EPS;
                let bound = total_error + EPS * (max - min + 2.0 * (vocabulary as f64).ln() + 1.0);
                let off = (f64::from(found[row]) - claimed[row]).abs();
                if exceeds(off, bound) {
                    return Err(format!("row {row}: {} nats, not {}", found[row], claimed[row]));
                }
            }
        }
    }
    Ok(())
}

/// The weightings under their names in both crates.
pub const WEIGHTINGS: [(ExpertWeighting, Weighting); 3] = [
    (ExpertWeighting::Softmax, Weighting::Softmax),
    (ExpertWeighting::Normalized, Weighting::Normalized),
    (ExpertWeighting::SoftmaxOfChosen, Weighting::SoftmaxOfChosen),
];

/// The twin chooses the claimant's experts, and weights them alike.
pub fn routes(claimant: Route<'_>) -> Agrees {
    const ROWS: usize = 9;
    for (seed, scale) in seeds().flat_map(|seed| SCALES.map(|scale| (seed, scale))) {
        for (experts, chosen) in [(1, 1), (4, 2), (7, 7), (8, 1), (65, 8)] {
            for (weighting, named) in WEIGHTINGS {
                let mut logits = numbers(scale, ROWS * experts, seed);
                // Rows in which many are equal.
                logits[4 * experts..].iter_mut().for_each(|logit| *logit = logit.round());
                let mut weights = vec![0.0; ROWS * chosen];
                let mut indices = vec![0; ROWS * chosen];
                let routing = Routing { experts, chosen, weighting };
                naive::experts::route(routing, &logits, &mut weights, &mut indices);
                let claimed = claimant(&wide(&logits, experts), chosen, named);
                for row in 0..ROWS {
                    let own = row * chosen..(row + 1) * chosen;
                    let found = indices[own.clone()].iter().zip(&weights[own]);
                    let depth = 2.0 * f64::from(scale);
                    for ((index, weight), (expert, claimed)) in found.zip(&claimed[row]) {
                        // As of cross-entropy; a second sum and quotient where the weights are normalised.
                        let relative = (depth + (experts + chosen) as f64 + 16.0) * EPS;
                        let off = (f64::from(*weight) - claimed).abs();
                        let place = format!("row {row} of {experts}, {chosen} chosen, {named:?}");
                        if *index as usize != *expert {
                            return Err(format!("{place}: expert {index}, not {expert}"));
                        }
                        if exceeds(off, relative * claimed + MIN_BOUND) {
                            return Err(format!("{place}: {weight}, not {claimed}"));
                        }
                    }
                }
            }
        }
    }
    Ok(())
}
