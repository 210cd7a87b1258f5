//! Activations, forward and backward.

mod timing;

use lookback_kernels::{
    activate::{backward, forward},
    naive::{self, activate::Activation},
    thread_pool::ThreadPool,
};
use timing::{ELEMENTS, numbers, report, same};

fn main() {
    let x = numbers(ELEMENTS);
    let (mut y, mut slow) = (x.clone(), x.clone());
    for activation in Activation::ALL {
        forward(&ThreadPool::single_threaded(), activation, &x, None, &mut y);
        naive::activate::forward(activation, &x, None, &mut slow);
        same(&y, &slow);
        report(&format!("{activation:?}"), 8 * ELEMENTS, |pool| {
            forward(pool, activation, &x, None, &mut y)
        });
        report(&format!("{activation:?} back"), 12 * ELEMENTS, |pool| {
            backward(pool, activation, &x, &x, None, &mut y, None);
        });
    }
}
