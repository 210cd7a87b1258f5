//! Norms of 768 rows, forward and backward.

mod timing;

use lookback_kernels::{naive, norm, thread_pool::ThreadPool};
use timing::{ELEMENTS, numbers, report, same};

const WIDTH: usize = 512;

fn main() {
    let (x, weight) = (numbers(ELEMENTS), numbers(WIDTH));
    let (mut y, mut slow) = (x.clone(), x.clone());
    let mut statistics = vec![0.0; 2 * ELEMENTS / WIDTH];
    let pool = ThreadPool::single_threaded();
    norm::layer(&pool, &x, WIDTH, &weight, None, 1e-5, &mut y, Some(&mut statistics));
    naive::norm::layer(&x, WIDTH, &weight, None, 1e-5, &mut slow, None);
    same(&y, &slow);
    report("layer", 8 * ELEMENTS, |pool| {
        norm::layer(pool, &x, WIDTH, &weight, None, 1e-5, &mut y, None);
    });
    report("rms", 8 * ELEMENTS, |pool| norm::rms(pool, &x, WIDTH, &weight, 1e-5, &mut y, None));
    let (mut dx, mut dweight) = (x.clone(), weight.clone());
    report("layer back", 12 * ELEMENTS, |pool| {
        norm::layer_backward(
            pool,
            &x,
            &x,
            WIDTH,
            &weight,
            &statistics,
            &mut dx,
            &mut dweight,
            None,
        );
    });
}
