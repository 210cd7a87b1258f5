//! Changes of a row along a direction, by their formulas.

use lookback_model::Steering;
use ndarray::{Array1, ArrayView1, s};

/// A row changed along vectors, which stand one behind the other.
pub(crate) fn steered(
    steering: Steering,
    vectors: &[f32],
    row: ArrayView1<'_, f64>,
) -> Array1<f64> {
    let vectors = Array1::from_iter(vectors.iter().map(|&x| f64::from(x)));
    let v = vectors.slice(s![..row.len()]);
    let along = row.dot(&v);
    match steering {
        Steering::ScaleAlong(factor) => &row + &(&v * ((f64::from(factor) - 1.0) * along)),
        Steering::ClampAlong { min, max } => {
            let within = along.max(f64::from(min)).min(f64::from(max));
            &row + &(&v * (within - along))
        }
        Steering::AddByNorm => &row + &(&v * row.dot(&row).sqrt()),
        Steering::AddOrthogonal => {
            let squares = row.dot(&row);
            let share = if squares == 0.0 { 0.0 } else { along / squares };
            &row + &v - &row * share
        }
        Steering::Swap => &row + &(&vectors.slice(s![row.len()..]) * along),
    }
}
