//! Activations, forward and backward.

mod timing;

use lookback_kernels::{
    activate::{backward, forward},
    naive::{self, activate::Activation},
    team::Team,
};
use timing::{ELEMENTS, numbers, report, same};

fn main() {
    let x = numbers(ELEMENTS);
    let (mut y, mut slow) = (x.clone(), x.clone());
    for how in [Activation::Silu, Activation::Gelu, Activation::GeluTanh, Activation::Relu2] {
        forward(&Team::alone(), how, &x, None, &mut y);
        naive::activate::forward(how, &x, None, &mut slow);
        same(&y, &slow);
        report(&format!("{how:?}"), 8 * ELEMENTS, |team| forward(team, how, &x, None, &mut y));
        report(&format!("{how:?} back"), 12 * ELEMENTS, |team| {
            backward(team, how, &x, &x, None, &mut y, None);
        });
    }
}
