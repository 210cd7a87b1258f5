//! Matrix products against this machine's own limit of multiply-adds, on one and two threads.
//!
//! Each product is compared with its naive twin first, and a wrong one is not timed. Figures are
//! medians; the limit is measured before and after, because hosts are shared.
//! `cargo bench -p lookback-kernels --bench matmul [-- many [ROWS] | few]`

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::time::{Duration, Instant};

use lookback_kernels::{
    aligned_buffer::AlignedBuffer,
    isa::Isa,
    limits,
    matmul::{self, Accumulate, Epilogue, Panels},
    naive,
    thread_pool::ThreadPool,
};

/// Rows, outputs, inner: the layers of a small and of a middle model, its logits, and bigger ones.
const SHAPES: [[usize; 3]; 12] = [
    [768, 128, 128],
    [768, 384, 128],
    [768, 512, 128],
    [768, 128, 512],
    [768, 65, 128],
    [4096, 384, 384],
    [4096, 1152, 384],
    [4096, 1536, 384],
    [4096, 384, 1536],
    [4096, 65, 384],
    [2048, 2048, 512],
    [1024, 3072, 768],
];
/// Rows of the shapes for decoding, whose weights lie in memory.
const ROW_COUNTS: [usize; 5] = [1, 2, 3, 4, 8];

fn main() {
    let isa = Isa::from_env().unwrap_or_else(|reason| panic!("{reason}"));
    let mut arguments = std::env::args().skip(1).filter(|name| !name.starts_with('-'));
    let only = arguments.next();
    let rows_wanted = arguments.next().and_then(|rows| rows.parse::<usize>().ok());
    for threads in [1, 2] {
        let pool = &ThreadPool::new(threads, isa);
        let peak = limits::f32_gflops_per_second(pool);
        println!("{isa:?}, {threads} threads: {peak:.0} GFLOP/s of multiply-adds");
        let wanted = |group: &str| only.as_deref().is_none_or(|only| only == group);
        if wanted("many") {
            let chosen = |shape: &&[usize; 3]| rows_wanted.is_none_or(|rows| shape[0] == rows);
            for &[rows, outputs, inner] in SHAPES.iter().filter(chosen) {
                let mut bench = Bench::new(rows, outputs, inner);
                bench.refuse_wrong_kernels(pool);
                let work = 2e-9 * (rows * outputs * inner) as f64;
                let rates = bench.seconds(pool).map(|seconds| work / seconds);
                let figures =
                    rates.map(|rate| format!("{rate:4.0} ({:3.0} %)", 100.0 * rate / peak));
                let [forward, input, weight] = figures;
                println!(
                    "{rows:5} × {outputs:4} × {inner:4}: forward {forward}, dX {input}, dW {weight}"
                );
            }
        }
        if wanted("few") {
            let read = limits::read_gb_per_second(pool, &vec![1.0; 64 << 20]);
            println!("reads {read:.1} GB/s");
            for [outputs, inner] in [[1536, 576], [49_152, 576]] {
                for rows in ROW_COUNTS {
                    let mut bench = Bench::new(rows, outputs, inner);
                    bench.refuse_wrong_kernels(pool);
                    let seconds = bench.forward_seconds(pool);
                    let rate = 4e-9 * (outputs * inner) as f64 / seconds;
                    let flops = 2e-9 * (rows * outputs * inner) as f64 / seconds;
                    println!(
                        "{rows:5} × {outputs:5} × {inner:4}: {rate:6.1} GB/s ({:3.0} % of reading), \
                         {flops:4.0} GFLOP/s ({:3.0} %)",
                        100.0 * rate / read,
                        100.0 * flops / peak
                    );
                }
            }
        }
        println!("after: {:.0} GFLOP/s", limits::f32_gflops_per_second(pool));
    }
}

/// One shape's matrices.
struct Bench {
    shape: [usize; 3],
    x: AlignedBuffer,
    weight: AlignedBuffer,
    panels: AlignedBuffer,
    across: AlignedBuffer,
    y: AlignedBuffer,
    dx: AlignedBuffer,
    dweight: AlignedBuffer,
    scratch: AlignedBuffer,
}

/// Numbers between −1 and 1 from a linear congruence.
fn numbers(seed: u32, len: usize) -> AlignedBuffer {
    let mut state = seed;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    let numbers: Vec<f32> = (0..len).map(next).collect();
    AlignedBuffer::from(&*numbers)
}

impl Bench {
    fn new(rows: usize, outputs: usize, inner: usize) -> Self {
        let weight = numbers(2, outputs * inner);
        let mut panels = AlignedBuffer::zeros(matmul::panels_len(outputs, inner));
        matmul::pack(&ThreadPool::single_threaded(), &weight, outputs, inner, &mut panels);
        let mut across = AlignedBuffer::zeros(matmul::panels_len(inner, outputs));
        matmul::pack_transposed(
            &ThreadPool::single_threaded(),
            &weight,
            outputs,
            inner,
            &mut across,
        );
        let scratch = matmul::weight_gradient_scratch(rows, outputs, inner, 2);
        Self {
            shape: [rows, outputs, inner],
            x: numbers(1, rows * inner),
            weight,
            panels,
            across,
            y: numbers(3, rows * outputs),
            dx: AlignedBuffer::zeros(rows * inner),
            dweight: AlignedBuffer::zeros(outputs * inner),
            scratch: AlignedBuffer::zeros(scratch),
        }
    }

    fn forward(&mut self, pool: &ThreadPool) {
        let [_, outputs, inner] = self.shape;
        let panels = Panels { data: &self.panels, outputs, inner };
        matmul::forward(pool, &self.x, panels, Epilogue::default(), &mut self.y);
    }

    fn input_gradient(&mut self, pool: &ThreadPool) {
        let [_, outputs, inner] = self.shape;
        let panels = Panels { data: &self.across, outputs: inner, inner: outputs };
        matmul::input_gradient(pool, &self.y, 0, panels, Accumulate::FromZero, &mut self.dx);
    }

    fn weight_gradient(&mut self, pool: &ThreadPool) {
        let [_, outputs, inner] = self.shape;
        let (scratch, dweight) = (&mut self.scratch, &mut self.dweight);
        matmul::weight_gradient(pool, &self.y, &self.x, outputs, inner, scratch, dweight);
    }

    /// Compares with the twins. Of the gradients of big shapes only as much as takes a moment.
    fn refuse_wrong_kernels(&mut self, pool: &ThreadPool) {
        let [rows, outputs, inner] = self.shape;
        let few = rows.min(8);
        let mut y = vec![0.0; few * outputs];
        let x = &self.x[..few * inner];
        naive::matmul::forward(x, &self.weight, outputs, inner, Epilogue::default(), &mut y);
        self.forward(pool);
        assert!(same(&y, &self.y[..few * outputs]), "forward is wrong and is not timed");
        let mut dx = vec![0.0; few * inner];
        let dy = &self.y[..few * outputs];
        naive::matmul::input_gradient(
            dy,
            &self.weight,
            outputs,
            inner,
            Accumulate::FromZero,
            &mut dx,
        );
        self.input_gradient(pool);
        assert!(same(&dx, &self.dx[..few * inner]), "dX is wrong and is not timed");
        if outputs * inner * rows < 1 << 28 {
            let mut dweight = vec![0.0; outputs * inner];
            naive::matmul::weight_gradient(&self.y, &self.x, outputs, inner, &mut dweight);
            self.dweight.fill(0.0);
            self.weight_gradient(pool);
            assert!(same(&dweight, &self.dweight), "dW is wrong and is not timed");
        }
    }

    /// Medians of forward, dX and dW, taken in turns.
    fn seconds(&mut self, pool: &ThreadPool) -> [f64; 3] {
        let mut times = [const { Vec::new() }; 3];
        let end = Instant::now() + Duration::from_millis(400);
        while times[0].len() < 7 || Instant::now() < end {
            times[0].push(timed(|| self.forward(pool)));
            times[1].push(timed(|| self.input_gradient(pool)));
            times[2].push(timed(|| self.weight_gradient(pool)));
        }
        times.map(median)
    }

    fn forward_seconds(&mut self, pool: &ThreadPool) -> f64 {
        let end = Instant::now() + Duration::from_millis(200);
        let mut times = Vec::new();
        while times.len() < 7 || Instant::now() < end {
            times.push(timed(|| self.forward(pool)));
        }
        median(times)
    }
}

fn same(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}

fn timed(what: impl FnOnce()) -> f64 {
    let start = Instant::now();
    what();
    start.elapsed().as_secs_f64()
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
