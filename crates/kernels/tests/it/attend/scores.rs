//! What is captured of an attention: its scores and its pattern are those that its output was made of, and terms
//! of scores that change nothing change no bit.

use lookback_kernels::{
    attend::{self, Alibi, AttentionParams, Compute},
    matmul::Epilogue,
    naive,
    thread_pool::ThreadPool,
};

use super::fixture::{Fixture, Kind, bits, heads, of_both, pools, with_terms};

#[test]
fn scores_and_patterns_are_what_forward_weighed() {
    let windows = [None, Some(9)].map(|window| heads(4, 2, 24, window));
    let with_terms = [0, 1, 2, 3].map(|choice| with_terms(windows[choice % 2], choice));
    for params in windows.into_iter().chain(with_terms).flat_map(of_both) {
        // Forward rounds its weights to bf16, half an eighth bit at most, and no value is above 2.
        let tolerance = match params.products {
            Compute::F32 => 2e-5,
            Compute::Bf16 => 2.0 * 2.0 / 512.0,
        };
        let fixture = Fixture::new(params, &[(0, 3), (62, 8)], Kind::Scale(2.0), 31);
        let [out, sums] = fixture.by_twin();
        let span = &fixture.spans[1];
        let keys = span.first_position + span.rows;
        let len = span.rows * keys;
        let mut twins = [vec![5.0; params.heads * len], vec![5.0; params.heads * len]];
        for head in 0..params.heads {
            let of_head = head * len..(head + 1) * len;
            let [scores, pattern] = &mut twins;
            let (scores, pattern) = (&mut scores[of_head.clone()], &mut pattern[of_head]);
            naive::attend::scores(&params, head, &fixture.query, span, fixture.pages(), scores);
            naive::attend::pattern(
                &params,
                head,
                &fixture.query,
                span,
                fixture.pages(),
                &sums,
                pattern,
            );
        }
        for pool in &pools() {
            let mut seen = vec![5.0; params.heads * len];
            attend::scores(pool, &params, &fixture.query, span, fixture.pages(), &mut seen);
            assert_eq!(bits(&seen), bits(&twins[0]), "scores: {pool:?}");
            attend::pattern(pool, &params, &fixture.query, span, fixture.pages(), &sums, &mut seen);
            assert_eq!(bits(&seen), bits(&twins[1]), "pattern: {pool:?}");
        }
        for head in 0..params.heads {
            let [scores, pattern] = &twins;
            let (scores, pattern) = (&scores[head * len..], &pattern[head * len..]);
            for index in 0..span.rows {
                let row = span.first_row + index;
                let query = &fixture.query[(row * params.heads + head) * params.head_dim..]
                    [..params.head_dim];
                let seen = naive::attend::visible(&params, keys, span.first_position + index);
                let mut mixed = vec![0.0f64; params.head_dim];
                let mut total = 0.0f64;
                for at in 0..keys {
                    let (score, weight) = (scores[index * keys + at], pattern[index * keys + at]);
                    if !seen.contains(&at) {
                        assert_eq!(score, f32::NEG_INFINITY);
                        assert_eq!(weight.to_bits(), 0);
                        continue;
                    }
                    let of = (at * params.key_heads + head / params.group()) * params.head_dim;
                    let key = &fixture.keys[1][of..of + params.head_dim];
                    let (mut chain, epilogue) = ([0.0], Epilogue::default());
                    match params.products {
                        Compute::F32 => {
                            naive::matmul::forward(
                                query,
                                key,
                                1,
                                params.head_dim,
                                epilogue,
                                &mut chain,
                            );
                        }
                        Compute::Bf16 => {
                            naive::bf16::forward(
                                query,
                                key,
                                1,
                                params.head_dim,
                                epilogue,
                                &mut chain,
                            );
                        }
                    }
                    let mut expected = chain[0] * params.scale;
                    if let Some(cap) = params.score_cap {
                        expected = naive::cap::value(cap, expected);
                    }
                    if let Some(alibi) = params.alibi {
                        let position = span.first_position + index;
                        let distance = at as f32 - position as f32;
                        expected = alibi.slope(head).mul_add(distance, expected);
                    }
                    assert_eq!(score.to_bits(), expected.to_bits());
                    total += f64::from(weight);
                    for (mixed, v) in mixed.iter_mut().zip(&fixture.values[1][of..]) {
                        *mixed += f64::from(weight) * f64::from(*v);
                    }
                }
                if let Some(sinks) = params.sinks {
                    let sum = sums[row * params.heads + head];
                    total += f64::from(lookback_kernels::math::exp(sinks[head] - sum));
                }
                assert!((total - 1.0).abs() < 1e-5, "a row of the pattern sums to {total}");
                let out = &out[(row * params.heads + head) * params.head_dim..][..params.head_dim];
                for (out, mixed) in out.iter().zip(mixed) {
                    assert!((f64::from(*out) - mixed).abs() < tolerance, "{out} is not {mixed}");
                }
            }
        }
    }
}

#[test]
fn terms_that_change_nothing_change_no_bit() {
    const NOTHING: [f32; 4] = [f32::NEG_INFINITY; 4];
    let pool = ThreadPool::single_threaded();
    for params in of_both(heads(4, 2, 24, None)) {
        let fixture = Fixture::new(params, &[(0, 70), (65, 1), (0, 1)], Kind::Scale(2.0), 37);
        let expected = fixture.by_team(&pool).map(|x| bits(&x));
        let no_slope = Some(Alibi { heads: 4, factor: 0.0 });
        for params in [
            AttentionParams { sinks: Some(&NOTHING), ..params },
            AttentionParams { alibi: no_slope, ..params },
        ] {
            let fixture = Fixture { params, ..fixture.clone() };
            assert_eq!(fixture.by_team(&pool).map(|x| bits(&x)), expected, "{params:?}");
        }
    }
}

#[test]
fn slopes_of_alibi_are_those_of_its_paper() {
    let slopes = |heads| -> Vec<f32> {
        (0..heads).map(|head| Alibi { heads, factor: 1.0 }.slope(head)).collect()
    };
    let power = |exponent: f32| lookback_kernels::math::pow(2.0, exponent);
    assert_eq!(slopes(1), [power(-8.0)]);
    assert_eq!(slopes(8), [-1.0, -2.0, -3.0, -4.0, -5.0, -6.0, -7.0, -8.0].map(power));
    // Of six heads, those of four, then every second one of eight.
    assert_eq!(slopes(6), [-2.0, -4.0, -6.0, -8.0, -1.0, -3.0].map(power));
    for (found, exponent) in slopes(12)[8..].iter().zip([-0.5, -1.5, -2.5, -3.5]) {
        assert!((found / power(exponent) - 1.0).abs() < 1e-6, "{found}, 2^{exponent}");
    }
    assert_eq!(Alibi { heads: 8, factor: 0.25 }.slope(2), 0.25 / 8.0);
}
