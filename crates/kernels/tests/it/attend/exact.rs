//! Attention in f64 on one screen, its gradients by differences, and how far f32 may be from them.

use lookback_kernels::{
    attend::{AttentionParams, Compute, Gradients},
    naive,
    thread_pool::ThreadPool,
};

use super::fixture::{Fixture, Kind, heads, of_both, with_terms};

const EPS: f64 = f32::EPSILON as f64;

/// By how much of itself a number is rounded before a product, at most; queries, keys, values and output
/// gradients of these fixtures are whole in bf16.
fn rounding(params: &AttentionParams<'_>) -> f64 {
    match params.products {
        Compute::F32 => 0.0,
        Compute::Bf16 => 1.0 / 256.0,
    }
}

/// One row of one head in f64.
struct Row {
    /// Where its query stands among all.
    at: usize,
    /// The sequence, and where each key that it sees stands in it.
    sequence: usize,
    keys: Vec<usize>,
    weights: Vec<f64>,
    log_sum_exp: f64,
    out: Vec<f64>,
    /// By how much f32 may move any of its scores: a chain of n products errs by n · eps · Σ|qk|.
    score_error: f64,
    /// How far the lowest score is below the highest.
    depth: f64,
    /// By how much of itself a weight is rounded before its product.
    rounding: f64,
}

/// The sinks of a fixture's heads; without them, −∞.
fn sinks(params: &AttentionParams<'_>) -> Vec<f64> {
    params.sinks.map_or(vec![f64::NEG_INFINITY; params.heads], wide)
}

/// Every row of every head: softmax(q · k · scale) · v over the keys that it sees, with what a cap, ALiBi and a
/// sink change in it.
fn attend(
    fixture: &Fixture,
    query: &[f64],
    keys: &[Vec<f64>],
    values: &[Vec<f64>],
    sinks: &[f64],
) -> Vec<Row> {
    let (params, dim) = (&fixture.params, fixture.params.head_dim);
    let mut rows = vec![];
    for (sequence, span) in fixture.spans.iter().enumerate() {
        for index in 0..span.rows * params.heads {
            let (row, head) = (index / params.heads, index % params.heads);
            let at = ((span.first_row + row) * params.heads + head) * dim;
            let query = &query[at..at + dim];
            let last = span.first_position + row;
            let first = params.window.map_or(0, |window| (last + 1).saturating_sub(window));
            let keys_at: Vec<usize> = (first..=last)
                .map(|key| (key * params.key_heads + head / params.group()) * dim)
                .collect();
            let scale = f64::from(params.scale);
            let products = |of: &usize| {
                let key = keys[sequence][*of..of + dim].iter();
                query.iter().zip(key).map(|(q, k)| q * k * scale).collect::<Vec<_>>()
            };
            let sum = |x: &[f64]| x.iter().fold(0.0, |sum, x| sum + x);
            let size = |x: &[f64]| x.iter().fold(0.0, |sum, x| sum + x.abs());
            let slope = params.alibi.map_or(0.0, |alibi| f64::from(alibi.slope(head)));
            let scores = keys_at.iter().zip(first..).map(|(of, key)| {
                let scaled = sum(&products(of));
                let cap = params.score_cap.map(f64::from);
                let capped = cap.map_or(scaled, |cap| cap * (scaled / cap).tanh());
                capped - slope * (last - key) as f64
            });
            let scores: Vec<f64> = scores.collect();
            let largest = keys_at.iter().map(|of| size(&products(of))).fold(0.0, f64::max);
            // A cap's exponential, sum, quotient and difference are off by a few roundings of the cap; what is
            // subtracted, by one of itself and of the score.
            let cap_error = 8.0 * params.score_cap.map_or(0.0, f64::from);
            let alibi_error =
                if slope > 0.0 { slope * (last - first) as f64 + largest } else { 0.0 };
            let sink = sinks[head];
            let max = scores.iter().copied().fold(sink, f64::max);
            let min = scores.iter().copied().fold(f64::INFINITY, f64::min);
            let weights: Vec<f64> = scores.iter().map(|score| (score - max).exp()).collect();
            let total = sum(&weights) + (sink - max).exp();
            let weights: Vec<f64> = weights.iter().map(|weight| weight / total).collect();
            let mut out = vec![0.0; dim];
            for (weight, of) in weights.iter().zip(&keys_at) {
                for (out, v) in out.iter_mut().zip(&values[sequence][*of..]) {
                    *out += weight * v;
                }
            }
            rows.push(Row {
                at,
                sequence,
                keys: keys_at,
                weights,
                log_sum_exp: max + total.ln(),
                out,
                score_error: EPS * ((dim as f64 + 1.0) * largest + cap_error + alibi_error),
                depth: max - min,
                rounding: rounding(params),
            });
        }
    }
    rows
}

impl Row {
    /// The relative error of a weight before division: its exponent is off by the scores' errors
    /// (its own and the maximum's) and by the roundings of differences that add up to the depth;
    /// each exp and product of a fold adds its own.
    fn weight_error(&self) -> f64 {
        let tiles = self.keys.len() as f64 / 64.0 + 2.0;
        (2.0 * self.score_error + EPS * self.depth + 4.0 * EPS * tiles).exp_m1()
    }

    /// The relative error of a sum of weights, or of weighted values by their sizes.
    fn sum_error(&self) -> f64 {
        self.weight_error() + (self.keys.len() as f64 + 8.0) * EPS
    }

    fn sizes(&self, values: &[f64], dim: usize) -> Vec<f64> {
        let mut sizes = vec![0.0; dim];
        for (weight, of) in self.weights.iter().zip(&self.keys) {
            for (size, v) in sizes.iter_mut().zip(&values[*of..]) {
                *size += weight * v.abs();
            }
        }
        sizes
    }

    fn log_sum_exp_error(&self) -> f64 {
        self.score_error
            + self.sum_error()
            + 2.0 * EPS * (1.0 + self.log_sum_exp.abs() + self.depth)
    }
}

fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().map(|x| f64::from(*x)).collect()
}

fn wider(x: &[Vec<f32>]) -> Vec<Vec<f64>> {
    x.iter().map(|x| wide(x)).collect()
}

fn round(x: &mut [f32]) {
    x.iter_mut().for_each(|x| *x = naive::bf16::widen(naive::bf16::round(*x)));
}

fn fixtures() -> Vec<Fixture> {
    let kinds = [Kind::Scale(1e-3), Kind::Scale(1.0), Kind::Scale(30.0), Kind::Spiked];
    let mut fixtures = vec![];
    for (seed, kind) in kinds.into_iter().enumerate() {
        for (shape, window) in [([2, 1, 16], None), ([4, 2, 24], Some(33)), ([1, 1, 64], Some(70))]
        {
            for params in of_both(heads(shape[0], shape[1], shape[2], window)) {
                for params in [params, with_terms(params, seed)] {
                    let mut fixture = Fixture::new(params, &[(0, 9), (0, 130)], kind, seed as u64);
                    if params.products == Compute::Bf16 {
                        fixture.keys.iter_mut().chain(&mut fixture.values).for_each(|of| round(of));
                        round(&mut fixture.query);
                        fixture.store(&ThreadPool::single_threaded());
                    }
                    fixtures.push(fixture);
                }
            }
        }
    }
    fixtures
}

/// Below this, f32 has flushed a weight to +0, or rounds denormals.
const MIN_BOUND: f64 = 1e-36;

#[test]
fn the_twin_is_near_the_attention_of_f64() {
    for fixture in fixtures() {
        let [out, sums] = fixture.by_twin();
        let (query, keys, values) =
            (wide(&fixture.query), wider(&fixture.keys), wider(&fixture.values));
        let dim = fixture.params.head_dim;
        for row in attend(&fixture, &query, &keys, &values, &sinks(&fixture.params)) {
            let found = sums[row.at / dim];
            let off = (f64::from(found) - row.log_sum_exp).abs();
            assert!(off <= row.log_sum_exp_error(), "log-sum-exp {found}, {}", row.log_sum_exp);
            let sizes = row.sizes(&values[row.sequence], dim);
            for d in 0..dim {
                let (found, exact) = (f64::from(out[row.at + d]), row.out[d]);
                // Numerator and total are both off, and the quotient is rounded twice.
                let bound = (3.0 * row.sum_error() + row.rounding) * sizes[d] + MIN_BOUND;
                assert!(
                    (found - exact).abs() <= bound,
                    "{found} is not within {bound:e} of {exact}"
                );
            }
        }
    }
}

/// Σ dout · out of the whole fixture, whose gradients are dq, dk and dv.
fn loss(
    fixture: &Fixture,
    query: &[f64],
    keys: &[Vec<f64>],
    values: &[Vec<f64>],
    sinks: &[f64],
    dout: &[f64],
) -> f64 {
    let mut loss = 0.0;
    for row in attend(fixture, query, keys, values, sinks) {
        for (out, dout) in row.out.iter().zip(&dout[row.at..]) {
            loss += out * dout;
        }
    }
    loss
}

#[test]
fn gradients_are_the_slopes_of_the_attention_of_f64() {
    const SINKS: [f32; 4] = [0.5, -2.0, 1.5, 0.0];
    let plain = [(None, 1.0), (Some(3), 1.0), (None, 0.3)].map(|(window, scale)| {
        let params = heads(4, 2, 3, window);
        AttentionParams { scale: params.scale * scale, ..params }
    });
    let terms = [0, 1, 2, 3].map(|choice| {
        let params = with_terms(plain[choice % 3], choice);
        AttentionParams { sinks: params.sinks.map(|_| &SINKS[..]), ..params }
    });
    for params in plain.into_iter().chain(terms) {
        let fixture = Fixture::new(params, &[(0, 7), (0, 1), (0, 5)], Kind::Scale(1.0), 41);
        let saved = fixture.saved(43);
        let inputs = saved.inputs(&fixture);
        let [mut dq, mut dk, mut dv] =
            [inputs.query, inputs.key, inputs.value].map(|x| vec![0.0f32; x.len()]);
        let mut dsinks = vec![0.0f32; params.heads];
        let to = Gradients { dq: &mut dq, dk: &mut dk, dv: &mut dv, dsinks: Some(&mut dsinks) };
        naive::attend::backward(&params, inputs, &[], to);
        let (dout, sinks) = (wide(&saved.dout), sinks(&params));
        let (query, keys, values) =
            (wide(&fixture.query), wider(&fixture.keys), wider(&fixture.values));
        // Central differences of a smooth function in f64 err by about h² + 1e-16 / h.
        let h = 1e-5;
        let near = |found: f32, up: f64, down: f64, what: &str| {
            let slope = (up - down) / (2.0 * h);
            assert!((f64::from(found) - slope).abs() < 3e-6, "{what}: {found}, slope {slope}");
        };
        for at in 0..query.len() {
            let moved = |by: f64| {
                let mut query = query.clone();
                query[at] += by;
                loss(&fixture, &query, &keys, &values, &sinks, &dout)
            };
            near(dq[at], moved(h), moved(-h), "dq");
        }
        for at in (0..params.heads).filter(|_| params.sinks.is_some()) {
            let moved = |by: f64| {
                let mut sinks = sinks.clone();
                sinks[at] += by;
                loss(&fixture, &query, &keys, &values, &sinks, &dout)
            };
            near(dsinks[at], moved(h), moved(-h), "dsinks");
        }
        let mut first = 0;
        for sequence in 0..keys.len() {
            for at in 0..keys[sequence].len() {
                let moved = |of: &[Vec<f64>], by: f64| {
                    let mut of = of.to_vec();
                    of[sequence][at] += by;
                    of
                };
                let by_key = |by| loss(&fixture, &query, &moved(&keys, by), &values, &sinks, &dout);
                near(dk[first + at], by_key(h), by_key(-h), "dk");
                let by_value =
                    |by| loss(&fixture, &query, &keys, &moved(&values, by), &sinks, &dout);
                near(dv[first + at], by_value(h), by_value(-h), "dv");
            }
            first += keys[sequence].len();
        }
    }
}

#[test]
fn gradients_are_near_those_of_f64() {
    // What a cap, ALiBi and sinks change is held by the slopes.
    let has_terms = |fixture: &Fixture| {
        fixture.params
            != AttentionParams { score_cap: None, alibi: None, sinks: None, ..fixture.params }
    };
    for fixture in fixtures().into_iter().filter(|fixture| !has_terms(fixture)) {
        let (params, dim) = (&fixture.params, fixture.params.head_dim);
        let mut saved = fixture.saved(47);
        if params.products == Compute::Bf16 {
            round(&mut saved.dout);
        }
        let inputs = saved.inputs(&fixture);
        let [mut dq, mut dk, mut dv] =
            [inputs.query, inputs.key, inputs.value].map(|x| vec![0.0f32; x.len()]);
        let to = Gradients { dq: &mut dq, dk: &mut dk, dv: &mut dv, dsinks: None };
        naive::attend::backward(params, inputs, &[], to);
        let dout = wide(&saved.dout);
        let (query, keys, values) =
            (wide(&fixture.query), wider(&fixture.keys), wider(&fixture.values));
        let firsts = [0, keys[0].len()];
        // Of each gradient: the exact one, the sum of sizes, the errors handed on, and the terms.
        let empty = |len: usize| vec![[0.0f64; 4]; len];
        let (mut q, mut k, mut v) =
            (empty(inputs.query.len()), empty(inputs.key.len()), empty(inputs.value.len()));
        for row in attend(&fixture, &query, &keys, &values, &sinks(params)) {
            let dz = &dout[row.at..row.at + dim];
            let (keys, values) = (&keys[row.sequence], &values[row.sequence]);
            let (mut share, mut share_size, mut share_error) = (0.0, 0.0, 0.0);
            let sizes = row.sizes(values, dim);
            for d in 0..dim {
                share += dz[d] * row.out[d];
                share_size += (dz[d] * row.out[d]).abs();
                let error = 3.0 * row.sum_error() + row.rounding;
                share_error += dz[d].abs() * (error * sizes[d] + MIN_BOUND);
            }
            share_error += (dim as f64 + 4.0) * EPS * (share_size + share_error);
            // exp(score − lse): both are off, and their difference is rounded.
            let range = row.depth + (row.keys.len() as f64).ln();
            let p_error =
                (row.score_error + row.log_sum_exp_error() + EPS * range).exp_m1() + 2.0 * EPS;
            for (&p, &of) in row.weights.iter().zip(&row.keys) {
                let (mut dp, mut dp_size) = (0.0, 0.0);
                for d in 0..dim {
                    dp += dz[d] * values[of + d];
                    dp_size += (dz[d] * values[of + d]).abs();
                }
                let scale = f64::from(params.scale);
                let difference_error = dim as f64 * EPS * dp_size + share_error;
                let size = (dp - share).abs() + difference_error;
                let ds = p * (dp - share) * scale;
                let ds_error = p * scale * (difference_error + (p_error + 4.0 * EPS) * size)
                    + MIN_BOUND * (1.0 + size * scale);
                let add = |to: &mut [f64; 4], a: f64, a_error: f64, b: f64| {
                    let a_error = a_error + row.rounding * (a.abs() + a_error);
                    to[0] += a * b;
                    to[1] += (a.abs() + a_error) * b.abs();
                    to[2] += a_error * b.abs();
                    to[3] += 1.0;
                };
                let column = firsts[row.sequence] + of;
                for d in 0..dim {
                    add(&mut q[row.at + d], ds, ds_error, keys[of + d]);
                    add(&mut k[column + d], ds, ds_error, query[row.at + d]);
                    add(&mut v[column + d], p, p * p_error + MIN_BOUND, dz[d]);
                }
            }
        }
        for (name, found, exact) in [("dq", dq, q), ("dk", dk, k), ("dv", dv, v)] {
            for (found, [exact, size, handed_on, terms]) in found.into_iter().zip(exact) {
                let bound = handed_on + terms * EPS * size + MIN_BOUND;
                let off = (f64::from(found) - exact).abs();
                assert!(off <= bound, "{name}: {found} is not within {bound:e} of {exact}");
            }
        }
    }
}
