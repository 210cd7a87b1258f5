//! Inputs that expose errors, and every way in which a kernel can be run.

#![allow(dead_code, reason = "each test file uses a part of it")]

use lookback_kernels::{isa::Isa, thread_pool::ThreadPool};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// Where vectors and threads' shares begin and end.
pub const LENGTHS: [usize; 13] = [0, 1, 7, 8, 9, 15, 16, 17, 63, 64, 65, 130, 1000];

/// The pools whose results must agree: the fastest instruction set with one, two and three threads, the others,
/// which are slow, with three. With `LOOKBACK_FULL`, each with one, two and three.
pub fn pools() -> Vec<ThreadPool> {
    let is_full = std::env::var_os("LOOKBACK_FULL").is_some();
    let threads = |isa| if is_full || isa == Isa::detect() { 1..=3 } else { 3..=3 };
    Isa::available()
        .flat_map(|isa| threads(isa).map(move |threads| ThreadPool::new(threads, isa)))
        .collect()
}

/// What inputs look like.
pub const KINDS: [Kind; 4] = [Kind::Scale(1e-3), Kind::Scale(1.0), Kind::Scale(30.0), Kind::Hard];

/// What inputs look like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Uniform in −scale to scale.
    Scale(f32),
    /// Also −0, denormals, infinities and NaN.
    Hard,
}

/// Numbers of a kind, by a seed.
pub fn numbers(kind: Kind, len: usize, seed: u64) -> Vec<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut one = || {
        let x = (random.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0;
        match kind {
            Kind::Scale(scale) => x * scale,
            Kind::Hard => match random.next_u32() % 64 {
                0 => f32::NAN,
                1 => f32::INFINITY,
                2 => f32::NEG_INFINITY,
                3..9 => -0.0,
                9..12 => x * 1e-41,
                12..15 => x * 90.0,
                _ => x,
            },
        }
    };
    (0..len).map(|_| one()).collect()
}

/// Bits, in which all NaNs are equal.
pub fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| if x.is_nan() { f32::NAN.to_bits() } else { x.to_bits() }).collect()
}

/// The slope of a function of f64 along one of its inputs, by central differences.
pub fn slope(of: &dyn Fn(&[f64]) -> f64, at: &[f64], index: usize) -> f64 {
    let mut there = at.to_vec();
    let step = 1e-5 * at[index].abs().max(1.0);
    there[index] = at[index] + step;
    let above = of(&there);
    there[index] = at[index] - step;
    (above - of(&there)) / (2.0 * step)
}

/// In f64.
pub fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&x| f64::from(x)).collect()
}
