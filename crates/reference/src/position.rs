//! Where a token stands, told by turning its queries and keys.

use ndarray::{Array2, ArrayView2};

/// Turns pair (i, i + dims/2) of every row by position · theta^(−2i/dims), so that the product of two
/// rows depends only on how far apart they stand. The dimensions after `dims` stay.
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
