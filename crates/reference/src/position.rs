//! Rotary embedding: the position of a token as rotations of its query and key.

use ndarray::{Array2, ArrayView2};

/// The angle by which each pair of dimensions turns from one position to the next: theta^(−2i/dims).
pub fn frequencies(dims: usize, theta: f64) -> Vec<f64> {
    (0..dims / 2).map(|i| theta.powf(-2.0 * i as f64 / dims as f64)).collect()
}

/// Rotates pair (i, i + dims/2) of every row by position · theta^(−2i/dims), so that positions
/// enter the dot product of two rows only by their distance. The dimensions after `dims` are
/// unchanged.
///
/// `x`: `[tokens, head_dim]` of one head. Su et al. 2021, section 3.2.2.
pub fn rotate(x: ArrayView2<'_, f64>, dims: usize, theta: f64) -> Array2<f64> {
    rotate_by(x, &frequencies(dims, theta))
}

/// Rotates pair (i, i + half) of every row by position · frequency i, where half is the number of
/// frequencies; the dimensions after the pairs are unchanged.
pub fn rotate_by(x: ArrayView2<'_, f64>, frequencies: &[f64]) -> Array2<f64> {
    let mut y = x.to_owned();
    let half = frequencies.len();
    for (position, (x, mut y)) in x.rows().into_iter().zip(y.rows_mut()).enumerate() {
        for i in 0..half {
            let angle = position as f64 * frequencies[i];
            y[i] = x[i] * angle.cos() - x[i + half] * angle.sin();
            y[i + half] = x[i + half] * angle.cos() + x[i] * angle.sin();
        }
    }
    y
}
