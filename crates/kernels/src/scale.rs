//! A tensor times a number, or within a bound, with the gradient of that.

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

/// y = x within ± `bound`; NaN stays NaN.
pub fn clamp(pool: &ThreadPool, bound: f32, x: &[f32], y: &mut [f32]) {
    let y = DisjointSlices::new(y);
    pool.for_each_range(x.len(), 16, MIN_PER_THREAD, &|range| {
        // SAFETY: each range is cut once.
        let y = unsafe { y.range_mut(range.clone()) };
        for (y, x) in y.iter_mut().zip(&x[range]) {
            *y = x.clamp(-bound, bound);
        }
    });
}

/// In place of the gradient of what was bounded, that of what entered, `x`: +0 beyond the bound.
pub fn clamp_backward(pool: &ThreadPool, bound: f32, x: &[f32], dy: &mut [f32]) {
    let dy = DisjointSlices::new(dy);
    pool.for_each_range(x.len(), 16, MIN_PER_THREAD, &|range| {
        // SAFETY: each range is cut once.
        let dy = unsafe { dy.range_mut(range.clone()) };
        for (dy, x) in dy.iter_mut().zip(&x[range]) {
            *dy = if x.abs() <= bound { *dy } else { 0.0 };
        }
    });
}
