//! Activations equal their twins, are those of the reference, and their gradients are slopes.

use crate::{
    inputs::{KINDS, Kind, LENGTHS, bits, numbers, pools, slope},
    yardstick::rows::in_reference,
};
use lookback_kernels::{
    activate,
    naive::{self, activate::Activation},
};

#[test]
fn every_path_equals_the_twin() {
    for pool in pools() {
        for activation in Activation::ALL {
            for (kind, len) in KINDS.iter().flat_map(|kind| LENGTHS.map(|len| (*kind, len))) {
                let [pre, gate, dpost] = [1, 2, 3].map(|seed| numbers(kind, len, seed));
                for linear in [None, Some(gate.as_slice())] {
                    let (mut fast, mut slow) = (vec![7.0; len], vec![7.0; len]);
                    activate::forward(&pool, activation, &pre, linear, &mut fast);
                    naive::activate::forward(activation, &pre, linear, &mut slow);
                    assert_eq!(bits(&fast), bits(&slow), "{activation:?} {kind:?} {len}");
                    let (mut dfast, mut dslow) = (vec![7.0; len], vec![7.0; len]);
                    let dlinear = |to| linear.map(|_| to);
                    activate::backward(
                        &pool,
                        activation,
                        &dpost,
                        &pre,
                        linear,
                        &mut fast,
                        dlinear(&mut dfast[..]),
                    );
                    naive::activate::backward(
                        activation,
                        &dpost,
                        &pre,
                        linear,
                        &mut slow,
                        dlinear(&mut dslow[..]),
                    );
                    assert_eq!(bits(&fast), bits(&slow), "{activation:?} {kind:?} {len} back");
                    assert_eq!(
                        bits(&dfast),
                        bits(&dslow),
                        "{activation:?} {kind:?} {len} back, linear"
                    );
                }
            }
        }
    }
}

#[test]
fn values_are_those_of_the_reference_and_slopes_theirs() {
    for activation in Activation::ALL {
        let reference = in_reference(activation);
        for x in numbers(Kind::Scale(6.0), 4000, 5) {
            let expected = reference.apply(f64::from(x));
            let value = f64::from(naive::activate::value(activation, x));
            assert!(
                (value - expected).abs() < 1e-6 * expected.abs().max(1.0),
                "{activation:?}({x}) = {value}, not {expected}"
            );
            if x.abs() < 1e-3 {
                continue;
            }
            let expected = slope(&|x| reference.apply(x[0]), &[f64::from(x)], 0);
            let value = f64::from(naive::activate::derivative(activation, x));
            assert!(
                (value - expected).abs() < 2e-6 * expected.abs().max(1.0),
                "{activation:?}'({x}) = {value}, not {expected}"
            );
        }
    }
}

#[test]
fn linear_branches_are_those_of_the_reference_and_slopes_theirs() {
    for activation in Activation::ALL {
        let reference = in_reference(activation);
        let pre = 0.75;
        for x in numbers(Kind::Scale(9.0), 2000, 6) {
            let (mut post, mut dpre, mut dlinear) = ([0.0], [0.0], [0.0]);
            naive::activate::forward(activation, &[pre], Some(&[x]), &mut post);
            let whole = |x: f64| reference.apply(f64::from(pre)) * reference.apply_linear(x);
            let off = (f64::from(post[0]) - whole(f64::from(x))).abs();
            assert!(off < 1e-5, "{activation:?}: {x} is {}", post[0]);
            // Where it is bounded, the slope jumps.
            if (x.abs() - 7.0).abs() < 1e-3 {
                continue;
            }
            let (dpost, to) = ([1.0], Some(&mut dlinear[..]));
            naive::activate::backward(activation, &dpost, &[pre], Some(&[x]), &mut dpre, to);
            let expected = slope(&|x| whole(x[0]), &[f64::from(x)], 0);
            let off = (f64::from(dlinear[0]) - expected).abs();
            assert!(off < 1e-5, "{activation:?}: {x} slopes {}, not {expected}", dlinear[0]);
        }
    }
}
