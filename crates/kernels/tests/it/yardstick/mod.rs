//! What it takes to agree with the f64 reference: properties over whoever claims to be it.
//!
//! Each property runs the naive f32 twin (to which every kernel is equal, bit for bit) and a claimant
//! in f64 on inputs that expose errors, and says where they are further apart than f32's roundings
//! allow. `reference.rs` holds the reference itself to them, `mutants.rs` what only resembles it.
//!
//! Bounds are of running error analysis (Higham 2002, chapter 3): a chain of n fused multiply-adds errs
//! by at most n · eps · Σ|aᵢbᵢ|, a rounded function by its own few eps, and what is handed on is
//! multiplied by what it enters. Here eps = 2⁻²³, twice a rounding, which covers second orders.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub mod attend;
pub mod products;
pub mod rows;
pub mod steps;

use ndarray::Array2;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// Twice a rounding of f32.
pub const EPS: f64 = f32::EPSILON as f64;
/// Below this, f32 rounds denormals or has flushed an exponential to +0.
pub const MIN_BOUND: f64 = 1e-36;

/// Agreement, or where it ends.
pub type Agrees = Result<(), String>;

/// Scales of inputs; at 1 attention and softmax are soft, at 30 they are sharp.
pub const SCALES: [f32; 3] = [1e-3, 1.0, 30.0];

/// Cases of a property: a few by default, more where `PROPTEST_CASES` says so.
pub fn seeds() -> std::ops::Range<u64> {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    0..asked.map_or(2, |cases: u64| cases.div_ceil(64).max(2))
}

/// Uniform numbers from −scale to scale.
pub fn numbers(scale: f32, len: usize, seed: u64) -> Vec<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut one = || (random.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0;
    (0..len).map(|_| scale * one()).collect()
}

/// As rows of f64.
pub fn wide(values: &[f32], columns: usize) -> Array2<f64> {
    let rows = values.len() / columns;
    Array2::from_shape_fn((rows, columns), |(row, column)| {
        f64::from(values[row * columns + column])
    })
}

/// Whether an error is beyond its bound; NaN is.
pub fn exceeds(off: f64, bound: f64) -> bool {
    off.is_nan() || off > bound
}

/// Whether every number is within its bound of what is claimed.
pub fn within(what: &str, found: &[f32], claimed: &Array2<f64>, bound: &Array2<f64>) -> Agrees {
    if claimed.len() != found.len() {
        return Err(format!("{what}: {} numbers, not {}", claimed.len(), found.len()));
    }
    for ((found, claimed), bound) in found.iter().zip(claimed).zip(bound) {
        let off = (f64::from(*found) - claimed).abs();
        if exceeds(off, *bound) {
            return Err(format!("{what}: {found} is not within {bound:e} of {claimed}"));
        }
    }
    Ok(())
}
