//! Rotation of 768 rows of 8 heads.

mod timing;

use lookback_kernels::{
    naive,
    position::{Direction, angles, frequencies, rotate},
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
    let forth = Direction::Forward;
    rotate(&ThreadPool::single_threaded(), &x, 8, 64, 64, &table, &positions, forth, &mut y);
    naive::position::rotate(&x, 8, 64, 64, &table, &positions, forth, &mut slow);
    same(&y, &slow);
    report("rotate", 8 * ELEMENTS, |pool| {
        rotate(pool, &x, 8, 64, 64, &table, &positions, forth, &mut y);
    });
}
