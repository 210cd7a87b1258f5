//! The soft bound of logits, forward and backward.

mod timing;

use lookback_kernels::{
    cap::{backward, forward},
    naive,
    thread_pool::ThreadPool,
};
use timing::{ELEMENTS, numbers, report, same};

fn main() {
    let x = numbers(ELEMENTS);
    let (mut y, mut slow) = (x.clone(), x.clone());
    forward(&ThreadPool::single_threaded(), 30.0, &mut y);
    naive::cap::forward(30.0, &mut slow);
    same(&y, &slow);
    report("cap", 8 * ELEMENTS, |pool| forward(pool, 30.0, &mut y));
    report("cap back", 12 * ELEMENTS, |pool| backward(pool, 30.0, &x, &mut y));
}
