//! What this machine can do at most: multiply-adds in registers, and reading memory once.
//!
//! Every speed is a share of these, measured in the same run, because hosts differ and are shared. Each
//! figure is the best of some short runs. A benchmark measures the limits before, between and after its own
//! runs, because on a shared machine they change from one moment to the next.

use std::{hint::black_box, time::Instant};

use crate::{
    lanes::{Kernel, LANES, Lanes, PairKernel, Pairs},
    thread_pool::ThreadPool,
};

/// Chains of sixteen lanes of one run, as many at a time as [`holds_all_chains`] says.
const CHAINS: usize = 12;
/// Numbers that one timing of a reading reads at least.
const REPEATED: usize = 1 << 20;
/// Steps of each chain.
const STEPS: usize = 100_000;

/// The most f32 multiply-adds of all threads together, in 10⁹ floating-point operations a second.
pub fn f32_gflops_per_second(pool: &ThreadPool) -> f64 {
    let work = 2.0 * (CHAINS * STEPS * LANES * pool.threads()) as f64;
    1e-9 * work / fastest_seconds(pool, || _ = black_box(pool.isa().run(MultiplyAdds)))
}

/// The same of pairs of bf16, each of which is two multiply-adds.
pub fn bf16_gflops_per_second(pool: &ThreadPool) -> f64 {
    let work = 4.0 * (CHAINS * STEPS * LANES * pool.threads()) as f64;
    1e-9 * work / fastest_seconds(pool, || _ = black_box(pool.isa().run_pairs(PairDots)))
}

/// How fast all threads together read `data`, again and again, in 10⁹ bytes a second: the fastest of
/// several ways to do so, which differ in how many places each thread reads at once, and in whether it
/// reads a part that is its own or the next piece that is left. Where `data` fits the caches, theirs is
/// the speed. `data` is to be touched before.
pub fn read_gb_per_second(pool: &ThreadPool, data: &[f32]) -> f64 {
    let own = data.len().div_ceil(pool.threads());
    let piece = (data.len() / (8 * pool.threads())).clamp(8 * LANES, 1 << 20);
    let passes_by_streams: [TimedPass; 3] = [pass::<2>, pass::<4>, pass::<8>];
    // A small piece that is read repeatedly would lie in a faster cache than the whole does.
    let lens = if data.len() < REPEATED { [own, own] } else { [own, piece] };
    let passes = passes_by_streams.iter().flat_map(|timed| lens.map(|len| timed(pool, data, len)));
    4e-9 * data.len() as f64 / passes.fold(f64::INFINITY, f64::min)
}

/// Seconds of one reading of data in pieces of so many numbers.
type TimedPass = fn(&ThreadPool, &[f32], usize) -> f64;

/// Seconds of one reading of all data in pieces of so many numbers, where each is read in so many places
/// at once; of some repetitions where one is too short for a clock.
fn pass<const STREAMS: usize>(pool: &ThreadPool, data: &[f32], len: usize) -> f64 {
    let pieces: Vec<_> = data.chunks(len.max(1)).collect();
    let repetitions = (REPEATED / data.len().max(1)).max(1);
    let seconds = seconds(|| {
        pool.for_each_task(pieces.len(), &|piece| {
            for _ in 0..repetitions {
                black_box(pool.isa().run(Read::<STREAMS>(black_box(pieces[piece]))));
            }
        });
    });
    seconds / repetitions as f64
}

/// Seconds of the fastest of several runs on all threads.
fn fastest_seconds(pool: &ThreadPool, one: impl Fn() + Sync) -> f64 {
    let run = |_| seconds(|| pool.for_each_task(pool.threads(), &|_| one()));
    (0..60).map(run).fold(f64::INFINITY, f64::min)
}

fn seconds(what: impl FnOnce()) -> f64 {
    let start = Instant::now();
    what();
    start.elapsed().as_secs_f64()
}

/// Whether registers hold all chains. AVX2's hold half of them, two a chain; either hides the latency.
#[inline(always)]
const fn holds_all_chains<L: Lanes>() -> bool {
    L::VECTORS_PER_ROW > 1
}

struct MultiplyAdds;

impl Kernel for MultiplyAdds {
    type Output = f32;

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) -> f32 {
        if holds_all_chains::<L>() {
            multiply_adds::<L, CHAINS>(simd)
        } else {
            multiply_adds::<L, { CHAINS / 2 }>(simd) + multiply_adds::<L, { CHAINS / 2 }>(simd)
        }
    }
}

#[inline(always)]
fn multiply_adds<L: Lanes, const N: usize>(simd: L) -> f32 {
    let (factor, term) = (simd.splat(black_box(0.999)), simd.splat(black_box(0.001)));
    let mut sums = [simd.splat(1.0); N];
    for _ in 0..STEPS {
        for sum in &mut sums {
            *sum = simd.fma(*sum, factor, term);
        }
    }
    total(simd, sums)
}

struct PairDots;

impl PairKernel for PairDots {
    type Output = f32;

    #[inline(always)]
    fn run<P: Pairs>(self, simd: P) -> f32 {
        if holds_all_chains::<P>() {
            pair_dots::<P, CHAINS>(simd)
        } else {
            pair_dots::<P, { CHAINS / 2 }>(simd) + pair_dots::<P, { CHAINS / 2 }>(simd)
        }
    }
}

#[inline(always)]
fn pair_dots<P: Pairs, const N: usize>(simd: P) -> f32 {
    // 1 · −1 + 1 · 0.5: sums fall slowly and stay numbers.
    let (a, b) = (simd.splat_pair(black_box(0x3f80_3f80)), simd.splat_pair(black_box(0x3f00_bf80)));
    let mut sums = [simd.splat(1.0); N];
    for _ in 0..STEPS {
        for sum in &mut sums {
            *sum = simd.dot(a, b, *sum);
        }
    }
    total(simd, sums)
}

#[inline(always)]
fn total<L: Lanes, const N: usize>(simd: L, sums: [L::F32; N]) -> f32 {
    sums.into_iter().map(|sum| simd.sum_tree(sum)).fold(0.0, |a, b| a + b)
}

/// Reads a slice once, in so many places at once: one alone does not keep memory busy everywhere.
struct Read<'a, const STREAMS: usize>(&'a [f32]);

impl<const STREAMS: usize> Kernel for Read<'_, STREAMS> {
    type Output = f32;

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) -> f32 {
        let len = self.0.len() / (STREAMS * 2 * LANES) * 2 * LANES;
        let mut sums = [[simd.splat(0.0); 2]; STREAMS];
        let mut streams = self.0.chunks_exact(len.max(1));
        let streams: [&[f32]; STREAMS] = std::array::from_fn(|_| streams.next().unwrap_or(&[]));
        for at in (0..len).step_by(2 * LANES) {
            for (sums, stream) in sums.iter_mut().zip(streams) {
                for (sum, part) in sums.iter_mut().zip(stream[at..].chunks_exact(LANES)) {
                    *sum = simd.add(*sum, simd.load(part));
                }
            }
        }
        // What no stream has.
        let rest = self.0[STREAMS * len..].chunks_exact(LANES);
        let rest = rest.fold(simd.splat(0.0), |sum, part| simd.add(sum, simd.load(part)));
        let sums = sums.into_iter().flatten().chain([rest]);
        sums.map(|sum| simd.sum_tree(sum)).fold(0.0, |a, b| a + b)
    }
}
