//! Elementary functions: near those of f64, the same for one number and for sixteen lanes.

use crate::inputs::bits;
use lookback_kernels::{
    isa::Isa,
    lanes::{Kernel, LANES, Lanes},
    math,
};

/// Numbers of all sizes and both signs, and the special ones.
fn sweep() -> Vec<f32> {
    let special = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::MIN_POSITIVE,
        1e-45,
        -87.3,
        -87.300_01,
        88.722_84,
        88.73,
        89.0,
        -88.0,
        -104.0,
        f32::MAX,
        f32::MIN,
        127.5,
    ];
    let dense = (0..400_000).map(|i| (i - 200_000) as f32 * 0.000_5);
    let by_bits = (0..1 << 16).map(|high: u32| f32::from_bits(high << 16 | 0x1234));
    let mut all: Vec<f32> = special.into_iter().chain(dense).chain(by_bits).collect();
    all.resize(all.len().next_multiple_of(LANES), 0.5);
    all
}

struct EachLane<'a>(&'a [f32], usize);

impl Kernel for EachLane<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) -> Vec<f32> {
        let mut out = self.0.to_vec();
        for part in out.chunks_exact_mut(LANES) {
            let x = simd.load(part);
            let y = match self.1 {
                0 => math::exp_lanes(simd, x),
                1 => math::sigmoid_lanes(simd, x),
                _ => math::erf_lanes(simd, x),
            };
            simd.store(y, part);
        }
        out
    }
}

#[test]
fn lanes_give_the_bits_of_one_number() {
    let all = sweep();
    let one: [fn(f32) -> f32; 3] = [math::exp, math::sigmoid, math::erf];
    for isa in Isa::available() {
        for (which, one) in one.iter().enumerate() {
            let lanes = bits(&isa.run(EachLane(&all, which)));
            let alone = bits(&all.iter().map(|&x| one(x)).collect::<Vec<_>>());
            let apart = (0..all.len()).find(|&i| lanes[i] != alone[i]);
            assert_eq!(apart.map(|i| all[i]), None, "{isa:?}, function {which}");
        }
    }
}

#[test]
fn exp_is_exp() {
    assert_eq!(math::exp(0.0), 1.0);
    assert!(math::exp(f32::NAN).is_nan());
    assert_eq!(math::exp(-87.31).to_bits(), 0);
    assert_eq!(math::exp(f32::NEG_INFINITY).to_bits(), 0);
    assert_eq!(math::exp(f32::INFINITY), f32::INFINITY);
    for x in sweep().into_iter().filter(|x| (-87.3..88.72).contains(x)) {
        let expected = libm::exp(f64::from(x));
        let error = (f64::from(math::exp(x)) / expected - 1.0).abs();
        assert!(error < 1.5e-7, "exp({x}) is off by {error:e}");
    }
}

#[test]
fn erf_is_erf() {
    for x in sweep().into_iter().filter(|x| !x.is_nan()) {
        let error = (f64::from(math::erf(x)) - libm::erf(f64::from(x))).abs();
        // The tail is at most 1: the fit's 3e-8, exp's 1e-7, and three roundings of 6e-8.
        assert!(error < 3.1e-7, "erf({x}) is off by {error:e}");
    }
}
