//! Rotary embedding: the position of a token as rotations of its query and key.

use ndarray::{Array2, ArrayView2};

/// Rotates pair (i, i + dims/2) of every row by position · theta^(−2i/dims), so that positions
/// enter the dot product of two rows only by their distance. The dimensions after `dims` are
/// unchanged.
///
/// `x`: `[tokens, head_dim]` of one head. Su et al. 2021, section 3.2.2.
pub fn rotate(x: ArrayView2<'_, f64>, dims: usize, theta: f64) -> Array2<f64> {
    let mut y = x.to_owned();
    let half = dims / 2;
    for (position, (x, mut y)) in x.rows().into_iter().zip(y.rows_mut()).enumerate() {
        for i in 0..half {
            let angle = position as f64 * theta.powf(-2.0 * i as f64 / dims as f64);
            y[i] = x[i] * angle.cos() - x[i + half] * angle.sin();
            y[i + half] = x[i + half] * angle.cos() + x[i] * angle.sin();
        }
    }
    y
}
