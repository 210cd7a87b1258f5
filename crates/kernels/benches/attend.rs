//! Attention against this machine's own limit of multiply-adds, on one and two threads.
//!
//! Each shape is compared with its naive twin first, and a wrong one is not timed. Counted are the
//! multiply-adds of visible pairs only: 2 products forward, 5 backward. Figures are medians; the
//! limit is measured before and after, because hosts are shared.
//! `cargo bench -p lookback-kernels --bench attend [-- train | decode [TOKENS]]`

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::time::{Duration, Instant};

use lookback_kernels::{
    attend::{self, Compute, Heads, PAGE, Pages, PagesMut, Span},
    limits, naive,
    path::Path,
    team::Team,
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
    let path = Path::from_env().unwrap_or_else(|reason| panic!("{reason}"));
    let mut words = std::env::args().skip(1).filter(|word| !word.starts_with('-'));
    let (only, length) = (words.next(), words.next());
    let wanted = |group: &str| only.as_deref().is_none_or(|only| only == group);
    let is_asked = |tokens: usize| length.as_ref().is_none_or(|asked| *asked == tokens.to_string());
    let both = [Compute::F32, Compute::Bf16];
    for (threads, products) in [1, 2].into_iter().flat_map(|threads| both.map(|of| (threads, of))) {
        let team = &Team::new(threads, path);
        let limit = || match products {
            Compute::F32 => limits::f32_gflops_per_second(team),
            Compute::Bf16 => limits::bf16_gflops_per_second(team),
        };
        let peak = limit();
        println!("{path:?}, {threads} threads, {products:?}: {peak:.0} GFLOP/s of multiply-adds");
        if wanted("train") {
            for [sequences, tokens, heads, key_heads, head_dim] in TRAIN {
                if !is_asked(tokens) {
                    continue;
                }
                let mut bench =
                    Bench::new(products, sequences, 0, tokens, heads, key_heads, head_dim);
                bench.refuse_wrong_kernels(team);
                let pairs = sequences * heads * tokens * (tokens + 1) / 2;
                let [forward, backward] = bench.seconds(team);
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
                bench.refuse_wrong_kernels(team);
                let seconds = bench.forward_seconds(team);
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
    how: Heads,
    spans: Vec<Span>,
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
        let how = Heads { heads, key_heads, head_dim, scale: 0.25, window: None, products };
        let positions = first_position + rows;
        let pages = positions.div_ceil(PAGE);
        let half = attend::keys_len(&how);
        let table: Vec<u32> = (0..(sequences * pages) as u32).collect();
        let span = |index| Span {
            first_row: index * rows,
            rows,
            first_position,
            first_page: index * pages,
        };
        let spans: Vec<Span> = (0..sequences).map(span).collect();
        let key = numbers(2, sequences * positions * key_heads * head_dim);
        let value = numbers(3, key.len());
        let mut storage = vec![0.0; table.len() * 2 * half];
        let whole = |span: &Span| Span {
            first_row: span.first_row / rows * positions,
            rows: positions,
            first_position: 0,
            ..*span
        };
        let all: Vec<Span> = spans.iter().map(whole).collect();
        let to = PagesMut {
            storage: &mut storage,
            stride: 2 * half,
            keys_at: 0,
            values_at: half,
            table: &table,
        };
        attend::store(&Team::alone(), &how, &key, &value, &all, to);
        let len = sequences * rows * heads * head_dim;
        Self {
            how,
            spans,
            query: numbers(1, len),
            storage,
            table,
            out: vec![0.0; len],
            sums: vec![0.0; sequences * rows * heads],
            dout: numbers(4, len),
            gradients: [vec![0.0; len], vec![0.0; key.len()], vec![0.0; key.len()]],
            scratch: vec![0.0; attend::backward_scratch(&how, sequences * rows, 2)],
            key,
            value,
        }
    }

    fn pages(&self) -> Pages<'_> {
        let half = attend::keys_len(&self.how);
        let (storage, table) = (&self.storage, &self.table);
        Pages { storage, stride: 2 * half, keys_at: 0, values_at: half, table }
    }

    fn forward(&mut self, team: &Team) {
        let mut out = std::mem::take(&mut self.out);
        let mut sums = std::mem::take(&mut self.sums);
        let (how, query, spans) = (&self.how, &self.query, &self.spans);
        attend::forward(team, how, query, spans, self.pages(), &mut out, Some(&mut sums));
        (self.out, self.sums) = (out, sums);
    }

    fn backward(&mut self, team: &Team) {
        let [dq, dk, dv] = &mut self.gradients;
        attend::backward(
            team,
            &self.how,
            &self.query,
            &self.key,
            &self.value,
            &self.out,
            &self.sums,
            &self.dout,
            &self.spans,
            &mut self.scratch,
            dq,
            dk,
            dv,
        );
    }

    /// Compares with the twins, of big shapes the last sequence's first head's share of them.
    fn refuse_wrong_kernels(&mut self, team: &Team) {
        self.forward(team);
        let last = [*self.spans.last().expect("a bench has sequences")];
        let how = &self.how;
        let (mut out, mut sums) = (vec![0.0; self.out.len()], vec![0.0; self.sums.len()]);
        let to = Some(&mut sums[..]);
        naive::attend::forward(how, &self.query, &last, self.pages(), &mut out, to);
        let row = last[0].first_row * how.heads;
        assert!(same(&out[row * how.head_dim..], &self.out[row * how.head_dim..]), "wrong output");
        assert!(same(&sums[row..], &self.sums[row..]), "wrong log-sum-exp");
        if last[0].first_position > 0 || self.query.len() * last[0].rows > 1 << 28 {
            return;
        }
        self.backward(team);
        let mut twins = self.gradients.clone();
        let [dq, dk, dv] = &mut twins;
        naive::attend::backward(
            &self.how,
            &self.query,
            &self.key,
            &self.value,
            &self.out,
            &self.sums,
            &self.dout,
            &last,
            dq,
            dk,
            dv,
        );
        let from = [row, row / how_many(&self.how), row / how_many(&self.how)];
        for ((twin, fast), from) in twins.iter().zip(&self.gradients).zip(from) {
            let from = from * self.how.head_dim;
            assert!(same(&twin[from..], &fast[from..]), "wrong gradient");
        }
    }

    /// Medians of forward and backward, taken in turns.
    fn seconds(&mut self, team: &Team) -> [f64; 2] {
        let mut times = [const { Vec::new() }; 2];
        let end = Instant::now() + Duration::from_millis(400);
        while times[0].len() < 7 || Instant::now() < end {
            times[0].push(timed(|| self.forward(team)));
            times[1].push(timed(|| self.backward(team)));
        }
        times.map(median)
    }

    fn forward_seconds(&mut self, team: &Team) -> f64 {
        let end = Instant::now() + Duration::from_millis(200);
        let mut times = Vec::new();
        while times.len() < 7 || Instant::now() < end {
            times.push(timed(|| self.forward(team)));
        }
        median(times)
    }
}

/// Query heads that share a key head.
fn how_many(how: &Heads) -> usize {
    how.heads / how.key_heads
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
