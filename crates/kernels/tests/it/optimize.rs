//! AdamW equals its twin, and takes the steps of its paper.

use crate::inputs::{KINDS, LENGTHS, bits, numbers, pools};
use lookback_kernels::{
    naive,
    optimize::{AdamW, adamw},
};

const HOW: AdamW = AdamW {
    rate: 1e-3,
    beta1: 0.9,
    beta2: 0.99,
    epsilon: 1e-8,
    decay: 0.1,
    correction1: 0.1,
    correction2: 0.01,
};

#[test]
fn every_path_equals_the_twin() {
    for pool in pools() {
        for (kind, len) in KINDS.iter().flat_map(|kind| LENGTHS.map(|len| (*kind, len))) {
            let [weight, gradient, m] = [1, 2, 3].map(|seed| numbers(kind, len, seed));
            let v: Vec<f32> = numbers(kind, len, 4).iter().map(|x| x.abs()).collect();
            let [mut a, mut b] = [(); 2].map(|()| (weight.clone(), m.clone(), v.clone()));
            adamw(&pool, &HOW, 0.7, &mut a.0, &gradient, &mut a.1, &mut a.2);
            naive::optimize::adamw(&HOW, 0.7, &mut b.0, &gradient, &mut b.1, &mut b.2);
            assert_eq!(bits(&a.0), bits(&b.0), "{kind:?} {len}");
            assert_eq!(bits(&a.1), bits(&b.1), "{kind:?} {len}");
            assert_eq!(bits(&a.2), bits(&b.2), "{kind:?} {len}");
        }
    }
}

#[test]
fn the_first_step_moves_every_weight_by_the_rate() {
    // m = 0.1 g, v = 0.01 g²; corrected they are g and g², so the step is rate · sign(g).
    let (mut weight, mut m, mut v) = (vec![1.0, -2.0], vec![0.0; 2], vec![0.0; 2]);
    naive::optimize::adamw(&HOW, 1.0, &mut weight, &[0.5, -3.0], &mut m, &mut v);
    let expected = [1.0 * (1.0 - 1e-4) - 1e-3, -2.0 * (1.0 - 1e-4) + 1e-3];
    assert!(weight.iter().zip(expected).all(|(w, e)| (w - e).abs() < 1e-6), "{weight:?}");
}
