//! Changes of a row along a direction, with gradients: what steering and ablation of directions do.

use super::sums::row_dot;

/// What happens to a row h, given a vector. A row whose coefficient is 0 keeps its bits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Steering {
    /// `h + (factor − 1) (h · v) v`, v of length 1: the part along v times a factor; 0 projects it out.
    ScaleAlong(f32),
    /// `h + (c − h · v) v`, v of length 1, c: `h · v` within these bounds.
    ClampAlong {
        /// The least that `h · v` becomes.
        min: f32,
        /// The most.
        max: f32,
    },
    /// `h + ‖h‖ v`
    AddByNorm,
    /// `h + v − (h · v / h · h) h`: the part of v that is orthogonal to h is added.
    AddOrthogonal,
    /// `h + (h · v) d`; v and d stand one behind the other, d = t − v moves what lies along v to t.
    Swap,
}

impl Steering {
    /// Vectors that it takes, each as long as a row.
    pub fn vectors(self) -> usize {
        match self {
            Self::Swap => 2,
            Self::ScaleAlong(_)
            | Self::ClampAlong { .. }
            | Self::AddByNorm
            | Self::AddOrthogonal => 1,
        }
    }

    /// What brings a coefficient within its bounds; 0 where it is there, or no number.
    pub(crate) fn clamped(min: f32, max: f32, along: f32) -> f32 {
        // Comparisons with what is no number are false, so that it stays.
        if along < min {
            min - along
        } else if along > max {
            max - along
        } else {
            0.0
        }
    }
}

/// Changes a row in place.
pub fn forward(steering: Steering, vector: &[f32], row: &mut [f32]) {
    let (v, d) = vector.split_at(row.len());
    let (coefficient, to) = match steering {
        Steering::ScaleAlong(factor) => ((factor - 1.0) * row_dot(row, v), v),
        Steering::ClampAlong { min, max } => (Steering::clamped(min, max, row_dot(row, v)), v),
        Steering::AddByNorm => (row_dot(row, row).sqrt(), v),
        Steering::Swap => (row_dot(row, v), d),
        Steering::AddOrthogonal => {
            let share = share_along(row, v);
            for (h, v) in row.iter_mut().zip(v) {
                *h = (-share).mul_add(*h, *h + v);
            }
            return;
        }
    };
    if coefficient != 0.0 {
        add(coefficient, to, row);
    }
}

/// In place of the gradient of what was made of a row `x`, that of the row.
pub fn backward(steering: Steering, vector: &[f32], x: &[f32], dy: &mut [f32]) {
    let (v, d) = vector.split_at(x.len());
    let (coefficient, to) = match steering {
        Steering::ScaleAlong(factor) => ((factor - 1.0) * row_dot(dy, v), v),
        Steering::ClampAlong { min, max } => {
            let is_inside = Steering::clamped(min, max, row_dot(x, v)) == 0.0;
            (if is_inside { 0.0 } else { -row_dot(dy, v) }, v)
        }
        Steering::AddByNorm => {
            let norm = row_dot(x, x).sqrt();
            (if norm == 0.0 { 0.0 } else { row_dot(dy, v) / norm }, x)
        }
        Steering::Swap => (row_dot(dy, d), v),
        Steering::AddOrthogonal => {
            let (share, squares) = (share_along(x, v), row_dot(x, x));
            let along = if squares == 0.0 { 0.0 } else { row_dot(dy, x) / squares };
            for ((dy, x), v) in dy.iter_mut().zip(x).zip(v) {
                let slope = (-2.0 * share).mul_add(*x, *v);
                *dy = (-along).mul_add(slope, *dy * (1.0 - share));
            }
            return;
        }
    };
    if coefficient != 0.0 {
        add(coefficient, to, dy);
    }
}

/// `h · v / h · h`; 0 of a row without length.
fn share_along(row: &[f32], v: &[f32]) -> f32 {
    let squares = row_dot(row, row);
    if squares == 0.0 { 0.0 } else { row_dot(row, v) / squares }
}

fn add(coefficient: f32, vector: &[f32], row: &mut [f32]) {
    for (h, v) in row.iter_mut().zip(vector) {
        *h = coefficient.mul_add(*v, *h);
    }
}
