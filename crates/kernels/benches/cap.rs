//! The soft bound of logits, forward and backward.

mod timing;

use lookback_kernels::{
    cap::{backward, forward},
    naive,
    team::Team,
};
use timing::{ELEMENTS, numbers, report, same};

fn main() {
    let x = numbers(ELEMENTS);
    let (mut y, mut slow) = (x.clone(), x.clone());
    forward(&Team::alone(), 30.0, &mut y);
    naive::cap::forward(30.0, &mut slow);
    same(&y, &slow);
    report("cap", 8 * ELEMENTS, |team| forward(team, 30.0, &mut y));
    report("cap back", 12 * ELEMENTS, |team| backward(team, 30.0, &x, &mut y));
}
