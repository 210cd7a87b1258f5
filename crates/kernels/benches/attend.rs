//! Attention against this machine's own limit of multiply-adds, on one and two threads.
//!
//! Each shape is compared with its naive twin first, and a wrong one is not timed. Counted are the
//! multiply-adds of visible pairs only: 2 products forward, 5 backward. Figures are medians; the
//! limit is measured before and after, because hosts are shared.
//! `cargo bench -p lookback-kernels --bench attend [-- train | decode [TOKENS]]`

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::time::{Duration, Instant};

use lookback_kernels::{
    attend::{
        self, AttentionParams, BackwardInputs, Compute, Gradients, KvPages, KvPagesMut, PAGE,
        SequenceSpan,
    },
    isa::Isa,
    limits, naive,
    thread_pool::ThreadPool,
};

/// Sequences, tokens, heads, key heads, width: small models' and bigger ones', a long prompt.
const TRAIN: [[usize; 5]; 7] = [
    [12, 64, 4, 4, 32],
    [16, 256, 6, 6, 64],
    [4, 512, 8, 8, 64],
    [1, 1024, 12, 12, 64],
    [1, 2048, 4, 4, 64],
    [2, 512, 9, 3, 64],
    [2, 512, 8, 8, 128],
];
/// Cached tokens, heads, key heads, width: one row over a long cache.
const DECODE: [[usize; 4]; 4] =
    [[128, 4, 4, 32], [512, 9, 3, 64], [2048, 9, 3, 64], [4096, 12, 12, 64]];

fn main() {
    let isa = Isa::from_env().unwrap_or_else(|reason| panic!("{reason}"));
    let mut words = std::env::args().skip(1).filter(|word| !word.starts_with('-'));
    let (only, length) = (words.next(), words.next());
    let wanted = |group: &str| only.as_deref().is_none_or(|only| only == group);
    let is_asked = |tokens: usize| length.as_ref().is_none_or(|asked| *asked == tokens.to_string());
    let both = [Compute::F32, Compute::Bf16];
    for (threads, products) in [1, 2].into_iter().flat_map(|threads| both.map(|of| (threads, of))) {
        let pool = &ThreadPool::new(threads, isa);
        let limit = || match products {
            Compute::F32 => limits::f32_gflops_per_second(pool),
            Compute::Bf16 => limits::bf16_gflops_per_second(pool),
        };
        let peak = limit();
        println!("{isa:?}, {threads} threads, {products:?}: {peak:.0} GFLOP/s of multiply-adds");
        if wanted("train") {
            for [sequences, tokens, heads, key_heads, head_dim] in TRAIN {
                if !is_asked(tokens) {
                    continue;
                }
                let mut bench =
                    Bench::new(products, sequences, 0, tokens, heads, key_heads, head_dim);
                bench.refuse_wrong_kernels(pool);
                let pairs = sequences * heads * tokens * (tokens + 1) / 2;
                let [forward, backward] = bench.seconds(pool);
                let rate = |products: usize, seconds: f64| {
                    let rate = 2e-9 * (products * pairs * head_dim) as f64 / seconds;
                    format!("{:7.3} ms {rate:4.0} ({:3.0} %)", 1e3 * seconds, 100.0 * rate / peak)
                };
                println!(
                    "{sequences:2} × {tokens:4} tokens, {heads:2}/{key_heads:2} heads × {head_dim:3}: \
                     forward {}, backward {}",
                    rate(2, forward),
                    rate(5, backward)
                );
            }
        }
        if wanted("decode") {
            for [tokens, heads, key_heads, head_dim] in DECODE {
                if !is_asked(tokens) {
                    continue;
                }
                let mut bench = Bench::new(products, 1, tokens - 1, 1, heads, key_heads, head_dim);
                bench.refuse_wrong_kernels(pool);
                let seconds = bench.forward_seconds(pool);
                let of_each = if products == Compute::F32 { 4 } else { 2 };
                let bytes = 2 * tokens * key_heads * head_dim * of_each;
                let read = 1e-9 * bytes as f64 / seconds;
                println!(
                    "one row over {tokens:4} tokens, {heads:2}/{key_heads:2} heads × {head_dim:3}: \
                     {:6.1} µs, {read:5.1} GB/s",
                    1e6 * seconds
                );
            }
        }
        println!("after: {:.0} GFLOP/s", limit());
    }
}

/// Sequences of one shape with their pages, and what goes in and comes out.
struct Bench {
    params: AttentionParams<'static>,
    spans: Vec<SequenceSpan>,
    query: Vec<f32>,
    key: Vec<f32>,
    value: Vec<f32>,
    storage: Vec<f32>,
    table: Vec<u32>,
    out: Vec<f32>,
    sums: Vec<f32>,
    dout: Vec<f32>,
    gradients: [Vec<f32>; 3],
    scratch: Vec<f32>,
}

/// Numbers between −1 and 1 from a linear congruence.
fn numbers(seed: u32, len: usize) -> Vec<f32> {
    let mut state = seed;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..len).map(next).collect()
}

impl Bench {
    fn new(
        products: Compute,
        sequences: usize,
        first_position: usize,
        rows: usize,
        heads: usize,
        key_heads: usize,
        head_dim: usize,
    ) -> Self {
        let params = AttentionParams {
            heads,
            key_heads,
            head_dim,
            scale: 0.25,
            is_causal: true,
            window: None,
            score_cap: None,
            alibi: None,
            sinks: None,
            products,
        };
        let positions = first_position + rows;
        let pages = positions.div_ceil(PAGE);
        let half = attend::keys_len(&params);
        let table: Vec<u32> = (0..(sequences * pages) as u32).collect();
        let span = |index| SequenceSpan {
            first_row: index * rows,
            rows,
            first_position,
            first_page: index * pages,
        };
        let spans: Vec<SequenceSpan> = (0..sequences).map(span).collect();
        let key = numbers(2, sequences * positions * key_heads * head_dim);
        let value = numbers(3, key.len());
        let mut storage = vec![0.0; table.len() * 2 * half];
        let whole = |span: &SequenceSpan| SequenceSpan {
            first_row: span.first_row / rows * positions,
            rows: positions,
            first_position: 0,
            ..*span
        };
        let all: Vec<SequenceSpan> = spans.iter().map(whole).collect();
        let to = KvPagesMut {
            storage: &mut storage,
            stride: 2 * half,
            keys_at: 0,
            values_at: half,
            table: &table,
        };
        attend::store(&ThreadPool::single_threaded(), &params, &key, &value, &all, to);
        let len = sequences * rows * heads * head_dim;
        Self {
            params,
            spans,
            query: numbers(1, len),
            storage,
            table,
            out: vec![0.0; len],
            sums: vec![0.0; sequences * rows * heads],
            dout: numbers(4, len),
            gradients: [vec![0.0; len], vec![0.0; key.len()], vec![0.0; key.len()]],
            scratch: vec![0.0; attend::backward_scratch(&params, sequences * rows, 2)],
            key,
            value,
        }
    }

    fn pages(&self) -> KvPages<'_> {
        let half = attend::keys_len(&self.params);
        let (storage, table) = (&self.storage, &self.table);
        KvPages { storage, stride: 2 * half, keys_at: 0, values_at: half, table }
    }

    fn forward(&mut self, pool: &ThreadPool) {
        let mut out = std::mem::take(&mut self.out);
        let mut sums = std::mem::take(&mut self.sums);
        let (params, query, spans) = (&self.params, &self.query, &self.spans);
        attend::forward(pool, params, query, spans, self.pages(), &mut out, Some(&mut sums));
        (self.out, self.sums) = (out, sums);
    }

    fn backward(&mut self, pool: &ThreadPool) {
        let mut gradients = std::mem::take(&mut self.gradients);
        let mut scratch = std::mem::take(&mut self.scratch);
        let [dq, dk, dv] = &mut gradients;
        let inputs = self.backward_inputs(&self.spans);
        attend::backward(
            pool,
            &self.params,
            inputs,
            &mut scratch,
            Gradients { dq, dk, dv, dsinks: None },
        );
        (self.gradients, self.scratch) = (gradients, scratch);
    }

    fn backward_inputs<'a>(&'a self, spans: &'a [SequenceSpan]) -> BackwardInputs<'a> {
        BackwardInputs {
            query: &self.query,
            key: &self.key,
            value: &self.value,
            out: &self.out,
            log_sum_exp: &self.sums,
            dout: &self.dout,
            spans,
        }
    }

    /// Compares with the twins, of big shapes the last sequence's first head's share of them.
    fn refuse_wrong_kernels(&mut self, pool: &ThreadPool) {
        self.forward(pool);
        let last = [*self.spans.last().expect("a bench has sequences")];
        let params = &self.params;
        let (mut out, mut sums) = (vec![0.0; self.out.len()], vec![0.0; self.sums.len()]);
        let to = Some(&mut sums[..]);
        naive::attend::forward(params, &self.query, &last, self.pages(), &mut out, to);
        let row = last[0].first_row * params.heads;
        assert!(
            same(&out[row * params.head_dim..], &self.out[row * params.head_dim..]),
            "wrong output"
        );
        assert!(same(&sums[row..], &self.sums[row..]), "wrong log-sum-exp");
        if last[0].first_position > 0 || self.query.len() * last[0].rows > 1 << 28 {
            return;
        }
        self.backward(pool);
        let mut twins = self.gradients.clone();
        let [dq, dk, dv] = &mut twins;
        let inputs = self.backward_inputs(&last);
        let to = Gradients { dq, dk, dv, dsinks: None };
        naive::attend::backward(&self.params, inputs, &[], to);
        let from = [row, row / how_many(&self.params), row / how_many(&self.params)];
        for ((twin, fast), from) in twins.iter().zip(&self.gradients).zip(from) {
            let from = from * self.params.head_dim;
            assert!(same(&twin[from..], &fast[from..]), "wrong gradient");
        }
    }

    /// Medians of forward and backward, taken in turns.
    fn seconds(&mut self, pool: &ThreadPool) -> [f64; 2] {
        let mut times = [const { Vec::new() }; 2];
        let end = Instant::now() + Duration::from_millis(400);
        while times[0].len() < 7 || Instant::now() < end {
            times[0].push(timed(|| self.forward(pool)));
            times[1].push(timed(|| self.backward(pool)));
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

/// Query heads that share a key head.
fn how_many(params: &AttentionParams<'_>) -> usize {
    params.heads / params.key_heads
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
