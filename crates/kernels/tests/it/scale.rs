//! Scaling and the hard bound equal their twins, and the bound's gradient is a slope.

use crate::inputs::{KINDS, Kind, LENGTHS, bits, numbers, pools, slope};
use lookback_kernels::{naive, scale};

/// Lengths that threads share, too.
fn lengths() -> impl Iterator<Item = usize> {
    LENGTHS.into_iter().chain([200_003])
}

#[test]
fn every_path_equals_the_twin() {
    for pool in pools() {
        for (kind, len) in KINDS.iter().flat_map(|kind| lengths().map(|len| (*kind, len))) {
            let x = numbers(kind, len, 1);
            for factor in [0.0, -1.5, 0.125, f32::INFINITY] {
                let (mut fast, mut slow) = (vec![0.0; len], vec![0.0; len]);
                scale::scale(&pool, factor, &x, &mut fast);
                naive::scale::scale(factor, &x, &mut slow);
                assert_eq!(bits(&fast), bits(&slow), "{factor} {kind:?} {len}");
                fast.copy_from_slice(&x);
                scale::scale_in_place(&pool, factor, &mut fast);
                assert_eq!(bits(&fast), bits(&slow), "{factor} {kind:?} {len} in place");
            }
            for bound in [0.0, 0.5, 8.0, f32::INFINITY] {
                let (mut fast, mut slow) = (vec![0.0; len], vec![0.0; len]);
                scale::clamp(&pool, bound, &x, &mut fast);
                naive::scale::clamp(bound, &x, &mut slow);
                assert_eq!(bits(&fast), bits(&slow), "{bound} {kind:?} {len}");
                let mut dfast = numbers(kind, len, 2);
                let mut dslow = dfast.clone();
                scale::clamp_backward(&pool, bound, &x, &mut dfast);
                naive::scale::clamp_backward(bound, &x, &mut dslow);
                assert_eq!(bits(&dfast), bits(&dslow), "{bound} {kind:?} {len} back");
            }
        }
    }
}

#[test]
fn the_gradient_of_the_bound_is_a_slope() {
    for x in numbers(Kind::Scale(2.0), 1000, 3) {
        if (x.abs() - 1.0).abs() < 1e-2 {
            continue;
        }
        let expected = slope(&|x| x[0].clamp(-1.0, 1.0), &[f64::from(x)], 0);
        let mut dx = [1.0];
        naive::scale::clamp_backward(1.0, &[x], &mut dx);
        assert!((f64::from(dx[0]) - expected).abs() < 1e-6, "{x} slopes {}", dx[0]);
    }
}

#[test]
fn what_is_within_the_bound_keeps_its_bits() {
    let x = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0, 1e-42, 0.5, 0.75];
    let mut y = [9.0; 7];
    naive::scale::clamp(0.5, &x, &mut y);
    assert_eq!(bits(&y), bits(&[f32::NAN, 0.5, -0.5, -0.0, 1e-42, 0.5, 0.5]));
}
