//! Changes of rows along a direction, forward and backward.

mod timing;

use lookback_kernels::{
    isa::Isa,
    naive,
    steer::{Steering, backward, forward},
};
use timing::{ELEMENTS, numbers, report, same};

const WIDTH: usize = 512;

fn main() {
    let (x, v) = (numbers(ELEMENTS), numbers(WIDTH));
    for (name, steering) in [
        ("project out", Steering::ScaleAlong(0.0)),
        ("add by norm", Steering::AddByNorm),
        ("orthogonal add", Steering::AddOrthogonal),
    ] {
        let (mut y, mut slow) = (x.clone(), x.clone());
        let isa = Isa::detect();
        y.chunks_exact_mut(WIDTH).for_each(|row| forward(isa, steering, &v, row));
        slow.chunks_exact_mut(WIDTH).for_each(|row| naive::steer::forward(steering, &v, row));
        same(&y, &slow);
        report(name, 8 * ELEMENTS, |pool| {
            y.copy_from_slice(&x);
            y.chunks_exact_mut(WIDTH).for_each(|row| forward(pool.isa(), steering, &v, row));
        });
        report(&format!("{name} back"), 12 * ELEMENTS, |pool| {
            y.copy_from_slice(&x);
            for (dy, x) in y.chunks_exact_mut(WIDTH).zip(x.chunks_exact(WIDTH)) {
                backward(pool.isa(), steering, &v, x, dy);
            }
        });
    }
}
