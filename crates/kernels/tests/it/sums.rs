//! Sums over a tensor equal their twins, and are near the sums of f64.

use crate::inputs::{KINDS, Kind, LENGTHS, numbers, pools, wide};
use lookback_kernels::{naive, sums};

#[test]
fn every_path_equals_the_twin() {
    for pool in pools() {
        for (kind, len) in KINDS.iter().flat_map(|kind| {
            LENGTHS.into_iter().chain([4095, 4097, 99_999]).map(|len| (*kind, len))
        }) {
            let x = numbers(kind, len, 1);
            let mut blocks = vec![0.0; sums::blocks_len(len)];
            let bits = |x: f64| if x.is_nan() { f64::NAN.to_bits() } else { x.to_bits() };
            assert_eq!(bits(sums::sum(&pool, &x, &mut blocks)), bits(naive::sums::sum(&x)));
            let squares = sums::sum_of_squares(&pool, &x, &mut blocks);
            assert_eq!(bits(squares), bits(naive::sums::sum_of_squares(&x)), "{kind:?} {len}");
        }
    }
}

#[test]
fn sums_are_near_those_of_f64() {
    let x = numbers(Kind::Scale(1.0), 99_999, 2);
    let expected = wide(&x).iter().fold(0.0, |sum, x| sum + x);
    // Each lane of a block adds 256 numbers of at most 1: 256 roundings of at most 256 · 2⁻²⁴.
    assert!((naive::sums::sum(&x) - expected).abs() < 25.0 * 16.0 * 256.0 * 256.0 * 6e-8);
    let expected = wide(&x).iter().fold(0.0, |sum, x| sum + x * x);
    assert!((naive::sums::sum_of_squares(&x) / expected - 1.0).abs() < 256.0 * 6e-8);
}
