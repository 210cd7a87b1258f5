//! How elementwise kernels are timed: compared with their twin first, then the median of many runs.

#![allow(dead_code, reason = "each bench uses a part of it")]
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::time::Instant;

use lookback_kernels::{isa::Isa, thread_pool::ThreadPool};

/// Elements of a tensor: 768 rows of 512.
pub const ELEMENTS: usize = 768 * 512;

/// Numbers in −1 .. 1.
pub fn numbers(len: usize) -> Vec<f32> {
    (0..len)
        .map(|i| ((i as u32).wrapping_mul(2_654_435_761) >> 8) as f32 / 8_388_608.0 - 1.0)
        .collect()
}

/// Refuses to time what is wrong.
pub fn same(fast: &[f32], slow: &[f32]) {
    assert!(fast.iter().zip(slow).all(|(a, b)| a.to_bits() == b.to_bits()), "not its twin's bits");
}

/// Prints a kernel's speed on one and two threads, by the bytes that it reads and writes.
pub fn report(name: &str, bytes: usize, mut run: impl FnMut(&ThreadPool)) {
    for threads in [1, 2] {
        let pool = ThreadPool::new(threads, Isa::detect());
        let mut seconds: Vec<f64> = (0..101)
            .map(|_| {
                let before = Instant::now();
                run(&pool);
                before.elapsed().as_secs_f64()
            })
            .collect();
        seconds.sort_by(f64::total_cmp);
        let (best, median) = (seconds[0], seconds[50]);
        let speed = bytes as f64 / median / 1e9;
        println!(
            "{name:<24} {threads} threads {:>9.1} µs (best {:.1}), {speed:.1} GB/s",
            median * 1e6,
            best * 1e6
        );
    }
}
