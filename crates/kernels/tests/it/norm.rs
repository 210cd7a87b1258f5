//! Norms equal their twins, are those of the reference, and their gradients are slopes.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::inputs::{KINDS, Kind, bits, numbers, pools, slope, wide};
use lookback_kernels::{
    naive,
    norm::{self, NormGradients, NormParams},
};
use lookback_reference::norm::Norm;
use ndarray::{Array1, Array2};

const SHAPES: [(usize, usize); 10] =
    [(0, 5), (1, 1), (3, 7), (2, 16), (5, 17), (7, 64), (65, 65), (3, 130), (130, 48), (400, 128)];

#[test]
fn every_path_equals_the_twin() {
    for pool in pools() {
        for (kind, (rows, width), heads) in KINDS
            .iter()
            .flat_map(|kind| SHAPES.map(|shape| (*kind, shape)))
            .flat_map(|(kind, shape)| [1, 3, 5].map(|heads| (kind, shape, heads)))
            .filter(|(_, (rows, _), heads)| rows % heads == 0)
        {
            let len = rows * width;
            let [x, dy, dx] = [1, 2, 3].map(|seed| numbers(kind, len, seed));
            let [weight, bias, start] = [4, 5, 6].map(|seed| numbers(kind, heads * width, seed));
            let place = format!("{kind:?}, {rows} rows of {width}, {heads} heads");
            for bias in [None, Some(bias.as_slice())] {
                let (mut fast, mut slow) = (vec![0.0; len], vec![0.0; len]);
                let (mut fast_s, mut slow_s) = (vec![0.0; 2 * rows], vec![0.0; 2 * rows]);
                let params = NormParams { width, weight: &weight, bias, epsilon: 1e-5 };
                norm::layer(&pool, params, &x, &mut fast, Some(&mut fast_s));
                naive::norm::layer(params, &x, &mut slow, Some(&mut slow_s));
                assert_eq!(bits(&fast), bits(&slow), "{place}");
                assert_eq!(bits(&fast_s), bits(&slow_s), "{place}");
                let [mut a, mut b] = [dx.clone(), dx.clone()];
                let [mut aw, mut bw, mut ab, mut bb] = std::array::from_fn(|_| start.clone());
                let (of_a, of_b) = (bias.map(|_| &mut ab[..]), bias.map(|_| &mut bb[..]));
                let to = NormGradients { dx: &mut a, dweight: &mut aw, dbias: of_a };
                norm::layer_backward(&pool, params, &dy, &x, &fast_s, to);
                let to = NormGradients { dx: &mut b, dweight: &mut bw, dbias: of_b };
                naive::norm::layer_backward(params, &dy, &x, &slow_s, to);
                assert_eq!(bits(&a), bits(&b), "{place}");
                assert_eq!(bits(&aw), bits(&bw), "{place}");
                assert_eq!(bits(&ab), bits(&bb), "{place}");
            }
            let (mut fast, mut slow) = (vec![0.0; len], vec![0.0; len]);
            let (mut fast_s, mut slow_s) = (vec![0.0; rows], vec![0.0; rows]);
            let params = NormParams { width, weight: &weight, bias: None, epsilon: 1e-5 };
            norm::rms(&pool, params, &x, &mut fast, Some(&mut fast_s));
            naive::norm::rms(params, &x, &mut slow, Some(&mut slow_s));
            assert_eq!(bits(&fast), bits(&slow), "{place}");
            assert_eq!(bits(&fast_s), bits(&slow_s), "{place}");
            let [mut a, mut b] = [dx.clone(), dx.clone()];
            let [mut aw, mut bw] = [start.clone(), start.clone()];
            let to = NormGradients { dx: &mut a, dweight: &mut aw, dbias: None };
            norm::rms_backward(&pool, params, &dy, &x, &fast_s, to);
            let to = NormGradients { dx: &mut b, dweight: &mut bw, dbias: None };
            naive::norm::rms_backward(params, &dy, &x, &slow_s, to);
            assert_eq!(bits(&a), bits(&b), "{place}");
            assert_eq!(bits(&aw), bits(&bw), "{place}");
        }
    }
}

/// The reference's norm of one row.
fn reference(is_layer: bool, x: &[f64], weight: &[f64], bias: Option<&[f64]>) -> Vec<f64> {
    let norm = Norm {
        is_layer,
        weight: Array1::from(weight.to_vec()),
        bias: bias.map(|bias| Array1::from(bias.to_vec())),
        epsilon: 1e-5,
    };
    let x = Array2::from_shape_vec((1, x.len()), x.to_vec()).unwrap();
    norm.apply(&x).into_raw_vec_and_offset().0
}

#[test]
fn values_are_those_of_the_reference_and_gradients_slopes() {
    const WIDTH: usize = 37;
    for scale in [1e-3, 1.0, 30.0] {
        let x = numbers(Kind::Scale(scale), WIDTH, 1);
        let [weight, bias, dy] = [2, 3, 4].map(|seed| numbers(Kind::Scale(1.0), WIDTH, seed));
        let (wide_x, wide_w, wide_b) = (wide(&x), wide(&weight), wide(&bias));
        for is_layer in [true, false] {
            let mut y = vec![0.0; WIDTH];
            let mut statistics = vec![0.0; 2];
            let mut dx = [0.0; WIDTH];
            let mut dweight = [0.0; WIDTH];
            let mut dbias = [0.0; WIDTH];
            let bias = is_layer.then_some(bias.as_slice());
            let wide_b = is_layer.then_some(wide_b.as_slice());
            let params = NormParams { width: WIDTH, weight: &weight, bias, epsilon: 1e-5 };
            if is_layer {
                naive::norm::layer(params, &x, &mut y, Some(&mut statistics));
                let to = NormGradients {
                    dx: &mut dx,
                    dweight: &mut dweight,
                    dbias: Some(&mut dbias[..]),
                };
                naive::norm::layer_backward(params, &dy, &x, &statistics, to);
            } else {
                naive::norm::rms(params, &x, &mut y, Some(&mut statistics[..1]));
                let to = NormGradients { dx: &mut dx, dweight: &mut dweight, dbias: None };
                naive::norm::rms_backward(params, &dy, &x, &statistics, to);
            }
            let expected = reference(is_layer, &wide_x, &wide_w, wide_b);
            for (y, expected) in y.iter().zip(&expected) {
                assert!((f64::from(*y) - expected).abs() < 1e-6 * WIDTH as f64);
            }
            let toward = |y: &[f64]| y.iter().zip(&dy).fold(0.0, |s, (y, d)| s + y * f64::from(*d));
            let of_x = |x: &[f64]| toward(&reference(is_layer, x, &wide_w, wide_b));
            let of_w = |w: &[f64]| toward(&reference(is_layer, &wide_x, w, wide_b));
            for index in 0..WIDTH {
                // A step of 1e-5 at least is too long where x is 1e-3 itself.
                if scale >= 1.0 {
                    let expected = slope(&of_x, &wide_x, index);
                    let bound = 1e-5 * (1.0 + expected.abs());
                    assert!((f64::from(dx[index]) - expected).abs() < bound, "{is_layer} {scale}");
                }
                let expected = slope(&of_w, &wide_w, index);
                assert!(
                    (f64::from(dweight[index]) - expected).abs() < 1e-5 * (1.0 + expected.abs())
                );
                if is_layer {
                    assert_eq!(dbias[index], dy[index]);
                }
            }
        }
    }
}

/// What a norm makes of the heads of each token, and the gradients of its weights, is that of one norm a head.
#[test]
fn each_head_has_the_norm_of_its_own_weights() {
    const HEADS: usize = 3;
    const WIDTH: usize = 20;
    const TOKENS: usize = 4;
    let pool = &pools()[0];
    let [x, dy] = [1, 2].map(|seed| numbers(Kind::Scale(1.0), TOKENS * HEADS * WIDTH, seed));
    let weight = numbers(Kind::Scale(1.0), HEADS * WIDTH, 3);
    let of_head = |head: usize, all: &[f32]| -> Vec<f32> {
        all.chunks_exact(WIDTH).skip(head).step_by(HEADS).flatten().copied().collect()
    };
    let run = |params: NormParams<'_>, x: &[f32], dy: &[f32]| {
        let (mut y, mut dx) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        let mut statistics = vec![0.0; 2 * x.len() / WIDTH];
        let mut dweight = vec![0.0; params.weight.len()];
        norm::layer(pool, params, x, &mut y, Some(&mut statistics));
        let to = NormGradients { dx: &mut dx, dweight: &mut dweight, dbias: None };
        norm::layer_backward(pool, params, dy, x, &statistics, to);
        [y, dx, dweight]
    };
    let params = NormParams { width: WIDTH, weight: &weight, bias: None, epsilon: 1e-5 };
    let together = run(params, &x, &dy);
    for head in 0..HEADS {
        let params = NormParams { weight: &weight[head * WIDTH..][..WIDTH], ..params };
        let alone = run(params, &of_head(head, &x), &of_head(head, &dy));
        for (together, alone) in together.iter().zip(&alone) {
            assert_eq!(bits(&of_head(head, together)), bits(alone), "head {head}");
        }
    }
}
