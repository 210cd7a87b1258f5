//! Rotation equals its twin, is that of the reference, and turning back undoes it.

use crate::inputs::{KINDS, Kind, bits, numbers, pools};
use lookback_kernels::{
    naive,
    position::{Direction, Rotation, angles, frequencies, rotate},
};
use ndarray::Array2;

fn table(dims: usize, theta: f32, positions: usize) -> Vec<f32> {
    let mut speeds = vec![0.0; dims / 2];
    frequencies(dims, theta, &mut speeds);
    let mut table = vec![0.0; positions * dims];
    angles(dims, &speeds, 0..positions, &mut table);
    table
}

#[test]
fn every_path_equals_the_twin() {
    for pool in pools() {
        for kind in KINDS {
            for (heads, head_dim, dims) in
                [(1, 2, 2), (3, 8, 8), (2, 24, 6), (4, 80, 80), (1, 40, 34)]
            {
                let positions: Vec<u32> = (0..67).map(|row| row * 3 % 101).collect();
                let table = table(dims, 1e4, 101);
                let x = numbers(kind, 67 * heads * head_dim, 9);
                for direction in [Direction::Forward, Direction::Back] {
                    let (mut fast, mut slow) = (vec![0.0; x.len()], vec![0.0; x.len()]);
                    let rotation = Rotation {
                        heads,
                        head_dim,
                        rotary_dim: dims,
                        table: &table,
                        positions: &positions,
                        direction,
                    };
                    rotate(&pool, rotation, &x, &mut fast);
                    naive::position::rotate(rotation, &x, &mut slow);
                    assert_eq!(bits(&fast), bits(&slow), "{kind:?} {heads} {head_dim} {dims}");
                }
            }
        }
    }
}

#[test]
fn values_are_those_of_the_reference_and_back_undoes_them() {
    let (dims, rows) = (24, 300);
    let table = table(dims, 1e4, rows);
    let positions: Vec<u32> = (0..rows as u32).collect();
    let x = numbers(Kind::Scale(1.0), rows * dims, 3);
    let (mut y, mut back) = (vec![0.0; x.len()], vec![0.0; x.len()]);
    let turn = |from: &[f32], direction, to: &mut [f32]| {
        let rotation = Rotation {
            heads: 1,
            head_dim: dims,
            rotary_dim: dims,
            table: &table,
            positions: &positions,
            direction,
        };
        naive::position::rotate(rotation, from, to);
    };
    turn(&x, Direction::Forward, &mut y);
    turn(&y, Direction::Back, &mut back);
    let wide = Array2::from_shape_fn((rows, dims), |(row, i)| f64::from(x[row * dims + i]));
    let expected = lookback_reference::position::rotate(wide.view(), dims, 1e4);
    for (index, y) in y.iter().enumerate() {
        let expected = expected[[index / dims, index % dims]];
        // The angle is rounded to f32: up to 300 radians, so up to 300 · 2⁻²⁴ · √2 off.
        assert!((f64::from(*y) - expected).abs() < 5e-5, "{index}: {y} and {expected}");
        assert!((back[index] - x[index]).abs() < 1e-6);
    }
}

#[test]
fn the_first_position_is_not_turned() {
    let table = table(8, 1e4, 1);
    assert_eq!(table, [1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
}
