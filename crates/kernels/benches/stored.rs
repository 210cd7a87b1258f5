//! Weights as files store them, from memory: one row and some, beside reading and multiply-adds.
//!
//! Each form is compared with its copy in f32 first, and a wrong one is not timed. `f32` stands beside
//! them. At the end of a line: how fast a file's bytes become panels, into memory that was touched
//! before. `cargo bench -p lookback-kernels --bench stored`

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod timing;

use std::time::{Duration, Instant};

use lookback_kernels::{
    aligned_buffer::AlignedBuffer,
    isa::Isa,
    limits,
    matmul::{self, Accumulate, Epilogue},
    stored::{self, StorageType},
    thread_pool::ThreadPool,
};
use timing::{numbers, same};

/// A head of 49,152 tokens in a model 768 wide: 151 MB in f32.
const OUTPUTS: usize = 49_152;
const INNER: usize = 768;
/// Rows of an input's gradient.
const BACK_ROWS: usize = 16;

fn main() {
    let isa = Isa::from_env().unwrap_or_else(|reason| panic!("{reason}"));
    for threads in [1, 2] {
        let pool = &ThreadPool::new(threads, isa);
        let read = limits::read_gb_per_second(pool, &vec![1.0; 64 << 20]);
        let peak = limits::f32_gflops_per_second(pool);
        println!("{isa:?}, {threads} threads: reads {read:.1} GB/s, {peak:.0} GFLOP/s");
        let panels = StorageType::ALL.into_iter().filter(|storage| storage.has_panels());
        for storage in [None].into_iter().chain(panels.map(Some)) {
            let weight = Weight::new(storage, pool);
            let name = storage.map_or("F32".to_owned(), |storage| format!("{storage:?}"));
            let mut line = format!("{name:6}");
            for rows in [1, 4, 8, 64] {
                let x = numbers(rows * INNER);
                let mut y = vec![0.0; rows * OUTPUTS];
                weight.refuse_wrong_kernels(pool, &x, rows);
                let seconds = median(|| weight.forward(pool, &x, &mut y));
                let rate = 4e-9 * weight.words() as f64 / seconds;
                let flops = 2e-9 * (rows * OUTPUTS * INNER) as f64 / seconds;
                line += &format!(
                    "  {rows:2} rows {rate:5.1} GB/s ({:3.0} %), {flops:4.0} GFLOP/s ({:2.0} %)",
                    100.0 * rate / read,
                    100.0 * flops / peak
                );
            }
            let dy = numbers(BACK_ROWS * OUTPUTS);
            let mut dx = vec![0.0; BACK_ROWS * INNER];
            weight.refuse_wrong_gradients(pool, &dy);
            let seconds = median(|| weight.input_gradient(pool, &dy, &mut dx));
            let flops = 2e-9 * (BACK_ROWS * OUTPUTS * INNER) as f64 / seconds;
            line += &format!(
                "  back {BACK_ROWS} rows {flops:4.0} GFLOP/s ({:2.0} %)",
                100.0 * flops / peak
            );
            if let Some(storage) = storage {
                line += &format!("  packs {:4.1} GB/s", packed_gb_per_second(pool, storage));
            }
            println!("{line}");
        }
    }
}

struct Weight {
    storage: Option<StorageType>,
    wide: Vec<f32>,
    panels: Vec<u32>,
}

impl Weight {
    fn new(storage: Option<StorageType>, pool: &ThreadPool) -> Self {
        let wide = vec![0.0; matmul::panels_len(OUTPUTS, INNER)];
        let Some(stored) = storage else {
            let mut new = Self { storage, wide, panels: Vec::new() };
            matmul::pack(pool, &numbers(OUTPUTS * INNER), OUTPUTS, INNER, &mut new.wide);
            return new;
        };
        let len = stored.bytes(INNER);
        // Bytes below 0x40 make halves below 2, of whatever form.
        let mut bytes: Vec<u8> = (0..OUTPUTS * len).map(|i| (i * 31 % 61) as u8).collect();
        if stored == StorageType::Mxfp4 {
            // No denormals, for which some processors take long.
            bytes.iter_mut().step_by(stored.block_bytes()).for_each(|exponent| *exponent += 60);
        }
        let mut rows = vec![0.0; OUTPUTS * INNER];
        for (row, bytes) in rows.chunks_exact_mut(INNER).zip(bytes.chunks_exact(len)) {
            stored.widen(bytes, row);
        }
        let mut new =
            Self { storage, wide, panels: vec![0; stored::panels_len(stored, OUTPUTS, INNER)] };
        matmul::pack(pool, &rows, OUTPUTS, INNER, &mut new.wide);
        let row = |output: usize| &bytes[output * len..][..len];
        stored::pack(pool, stored, &row, OUTPUTS, INNER, &mut new.panels);
        new
    }

    fn words(&self) -> usize {
        if self.storage.is_some() { self.panels.len() } else { self.wide.len() }
    }

    fn forward(&self, pool: &ThreadPool, x: &[f32], y: &mut [f32]) {
        match self.storage {
            None => self.forward_wide(pool, x, y),
            Some(storage) => {
                let weight =
                    stored::Panels { storage, data: &self.panels, outputs: OUTPUTS, inner: INNER };
                stored::forward(pool, x, weight, Epilogue::default(), y);
            }
        }
    }

    fn input_gradient(&self, pool: &ThreadPool, dy: &[f32], dx: &mut [f32]) {
        let Some(storage) = self.storage else { return self.input_gradient_wide(pool, dy, dx) };
        let weight = stored::Panels { storage, data: &self.panels, outputs: OUTPUTS, inner: INNER };
        stored::input_gradient(pool, dy, weight, Accumulate::FromZero, dx);
    }

    fn input_gradient_wide(&self, pool: &ThreadPool, dy: &[f32], dx: &mut [f32]) {
        let weight = matmul::Panels { data: &self.wide, outputs: OUTPUTS, inner: INNER };
        let start = Accumulate::FromZero;
        matmul::input_gradient_of_forward_panels(pool, dy, weight, start, dx);
    }

    fn refuse_wrong_gradients(&self, pool: &ThreadPool, dy: &[f32]) {
        let [mut dx, mut copy] = [(); 2].map(|()| vec![0.0; BACK_ROWS * INNER]);
        self.input_gradient(pool, dy, &mut dx);
        self.input_gradient_wide(pool, dy, &mut copy);
        same(&dx, &copy);
    }

    fn forward_wide(&self, pool: &ThreadPool, x: &[f32], y: &mut [f32]) {
        let weight = matmul::Panels { data: &self.wide, outputs: OUTPUTS, inner: INNER };
        matmul::forward(pool, x, weight, Epilogue::default(), y);
    }

    fn refuse_wrong_kernels(&self, pool: &ThreadPool, x: &[f32], rows: usize) {
        let (mut y, mut copy) = (vec![0.0; rows * OUTPUTS], vec![0.0; rows * OUTPUTS]);
        self.forward(pool, x, &mut y);
        self.forward_wide(pool, x, &mut copy);
        same(&y, &copy);
    }
}

/// Bytes of a file that are packed, of a table too large for any cache.
fn packed_gb_per_second(pool: &ThreadPool, storage: StorageType) -> f64 {
    let (outputs, inner) = (49_152, 2048);
    let len = storage.bytes(inner);
    let bytes: Vec<u8> = (0..outputs * len).map(|i| (i * 31 % 61) as u8).collect();
    let row = |output: usize| &bytes[output * len..][..len];
    let mut panels = AlignedBuffer::<u32>::zeros(stored::panels_len(storage, outputs, inner));
    1e-9 * bytes.len() as f64
        / median(|| {
            stored::pack(pool, storage, &row, outputs, inner, &mut panels);
        })
}

fn median(mut what: impl FnMut()) -> f64 {
    let mut times = Vec::new();
    let end = Instant::now() + Duration::from_millis(250);
    while times.len() < 5 || Instant::now() < end {
        let start = Instant::now();
        what();
        times.push(start.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
