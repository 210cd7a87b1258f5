//! Matrix products of pairs of bf16 against this machine's own limit, on one and two threads.
//!
//! Each product is compared with its naive twin first, and a wrong one is not timed. Forward and dX
//! take rows that were rounded before, as where several products read them; rounding and packing have
//! figures of their own. `cargo bench -p lookback-kernels --bench bf16 [-- ROWS]`

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod timing;

use std::time::{Duration, Instant};

use lookback_kernels::{
    bf16::{self, Panels},
    isa::Isa,
    limits,
    matmul::{Accumulate, Epilogue},
    naive,
    thread_pool::ThreadPool,
};
use timing::{numbers, same};

/// Rows, outputs, inner: layers of models 128, 384, 512 and 768 wide, and narrow logits.
const SHAPES: [[usize; 3]; 7] = [
    [768, 512, 128],
    [768, 65, 128],
    [4096, 384, 384],
    [4096, 1536, 384],
    [4096, 384, 1536],
    [2048, 2048, 512],
    [1024, 3072, 768],
];

fn main() {
    let isa = Isa::from_env().unwrap_or_else(|reason| panic!("{reason}"));
    let rows_wanted: Option<usize> = std::env::args().skip(1).find_map(|name| name.parse().ok());
    for threads in [1, 2] {
        let pool = &ThreadPool::new(threads, isa);
        let peak = limits::bf16_gflops_per_second(pool);
        let f32_peak = limits::f32_gflops_per_second(pool);
        println!("{isa:?}, {threads} threads: {peak:.0} GFLOP/s in bf16, {f32_peak:.0} in f32");
        for shape in SHAPES.into_iter().filter(|[rows, ..]| rows_wanted.is_none_or(|n| n == *rows))
        {
            let mut bench = Bench::new(shape);
            bench.refuse_wrong_kernels(pool);
            let [rows, outputs, inner] = shape;
            let work = 2e-9 * (rows * outputs * inner) as f64;
            let [forward, input, weight, round, pack] = bench.seconds(pool);
            let figure = |seconds: f64| {
                format!("{:4.0} ({:3.0} %)", work / seconds, 100.0 * work / seconds / peak)
            };
            println!(
                "{rows:5} × {outputs:4} × {inner:4}: forward {}, dX {}, dW {}; rounding x takes {:.1} % \
                 of forward, both packings {:.1} %",
                figure(forward),
                figure(input),
                figure(weight),
                100.0 * round / forward,
                100.0 * pack / forward,
            );
        }
        println!("after: {:.0} GFLOP/s", limits::bf16_gflops_per_second(pool));
    }
}

struct Bench {
    shape: [usize; 3],
    x: Vec<f32>,
    weight: Vec<f32>,
    dy: Vec<f32>,
    x_pairs: Vec<u32>,
    dy_pairs: Vec<u32>,
    panels: Vec<u32>,
    across: Vec<u32>,
    y: Vec<f32>,
    dx: Vec<f32>,
    dweight: Vec<f32>,
    scratch: Vec<u32>,
}

impl Bench {
    fn new(shape: [usize; 3]) -> Self {
        let [rows, outputs, inner] = shape;
        let mut new = Self {
            shape,
            x: numbers(rows * inner),
            weight: numbers(outputs * inner),
            dy: numbers(rows * outputs),
            x_pairs: vec![0; rows * bf16::pairs(inner)],
            dy_pairs: vec![0; rows * bf16::pairs(outputs)],
            panels: vec![0; bf16::panels_len(outputs, inner)],
            across: vec![0; bf16::panels_len(inner, outputs)],
            y: vec![0.0; rows * outputs],
            dx: vec![0.0; rows * inner],
            dweight: vec![0.0; outputs * inner],
            scratch: vec![0; bf16::weight_gradient_scratch(rows, outputs, inner, 2)],
        };
        let pool = ThreadPool::single_threaded();
        new.round(&pool);
        new.pack(&pool);
        bf16::round_rows(&pool, &new.dy, outputs, 0..outputs, &mut new.dy_pairs);
        new
    }

    fn round(&mut self, pool: &ThreadPool) {
        let inner = self.shape[2];
        bf16::round_rows(pool, &self.x, inner, 0..inner, &mut self.x_pairs);
    }

    fn pack(&mut self, pool: &ThreadPool) {
        let [_, outputs, inner] = self.shape;
        bf16::pack(pool, &self.weight, outputs, inner, &mut self.panels);
        bf16::pack_transposed(pool, &self.weight, outputs, inner, &mut self.across);
    }

    fn forward(&mut self, pool: &ThreadPool) {
        let [_, outputs, inner] = self.shape;
        let panels = Panels { data: &self.panels, outputs, inner };
        bf16::forward(pool, &self.x_pairs, panels, Epilogue::default(), &mut self.y);
    }

    fn input_gradient(&mut self, pool: &ThreadPool) {
        let [_, outputs, inner] = self.shape;
        let panels = Panels { data: &self.across, outputs: inner, inner: outputs };
        bf16::input_gradient(pool, &self.dy_pairs, panels, Accumulate::FromZero, &mut self.dx);
    }

    fn weight_gradient(&mut self, pool: &ThreadPool) {
        let [_, outputs, inner] = self.shape;
        let (scratch, dweight) = (&mut self.scratch, &mut self.dweight);
        bf16::weight_gradient(pool, &self.dy, &self.x, outputs, inner, scratch, dweight);
    }

    /// Compares with the twins, of big shapes only as much as takes a moment.
    fn refuse_wrong_kernels(&mut self, pool: &ThreadPool) {
        let [rows, outputs, inner] = self.shape;
        let few = rows.min(4);
        let (mut y, mut dx) = (vec![0.0; few * outputs], vec![0.0; few * inner]);
        let x = &self.x[..few * inner];
        naive::bf16::forward(x, &self.weight, outputs, inner, Epilogue::default(), &mut y);
        self.forward(pool);
        same(&y, &self.y);
        let dy = &self.dy[..few * outputs];
        naive::bf16::input_gradient(
            dy,
            &self.weight,
            outputs,
            inner,
            Accumulate::FromZero,
            &mut dx,
        );
        self.input_gradient(pool);
        same(&dx, &self.dx);
        if rows * outputs * inner < 1 << 24 {
            let mut dweight = vec![0.0; outputs * inner];
            naive::bf16::weight_gradient(&self.dy, &self.x, outputs, inner, &mut dweight);
            self.dweight.fill(0.0);
            self.weight_gradient(pool);
            same(&dweight, &self.dweight);
        }
    }

    /// Medians of forward, dX, dW, rounding and packing, taken in turns.
    fn seconds(&mut self, pool: &ThreadPool) -> [f64; 5] {
        let mut times = [const { Vec::new() }; 5];
        let end = Instant::now() + Duration::from_millis(400);
        while times[0].len() < 7 || Instant::now() < end {
            let tasks: [fn(&mut Self, &ThreadPool); 5] = [
                Self::forward,
                Self::input_gradient,
                Self::weight_gradient,
                Self::round,
                Self::pack,
            ];
            for (task, times) in tasks.into_iter().zip(&mut times) {
                let start = Instant::now();
                task(self, pool);
                times.push(start.elapsed().as_secs_f64());
            }
        }
        times.map(|mut times| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        })
    }
}
