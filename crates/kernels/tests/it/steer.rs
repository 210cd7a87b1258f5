//! Changes along a direction equal their twin, are what their formulas say, and their gradients are slopes.

use crate::inputs::{KINDS, Kind, LENGTHS, bits, numbers, slope, wide};
use lookback_kernels::{
    isa::Isa,
    naive,
    steer::{self, Steering},
};

const ALL: [Steering; 7] = [
    Steering::ScaleAlong(0.0),
    Steering::ScaleAlong(3.0),
    Steering::ClampAlong { min: -0.25, max: 0.5 },
    Steering::ClampAlong { min: f32::NEG_INFINITY, max: -2.0 },
    Steering::AddByNorm,
    Steering::AddOrthogonal,
    Steering::Swap,
];

#[test]
fn every_path_equals_the_twin() {
    for isa in Isa::available() {
        for (kind, len) in KINDS.iter().flat_map(|kind| LENGTHS.map(|len| (*kind, len))) {
            for steering in ALL {
                let vector = numbers(kind, steering.vectors() * len, 1);
                let row = numbers(kind, len, 2);
                let (mut fast, mut slow) = (row.clone(), row.clone());
                steer::forward(isa, steering, &vector, &mut fast);
                naive::steer::forward(steering, &vector, &mut slow);
                assert_eq!(bits(&fast), bits(&slow), "{steering:?} {kind:?} {len} {isa:?}");
                let dy = numbers(kind, len, 3);
                let (mut fast, mut slow) = (dy.clone(), dy);
                steer::backward(isa, steering, &vector, &row, &mut fast);
                naive::steer::backward(steering, &vector, &row, &mut slow);
                assert_eq!(bits(&fast), bits(&slow), "{steering:?} {kind:?} {len} back");
            }
        }
    }
}

/// A formula of `docs/arithmetic.md` in f64.
fn formula(steering: Steering, vector: &[f64], h: &[f64]) -> Vec<f64> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).fold(0.0, |s, x| s + x);
    let (v, d) = vector.split_at(h.len());
    let plus = |c: f64, v: &[f64]| h.iter().zip(v).map(|(h, v)| h + c * v).collect();
    match steering {
        Steering::ScaleAlong(factor) => plus((f64::from(factor) - 1.0) * dot(h, v), v),
        Steering::ClampAlong { min, max } => {
            let along = dot(h, v);
            plus(along.clamp(f64::from(min), f64::from(max)) - along, v)
        }
        Steering::AddByNorm => plus(dot(h, h).sqrt(), v),
        Steering::AddOrthogonal => {
            let share = dot(h, v) / dot(h, h);
            h.iter().zip(v).map(|(h, v)| h + v - share * h).collect()
        }
        Steering::Swap => plus(dot(h, v), d),
    }
}

#[test]
fn values_are_those_of_the_formulas_and_gradients_are_slopes() {
    for steering in ALL {
        for len in [1, 7, 64] {
            let vector = numbers(Kind::Scale(0.5), steering.vectors() * len, 4);
            let (row, weight) =
                (numbers(Kind::Scale(1.0), len, 5), numbers(Kind::Scale(1.0), len, 6));
            let mut made = row.clone();
            naive::steer::forward(steering, &vector, &mut made);
            let (vector_f64, h) = (wide(&vector), wide(&row));
            for (made, expected) in made.iter().zip(formula(steering, &vector_f64, &h)) {
                assert!((f64::from(*made) - expected).abs() < 2e-5, "{steering:?} {len}");
            }
            let mut gradient = weight.clone();
            naive::steer::backward(steering, &vector, &row, &mut gradient);
            let weights = wide(&weight);
            let loss = |h: &[f64]| {
                let made = formula(steering, &vector_f64, h);
                made.iter().zip(&weights).map(|(y, w)| y * w).fold(0.0, |sum, x| sum + x)
            };
            for (at, gradient) in gradient.iter().enumerate() {
                let expected = slope(&loss, &h, at);
                let differs = (f64::from(*gradient) - expected).abs();
                assert!(differs < 1e-4 * expected.abs().max(1.0), "{steering:?} {len} {at}");
            }
        }
    }
}

#[test]
fn a_row_that_nothing_is_added_to_keeps_its_bits() {
    let vector = [1.0, 0.0, 0.0, 0.0];
    for steering in [
        Steering::ScaleAlong(1.0),
        Steering::ScaleAlong(0.0),
        Steering::ClampAlong { min: -1.0, max: 1.0 },
    ] {
        let mut row = [0.0, -0.0, 3.0, f32::MIN_POSITIVE / 2.0];
        let before = bits(&row);
        steer::forward(Isa::detect(), steering, &vector, &mut row);
        assert_eq!(bits(&row), before, "{steering:?}");
    }
    // A row of zeros has no direction: all of the vector is added.
    let mut row = [0.0; 4];
    steer::forward(Isa::detect(), Steering::AddOrthogonal, &vector, &mut row);
    assert_eq!(row, vector);
    let mut dy = [1.0, 2.0, 3.0, 4.0];
    steer::backward(Isa::detect(), Steering::AddByNorm, &vector, &[0.0; 4], &mut dy);
    assert_eq!(dy, [1.0, 2.0, 3.0, 4.0]);
}
