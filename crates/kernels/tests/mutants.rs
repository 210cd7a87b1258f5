//! What only resembles the reference is told apart: each mutant breaks the property that the reference
//! keeps. A mutant that lived would be a hole in the inputs or a bound too wide.

#[path = "attend/world.rs"]
#[allow(dead_code, reason = "a part of it is needed here")]
mod world;
mod yardstick;

use lookback_reference::{
    attend::many,
    logits::{log_softmax, softmax, surprise},
    mlp::{Activation, Linear},
    norm::Norm,
    position::rotate,
};
use ndarray::{Array1, Array2, Axis, s};
use yardstick::{Agrees, attend, products, rows, steps};

/// Fails for every mutant that lives.
fn all_die(mutants: impl IntoIterator<Item = (&'static str, Agrees)>) {
    let living: Vec<_> = mutants.into_iter().filter(|(_, agrees)| agrees.is_ok()).collect();
    assert!(living.is_empty(), "told apart from the reference by nothing: {living:?}");
}

/// Attention with a mask, a scale and a choice of key head of one's own, held to the property.
fn attend_by(
    shows: impl Fn(usize, usize, Option<usize>) -> bool,
    scale: impl Fn(usize) -> f64,
    key_head: impl Fn(usize, usize, usize) -> usize,
    shares: impl Fn(Array2<f64>) -> Array2<f64>,
) -> Agrees {
    attend::attends(&|query, key, value, dim, window| {
        let (heads, key_heads) = (query.ncols() / dim, key.ncols() / dim);
        let mut out = Array2::zeros(query.dim());
        for head in 0..heads {
            let theirs = key_head(head, heads, key_heads) * dim;
            let own = s![.., head * dim..(head + 1) * dim];
            let their = s![.., theirs..theirs + dim];
            let mut scores = query.slice(own).dot(&key.slice(their).t()) * scale(dim);
            for ((query, key), score) in scores.indexed_iter_mut() {
                if !shows(query, key, window) {
                    *score = f64::NEG_INFINITY;
                }
            }
            out.slice_mut(own).assign(&shares(scores).dot(&value.slice(their)));
        }
        out
    })
}

fn is_shown(query: usize, key: usize, window: Option<usize>) -> bool {
    key <= query && window.is_none_or(|window| key + window > query)
}

fn usual_scale(dim: usize) -> f64 {
    1.0 / (dim as f64).sqrt()
}

fn usual_head(head: usize, heads: usize, key_heads: usize) -> usize {
    head / (heads / key_heads)
}

fn usual_shares(scores: Array2<f64>) -> Array2<f64> {
    softmax(&scores)
}

#[test]
fn mutants_of_attention_die() {
    // What they are mutants of lives.
    attend_by(is_shown, usual_scale, usual_head, usual_shares).expect("it is the reference");

    let masked = |shows: fn(usize, usize, Option<usize>) -> bool| {
        attend_by(shows, usual_scale, usual_head, usual_shares)
    };
    let scaled = |scale: fn(usize) -> f64| attend_by(is_shown, scale, usual_head, usual_shares);
    let shared = |head: fn(usize, usize, usize) -> usize| {
        attend_by(is_shown, usual_scale, head, usual_shares)
    };
    let weighed = |shares: fn(Array2<f64>) -> Array2<f64>| {
        attend_by(is_shown, usual_scale, usual_head, shares)
    };
    all_die([
        ("no mask", masked(|_, _, _| true)),
        ("the next token seen", masked(|q, k, w| is_shown(q, k, w) || k == q + 1)),
        ("the token itself hidden", masked(|q, k, w| is_shown(q, k, w) && (k < q || q == 0))),
        ("the first token hidden", masked(|q, k, w| is_shown(q, k, w) && (k > 0 || q == 0))),
        ("no window", masked(|q, k, _| k <= q)),
        ("a window one too wide", masked(|q, k, w| is_shown(q, k, w.map(|w| w + 1)))),
        ("a window one too narrow", masked(|q, k, w| is_shown(q, k, w.map(|w| w - 1)))),
        ("no scale", scaled(|_| 1.0)),
        ("the width for its root", scaled(|dim| 1.0 / dim as f64)),
        ("the root of another width", scaled(|dim| 1.0 / (dim as f64 + 1.0).sqrt())),
        ("key heads in turn, not in groups", shared(|head, _, key_heads| head % key_heads)),
        ("one key head for all", shared(|_, _, _| 0)),
        ("weights that do not add up to 1", weighed(|scores| scores.exp())),
        (
            "shares along the keys",
            weighed(|scores| softmax(&scores.reversed_axes()).reversed_axes()),
        ),
        ("one weight forgotten in the total", weighed(without_the_last_in_the_total)),
        (
            "values of the neighbour",
            attend::attends(&|q, k, v, dim, window| {
                let mut moved = v.clone();
                moved.slice_mut(s![1.., ..]).assign(&v.slice(s![..-1, ..]));
                many(q, k, &moved, dim, window)
            }),
        ),
    ]);
}

/// Softmax whose total leaves out each row's last share.
fn without_the_last_in_the_total(scores: Array2<f64>) -> Array2<f64> {
    let mut shares = softmax(&scores);
    for (query, mut row) in shares.axis_iter_mut(Axis(0)).enumerate() {
        let rest = 1.0 - if query > 0 { row[query] } else { 0.0 };
        row /= rest;
    }
    shares
}

#[test]
fn mutants_of_products_die() {
    let linear = |change: fn(&mut Linear)| {
        products::is_linear(&|x, weight, bias| {
            let mut linear = Linear { weight: weight.clone(), bias: bias.cloned() };
            change(&mut linear);
            linear.apply(x)
        })
    };
    let gradients = |claimant: products::Gradients<'_>| products::has_gradients(claimant);
    let truly = products::true_gradients;
    all_die([
        ("no bias", linear(|linear| linear.bias = None)),
        ("the bias twice", linear(|linear| linear.bias = linear.bias.take().map(|b| b * 2.0))),
        (
            "a weight left out",
            linear(|linear| {
                let last = linear.weight.ncols() - 1;
                linear.weight.column_mut(last).fill(0.0);
            }),
        ),
        (
            "a square weight transposed",
            linear(|linear| {
                if linear.weight.is_square() {
                    linear.weight.swap_axes(0, 1);
                }
            }),
        ),
        (
            "dx by a transposed weight",
            gradients(&|dy, x, w| {
                let (dx, dw) = truly(dy, x, w);
                if w.is_square() { (dy.dot(&w.t()), dw) } else { (dx, dw) }
            }),
        ),
        (
            "dw without the last row",
            gradients(&|dy, x, w| {
                let rows = products::without_last(dy);
                (truly(dy, x, w).0, truly(&rows, x, w).1)
            }),
        ),
        (
            "dw as a mean",
            gradients(&|dy, x, w| {
                let (dx, dw) = truly(dy, x, w);
                (dx, dw / x.nrows() as f64)
            }),
        ),
        (
            "the row after the id",
            products::takes_rows(&|table, ids| {
                let next: Vec<usize> = ids.iter().map(|id| (id + 1) % table.nrows()).collect();
                table.select(Axis(0), &next)
            }),
        ),
    ]);
}

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
        activates(&move |how, x| if how == from { to.of(x) } else { how.of(x) })
    };
    all_die([
        ("tanh for erf", swapped(Activation::Gelu, Activation::GeluTanh)),
        ("erf for tanh", swapped(Activation::GeluTanh, Activation::Gelu)),
        (
            "sigmoid for SiLU",
            activates(&|how, x| match how {
                Activation::Silu => 1.0 / (1.0 + (-x).exp()),
                _ => how.of(x),
            }),
        ),
        (
            "sigmoid(1.702 x) for GELU",
            activates(&|how, x| match how {
                Activation::Gelu => x / (1.0 + (-1.702 * x).exp()),
                _ => how.of(x),
            }),
        ),
        ("no square", swapped(Activation::Relu2, Activation::Relu)),
        ("a leak", activates(&|how, x| how.of(x) + if x < 0.0 { 1e-4 * x } else { 0.0 })),
    ]);
}

#[test]
fn mutants_of_surprise_die() {
    let surprised = |claimant: rows::Surprise<'_>| rows::is_surprised(claimant);
    all_die([
        (
            "in bits",
            surprised(&|logits, targets| {
                surprise(logits, targets).iter().map(|nats| nats / 2f64.ln()).collect()
            }),
        ),
        (
            "of the neighbour",
            surprised(&|logits, targets| {
                let next: Vec<usize> = targets.iter().map(|t| (t + 1) % logits.ncols()).collect();
                surprise(logits, &next)
            }),
        ),
        (
            "smoothed labels",
            surprised(&|logits, targets| {
                let logs = log_softmax(logits);
                let mean = logs.mean_axis(Axis(1)).expect("a vocabulary");
                let plain = surprise(logits, targets);
                plain.iter().zip(&mean).map(|(nats, mean)| 0.99 * nats - 0.01 * mean).collect()
            }),
        ),
        (
            "no shift before exp",
            surprised(&|logits, targets| {
                let totals: Array1<f64> = logits.exp().sum_axis(Axis(1)).ln();
                targets.iter().enumerate().map(|(row, &t)| totals[row] - logits[[row, t]]).collect()
            }),
        ),
        (
            "the target not in the total",
            surprised(&|logits, targets| {
                let mut others = logits.clone();
                for (row, &target) in targets.iter().enumerate() {
                    others[[row, target]] -= 1.0;
                }
                surprise(&others, targets)
            }),
        ),
    ]);
}

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
