//! Routes and weighted sums of experts equal their twins, and their gradients are slopes.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::{
    inputs::{KINDS, Kind, bits, numbers, pools, slope, wide},
    yardstick::rows::WEIGHTINGS,
};
use lookback_kernels::{
    experts::{
        ExpertOutputs, ExpertWeighting, NO_ROW, Routes, Routing, combine, combine_backward,
        gather_rows, route, route_backward, scatter_rows,
    },
    naive::experts as naive,
};
use lookback_reference::experts::route as reference_route;
use ndarray::Array2;

/// Experts, and how many are chosen.
const COUNTS: [(usize, usize); 8] =
    [(1, 1), (4, 2), (7, 7), (8, 1), (16, 4), (17, 16), (65, 8), (130, 3)];

#[test]
fn every_path_routes_as_the_twin() {
    const ROWS: usize = 70;
    for pool in pools() {
        for (kind, (experts, chosen)) in KINDS.iter().flat_map(|k| COUNTS.map(|c| (*k, c))) {
            let mut logits = numbers(kind, ROWS * experts, 1);
            // Rows in which many are equal.
            logits[20 * experts..40 * experts].iter_mut().for_each(|logit| *logit = logit.round());
            let dweights = numbers(kind, ROWS * chosen, 2);
            for (weighting, _) in WEIGHTINGS {
                let [mut fast, mut slow] = [vec![7.0; ROWS * chosen], vec![8.0; ROWS * chosen]];
                let [mut taken, mut expected] = [vec![7; ROWS * chosen], vec![8; ROWS * chosen]];
                let routing = Routing { experts, chosen, weighting };
                route(&pool, routing, &logits, &mut fast, &mut taken);
                naive::route(routing, &logits, &mut slow, &mut expected);
                let place = format!("{kind:?}, {chosen} of {experts}, {weighting:?}");
                assert_eq!(taken, expected, "{place}");
                assert_eq!(bits(&fast), bits(&slow), "{place}");
                let [mut dfast, mut dslow] = [vec![7.0; ROWS * experts], vec![8.0; ROWS * experts]];
                let routes = Routes { weights: &fast, indices: &taken };
                route_backward(&pool, routing, routes, &logits, &dweights, &mut dfast);
                naive::route_backward(routing, routes, &logits, &dweights, &mut dslow);
                assert_eq!(bits(&dfast), bits(&dslow), "{place} back");
            }
        }
    }
}

#[test]
fn every_path_adds_experts_up_as_the_twin() {
    for pool in pools() {
        for (kind, (width, chosen)) in
            KINDS.iter().flat_map(|k| [(1, 1), (7, 2), (16, 3), (65, 8), (130, 4)].map(|c| (*k, c)))
        {
            for rows in [0, 1, 3, 40] {
                let outputs = numbers(kind, rows * chosen * width, 3);
                let weights = numbers(kind, rows * chosen, 4);
                let dy = numbers(kind, rows * width, 5);
                let [mut fast, mut slow] = [vec![7.0; rows * width], vec![8.0; rows * width]];
                let made = ExpertOutputs { outputs: &outputs, weights: &weights, chosen, width };
                combine(&pool, made, &mut fast);
                naive::combine(made, &mut slow);
                assert_eq!(bits(&fast), bits(&slow), "{kind:?} {rows} {width} {chosen}");
                let run = |fast: bool| {
                    let mut doutputs = vec![7.0; outputs.len()];
                    let mut dweights = vec![7.0; weights.len()];
                    let to = (&mut doutputs[..], &mut dweights[..]);
                    if fast {
                        combine_backward(&pool, made, &dy, to.0, to.1);
                    } else {
                        naive::combine_backward(made, &dy, to.0, to.1);
                    }
                    (bits(&doutputs), bits(&dweights))
                };
                assert_eq!(run(true), run(false), "{kind:?} {rows} {width} {chosen} back");
            }
        }
    }
}

#[test]
fn rows_are_copied_there_and_back() {
    let x = numbers(Kind::Hard, 9 * 33, 6);
    for pool in pools() {
        let rows = [8, 2, NO_ROW, 3];
        let mut own = vec![7.0; 4 * 33];
        gather_rows(&pool, &x, 33, &rows, &mut own);
        for (row, own) in rows.iter().zip(own.chunks_exact(33)) {
            match *row {
                NO_ROW => assert_eq!(bits(own), [0; 33]),
                row => assert_eq!(bits(own), bits(&x[row as usize * 33..][..33])),
            }
        }
        let mut back = vec![7.0; x.len()];
        scatter_rows(&own, 33, &rows, &mut back);
        for (row, back) in back.chunks_exact(33).enumerate() {
            if rows.contains(&(row as u32)) {
                assert_eq!(bits(back), bits(&x[row * 33..][..33]));
            } else {
                assert_eq!(back, [7.0; 33]);
            }
        }
    }
}

#[test]
fn of_equal_logits_the_first_are_chosen_and_no_number_comes_before_all() {
    let routed = |logits: &[f32], chosen: usize| {
        let (mut weights, mut indices) = (vec![0.0; chosen], vec![0; chosen]);
        let weighting = ExpertWeighting::Normalized;
        let routing = Routing { experts: logits.len(), chosen, weighting };
        naive::route(routing, logits, &mut weights, &mut indices);
        (indices, weights)
    };
    assert_eq!(routed(&[1.0; 4], 3), (vec![0, 1, 2], vec![1.0 / 3.0; 3]));
    assert_eq!(routed(&[0.0, 2.0, -0.0, 2.0], 3).0, [0, 1, 3]);
    assert_eq!(routed(&[1.0, 3.0, 2.0, 3.0], 1), (vec![1], vec![1.0]));
    let (indices, weights) = routed(&[1.0, 9.0, f32::NAN, 2.0], 2);
    assert_eq!(indices, [1, 2]);
    assert!(weights.iter().all(|weight| weight.is_nan()), "{weights:?}");
}

#[test]
fn gradients_of_routes_are_slopes() {
    for (scale, (experts, chosen)) in
        [1.0, 8.0].into_iter().flat_map(|scale| [(3, 2), (6, 6), (9, 4)].map(|c| (scale, c)))
    {
        let logits = numbers(Kind::Scale(scale), experts, 7);
        let dweights = numbers(Kind::Scale(1.0), chosen, 8);
        for (weighting, named) in WEIGHTINGS {
            let (mut weights, mut indices) = (vec![0.0; chosen], vec![0; chosen]);
            let routing = Routing { experts, chosen, weighting };
            naive::route(routing, &logits, &mut weights, &mut indices);
            let mut gradient = vec![0.0; experts];
            let routes = Routes { weights: &weights, indices: &indices };
            naive::route_backward(routing, routes, &logits, &dweights, &mut gradient);
            let objective = |logits: &[f64]| {
                let logits = Array2::from_shape_vec((1, experts), logits.to_vec()).unwrap();
                let route = reference_route(&logits, chosen, named);
                let products = route[0].iter().zip(&dweights);
                products.fold(0.0, |sum, ((_, weight), dw)| sum + weight * f64::from(*dw))
            };
            for (expert, gradient) in gradient.iter().enumerate() {
                let expected = slope(&objective, &wide(&logits), expert);
                let off = (f64::from(*gradient) - expected).abs();
                assert!(off < 1e-6, "{weighting:?}, {chosen} of {experts}: {off:e}");
            }
        }
    }
}
