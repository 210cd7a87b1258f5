//! Attention equals its naive twin bit for bit, on every path and any number of threads, however the
//! rows are cut; the future does not leak; the twin is near the attention of f64.

use lookback_kernels::{
    attend::{self, AttentionParams, BackwardInputs, Gradients, SequenceSpan},
    isa::Isa,
    naive,
    thread_pool::ThreadPool,
};
use proptest::prelude::*;

mod edited;
mod edits;
mod exact;
pub mod fixture;
mod scores;
mod storing;

use fixture::{Fixture, KINDS, Kind, Numbers, bits, heads, of_both, pools, with_terms};

/// Where groups of rows, vectors and tiles begin and end.
const LENGTHS: [usize; 11] = [0, 1, 7, 8, 9, 63, 64, 65, 97, 128, 130];
/// Windows that end inside a tile, at its edge, and beyond all rows.
const WINDOWS: [Option<usize>; 7] =
    [None, Some(1), Some(5), Some(63), Some(64), Some(65), Some(1000)];
/// Query heads, key heads, width.
const SHAPES: [[usize; 3]; 11] = [
    [1, 1, 8],
    [4, 2, 16],
    [2, 2, 24],
    [3, 1, 32],
    [2, 1, 64],
    [1, 1, 80],
    [4, 1, 96],
    [2, 2, 128],
    [1, 1, 256],
    [6, 3, 5],
    [2, 1, 300],
];

/// The forward pass of one fixture on every pool.
fn forward_equals_the_twin(fixture: &Fixture, what: &str) {
    let expected = fixture.by_twin().map(|x| bits(&x));
    for pool in &pools() {
        let found = fixture.by_team(pool).map(|x| bits(&x));
        assert_eq!(found[0], expected[0], "output: {what}, {pool:?}");
        assert_eq!(found[1], expected[1], "log-sum-exp: {what}, {pool:?}");
    }
}

/// dq, dk and dv of a fixture of whole sequences on every pool.
fn backward_equals_the_twin(fixture: &Fixture, seed: u64, what: &str) {
    let params = &fixture.params;
    let saved = fixture.saved(seed);
    let inputs = saved.inputs(fixture);
    let [mut dq, mut dk, mut dv] =
        [inputs.query, inputs.key, inputs.value].map(|x| vec![5.0; x.len()]);
    let mut dsinks = vec![0.25; params.heads];
    let to = Gradients { dq: &mut dq, dk: &mut dk, dv: &mut dv, dsinks: Some(&mut dsinks) };
    naive::attend::backward(params, inputs, &[], to);
    for pool in &pools() {
        let len = attend::backward_scratch(params, fixture.rows(), pool.threads());
        let mut scratch = vec![f32::NAN; len];
        let [mut q, mut k, mut v] = [&dq, &dk, &dv].map(|x| vec![f32::NAN; x.len()]);
        let mut s = vec![0.25; params.heads];
        let to = Gradients { dq: &mut q, dk: &mut k, dv: &mut v, dsinks: Some(&mut s) };
        attend::backward(pool, params, inputs, &mut scratch, to);
        assert_eq!(bits(&s), bits(&dsinks), "dsinks: {what}, {pool:?}");
        assert_eq!(bits(&q), bits(&dq), "dq: {what}, {pool:?}");
        assert_eq!(bits(&k), bits(&dk), "dk: {what}, {pool:?}");
        assert_eq!(bits(&v), bits(&dv), "dv: {what}, {pool:?}");
    }
}

#[test]
fn every_length_window_and_shape_equals_the_twin() {
    for (index, &length) in LENGTHS.iter().enumerate() {
        for (turn, &window) in WINDOWS.iter().enumerate() {
            let at = index * 7 + turn;
            let [query_heads, key_heads, head_dim] = SHAPES[(at * 3 + index) % SHAPES.len()];
            let params = heads(query_heads, key_heads, head_dim, window);
            let kind = KINDS[at % KINDS.len()];
            let others = with_terms(params, at);
            for params in [params, others].into_iter().flat_map(of_both) {
                let what = format!("{length} rows, {params:?}, {kind:?}");
                let fixture = Fixture::new(params, &[(0, length)], kind, at as u64);
                forward_equals_the_twin(&fixture, &what);
                backward_equals_the_twin(&fixture, at as u64, &what);
            }
        }
    }
}

#[test]
fn decoding_over_many_pages_equals_the_twin() {
    for (index, [query_heads, key_heads, head_dim]) in SHAPES.into_iter().enumerate() {
        for window in [None, Some(70)] {
            let params = heads(query_heads, key_heads, head_dim, window);
            let ends = [(0, 1), (63, 1), (64, 1), (300, 1), (511, 2), (200, 7), (5, 0)];
            let others = with_terms(params, index);
            for params in [params, others].into_iter().flat_map(of_both) {
                let fixture = Fixture::new(params, &ends, KINDS[index % KINDS.len()], index as u64);
                forward_equals_the_twin(&fixture, &format!("decoding, {params:?}"));
            }
        }
    }
}

fn any_heads() -> impl Strategy<Value = AttentionParams<'static>> {
    let widths = prop::sample::select(vec![1usize, 8, 16, 17, 24, 32, 40, 64, 72, 80, 96, 128]);
    let window = prop_oneof![Just(None), (1usize..140).prop_map(Some)];
    let terms = prop::option::of(0usize..4);
    let shape = (1usize..4, 1usize..4, widths, window, terms, 0usize..2);
    shape.prop_map(|(group, key_heads, width, window, terms, products)| {
        let params = heads(group * key_heads, key_heads, width, window);
        of_both(terms.map_or(params, |choice| with_terms(params, choice)))[products]
    })
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
    fn any_mixture_of_sequences_equals_the_twin(
        params in any_heads(),
        sequences in prop::collection::vec((0usize..140, 0usize..80), 0..5),
        kind in prop::sample::select(&KINDS[..]), seed in any::<u64>(),
    ) {
        let fixture = Fixture::new(params, &sequences, kind, seed);
        forward_equals_the_twin(&fixture, &format!("{sequences:?}, {params:?}, {kind:?}, seed {seed}"));
    }

    #[test]
    fn gradients_of_any_mixture_equal_the_twin(
        params in any_heads(), lengths in prop::collection::vec(0usize..150, 0..4),
        kind in prop::sample::select(&KINDS[..]), seed in any::<u64>(),
    ) {
        let sequences: Vec<_> = lengths.iter().map(|&rows| (0, rows)).collect();
        let fixture = Fixture::new(params, &sequences, kind, seed);
        let what = format!("{lengths:?}, {params:?}, {kind:?}, seed {seed}");
        backward_equals_the_twin(&fixture, seed ^ 1, &what);
    }
}

#[test]
fn cached_and_chunked_rows_have_the_bits_of_the_whole() {
    let rows = 150;
    let windows = [None, Some(67)].map(|window| heads(4, 2, 24, window));
    let with_terms = windows.map(|params| with_terms(params, 3));
    for params in windows.into_iter().chain(with_terms).flat_map(of_both) {
        let whole = Fixture::new(params, &[(0, rows)], Kind::Scale(3.0), 17);
        let width = params.heads * params.head_dim;
        let [expected, sums] = whole.by_twin();
        for pool in &pools() {
            for chunk in [1, 7, 64] {
                // What is stored comes chunk by chunk as well, before the rows that ask.
                let mut fixture =
                    Fixture { storage: vec![f32::NAN; whole.storage.len()], ..whole.clone() };
                for first in (0..rows).step_by(chunk) {
                    let end = rows.min(first + chunk);
                    let span = SequenceSpan {
                        first_row: 0,
                        rows: end - first,
                        first_position: first,
                        first_page: 0,
                    };
                    fixture.store_span(pool, 0, span);
                    fixture.spans = vec![span];
                    fixture.query = whole.query[first * width..end * width].to_vec();
                    let [out, part] = fixture.by_team(pool);
                    let what = format!("rows {first} to {end}, {pool:?}, {params:?}");
                    assert_eq!(bits(&out), bits(&expected[first * width..end * width]), "{what}");
                    assert_eq!(
                        bits(&part),
                        bits(&sums[first * params.heads..end * params.heads]),
                        "{what}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_sequence_does_not_know_who_stands_beside_it() {
    let sequences = [(0, 70), (65, 3), (0, 1), (130, 9)];
    let pool = &ThreadPool::new(2, Isa::detect());
    for params in of_both(heads(2, 1, 16, None)) {
        let together = Fixture::new(params, &sequences, Kind::Spiked, 5);
        let [expected, _] = together.by_team(pool);
        let width = params.heads * params.head_dim;
        for span in &together.spans {
            let rows = span.first_row * width..(span.first_row + span.rows) * width;
            let alone = Fixture {
                spans: vec![SequenceSpan { first_row: 0, ..*span }],
                query: together.query[rows.clone()].to_vec(),
                ..together.clone()
            };
            assert_eq!(bits(&alone.by_team(pool)[0]), bits(&expected[rows]), "{span:?}");
        }
    }
}

#[test]
fn the_future_does_not_leak_and_what_a_window_has_left_is_forgotten() {
    let rows = 140;
    let windows = [None, Some(29), Some(30), Some(64)].map(|window| heads(2, 1, 24, window));
    let with_terms = windows.map(|params| with_terms(params, 3));
    for params in windows.into_iter().chain(with_terms).flat_map(of_both) {
        let fixture = Fixture::new(params, &[(0, rows)], Kind::Scale(1.0), 23);
        for (index, pool) in pools().iter().enumerate() {
            let [expected, sums] = fixture.by_team(pool);
            // Over the pools each row meets each of them.
            let poisons =
                [f32::NAN, f32::INFINITY, f32::NEG_INFINITY].into_iter().cycle().skip(index);
            let rows_asked = [0, 5, 6, 62, 63, 64, 100, 127, 128, 139];
            for (asked, poison) in rows_asked.into_iter().zip(poisons) {
                let mut poisoned = fixture.clone();
                let seen = naive::attend::visible(&params, rows, asked);
                for at in (0..rows).filter(|at| !seen.contains(at)) {
                    let of = at * params.head_dim..(at + 1) * params.head_dim;
                    poisoned.keys[0][of.clone()].fill(poison);
                    poisoned.values[0][of].fill(poison);
                }
                poisoned.store(pool);
                let [out, lse] = poisoned.by_team(pool);
                let width = params.heads * params.head_dim;
                let row = asked * width..(asked + 1) * width;
                let what = format!("row {asked}, {poison}, {params:?}, {pool:?}");
                assert_eq!(bits(&out[row.clone()]), bits(&expected[row]), "{what}");
                let row = asked * params.heads..(asked + 1) * params.heads;
                assert_eq!(bits(&lse[row.clone()]), bits(&sums[row]), "{what}");
            }
        }
    }
}

#[test]
fn no_gradient_comes_from_the_future() {
    // What later rows ask for and get must not reach dq of earlier ones, nor dk and dv of later keys.
    let (rows, asked) = (100, 37);
    for params in of_both(heads(2, 1, 16, None)) {
        let fixture = Fixture::new(params, &[(0, rows)], Kind::Scale(1.0), 29);
        let [out, sums] = fixture.by_twin();
        let gradients = |key: &[f32], value: &[f32], dout: &[f32], pool: &ThreadPool| {
            let mut scratch = vec![0.0; attend::backward_scratch(&params, rows, pool.threads())];
            let [mut dq, mut dk, mut dv] =
                [&fixture.query[..], key, value].map(|x| vec![0.0; x.len()]);
            let inputs = BackwardInputs {
                query: &fixture.query,
                key,
                value,
                out: &out,
                log_sum_exp: &sums,
                dout,
                spans: &fixture.spans,
            };
            let to = Gradients { dq: &mut dq, dk: &mut dk, dv: &mut dv, dsinks: None };
            attend::backward(pool, &params, inputs, &mut scratch, to);
            [dq, dk, dv]
        };
        let mut dout = Numbers::new(1).some(Kind::Scale(1.0), fixture.query.len());
        let width = params.heads * params.head_dim;
        for pool in &pools() {
            let [expected, ..] = gradients(&fixture.keys[0], &fixture.values[0], &dout, pool);
            let (mut key, mut value) = (fixture.keys[0].clone(), fixture.values[0].clone());
            key[(asked + 1) * params.head_dim..].fill(f32::NAN);
            value[(asked + 1) * params.head_dim..].fill(f32::INFINITY);
            let [dq, ..] = gradients(&key, &value, &dout, pool);
            let until = (asked + 1) * width;
            assert_eq!(bits(&dq[..until]), bits(&expected[..until]), "{pool:?}");
        }
        // A gradient at earlier rows only gives nothing to later keys.
        dout[(asked + 1) * width..].fill(0.0);
        let [_, dk, dv] =
            gradients(&fixture.keys[0], &fixture.values[0], &dout, &ThreadPool::single_threaded());
        let from = (asked + 1) * params.head_dim;
        assert!(dk[from..].iter().chain(&dv[from..]).all(|x| *x == 0.0));
        assert!(dk[..from].iter().chain(&dv[..from]).all(|x| *x != 0.0));
    }
}

#[test]
fn equal_keys_share_their_values_evenly_and_one_key_gives_its_own() {
    for params in of_both(heads(1, 1, 2, None)) {
        let mut fixture = Fixture::new(params, &[(0, 4)], Kind::Scale(0.0), 1);
        fixture.values[0] = vec![1.0, 10.0, 3.0, 20.0, 5.0, 30.0, 7.0, 40.0];
        fixture.store(&ThreadPool::single_threaded());
        for pool in &pools() {
            let [out, sums] = fixture.by_team(pool);
            assert_eq!(out[..4], [1.0, 10.0, 2.0, 15.0]);
            assert_eq!(out[6..], [4.0, 25.0]);
            assert_eq!(sums[0], 0.0);
            assert_eq!(sums[3], lookback_kernels::math::ln(4.0));
        }
    }
}
