//! Norms of 768 rows, forward and backward.

mod timing;

use lookback_kernels::{
    naive,
    norm::{self, NormGradients, NormParams},
    thread_pool::ThreadPool,
};
use timing::{ELEMENTS, numbers, report, same};

const WIDTH: usize = 512;

fn main() {
    let (x, weight) = (numbers(ELEMENTS), numbers(WIDTH));
    let (mut y, mut slow) = (x.clone(), x.clone());
    let mut statistics = vec![0.0; 2 * ELEMENTS / WIDTH];
    let pool = ThreadPool::single_threaded();
    let params = NormParams { width: WIDTH, weight: &weight, bias: None, epsilon: 1e-5 };
    norm::layer(&pool, params, &x, &mut y, Some(&mut statistics));
    naive::norm::layer(params, &x, &mut slow, None);
    same(&y, &slow);
    report("layer", 8 * ELEMENTS, |pool| {
        norm::layer(pool, params, &x, &mut y, None);
    });
    report("rms", 8 * ELEMENTS, |pool| norm::rms(pool, params, &x, &mut y, None));
    let (mut dx, mut dweight) = (x.clone(), weight.clone());
    report("layer back", 12 * ELEMENTS, |pool| {
        let to = NormGradients { dx: &mut dx, dweight: &mut dweight, dbias: None };
        norm::layer_backward(pool, params, &x, &x, &statistics, to);
    });
}
