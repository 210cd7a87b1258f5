//! Tokens become vectors. An id is a label: it only says which row to take.

use ndarray::{Array2, Axis};

/// The rows of a table, `[ids, width]`.
pub fn rows(table: &Array2<f64>, ids: &[usize]) -> Array2<f64> {
    table.select(Axis(0), ids)
}
