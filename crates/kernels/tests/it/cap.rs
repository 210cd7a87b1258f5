//! The soft bound equals its twin, is that of the reference, and its gradient is a slope.

use crate::inputs::{KINDS, Kind, LENGTHS, bits, numbers, pools, slope};
use lookback_kernels::{cap, naive};
use lookback_reference::logits;

const CAPS: [f32; 3] = [0.5, 15.0, 30.0];

#[test]
fn every_path_equals_the_twin() {
    for pool in pools() {
        for (kind, len) in KINDS.iter().flat_map(|kind| LENGTHS.map(|len| (*kind, len))) {
            for max in CAPS {
                let x = numbers(kind, len, 1);
                let (mut fast, mut slow) = (x.clone(), x.clone());
                cap::forward(&pool, max, &mut fast);
                naive::cap::forward(max, &mut slow);
                assert_eq!(bits(&fast), bits(&slow), "{max} {kind:?} {len}");
                let (mut dfast, mut dslow) = (x.clone(), x);
                cap::backward(&pool, max, &fast, &mut dfast);
                naive::cap::backward(max, &slow, &mut dslow);
                assert_eq!(bits(&dfast), bits(&dslow), "{max} {kind:?} {len} back");
            }
        }
    }
}

#[test]
fn values_are_those_of_the_reference_and_slopes_theirs() {
    for max in CAPS {
        let wide = f64::from(max);
        let reference = |x: f64| logits::capped(x, wide);
        for x in numbers(Kind::Scale(60.0), 4000, 5) {
            let y = naive::cap::value(max, x);
            let expected = reference(f64::from(x));
            assert!((f64::from(y) - expected).abs() < 3e-7 * wide, "{max}: {x} is {y}");
            let mut dx = [1.0];
            naive::cap::backward(max, &[y], &mut dx);
            let expected = slope(&|x| reference(x[0]), &[f64::from(x)], 0);
            assert!((f64::from(dx[0]) - expected).abs() < 1e-5, "{max}: {x} slopes {}", dx[0]);
        }
    }
}

#[test]
fn nothing_is_beyond_the_bound() {
    let mut x = [f32::INFINITY, f32::NEG_INFINITY, 3e38, -3e38, 0.0, f32::NAN];
    naive::cap::forward(30.0, &mut x);
    assert_eq!(bits(&x), bits(&[30.0, -30.0, 30.0, -30.0, 0.0, f32::NAN]));
}
