//! One step of AdamW.

mod timing;

use lookback_kernels::{
    naive,
    optimize::{AdamW, adamw},
    thread_pool::ThreadPool,
};
use timing::{ELEMENTS, numbers, report, same};

fn main() {
    let settings = AdamW {
        rate: 1e-3,
        beta1: 0.9,
        beta2: 0.99,
        epsilon: 1e-8,
        decay: 0.1,
        correction1: 0.1,
        correction2: 0.01,
    };
    let gradient = numbers(ELEMENTS);
    let start = || (gradient.clone(), vec![0.0; ELEMENTS], vec![0.0; ELEMENTS]);
    let (mut fast, mut slow) = (start(), start());
    adamw(
        &ThreadPool::single_threaded(),
        &settings,
        1.0,
        &mut fast.0,
        &gradient,
        &mut fast.1,
        &mut fast.2,
    );
    naive::optimize::adamw(&settings, 1.0, &mut slow.0, &gradient, &mut slow.1, &mut slow.2);
    same(&fast.0, &slow.0);
    report("adamw", 28 * ELEMENTS, |pool| {
        adamw(pool, &settings, 1.0, &mut fast.0, &gradient, &mut fast.1, &mut fast.2);
    });
}
