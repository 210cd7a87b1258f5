//! Sums across a row and over a whole tensor.

use crate::lanes::{LANES, max_tree, sum_tree};

/// Elements of a tensor that are summed in f32 before their total goes on in f64.
pub const BLOCK: usize = 4096;

/// A sum: element i joins lane i mod 16, the lanes meet in the tree.
pub fn row_sum(x: &[f32]) -> f32 {
    let mut lanes = [0.0; LANES];
    for (index, x) in x.iter().enumerate() {
        lanes[index % LANES] += x;
    }
    sum_tree(lanes)
}

/// A sum of products, likewise: lane = fma(a, b, lane).
pub fn row_dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0; LANES];
    for (index, (a, b)) in a.iter().zip(b).enumerate() {
        lanes[index % LANES] = a.mul_add(*b, lanes[index % LANES]);
    }
    sum_tree(lanes)
}

/// The largest, from −inf: lane = if x > lane then x else lane, so that NaN is passed over.
pub fn row_max(x: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    for (index, &x) in x.iter().enumerate() {
        let lane = &mut lanes[index % LANES];
        *lane = crate::lanes::larger(x, *lane);
    }
    max_tree(lanes)
}

/// The sum of a tensor.
pub fn sum(x: &[f32]) -> f64 {
    x.chunks(BLOCK).fold(0.0, |total, block| total + f64::from(row_sum(block)))
}

/// The sum of a tensor's squares.
pub fn sum_of_squares(x: &[f32]) -> f64 {
    x.chunks(BLOCK).fold(0.0, |total, block| total + f64::from(row_dot(block, block)))
}
