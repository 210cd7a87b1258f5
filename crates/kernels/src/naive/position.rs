//! Rotary positions (Su et al. 2021), on pairs (i, i + rotary_dim / 2) as Hugging Face has them.

use crate::position::Direction;

/// Turns each pair (a, b) by its row's angle: (a·cos − b·sin, b·cos + a·sin), or back.
///
/// `x`: `[rows, heads, head_dim]`; `table`: `[positions, 2, rotary_dim / 2]`, cosines then sines.
#[allow(
    clippy::too_many_arguments,
    reason = "a shape of three axes, a table, and where to read it"
)]
pub fn rotate(
    x: &[f32],
    heads: usize,
    head_dim: usize,
    rotary_dim: usize,
    table: &[f32],
    positions: &[u32],
    direction: Direction,
    y: &mut [f32],
) {
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
