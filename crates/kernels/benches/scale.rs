//! A factor and the hard bound, forward and backward.

mod timing;

use lookback_kernels::{
    naive,
    scale::{clamp, clamp_backward, scale},
    thread_pool::ThreadPool,
};
use timing::{ELEMENTS, numbers, report, same};

fn main() {
    let x = numbers(ELEMENTS);
    let (mut y, mut slow) = (x.clone(), x.clone());
    scale(&ThreadPool::single_threaded(), 0.7, &x, &mut y);
    naive::scale::scale(0.7, &x, &mut slow);
    same(&y, &slow);
    clamp(&ThreadPool::single_threaded(), 0.5, &x, &mut y);
    naive::scale::clamp(0.5, &x, &mut slow);
    same(&y, &slow);
    report("scale", 8 * ELEMENTS, |pool| scale(pool, 0.7, &x, &mut y));
    report("clamp", 8 * ELEMENTS, |pool| clamp(pool, 0.5, &x, &mut y));
    report("clamp back", 12 * ELEMENTS, |pool| clamp_backward(pool, 0.5, &x, &mut y));
}
