//! Rotary positions (Su et al. 2021), on pairs (i, i + rotary_dim / 2) as Hugging Face has them.

use crate::position::{Direction, Rotation};

/// Turns each pair (a, b) by its row's angle: (a·cos − b·sin, b·cos + a·sin), or back.
///
/// `x`, `y`: `[rows, heads, head_dim]`.
pub fn rotate(rotation: Rotation<'_>, x: &[f32], y: &mut [f32]) {
    let Rotation { heads, head_dim, rotary_dim, table, positions, direction } = rotation;
    let half = rotary_dim / 2;
    y.copy_from_slice(x);
    for (index, y) in y.chunks_exact_mut(head_dim).enumerate() {
        let position = positions[index / heads] as usize;
        let x = &x[index * head_dim..][..head_dim];
        for pair in 0..half {
            let cos = table[position * rotary_dim + pair];
            let sin = table[position * rotary_dim + half + pair];
            let sin = sin * if direction == Direction::Back { -1.0 } else { 1.0 };
            let (a, b) = (x[pair], x[pair + half]);
            y[pair] = a.mul_add(cos, -(b * sin));
            y[pair + half] = b.mul_add(cos, a * sin);
        }
    }
}
