//! Cross-entropy of 256 rows over 2,048 tokens, with its gradient.

mod timing;

use lookback_kernels::{
    loss::{LossMode, cross_entropy},
    naive,
    thread_pool::ThreadPool,
};
use timing::{numbers, report, same};

fn main() {
    let logits = numbers(256 * 2048);
    let targets: Vec<u32> = (0..256).collect();
    let (mut fast, mut slow) = (logits.clone(), logits.clone());
    let mut losses = vec![0.0; 256];
    let mode = LossMode::Gradient;
    cross_entropy(
        &ThreadPool::single_threaded(),
        &mut fast,
        2048,
        &targets,
        1.0,
        &mut losses,
        mode,
    );
    naive::loss::cross_entropy(&mut slow, 2048, &targets, 1.0, &mut losses, mode);
    same(&fast, &slow);
    report("cross_entropy", 12 * logits.len(), |pool| {
        cross_entropy(pool, &mut fast, 2048, &targets, 1.0, &mut losses, mode);
    });
}
