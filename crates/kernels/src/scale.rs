//! A tensor times a number.

use crate::thread_pool::{DisjointSlices, ThreadPool};

/// Elements that are worth a thread of their own.
const MIN_PER_THREAD: usize = 64 * 1024;

/// y = x · factor
pub fn scale(pool: &ThreadPool, factor: f32, x: &[f32], y: &mut [f32]) {
    let y = DisjointSlices::new(y);
    pool.for_each_range(x.len(), 16, MIN_PER_THREAD, &|range| {
        // SAFETY: each range is cut once.
        let y = unsafe { y.range_mut(range.clone()) };
        for (y, x) in y.iter_mut().zip(&x[range]) {
            *y = x * factor;
        }
    });
}

/// x = x · factor
pub fn scale_in_place(pool: &ThreadPool, factor: f32, x: &mut [f32]) {
    let len = x.len();
    let x = DisjointSlices::new(x);
    pool.for_each_range(len, 16, MIN_PER_THREAD, &|range| {
        // SAFETY: each range is cut once.
        unsafe { x.range_mut(range) }.iter_mut().for_each(|x| *x *= factor);
    });
}
