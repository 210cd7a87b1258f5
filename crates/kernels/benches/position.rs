//! Rotation of 768 rows of 8 heads.

mod timing;

use lookback_kernels::{
    naive,
    position::{Direction, Rotation, angles, frequencies, rotate},
    thread_pool::ThreadPool,
};
use timing::{ELEMENTS, numbers, report, same};

fn main() {
    let x = numbers(ELEMENTS);
    let (mut y, mut slow) = (x.clone(), x.clone());
    let (mut speeds, mut table) = (vec![0.0; 32], vec![0.0; 768 * 64]);
    frequencies(64, 1e4, &mut speeds);
    angles(64, &speeds, 0..768, &mut table);
    let positions: Vec<u32> = (0..768).collect();
    let rotation = Rotation {
        heads: 8,
        head_dim: 64,
        rotary_dim: 64,
        table: &table,
        positions: &positions,
        direction: Direction::Forward,
    };
    rotate(&ThreadPool::single_threaded(), rotation, &x, &mut y);
    naive::position::rotate(rotation, &x, &mut slow);
    same(&y, &slow);
    report("rotate", 8 * ELEMENTS, |pool| rotate(pool, rotation, &x, &mut y));
}
