//! Cross-entropy equals its twin, is that of the reference, and its gradient is its slope.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::inputs::{KINDS, Kind, bits, numbers, pools, slope, wide};
use lookback_kernels::{
    loss::{LossMode, NO_TARGET, cross_entropy, softmax},
    naive,
};
use lookback_reference::logits::cross_entropy as reference_cross_entropy;
use ndarray::Array2;

#[test]
fn every_path_equals_the_twin() {
    for pool in pools() {
        for (kind, vocabulary) in KINDS.iter().flat_map(|k| [1, 7, 16, 65, 300].map(|v| (*k, v))) {
            let rows = 40;
            let logits = numbers(kind, rows * vocabulary, 1);
            let mut targets: Vec<u32> =
                (0..rows as u32).map(|r| r * 7 % vocabulary as u32).collect();
            targets[3] = NO_TARGET;
            for mode in [LossMode::LossOnly, LossMode::Gradient, LossMode::GradientWithZLoss(0.1)] {
                let [mut a, mut b] = [logits.clone(), logits.clone()];
                let [mut fast, mut slow] = [vec![0.0; rows], vec![0.0; rows]];
                cross_entropy(&pool, &mut a, vocabulary, &targets, 0.3, &mut fast, mode);
                naive::loss::cross_entropy(&mut b, vocabulary, &targets, 0.3, &mut slow, mode);
                assert_eq!(bits(&fast), bits(&slow), "{kind:?} {vocabulary}");
                assert_eq!(bits(&a), bits(&b), "{kind:?} {vocabulary}");
                assert_eq!(fast[3], 0.0);
            }
            let [mut a, mut b] = [logits.clone(), logits.clone()];
            softmax(&pool, &logits, vocabulary, &mut a);
            naive::loss::softmax(&logits, vocabulary, &mut b);
            assert_eq!(bits(&a), bits(&b), "{kind:?} {vocabulary}");
        }
    }
}

#[test]
fn losses_are_those_of_the_reference_and_gradients_slopes() {
    const VOCABULARY: usize = 33;
    for scale in [1e-3, 1.0, 30.0] {
        let logits = numbers(Kind::Scale(scale), VOCABULARY, 2);
        let (mut gradient, mut loss) = (logits.clone(), [0.0]);
        let mode = LossMode::Gradient;
        naive::loss::cross_entropy(&mut gradient, VOCABULARY, &[4], 0.5, &mut loss, mode);
        let of = |logits: &[f64]| {
            let row = Array2::from_shape_vec((1, VOCABULARY), logits.to_vec()).unwrap();
            reference_cross_entropy(&row, &[4])[0]
        };
        let expected = of(&wide(&logits));
        assert!((f64::from(loss[0]) - expected).abs() < 1e-6 * (1.0 + expected));
        for (index, gradient) in gradient.iter().enumerate() {
            let expected = 0.5 * slope(&of, &wide(&logits), index);
            assert!((f64::from(*gradient) - expected).abs() < 1e-6, "{scale} {index}");
        }
    }
}

#[test]
fn a_pull_is_the_slope_of_the_squared_log_total() {
    const VOCABULARY: usize = 33;
    for scale in [1e-3, 1.0, 30.0] {
        let logits = numbers(Kind::Scale(scale), VOCABULARY, 2);
        let (mut gradient, mut loss) = (logits.clone(), [0.0]);
        let mode = LossMode::GradientWithZLoss(0.05);
        naive::loss::cross_entropy(&mut gradient, VOCABULARY, &[4], 0.5, &mut loss, mode);
        let of = |logits: &[f64]| {
            let row = Array2::from_shape_vec((1, VOCABULARY), logits.to_vec()).unwrap();
            let loss = reference_cross_entropy(&row, &[4])[0];
            loss + 0.05 * (loss + logits[4]).powi(2)
        };
        for (index, gradient) in gradient.iter().enumerate() {
            let expected = 0.5 * slope(&of, &wide(&logits), index);
            let off = (f64::from(*gradient) - expected).abs();
            assert!(off < 1e-6 + 1e-5 * expected.abs(), "{scale} {index}: {off:e}");
        }
    }
}

#[test]
fn a_logit_that_is_no_number_makes_a_loss_that_is_none() {
    for at in [0, 4, 32] {
        let mut logits = numbers(Kind::Scale(1.0), 33, 2);
        logits[at] = f32::NAN;
        let mut loss = [0.0];
        naive::loss::cross_entropy(&mut logits, 33, &[4], 1.0, &mut loss, LossMode::LossOnly);
        assert!(loss[0].is_nan(), "{at}");
    }
}
