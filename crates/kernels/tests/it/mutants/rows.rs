//! Mutants of what is computed row by row: norms, rotation, activations, cross-entropy.

use lookback_reference::{
    experts::{Weighting, route},
    logits::{cross_entropy, log_softmax},
    mlp::Activation,
    norm::Norm,
    position::rotate,
};
use ndarray::{Array1, Array2, Axis, s};

use super::all_die;
use crate::yardstick::rows;

#[test]
fn mutants_of_norms_die() {
    let normal = |claimant: rows::Normalize<'_>| rows::normalizes(claimant);
    let changed = |change: fn(&mut Norm, &Array2<f64>)| {
        rows::normalizes(&|norm, x| {
            let mut norm = norm.clone();
            change(&mut norm, x);
            norm.apply(x)
        })
    };
    all_die([
        ("no mean subtracted", changed(|norm, _| norm.is_layer = false)),
        ("a mean subtracted from all", changed(|norm, _| norm.is_layer = true)),
        ("no epsilon", changed(|norm, _| norm.epsilon = 0.0)),
        ("one more than the weight", changed(|norm, _| norm.weight += 1.0)),
        ("no bias", changed(|norm, _| norm.bias = None)),
        (
            "epsilon outside of the root",
            normal(&|norm, x| {
                let width = x.ncols() as f64;
                let x = match norm.is_layer {
                    true => x - &x.mean_axis(Axis(1)).expect("a width").insert_axis(Axis(1)),
                    false => x.clone(),
                };
                let square = (&x * &x).sum_axis(Axis(1)) / width;
                let deviation = (square.sqrt() + norm.epsilon).insert_axis(Axis(1));
                biased(x / deviation * &norm.weight, norm)
            }),
        ),
        (
            "a variance over one less",
            normal(&|norm, x| {
                let width = x.ncols() as f64;
                let mut norm = norm.clone();
                norm.weight *= ((width - 1.0) / width).sqrt();
                norm.apply(x)
            }),
        ),
        (
            "the bias weighted",
            normal(&|norm, x| {
                let mut norm = norm.clone();
                norm.bias = norm.bias.map(|bias| bias * &norm.weight);
                norm.apply(x)
            }),
        ),
    ]);
}

fn biased(y: Array2<f64>, norm: &Norm) -> Array2<f64> {
    norm.bias.as_ref().map_or(y.clone(), |bias| y + bias)
}

#[test]
fn mutants_of_rotation_die() {
    let rotates = |claimant: rows::Rotate<'_>| rows::rotates(claimant);
    all_die([
        (
            "neighbours as pairs",
            rotates(&|x, dims, theta| {
                // Rows in the order 0, 2, 4 … 1, 3, 5 …, turned, and put back.
                let order: Vec<usize> = (0..dims).step_by(2).chain((1..dims).step_by(2)).collect();
                let mut inner = x.to_owned();
                for (to, from) in order.iter().enumerate() {
                    inner.column_mut(to).assign(&x.column(*from));
                }
                let turned = rotate(inner.view(), dims, theta);
                let mut y = x.to_owned();
                for (from, to) in order.iter().enumerate() {
                    y.column_mut(*to).assign(&turned.column(from));
                }
                y
            }),
        ),
        (
            "turned the other way",
            rotates(&|x, dims, theta| {
                let half = dims / 2;
                let mut x = x.to_owned();
                x.slice_mut(s![.., half..dims]).mapv_inplace(|x| -x);
                let mut y = rotate(x.view(), dims, theta);
                y.slice_mut(s![.., half..dims]).mapv_inplace(|x| -x);
                y
            }),
        ),
        ("speeds of half the exponent", rotates(&|x, dims, theta| rotate(x, dims, theta.sqrt()))),
        ("the whole head turned", rotates(&|x, _, theta| rotate(x, x.ncols(), theta))),
        (
            "positions from 1",
            rotates(&|x, dims, theta| {
                let mut longer = Array2::zeros((x.nrows() + 1, x.ncols()));
                longer.slice_mut(s![1.., ..]).assign(&x);
                rotate(longer.view(), dims, theta).slice(s![1.., ..]).to_owned()
            }),
        ),
        ("another theta", rotates(&|x, dims, theta| rotate(x, dims, theta * 1.01))),
    ]);
}

#[test]
fn mutants_of_activations_die() {
    let activates = |claimant: rows::Activate<'_>| rows::activates(claimant);
    let swapped = |from: Activation, to: Activation| {
        activates(&move |params, x| if params == from { to.apply(x) } else { params.apply(x) })
    };
    let swapped_of = |from: Activation, to: fn(f64) -> f64| {
        activates(&move |params, x| if params == from { to(x) } else { params.apply(x) })
    };
    all_die([
        ("tanh for erf", swapped(Activation::Gelu, Activation::GeluTanh)),
        ("erf for tanh", swapped(Activation::GeluTanh, Activation::Gelu)),
        (
            "sigmoid for SiLU",
            activates(&|params, x| match params {
                Activation::Silu => 1.0 / (1.0 + (-x).exp()),
                _ => params.apply(x),
            }),
        ),
        (
            "sigmoid(1.702 x) for GELU",
            activates(&|params, x| match params {
                Activation::Gelu => x / (1.0 + (-1.702 * x).exp()),
                _ => params.apply(x),
            }),
        ),
        ("no bound", swapped_of(Activation::SwigluOai, |x| x / (1.0 + (-1.702 * x).exp()))),
        ("no factor in the sigmoid", swapped(Activation::QuickGelu, Activation::Silu)),
        ("no square", swapped(Activation::Relu2, Activation::Relu)),
        ("a leak", activates(&|params, x| params.apply(x) + if x < 0.0 { 1e-4 * x } else { 0.0 })),
    ]);
}

#[test]
fn mutants_of_cross_entropy_die() {
    let checked = |claimant: rows::CrossEntropy<'_>| rows::is_cross_entropy(claimant);
    all_die([
        (
            "in bits",
            checked(&|logits, targets| {
                cross_entropy(logits, targets).iter().map(|nats| nats / 2f64.ln()).collect()
            }),
        ),
        (
            "of the neighbour",
            checked(&|logits, targets| {
                let next: Vec<usize> = targets.iter().map(|t| (t + 1) % logits.ncols()).collect();
                cross_entropy(logits, &next)
            }),
        ),
        (
            "smoothed labels",
            checked(&|logits, targets| {
                let logs = log_softmax(logits);
                let mean = logs.mean_axis(Axis(1)).expect("a vocabulary");
                let plain = cross_entropy(logits, targets);
                plain.iter().zip(&mean).map(|(nats, mean)| 0.99 * nats - 0.01 * mean).collect()
            }),
        ),
        (
            "no shift before exp",
            checked(&|logits, targets| {
                let totals: Array1<f64> = logits.exp().sum_axis(Axis(1)).ln();
                targets.iter().enumerate().map(|(row, &t)| totals[row] - logits[[row, t]]).collect()
            }),
        ),
        (
            "the target not in the total",
            checked(&|logits, targets| {
                let mut others = logits.clone();
                for (row, &target) in targets.iter().enumerate() {
                    others[[row, target]] -= 1.0;
                }
                cross_entropy(&others, targets)
            }),
        ),
    ]);
}

#[test]
fn mutants_of_routes_die() {
    let routes = |claimant: rows::Route<'_>| rows::routes(claimant);
    let swapped = |from: Weighting, to: Weighting| {
        routes(&move |logits, chosen, named| {
            route(logits, chosen, if named == from { to } else { named })
        })
    };
    let mirrored = |logits: &Array2<f64>| logits.slice(s![.., ..;-1]).to_owned();
    all_die([
        ("weights that are not normalised", swapped(Weighting::Normalized, Weighting::Softmax)),
        ("weights that are normalised", swapped(Weighting::Softmax, Weighting::Normalized)),
        ("a softmax over all", swapped(Weighting::SoftmaxOfChosen, Weighting::Softmax)),
        (
            "the least likely chosen",
            routes(&|logits, chosen, named| route(&-logits, chosen, named)),
        ),
        (
            "ties to the higher index",
            routes(&|logits, chosen, named| {
                let mut routes = route(&mirrored(logits), chosen, named);
                for route in &mut routes {
                    route.iter_mut().for_each(|(expert, _)| *expert = logits.ncols() - 1 - *expert);
                    route.reverse();
                }
                routes
            }),
        ),
        (
            "the likeliest first",
            routes(&|logits, chosen, named| {
                let mut routes = route(logits, chosen, named);
                routes.iter_mut().for_each(|route| route.sort_by(|a, b| b.1.total_cmp(&a.1)));
                routes
            }),
        ),
        (
            "logits of half the size",
            routes(&|logits, chosen, named| route(&(logits * 0.5), chosen, named)),
        ),
    ]);
}
