//! Products of matrices in bf16 have the bits of their twins, on every path and any number of threads.

use crate::inputs::{self, bits, pools};
use lookback_kernels::{
    bf16,
    isa::Isa,
    matmul::{Accumulate, Epilogue},
    naive,
    thread_pool::ThreadPool,
};

/// All products of one shape on every pool against the twins.
fn all_equal_their_twins([rows, outputs, inner]: [usize; 3], kind: inputs::Kind, seed: u64) {
    let what = format!("{rows} rows, {outputs} outputs, {inner} inner, {kind:?}, seed {seed}");
    let some = |len: usize, part: u64| inputs::numbers(kind, len, 10 * seed + part);
    let (x, weight, dy) =
        (some(rows * inner, 0), some(outputs * inner, 1), some(rows * outputs, 2));
    let (bias, residual) = (some(outputs, 3), some(rows * outputs, 4));
    let stands = some((rows * inner).max(outputs * inner), 5);
    let afters = [(false, false), (true, false), (false, true), (true, true)].map(|(b, r)| {
        Epilogue { bias: b.then_some(&bias[..]), residual: r.then_some(&residual[..]) }
    });
    let products = afters.map(|epilogue| {
        let mut y = vec![9.0; rows * outputs];
        naive::bf16::forward(&x, &weight, outputs, inner, epilogue, &mut y);
        bits(&y)
    });
    let input_gradients = [Accumulate::FromZero, Accumulate::FromOutput].map(|start| {
        let mut dx = stands[..rows * inner].to_vec();
        naive::bf16::input_gradient(&dy, &weight, outputs, inner, start, &mut dx);
        bits(&dx)
    });
    let mut dweight = stands[..outputs * inner].to_vec();
    naive::bf16::weight_gradient(&dy, &x, outputs, inner, &mut dweight);

    for pool in &pools() {
        let simd = format!("{what}, {:?}, {} threads", pool.isa(), pool.threads());
        let rounded = |x: &[f32], width: usize| {
            let mut to = vec![7; x.len() / width.max(1) * bf16::pairs(width)];
            bf16::round_rows(pool, x, width, 0..width, &mut to);
            to
        };
        let mut data = vec![7; bf16::panels_len(outputs, inner)];
        bf16::pack(pool, &weight, outputs, inner, &mut data);
        let panels = bf16::Panels { data: &data, outputs, inner };
        for (epilogue, expected) in afters.iter().zip(&products) {
            let mut y = vec![f32::NAN; rows * outputs];
            bf16::forward(pool, &rounded(&x, inner), panels, *epilogue, &mut y);
            assert_eq!(&bits(&y), expected, "forward: {simd}, {epilogue:?}");
        }
        let mut data = vec![7; bf16::panels_len(inner, outputs)];
        bf16::pack_transposed(pool, &weight, outputs, inner, &mut data);
        let panels = bf16::Panels { data: &data, outputs: inner, inner: outputs };
        for (start, expected) in
            [Accumulate::FromZero, Accumulate::FromOutput].into_iter().zip(&input_gradients)
        {
            let mut dx = stands[..rows * inner].to_vec();
            bf16::input_gradient(pool, &rounded(&dy, outputs), panels, start, &mut dx);
            assert_eq!(&bits(&dx), expected, "input gradient: {simd}, {start:?}");
            let mut dx = stands[..rows * inner].to_vec();
            // Whole pairs.
            let size = if outputs > 256 { 256 } else { outputs.div_ceil(4) * 2 };
            for first in (0..outputs).step_by(size) {
                let part = first..outputs.min(first + size);
                let start = if first == 0 { start } else { Accumulate::FromOutput };
                let mut data = vec![7; bf16::panels_len(inner, part.len())];
                let weight = &weight[part.start * inner..part.end * inner];
                bf16::pack_transposed(pool, weight, part.len(), inner, &mut data);
                let panels = bf16::Panels { data: &data, outputs: inner, inner: part.len() };
                let mut pairs = vec![7; rows * bf16::pairs(part.len())];
                bf16::round_rows(pool, &dy, outputs, part, &mut pairs);
                bf16::input_gradient(pool, &pairs, panels, start, &mut dx);
            }
            assert_eq!(&bits(&dx), expected, "input gradient in parts: {simd}, {start:?}");
        }
        let len = bf16::weight_gradient_scratch(rows, outputs, inner, pool.threads());
        let (mut scratch, mut dw) = (vec![7; len], stands[..outputs * inner].to_vec());
        bf16::weight_gradient(pool, &dy, &x, outputs, inner, &mut scratch, &mut dw);
        assert_eq!(bits(&dw), bits(&dweight), "weight gradient: {simd}");
    }
}

/// Where pairs, tiles, vectors, panels, depth blocks and row blocks begin and end.
const EDGES: [usize; 13] = [1, 2, 5, 6, 7, 16, 17, 33, 63, 64, 65, 97, 131];

#[test]
fn every_edge_equals_the_twin() {
    for (index, &edge) in EDGES.iter().enumerate() {
        let other = EDGES[(index * 5 + 3) % EDGES.len()];
        let third = EDGES[(index * 3 + 8) % EDGES.len()];
        let kind = inputs::KINDS[index % inputs::KINDS.len()];
        all_equal_their_twins([edge, other, third], kind, index as u64);
        all_equal_their_twins([third, edge, other], kind, index as u64);
        all_equal_their_twins([other, third, edge], kind, index as u64);
    }
}

#[test]
fn several_blocks_of_rows_and_depth_equal_the_twin() {
    all_equal_their_twins([197, 65, 527], inputs::Kind::Scale(1.0), 1);
    all_equal_their_twins([1, 200, 600], inputs::Kind::Hard, 2);
    all_equal_their_twins([521, 70, 65], inputs::Kind::Scale(1e-20), 3);
    all_equal_their_twins([3, 65, 130], inputs::Kind::Scale(3e-38), 4);
}

#[test]
fn a_product_of_nothing_is_plus_zero() {
    for pool in &pools() {
        let mut y = [f32::NAN; 6];
        let panels = bf16::Panels { data: &[], outputs: 3, inner: 0 };
        bf16::forward(pool, &[], panels, Epilogue::default(), &mut y);
        assert_eq!(bits(&y), [0; 6]);
    }
}

#[test]
fn a_gradient_of_weights_may_be_cut_at_even_rows() {
    let (rows, outputs, inner) = (71, 66, 37);
    let dy = inputs::numbers(inputs::Kind::Scale(30.0), rows * outputs, 1);
    let x = inputs::numbers(inputs::Kind::Scale(1.0), rows * inner, 2);
    let pool = &ThreadPool::new(2, Isa::detect());
    let gradient = |rows: std::ops::Range<usize>, dweight: &mut [f32]| {
        let len = bf16::weight_gradient_scratch(rows.len(), outputs, inner, pool.threads());
        let dy = &dy[rows.start * outputs..rows.end * outputs];
        let x = &x[rows.start * inner..rows.end * inner];
        bf16::weight_gradient(pool, dy, x, outputs, inner, &mut vec![0; len], dweight);
    };
    let mut whole = vec![0.0; outputs * inner];
    gradient(0..rows, &mut whole);
    for cut in [0, 2, 34, 64, 70] {
        let mut parts = vec![0.0; outputs * inner];
        gradient(0..cut, &mut parts);
        gradient(cut..rows, &mut parts);
        assert_eq!(bits(&parts), bits(&whole), "cut at {cut}");
    }
}

#[test]
fn the_twin_is_near_the_product_of_f64() {
    // Rounding to bf16 moves each factor by at most 2⁻⁹ of it; a chain then errs as one of f32 does.
    let (rows, outputs, inner) = (5, 9, 301);
    for (seed, scale) in [1e-3f32, 1.0, 30.0].into_iter().enumerate() {
        let x = inputs::numbers(inputs::Kind::Scale(scale), rows * inner, seed as u64);
        let weight = inputs::numbers(inputs::Kind::Scale(scale), outputs * inner, 7 + seed as u64);
        let mut y = vec![0.0; rows * outputs];
        naive::bf16::forward(&x, &weight, outputs, inner, Epilogue::default(), &mut y);
        for (at, &y) in y.iter().enumerate() {
            let (row, output) = (at / outputs, at % outputs);
            let products = (0..inner)
                .map(|k| f64::from(x[row * inner + k]) * f64::from(weight[output * inner + k]));
            let (exact, size) = products
                .fold((0.0, 0.0), |(sum, size), product| (sum + product, size + product.abs()));
            let bound = size * (2.0 * 2f64.powi(-9) + 2f64.powi(-18) + 301.0 * 2f64.powi(-24));
            assert!(
                (f64::from(y) - exact).abs() <= bound,
                "{y} is not within {bound:e} of {exact}"
            );
        }
    }
}

#[test]
fn the_gradient_of_a_large_vocabulary_equals_the_twin_on_any_number_of_threads() {
    // Vocabularies of GPT-2, cl100k, Qwen2 and o200k, where tasks change their shape, and the largest.
    for outputs in [50_257, 61_440, 61_441, 62_465, 100_277, 151_936, 200_019, 262_144] {
        for (rows, inner) in [(3, 5), (2, 70)] {
            let dy = inputs::numbers(inputs::Kind::Scale(1.0), rows * outputs, 5);
            let x = inputs::numbers(inputs::Kind::Scale(1.0), rows * inner, 5);
            let mut expected = vec![0.5; outputs * inner];
            naive::bf16::weight_gradient(&dy, &x, outputs, inner, &mut expected);
            let expected = bits(&expected);
            for threads in [1, 2, 3, 5, 8, 16] {
                let pool = &ThreadPool::new(threads, Isa::detect());
                let len = bf16::weight_gradient_scratch(rows, outputs, inner, pool.threads());
                let (mut scratch, mut dw) = (vec![7; len], vec![0.5; outputs * inner]);
                bf16::weight_gradient(pool, &dy, &x, outputs, inner, &mut scratch, &mut dw);
                assert!(
                    bits(&dw) == expected,
                    "{outputs} outputs, {inner} inner, {threads} threads"
                );
            }
        }
    }
}
