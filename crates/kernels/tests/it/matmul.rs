//! The matrix products equal their naive twins bit for bit, on every path and any number of threads,
//! and the twins are near the products of f64.

use crate::inputs::pools;
use lookback_kernels::{
    isa::Isa,
    matmul::{self, Accumulate, Epilogue, PANEL, Panels, TaskShape},
    naive,
    thread_pool::ThreadPool,
};
use proptest::prelude::*;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// Where tiles, vectors, panels, depth blocks and row blocks begin and end.
const EDGES: [usize; 17] = [0, 1, 2, 5, 6, 7, 15, 16, 17, 31, 33, 63, 64, 65, 97, 128, 131];

/// Numbers that expose errors.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Uniform in −scale to scale.
    Scale(f32),
    /// Also −0, denormals, infinities and NaN.
    Hard,
    /// Denormals and numbers so small that products are denormal.
    Tiny,
}

const KINDS: [Kind; 5] =
    [Kind::Scale(1e-3), Kind::Scale(1.0), Kind::Scale(30.0), Kind::Hard, Kind::Tiny];

struct Numbers(ChaCha8Rng);

impl Numbers {
    fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Uniform in −1 to 1.
    fn unit(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0
    }

    fn one(&mut self, kind: Kind) -> f32 {
        let x = self.unit();
        match kind {
            Kind::Scale(scale) => x * scale,
            Kind::Tiny => [x * 1e-38, x * 1e-41, x * 1e-20, -0.0][self.0.next_u32() as usize % 4],
            Kind::Hard => match self.0.next_u32() % 64 {
                0 => f32::NAN,
                1 => f32::INFINITY,
                2 => f32::NEG_INFINITY,
                3..9 => -0.0,
                9..12 => x * 1e-41,
                12..14 => x * 1e38,
                _ => x,
            },
        }
    }

    fn some(&mut self, kind: Kind, len: usize) -> Vec<f32> {
        (0..len).map(|_| self.one(kind)).collect()
    }
}

/// The bits, all NaNs equal.
fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| if x.is_nan() { f32::NAN.to_bits() } else { x.to_bits() }).collect()
}

/// A weight's panels, packed by this pool. What stood there before must not matter.
fn packed(pool: &ThreadPool, weight: &[f32], outputs: usize, inner: usize) -> Vec<f32> {
    let mut data = vec![f32::NAN; matmul::panels_len(outputs, inner)];
    matmul::pack(pool, weight, outputs, inner, &mut data);
    data
}

/// All products of one shape on every pool against the twins.
fn all_equal_their_twins(rows: usize, outputs: usize, inner: usize, kind: Kind, seed: u64) {
    let what = format!("{rows} rows, {outputs} outputs, {inner} inner, {kind:?}, seed {seed}");
    let mut numbers = Numbers::new(seed);
    let x = numbers.some(kind, rows * inner);
    let weight = numbers.some(kind, outputs * inner);
    let dy = numbers.some(kind, rows * outputs);
    let bias = numbers.some(kind, outputs);
    let residual = numbers.some(kind, rows * outputs);
    let stands = numbers.some(kind, (rows * inner).max(outputs * inner));
    let afters = [(false, false), (true, false), (false, true), (true, true)].map(|(b, r)| {
        Epilogue { bias: b.then_some(&bias[..]), residual: r.then_some(&residual[..]) }
    });

    let products = afters.map(|epilogue| {
        let mut y = vec![9.0; rows * outputs];
        naive::matmul::forward(&x, &weight, outputs, inner, epilogue, &mut y);
        bits(&y)
    });
    let input_gradients = [Accumulate::FromZero, Accumulate::FromOutput].map(|start| {
        let mut dx = stands[..rows * inner].to_vec();
        naive::matmul::input_gradient(&dy, &weight, outputs, inner, start, &mut dx);
        bits(&dx)
    });
    let mut dweight = stands[..outputs * inner].to_vec();
    naive::matmul::weight_gradient(&dy, &x, outputs, inner, &mut dweight);
    let mut dbias = bias.clone();
    naive::matmul::bias_gradient(&dy, outputs, &mut dbias);
    let (dweight, dbias) = (bits(&dweight), bits(&dbias));

    for pool in &pools() {
        let simd = format!("{what}, {:?}, {} threads", pool.isa(), pool.threads());
        let data = packed(pool, &weight, outputs, inner);
        let panels = Panels { data: &data, outputs, inner };
        for (epilogue, expected) in afters.iter().zip(&products) {
            let mut y = vec![f32::NAN; rows * outputs];
            matmul::forward(pool, &x, panels, *epilogue, &mut y);
            assert_eq!(&bits(&y), expected, "forward: {simd}, {epilogue:?}");
        }
        let mut y = [vec![f32::NAN; rows * outputs], vec![f32::NAN; rows * outputs]];
        let biases = [None, Some(&bias[..])];
        matmul::forward_several(pool, &x, [panels; 2], biases, y.each_mut().map(|y| &mut y[..]));
        for (y, expected) in y.iter().zip(&products) {
            assert_eq!(&bits(y), expected, "several: {simd}");
        }
        let mut data = vec![f32::NAN; matmul::panels_len(inner, outputs)];
        matmul::pack_transposed(pool, &weight, outputs, inner, &mut data);
        let across = Panels { data: &data, outputs: inner, inner: outputs };
        for (start, expected) in
            [Accumulate::FromZero, Accumulate::FromOutput].into_iter().zip(&input_gradients)
        {
            let mut dx = stands[..rows * inner].to_vec();
            matmul::input_gradient(pool, &dy, 0, across, start, &mut dx);
            assert_eq!(&bits(&dx), expected, "input gradient: {simd}, {start:?}");
            let mut dx = stands[..rows * inner].to_vec();
            matmul::input_gradient_of_forward_panels(pool, &dy, panels, start, &mut dx);
            assert_eq!(&bits(&dx), expected, "of forward panels: {simd}, {start:?}");
            let mut dx = stands[..rows * inner].to_vec();
            let size = if outputs > 256 { 256 } else { outputs.div_ceil(2).max(1) };
            for first in (0..outputs.max(1)).step_by(size) {
                let part = first..outputs.min(first + size);
                let start = if first == 0 { start } else { Accumulate::FromOutput };
                let mut data = vec![f32::NAN; matmul::panels_len(inner, part.len())];
                let weight = &weight[part.start * inner..part.end * inner];
                matmul::pack_transposed(pool, weight, part.len(), inner, &mut data);
                let panels = Panels { data: &data, outputs: inner, inner: part.len() };
                matmul::input_gradient(pool, &dy, first, panels, start, &mut dx);
            }
            assert_eq!(&bits(&dx), expected, "input gradient in parts: {simd}, {start:?}");
        }
        let len = matmul::weight_gradient_scratch(rows, outputs, inner, pool.threads());
        let mut scratch = vec![f32::NAN; len];
        let mut dw = stands[..outputs * inner].to_vec();
        matmul::weight_gradient(pool, &dy, &x, outputs, inner, &mut scratch, &mut dw);
        assert_eq!(bits(&dw), dweight, "weight gradient: {simd}");
        let mut db = bias.clone();
        matmul::bias_gradient(pool, &dy, outputs, &mut db);
        assert_eq!(bits(&db), dbias, "bias gradient: {simd}");
    }
}

#[test]
fn every_edge_equals_the_twin() {
    // Every edge stands once in every place, beside edges that move on at different speeds.
    for (index, &edge) in EDGES.iter().enumerate() {
        let other = EDGES[(index * 5 + 3) % EDGES.len()];
        let third = EDGES[(index * 3 + 8) % EDGES.len()];
        let kind = KINDS[index % KINDS.len()];
        all_equal_their_twins(edge, other, third, kind, index as u64);
        all_equal_their_twins(third, edge, other, kind, index as u64);
        all_equal_their_twins(other, third, edge, kind, index as u64);
    }
}

#[test]
fn several_blocks_of_rows_and_depth_equal_the_twin() {
    all_equal_their_twins(197, 65, 263, Kind::Scale(1.0), 1);
    all_equal_their_twins(1, 200, 300, Kind::Hard, 2);
    all_equal_their_twins(4, 130, 257, Kind::Hard, 3);
    all_equal_their_twins(300, 70, 65, Kind::Tiny, 4);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if std::env::var_os("PROPTEST_CASES").is_some() {
            ProptestConfig::default().cases
        } else {
            40
        },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_shape_equals_the_twin(
        rows in 0usize..110, outputs in 0usize..150, inner in 0usize..150,
        kind in prop::sample::select(&KINDS[..]), seed in any::<u64>(),
    ) {
        all_equal_their_twins(rows, outputs, inner, kind, seed);
    }
}

#[test]
fn a_row_does_not_know_how_many_stand_beside_it() {
    let (rows, outputs, inner) = (40, 150, 135);
    let mut numbers = Numbers::new(7);
    let x = numbers.some(Kind::Hard, rows * inner);
    let weight = numbers.some(Kind::Scale(1.0), outputs * inner);
    for pool in &pools() {
        let data = packed(pool, &weight, outputs, inner);
        let panels = Panels { data: &data, outputs, inner };
        let mut together = vec![0.0; rows * outputs];
        matmul::forward(pool, &x, panels, Epilogue::default(), &mut together);
        for first in [0, 1, 7, 39] {
            for count in [1, 2, 3, 4, 5, 6, 7, 8, 13] {
                let count = count.min(rows - first);
                let mut some = vec![0.0; count * outputs];
                let x = &x[first * inner..][..count * inner];
                matmul::forward(pool, x, panels, Epilogue::default(), &mut some);
                let expected = &together[first * outputs..][..count * outputs];
                assert_eq!(bits(&some), bits(expected), "rows {first} to {}", first + count);
            }
        }
    }
}

#[test]
fn a_chain_may_be_cut_anywhere() {
    let (rows, outputs, inner) = (70, 66, 37);
    let mut numbers = Numbers::new(11);
    let dy = numbers.some(Kind::Scale(30.0), rows * outputs);
    let x = numbers.some(Kind::Scale(1.0), rows * inner);
    let pool = &ThreadPool::new(2, Isa::detect());
    let weight_gradient = |rows: std::ops::Range<usize>, dweight: &mut [f32]| {
        let len = matmul::weight_gradient_scratch(rows.len(), outputs, inner, pool.threads());
        let (dy, x) = (
            &dy[rows.start * outputs..rows.end * outputs],
            &x[rows.start * inner..rows.end * inner],
        );
        matmul::weight_gradient(pool, dy, x, outputs, inner, &mut vec![0.0; len], dweight);
    };
    let mut whole = vec![0.0; outputs * inner];
    weight_gradient(0..rows, &mut whole);
    for cut in [0, 1, 6, 33, 64, 70] {
        let mut parts = vec![0.0; outputs * inner];
        weight_gradient(0..cut, &mut parts);
        weight_gradient(cut..rows, &mut parts);
        assert_eq!(bits(&parts), bits(&whole), "cut at {cut}");
    }
}

#[test]
fn bias_and_residual_are_added_after_the_chain_and_in_this_order() {
    // (chain + bias) + residual is 1; every other order loses the 1.
    let (x, weight) = ([1.0f32], [1e8f32]);
    let epilogue = Epilogue { bias: Some(&[-1e8]), residual: Some(&[1.0]) };
    for pool in &pools() {
        let data = packed(pool, &weight, 1, 1);
        let mut y = [0.0];
        matmul::forward(pool, &x, Panels { data: &data, outputs: 1, inner: 1 }, epilogue, &mut y);
        assert_eq!(y, [1.0]);
    }
}

#[test]
fn a_product_of_nothing_is_plus_zero() {
    for pool in &pools() {
        let mut y = [f32::NAN; 6];
        let panels = Panels { data: &[], outputs: 3, inner: 0 };
        matmul::forward(pool, &[], panels, Epilogue::default(), &mut y);
        assert_eq!(bits(&y), [0; 6]);
        let mut dx = [f32::NAN; 6];
        matmul::input_gradient(pool, &[], 0, panels, Accumulate::FromZero, &mut dx);
        assert_eq!(bits(&dx), [0; 6]);
        let mut dx = [-0.0; 6];
        matmul::input_gradient(pool, &[], 0, panels, Accumulate::FromOutput, &mut dx);
        assert_eq!(bits(&dx), [(-0.0f32).to_bits(); 6]);
    }
}

#[test]
fn packing_keeps_every_weight_and_fills_with_plus_zero() {
    for (outputs, inner) in [(1, 1), (63, 5), (64, 17), (65, 16), (130, 33), (3, 0)] {
        let weight = Numbers::new(3).some(Kind::Hard, outputs * inner);
        for pool in &pools() {
            let data = packed(pool, &weight, outputs, inner);
            let mut back = vec![5.0; outputs * inner];
            matmul::unpack(Panels { data: &data, outputs, inner }, &mut back);
            assert_eq!(bits(&back), bits(&weight));
            for column in outputs..outputs.next_multiple_of(PANEL) {
                for k in 0..inner {
                    let at = (column / PANEL * inner + k) * PANEL + column % PANEL;
                    assert_eq!(data[at].to_bits(), 0, "column {column}, step {k}");
                }
            }
        }
    }
}

#[test]
fn the_twin_is_near_the_product_of_f64() {
    let (rows, outputs, inner) = (9, 21, 301);
    for (seed, scale) in [1e-3, 1.0, 30.0].into_iter().enumerate() {
        let mut numbers = Numbers::new(seed as u64);
        let x = numbers.some(Kind::Scale(scale), rows * inner);
        let weight = numbers.some(Kind::Scale(scale), outputs * inner);
        let dy = numbers.some(Kind::Scale(scale), rows * outputs);

        let mut y = vec![0.0; rows * outputs];
        naive::matmul::forward(&x, &weight, outputs, inner, Epilogue::default(), &mut y);
        for (at, &y) in y.iter().enumerate() {
            let (row, output) = (at / outputs, at % outputs);
            let factors = (0..inner).map(|k| (x[row * inner + k], weight[output * inner + k]));
            assert_near(y, factors, "forward");
        }

        let mut dx = vec![0.0; rows * inner];
        naive::matmul::input_gradient(&dy, &weight, outputs, inner, Accumulate::FromZero, &mut dx);
        for (at, &dx) in dx.iter().enumerate() {
            let (row, k) = (at / inner, at % inner);
            let factors = (0..outputs).map(|o| (dy[row * outputs + o], weight[o * inner + k]));
            assert_near(dx, factors, "input gradient");
        }

        let mut dweight = vec![0.0; outputs * inner];
        naive::matmul::weight_gradient(&dy, &x, outputs, inner, &mut dweight);
        for (at, &dweight) in dweight.iter().enumerate() {
            let (output, k) = (at / inner, at % inner);
            let factors = (0..rows).map(|r| (dy[r * outputs + output], x[r * inner + k]));
            assert_near(dweight, factors, "weight gradient");
        }
    }
}

/// A chain of n fused multiply-adds rounds n times, each time by at most half an eps of a partial sum,
/// which is at most Σ|ab|; products of f32 are exact in f64, whose own error is far below.
fn assert_near(sum: f32, factors: impl Iterator<Item = (f32, f32)>, what: &str) {
    let (mut exact, mut size, mut terms) = (0.0f64, 0.0f64, 0.0f64);
    for (a, b) in factors {
        let product = f64::from(a) * f64::from(b);
        exact += product;
        size += product.abs();
        terms += 1.0;
    }
    let bound = terms * f64::from(f32::EPSILON) * size;
    assert!(
        (f64::from(sum) - exact).abs() <= bound,
        "{what}: {sum} is not within {bound:e} of {exact}"
    );
}

#[test]
fn the_gradient_of_a_large_vocabulary_equals_the_twin_on_any_number_of_threads() {
    // Vocabularies of GPT-2, cl100k, Qwen2 and o200k, where tasks change their shape, and the largest.
    for outputs in [50_257, 61_440, 61_441, 62_465, 100_277, 151_936, 200_019, 262_144] {
        for (rows, inner) in [(3, 5), (2, 70)] {
            let dy = Numbers::new(5).some(Kind::Scale(1.0), rows * outputs);
            let x = Numbers::new(5).some(Kind::Scale(1.0), rows * inner);
            let mut expected = vec![0.5; outputs * inner];
            naive::matmul::weight_gradient(&dy, &x, outputs, inner, &mut expected);
            let expected = bits(&expected);
            for threads in [1, 2, 3, 5, 8, 16] {
                let pool = &ThreadPool::new(threads, Isa::detect());
                let len = matmul::weight_gradient_scratch(rows, outputs, inner, pool.threads());
                let (mut scratch, mut dw) = (vec![0.0; len], vec![0.5; outputs * inner]);
                matmul::weight_gradient(pool, &dy, &x, outputs, inner, &mut scratch, &mut dw);
                assert!(
                    bits(&dw) == expected,
                    "{outputs} outputs, {inner} inner, {threads} threads"
                );
            }
        }
    }
}

#[test]
fn a_task_of_any_shape_fits_its_threads_scratch() {
    let widths = [1, 7, 48, 63, 64, 65, 768, 1600, 4096, 11_008];
    let outputs = (1..400).chain((400..270_000).step_by(997)).chain([
        61_440, 61_441, 62_464, 65_536, 100_277, 128_256, 151_936, 200_019, 256_000, 262_144,
    ]);
    for outputs in outputs {
        for inner in widths {
            for threads in [1, 2, 3, 8, 64] {
                let task = TaskShape::cheapest(outputs, inner, threads);
                let all = matmul::weight_gradient_scratch(5, outputs, inner, threads);
                let what = format!("{outputs} outputs, {inner} inner, {threads}");
                assert!(task.scratch_len() * threads <= all, "{what}");
                // Whole tiles, whole panels.
                assert!(
                    task.outputs.is_multiple_of(6) && task.inner.is_multiple_of(PANEL),
                    "{what}"
                );
            }
        }
    }
}
