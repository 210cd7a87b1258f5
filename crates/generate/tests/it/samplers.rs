//! Each sampler keeps what its naive twin keeps, and draws from what it keeps.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod draws;
mod twin;

use std::collections::BTreeSet;

use lookback_generate::sample::{LogitBias, SamplerChain, SamplerKind, Settings, StageOutput};
use lookback_text::TokenId;
use proptest::prelude::*;
use twin::{Row, compute_weights};

fn left(logits: &[f32], past: &[TokenId], settings: &Settings) -> StageOutput {
    SamplerChain::new(settings).unwrap().trace(logits, past).unwrap().pop().unwrap()
}

fn ids(ids: &[u32]) -> Vec<TokenId> {
    ids.iter().copied().map(TokenId).collect()
}

fn kept(stage: &StageOutput) -> BTreeSet<u32> {
    stage.kept.iter().map(|(id, _)| id.0).collect()
}

fn a_logit() -> impl Strategy<Value = f32> {
    // Few distinct values, so that ties are common; spikes, and the impossible.
    prop_oneof![
        4 => (-8_i32..8).prop_map(|x| x as f32 * 0.5),
        4 => -5.0_f32..5.0,
        1 => Just(30.0_f32),
        1 => Just(f32::NEG_INFINITY),
        1 => Just(-0.0_f32),
    ]
}

fn one_of(values: &[f64]) -> impl Strategy<Value = f64> + use<> {
    prop::sample::select(values.to_vec())
}

prop_compose! {
    fn a_chain()(
        repeat_penalty in one_of(&[1.0, 1.2, 0.5]),
        presence_penalty in one_of(&[0.0, 0.7, -0.5]),
        frequency_penalty in one_of(&[0.0, 0.3]),
        repeat_last_n in prop::sample::select(vec![-1_i64, 0, 1, 8, 64]),
        dry_multiplier in one_of(&[0.0, 0.8]),
        dry_allowed_length in 0_usize..4,
        dry_penalty_last_n in prop::sample::select(vec![-1_i64, 0, 5, 30]),
        top_n_sigma in one_of(&[0.0, 0.5, 1.5]),
        top_k in prop::sample::select(vec![0_usize, 1, 5, 40, 5000]),
        (typical, top_p) in (one_of(&[1.0, 0.9, 0.2, 0.0]), one_of(&[1.0, 0.95, 0.3, 0.0])),
        min_p in one_of(&[0.0, 0.05, 0.7, 1.0]),
        (xtc_probability, xtc_threshold) in (one_of(&[0.0, 1.0]), one_of(&[0.0, 0.02, 0.1, 0.5])),
    ) -> Settings {
        Settings {
            repeat_penalty, presence_penalty, frequency_penalty, repeat_last_n, dry_multiplier,
            dry_allowed_length, dry_penalty_last_n, top_n_sigma, top_k, typical, top_p, min_p,
            xtc_probability, xtc_threshold, dry_sequence_breakers: ids(&[0, 3]), ..Settings::plain(1)
        }
    }
}

proptest! {
    #[test]
    fn the_chain_keeps_what_the_naive_twins_keep(
        logits in prop::collection::vec(a_logit(), 1..120),
        // Few words, so that phrases return.
        past in prop::collection::vec((0_u32..5).prop_map(TokenId), 0..60),
        settings in a_chain(),
    ) {
        prop_assume!(logits.iter().any(|x| x.is_finite()));
        let stage = left(&logits, &past, &settings);
        let expected = twin::keep(&logits, &past, &settings);
        prop_assert_eq!(kept(&stage), expected.iter().map(|x| x.0).collect::<BTreeSet<_>>());
        let (weights, total) = compute_weights(&expected);
        for ((id, _), weight) in expected.iter().zip(weights) {
            let (_, share) = stage.kept.iter().find(|(kept, _)| kept.0 == *id).unwrap();
            prop_assert!((share - weight / total).abs() < 1e-12);
        }
        let chosen = SamplerChain::new(&settings).unwrap().next(&logits, &past).unwrap();
        prop_assert!(kept(&stage).contains(&chosen.0));
    }

    #[test]
    fn bans_biases_and_allowed_tokens_leave_what_they_say(
        logits in prop::collection::vec(-5.0_f32..5.0, 6..40),
        past in prop::collection::vec((0_u32..5).prop_map(TokenId), 0..12),
        biased in 0_u32..5,
    ) {
        let words = LogitBias {
            biases: vec![(TokenId(biased), 3.0), (TokenId(5), f64::NEG_INFINITY)],
            banned_sequences: vec![ids(&[1]), ids(&[2, 3]), ids(&[4, 0, 2]), Vec::new()],
            allowed: Some(ids(&[5, 4, 3, 2, 1, 0])),
            ..LogitBias::default()
        };
        let plain = left(&logits, &past, &Settings { logit_bias: words, ..Settings::plain(0) });
        let mut expected = BTreeSet::from([0, 2, 3, 4]);
        if past.ends_with(&ids(&[2])) {
            expected.remove(&3);
        }
        if past.ends_with(&ids(&[4, 0])) {
            expected.remove(&2);
        }
        prop_assert_eq!(kept(&plain), expected.clone());
        let row: Row = expected.iter().map(|id| {
            let bias = if *id == biased { 3.0 } else { 0.0 };
            (*id, f64::from(logits[*id as usize]) + bias)
        }).collect();
        let (weights, total) = compute_weights(&row);
        for ((id, _), weight) in row.iter().zip(weights) {
            let (_, share) = plain.kept.iter().find(|(kept, _)| kept.0 == *id).unwrap();
            prop_assert!((share - weight / total).abs() < 1e-12);
        }
    }
}

#[test]
fn mirostat_of_a_bound_keeps_what_its_formula_says() {
    let logits: Vec<f32> = [0.5_f32, 0.25, 0.125, 0.0625, 0.0625].iter().map(|p| p.ln()).collect();
    let kept_at = |mirostat, bound| {
        let settings = Settings { mirostat, ..Settings::plain(0) };
        let mut sampler = SamplerChain::new(&settings).unwrap();
        assert_eq!(sampler.mirostat_mu(), Some(10.0));
        sampler.set_mirostat_mu(bound);
        kept(&sampler.trace(&logits, &[]).unwrap().pop().unwrap()).len()
    };
    // Surprisals are 1, 2, 3, 4 and 4 bits.
    assert_eq!([0.5, 1.5, 2.5, 3.5, 4.5].map(|bound| kept_at(2, bound)), [1, 1, 2, 3, 5]);
    // A larger surprisal never keeps fewer.
    let counts: Vec<usize> = (0..12).map(|bound| kept_at(1, f64::from(bound))).collect();
    assert!(counts.is_sorted() && counts[0] >= 1, "{counts:?}");
    assert!(SamplerChain::new(&Settings::plain(0)).unwrap().mirostat_mu().is_none());
}

#[test]
fn a_temperature_moves_with_the_entropy() {
    let settings =
        Settings { temperature: 1.0, dynatemp_range: 0.5, dynatemp_exp: 2.0, ..Settings::plain(0) };
    // All alike: the entropy is the largest there is, and the temperature 1.5, which changes nothing.
    assert_eq!(left(&[1.0; 4], &[], &settings).kept[0].1, 0.25);
    // Shares 0.9 and 0.1: 0.469 bits of 1 at most.
    let logits = [0.9_f32.ln(), 0.1_f32.ln()];
    let temperature = 0.5 + 0.468_995_593_6_f64.powi(2);
    let odds = 9.0_f64.powf(1.0 / temperature);
    let share = left(&logits, &[], &settings).kept[0].1;
    assert!((share - odds / (1.0 + odds)).abs() < 1e-6, "{share}");
    // Where the range reaches 0 and one token is certain, it is taken.
    let cold = Settings { dynatemp_range: 3.0, ..settings };
    assert_eq!(left(&[900.0, 0.0], &[], &cold).kept[0], (TokenId(0), 1.0));
}

#[test]
fn the_chain_is_llama_cpps_unless_samplers_says_otherwise() {
    let all = Settings {
        repeat_penalty: 1.1,
        dry_multiplier: 0.8,
        top_n_sigma: 2.0,
        typical: 0.9,
        xtc_probability: 0.5,
        ..Settings::usual(0)
    };
    let names = |settings: &Settings| -> Vec<&str> {
        let sampler = SamplerChain::new(settings).unwrap();
        sampler.stages().iter().map(|stage| stage.sampler_name()).collect()
    };
    let usual = "penalties;dry;top_n_sigma;top_k;typ_p;top_p;min_p;xtc;temperature";
    assert_eq!(names(&all).join(";"), usual);
    assert_eq!(names(&Settings::usual(0)), ["top_k", "top_p", "min_p", "temperature"]);
    let order = SamplerKind::parse_all("temperature, top-k;typical").unwrap();
    assert_eq!(names(&Settings { order, ..all.clone() }), ["temperature", "top_k", "typ_p"]);
    assert_eq!(names(&Settings { mirostat: 2, ..all.clone() }), ["temperature", "mirostat"]);
    let none = Settings { order: SamplerKind::parse_all("").unwrap(), ..all };
    assert!(names(&none).is_empty());
    let refused = |list| SamplerKind::parse_all(list).unwrap_err().to_string();
    assert!(refused("top_k;luck").starts_with("samplers: there is no sampler \"luck\"; there are"));
    assert!(refused("top_k;top-k").contains("top_k is named twice"));
}

#[test]
fn penalties_mean_the_same_after_a_temperature_as_before() {
    // After a temperature of 2 the logits are 1 and -1, which a penalty of 2 makes 0.5 and -2.
    let order = SamplerKind::parse_all("temperature;penalties").unwrap();
    let settings = Settings { temperature: 2.0, repeat_penalty: 2.0, order, ..Settings::plain(0) };
    let kept = left(&[2.0, -2.0], &ids(&[0, 1]), &settings).kept;
    let odds = (kept[0].1 / kept[1].1).ln();
    assert!((odds - 2.5).abs() < 1e-12, "{odds}");
}

#[test]
fn temperature_zero_takes_the_likeliest_of_what_is_left() {
    let logits = [3.0, 2.5, 1.0];
    let greedy = |settings: Settings, past: &[TokenId]| {
        let settings = Settings { temperature: 0.0, ..settings };
        let mut sampler = SamplerChain::new(&settings).unwrap();
        (sampler.stages().len(), sampler.next(&logits, past).unwrap().0)
    };
    assert_eq!(greedy(Settings::usual(1), &[]), (1, 0));
    let penalty = Settings { presence_penalty: 1.0, ..Settings::usual(1) };
    assert_eq!(greedy(penalty, &ids(&[0])), (2, 1));
    let words = LogitBias { banned_sequences: vec![ids(&[0]), ids(&[1])], ..LogitBias::default() };
    assert_eq!(greedy(Settings { logit_bias: words, ..Settings::usual(1) }, &[]), (2, 2));
    let order = SamplerKind::parse_all("top_k").unwrap();
    assert_eq!(greedy(Settings { order, ..Settings::usual(1) }, &[]), (1, 0));
}

#[test]
fn where_one_token_is_left_every_sampler_takes_it_and_none_is_refused() {
    let logits: Vec<f32> = (0..20).map(|x| x as f32 * 0.3).collect();
    let all_but = |kept: Option<u32>| LogitBias {
        banned_sequences: (0..20).filter(|id| Some(*id) != kept).map(|id| ids(&[id])).collect(),
        ..LogitBias::default()
    };
    let chains = [
        Settings::usual(1),
        Settings::greedy(),
        Settings { typical: 0.0, top_p: 0.0, top_n_sigma: 0.01, ..Settings::plain(1) },
        Settings { xtc_probability: 1.0, xtc_threshold: 0.0, ..Settings::plain(1) },
        Settings { mirostat: 1, ..Settings::plain(1) },
        Settings { mirostat: 2, ..Settings::plain(1) },
        Settings { dynatemp_range: 0.5, top_k: 100_000, ..Settings::plain(1) },
        Settings { dry_multiplier: 1e6, dry_allowed_length: 0, ..Settings::plain(1) },
    ];
    for settings in chains {
        let alone = Settings { logit_bias: all_but(Some(7)), ..settings.clone() };
        let past = ids(&[7; 500]);
        for _ in 0..20 {
            assert_eq!(
                SamplerChain::new(&alone).unwrap().next(&logits, &past).unwrap(),
                TokenId(7)
            );
        }
        let none = Settings { logit_bias: all_but(None), ..settings };
        let said = SamplerChain::new(&none).unwrap().next(&logits, &past).unwrap_err().to_string();
        assert!(said.starts_with("every token that may follow is banned"), "{said}");
    }
}
