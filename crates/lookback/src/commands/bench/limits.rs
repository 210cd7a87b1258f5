//! What this machine can do at most, as the best of several moments: on a shared machine each is another.

use lookback_engine::{ThreadPool, limits};

use crate::{memory, options::Compute};

/// Where a step's bytes come from.
pub(super) const CACHES: &str = "caches";
const BOTH: &str = "caches and memory";
pub(super) const MEMORY: &str = "memory";

/// Further moments in which a limit is looked for that something has exceeded.
const MAX_REPEATS: usize = 8;

/// The best so far.
pub(super) struct Limits<'a> {
    pool: &'a ThreadPool,
    /// Bytes of a reading: those of a step of decoding, where caches can hold some of them.
    bytes: usize,
    /// What the caches of these threads hold.
    pub cache_bytes: usize,
    pub read_gb_per_second: f64,
    pub f32_gflops_per_second: f64,
    pub bf16_gflops_per_second: f64,
    /// The most memory that was held while something was timed.
    pub peak_memory_mb: Option<usize>,
    /// Whether the system lets that be told apart from what is held here.
    forgets_peaks: bool,
}

impl<'a> Limits<'a> {
    /// For steps that read so many bytes.
    pub(super) fn new(bytes_a_step: usize, pool: &'a ThreadPool) -> Self {
        Self {
            pool,
            bytes: bytes_a_step.clamp(64, memory::beyond_caches().max(64)),
            cache_bytes: memory::cache_bytes_of(pool.threads()),
            read_gb_per_second: 0.0,
            f32_gflops_per_second: 0.0,
            bf16_gflops_per_second: 0.0,
            peak_memory_mb: memory::peak_mb(),
            forgets_peaks: memory::forget_peak(),
        }
    }

    /// Measures them now.
    pub(super) fn measure(&mut self) {
        // Where peaks cannot be told apart, those after the first would be of what is held here.
        if self.forgets_peaks || self.read_gb_per_second == 0.0 {
            self.peak_memory_mb = self.peak_memory_mb.max(memory::peak_mb());
        }
        // Written, so that every page is there.
        let data = vec![1.0; self.bytes / 4];
        let better = |known: &mut f64, now: f64| *known = known.max(now);
        better(&mut self.read_gb_per_second, limits::read_gb_per_second(self.pool, &data));
        better(&mut self.f32_gflops_per_second, limits::f32_gflops_per_second(self.pool));
        better(&mut self.bf16_gflops_per_second, limits::bf16_gflops_per_second(self.pool));
        drop(data);
        self.forgets_peaks = self.forgets_peaks && memory::forget_peak();
    }

    /// Looks for more where something was faster than the limits, and at last takes that for what can be
    /// done at most, since it was done.
    pub(super) fn raise_to(&mut self, read: f64, gflops: f64, compute: Compute) {
        for _ in 0..MAX_REPEATS {
            if read <= self.read_gb_per_second && gflops <= self.gflops_per_second(compute) {
                return;
            }
            self.measure();
        }
        self.read_gb_per_second = self.read_gb_per_second.max(read);
        let limit = match compute {
            Compute::F32 => &mut self.f32_gflops_per_second,
            Compute::Bf16 => &mut self.bf16_gflops_per_second,
        };
        *limit = limit.max(gflops);
    }

    /// The limit of products in this precision.
    pub(super) fn gflops_per_second(&self, compute: Compute) -> f64 {
        match compute {
            Compute::F32 => self.f32_gflops_per_second,
            Compute::Bf16 => self.bf16_gflops_per_second,
        }
    }

    /// Where a step's bytes come from, as far as their number tells.
    pub(super) fn source(&self) -> &'static str {
        match self.bytes {
            bytes if bytes <= self.cache_bytes => CACHES,
            bytes if bytes / 3 <= self.cache_bytes => BOTH,
            _ => MEMORY,
        }
    }
}
