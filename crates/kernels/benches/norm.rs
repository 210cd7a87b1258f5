//! Norms of 768 rows, forward and backward.

mod timing;

use lookback_kernels::{naive, norm, team::Team};
use timing::{ELEMENTS, numbers, report, same};

const WIDTH: usize = 512;

fn main() {
    let (x, weight) = (numbers(ELEMENTS), numbers(WIDTH));
    let (mut y, mut slow) = (x.clone(), x.clone());
    let mut statistics = vec![0.0; 2 * ELEMENTS / WIDTH];
    let team = Team::alone();
    norm::layer(&team, &x, WIDTH, &weight, None, 1e-5, &mut y, Some(&mut statistics));
    naive::norm::layer(&x, WIDTH, &weight, None, 1e-5, &mut slow, None);
    same(&y, &slow);
    report("layer", 8 * ELEMENTS, |team| {
        norm::layer(team, &x, WIDTH, &weight, None, 1e-5, &mut y, None);
    });
    report("rms", 8 * ELEMENTS, |team| norm::rms(team, &x, WIDTH, &weight, 1e-5, &mut y, None));
    let (mut dx, mut dweight) = (x.clone(), weight.clone());
    report("layer back", 12 * ELEMENTS, |team| {
        norm::layer_backward(
            team,
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
