//! Muon equals its twin on every path and any number of threads, and takes the steps of its paper.

use crate::inputs::{Kind, bits, numbers, pools};
use lookback_kernels::{
    muon::{Matrix, Muon, factor, muon, newton_schulz_coefficients, scratch_len},
    naive::{self, bf16::Compute},
    sums,
};

const HOW: Muon = Muon { rate: 0.02, momentum: 0.95, decay: 0.1, products: Compute::F32 };

/// Wide, square and tall, at and beside the edges of lanes, tiles, panels and blocks of steps.
const SHAPES: [[usize; 2]; 12] = [
    [1, 1],
    [1, 7],
    [7, 1],
    [16, 16],
    [17, 33],
    [33, 17],
    [64, 65],
    [65, 64],
    [48, 131],
    [131, 48],
    [97, 97],
    [130, 200],
];

#[test]
fn every_path_equals_the_twin() {
    let pools = pools();
    for shape in SHAPES {
        for (kind, products) in [Kind::Scale(1e-3), Kind::Scale(30.0), Kind::Hard]
            .into_iter()
            .flat_map(|kind| [(kind, Compute::F32), (kind, Compute::Bf16)])
        {
            let settings = Muon { products, ..HOW };
            let len = shape[0] * shape[1];
            let [weight, gradient, m] = [1, 2, 3].map(|seed| numbers(kind, len, seed));
            let mut twin = (weight.clone(), m.clone());
            naive::muon::muon(&settings, 0.7, shape, &mut twin.0, &gradient, &mut twin.1);
            for pool in &pools {
                let mut a = (weight.clone(), m.clone());
                let mut scratch = vec![f32::NAN; scratch_len(shape, pool.threads(), products)];
                let mut blocks = vec![0.0; sums::blocks_len(len)];
                let (blocks, scratch) = (&mut blocks[..], &mut scratch[..]);
                let (weight, momentum) = (&mut a.0[..], &mut a.1[..]);
                let matrix = Matrix { shape, weight, gradient: &gradient, momentum };
                muon(pool, &settings, 0.7, matrix, blocks, scratch);
                let what = format!("{shape:?} {kind:?} {products:?}, {pool:?}");
                assert_eq!(bits(&a.0), bits(&twin.0), "{what}");
                assert_eq!(bits(&a.1), bits(&twin.1), "{what}");
            }
        }
    }
}

/// What five steps make of one singular value.
fn raised(mut value: f64) -> f64 {
    let [a, b, c] = newton_schulz_coefficients().map(f64::from);
    for _ in 0..5 {
        value *= a + b * value.powi(2) + c * value.powi(4);
    }
    value
}

#[test]
fn singular_values_go_through_the_polynomial_alone() {
    // 3 and 4 along two axes, in a matrix of length 5: 0.6 and 0.8.
    // In pairs, what is rounded to 8 bits in each of five steps.
    for (shape, at, products, max) in [
        ([2, 3], [0, 4], Compute::F32, 1e-5),
        ([3, 2], [0, 3], Compute::F32, 1e-5),
        ([2, 3], [0, 4], Compute::Bf16, 0.1),
        ([3, 2], [0, 3], Compute::Bf16, 0.1),
    ] {
        let mut x = vec![0.0; 6];
        (x[at[0]], x[at[1]]) = (3.0, -4.0);
        naive::muon::orthogonalize(products, shape, &mut x);
        for (index, x) in x.iter().enumerate() {
            let expected = match index {
                0 => raised(0.6),
                index if index == at[1] => -raised(0.8),
                _ => 0.0,
            };
            let apart = (f64::from(*x) - expected).abs();
            assert!(apart < max, "{shape:?} {index} {products:?}: {x}, {expected}");
        }
    }
    for value in [0.01, 0.03, 0.1, 0.3, 1.0] {
        assert!((0.65..1.25).contains(&raised(value)), "{value}: {}", raised(value));
    }
}

#[test]
fn a_step_is_as_long_as_one_of_adamw() {
    // The root of its mean square, as a share of the rate; AdamW's is 0.2 to 0.4 in a long run.
    for shape in [[64, 64], [48, 131], [131, 48]] {
        let len = shape[0] * shape[1];
        let gradient = numbers(Kind::Scale(1.0), len, 9);
        let (mut weight, mut m) = (vec![0.0; len], vec![0.0; len]);
        naive::muon::muon(&HOW, 1.0, shape, &mut weight, &gradient, &mut m);
        let squares = weight.iter().fold(0.0, |sum, w| sum + f64::from(w * w));
        let step = f64::sqrt(squares / len as f64) / f64::from(HOW.rate);
        assert!((0.13..0.25).contains(&step), "{shape:?}: {step}");
    }
    assert_eq!(factor([100, 25]), 2.0);
}

#[test]
fn momentum_is_a_mean_and_looks_ahead() {
    // One number: its direction is its sign. With m = 1 and g = −1 the mean is 0.9, what lies ahead
    // of it −1 + 0.95 · 1.9 = 0.805.
    let (mut weight, mut m) = (vec![0.0], vec![1.0]);
    naive::muon::muon(&HOW, 1.0, [1, 1], &mut weight, &[-1.0], &mut m);
    assert!((m[0] - 0.9).abs() < 1e-6, "{m:?}");
    let expected = -0.02 * 0.2 * raised(1.0);
    assert!((f64::from(weight[0]) - expected).abs() < 1e-6, "{weight:?}, {expected}");
    // The mean is still 0.007, above 0; what lies ahead of it is −0.043 already.
    let (mut weight, mut m) = (vec![0.0], vec![0.06]);
    naive::muon::muon(&HOW, 1.0, [1, 1], &mut weight, &[-1.0], &mut m);
    assert!(m[0] > 0.0 && weight[0] > 0.0, "{m:?} {weight:?}");
}
