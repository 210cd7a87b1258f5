//! Sums of two tensors.

use crate::thread_pool::{DisjointSlices, ThreadPool};

/// Elements that are worth a thread of their own.
const MIN_PER_THREAD: usize = 64 * 1024;

/// out = x + y
pub fn add(pool: &ThreadPool, x: &[f32], y: &[f32], out: &mut [f32]) {
    let len = x.len();
    let out = DisjointSlices::new(out);
    pool.for_each_range(len, 16, MIN_PER_THREAD, &|range| {
        // SAFETY: each range is cut once.
        let out = unsafe { out.range_mut(range.clone()) };
        for ((out, x), y) in out.iter_mut().zip(&x[range.clone()]).zip(&y[range]) {
            *out = x + y;
        }
    });
}

/// sum = sum + x
pub fn add_to(pool: &ThreadPool, x: &[f32], sum: &mut [f32]) {
    let len = x.len();
    let to = DisjointSlices::new(sum);
    pool.for_each_range(len, 16, MIN_PER_THREAD, &|range| {
        // SAFETY: each range is cut once.
        let to = unsafe { to.range_mut(range.clone()) };
        for (to, x) in to.iter_mut().zip(&x[range]) {
            *to += x;
        }
    });
}
