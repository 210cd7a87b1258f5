//! Each sampler keeps what its naive twin keeps, and draws from what it keeps.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeSet;

use lookback_generate::sample::{Link, Sampler, Settings, Stage, Words};
use lookback_text::TokenId;
use proptest::prelude::*;

/// Candidates by ascending id.
type Row = Vec<(u32, f64)>;

fn largest(row: &Row) -> f64 {
    row.iter().fold(f64::NEG_INFINITY, |a, b| if b.1 > a { b.1 } else { a })
}

/// exp(logit − largest) of each, and their total.
fn weigh(row: &Row) -> (Vec<f64>, f64) {
    let weights: Vec<f64> = row.iter().map(|x| libm::exp(x.1 - largest(row))).collect();
    let total = weights.iter().fold(0.0, |total, weight| total + weight);
    (weights, total)
}

/// The surprise of each, in nats.
fn surprises(row: &Row) -> Vec<f64> {
    let logarithm = libm::log(weigh(row).1);
    row.iter().map(|x| logarithm - (x.1 - largest(row))).collect()
}

fn entropy(row: &Row) -> f64 {
    let (weights, total) = weigh(row);
    weights.iter().zip(surprises(row)).fold(0.0, |sum, (weight, bits)| sum + weight / total * bits)
}

/// The places of a row, the best first: by this measure, then by logit, then by id.
fn ranked(row: &Row, badness: impl Fn(usize) -> f64) -> Vec<usize> {
    let mut places: Vec<usize> = (0..row.len()).collect();
    places.sort_by(|&a, &b| {
        let by_badness = badness(a).partial_cmp(&badness(b)).unwrap();
        by_badness.then(row[b].1.partial_cmp(&row[a].1).unwrap()).then(row[a].0.cmp(&row[b].0))
    });
    places
}

fn only(row: &Row, places: &[usize]) -> Row {
    row.iter().enumerate().filter(|(at, _)| places.contains(at)).map(|(_, x)| *x).collect()
}

fn last(past: &[TokenId], n: i64) -> &[TokenId] {
    if n < 0 { past } else { &past[past.len().saturating_sub(n as usize)..] }
}

fn penalties(row: &mut Row, past: &[TokenId], settings: &Settings) {
    for (id, logit) in row {
        let said = last(past, settings.repeat_last_n).iter().filter(|past| past.0 == *id).count();
        if said > 0 {
            let penalty = settings.repeat_penalty;
            *logit = if *logit > 0.0 { *logit / penalty } else { *logit * penalty };
            *logit -= said as f64 * settings.frequency_penalty + settings.presence_penalty;
        }
    }
}

/// By the definition: the longest ending of the text that stood before this token already. What
/// the text begins with followed nothing, not even the empty ending.
fn dry(row: &mut Row, past: &[TokenId], settings: &Settings) {
    let past = last(past, settings.dry_penalty_last_n);
    let breaks = |id: &TokenId| settings.dry_breakers.contains(id);
    for (id, logit) in row {
        let stood = |ending: &[TokenId]| {
            (1..past.len()).any(|at| past[at].0 == *id && past[..at].ends_with(ending))
        };
        let mut endings = (0..past.len()).map(|length| &past[past.len() - length..]);
        let repeated = endings.rfind(|ending| !ending.iter().any(breaks) && stood(ending));
        let length = repeated.map(<[TokenId]>::len);
        let enough = length.filter(|length| *length >= settings.dry_allowed_length);
        if let (Some(length), false) = (enough, breaks(&TokenId(*id))) {
            let over = (length - settings.dry_allowed_length) as f64;
            *logit -= settings.dry_multiplier * libm::pow(settings.dry_base, over);
        }
    }
}

/// The fewest of these, the first first, that have this share of the total or more than it.
fn reach(row: &Row, places: &[usize], is_reached: impl Fn(f64, f64) -> bool) -> Row {
    let (weights, total) = weigh(row);
    let mut reached = 0.0;
    let mut keep = 0;
    for &place in places {
        reached += weights[place];
        keep += 1;
        if is_reached(reached, total) {
            break;
        }
    }
    only(row, &places[..keep])
}

/// The usual chain up to the temperature, one blackboard line after another.
fn twin(logits: &[f32], past: &[TokenId], settings: &Settings) -> Row {
    let mut row: Row = (0..).zip(logits.iter().map(|x| f64::from(*x) + 0.0)).collect();
    row.retain(|x| x.1 > f64::NEG_INFINITY);
    penalties(&mut row, past, settings);
    if settings.dry_multiplier > 0.0 {
        dry(&mut row, past, settings);
    }
    if settings.top_n_sigma > 0.0 {
        let count = row.len() as f64;
        let mean = row.iter().fold(0.0, |sum, x| sum + x.1) / count;
        let squares = row.iter().fold(0.0, |sum, x| sum + (x.1 - mean) * (x.1 - mean));
        let least = largest(&row) - settings.top_n_sigma * libm::sqrt(squares / count);
        row.retain(|x| x.1 >= least);
    }
    if settings.top_k > 0 {
        let places = ranked(&row, |_| 0.0);
        row = only(&row, &places[..settings.top_k.min(row.len())]);
    }
    if settings.typical < 1.0 {
        let (surprises, expected) = (surprises(&row), entropy(&row));
        let places = ranked(&row, |at| libm::fabs(surprises[at] - expected));
        let (weights, total) = weigh(&row);
        let mut reached = 0.0;
        let enough = places.iter().position(|at| {
            reached += weights[*at] / total;
            reached > settings.typical
        });
        row = only(&row, &places[..enough.map_or(places.len(), |at| at + 1)]);
    }
    if settings.top_p < 1.0 {
        let places = ranked(&row, |_| 0.0);
        row = reach(&row, &places, |reached, total| reached >= settings.top_p * total);
    }
    let weights = weigh(&row).0;
    let places: Vec<usize> = (0..row.len()).filter(|at| weights[*at] >= settings.min_p).collect();
    row = only(&row, &places);
    if settings.xtc_probability > 0.0 {
        let (weights, total) = weigh(&row);
        let places = ranked(&row, |_| 0.0);
        let top = places.iter().filter(|at| weights[**at] / total >= settings.xtc_threshold);
        row = only(&row, &places[top.count().max(1) - 1..]);
    }
    row
}

fn left(logits: &[f32], past: &[TokenId], settings: &Settings) -> Stage {
    Sampler::new(settings).unwrap().trace(logits, past).unwrap().pop().unwrap()
}

fn ids(ids: &[u32]) -> Vec<TokenId> {
    ids.iter().copied().map(TokenId).collect()
}

fn kept(stage: &Stage) -> BTreeSet<u32> {
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
            xtc_probability, xtc_threshold, dry_breakers: ids(&[0, 3]), ..Settings::plain(1)
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
        let expected = twin(&logits, &past, &settings);
        prop_assert_eq!(kept(&stage), expected.iter().map(|x| x.0).collect::<BTreeSet<_>>());
        let (weights, total) = weigh(&expected);
        for ((id, _), weight) in expected.iter().zip(weights) {
            let (_, share) = stage.kept.iter().find(|(kept, _)| kept.0 == *id).unwrap();
            prop_assert!((share - weight / total).abs() < 1e-12);
        }
        let chosen = Sampler::new(&settings).unwrap().next(&logits, &past).unwrap();
        prop_assert!(kept(&stage).contains(&chosen.0));
    }

    #[test]
    fn bans_biases_and_allowed_tokens_leave_what_they_say(
        logits in prop::collection::vec(-5.0_f32..5.0, 6..40),
        past in prop::collection::vec((0_u32..5).prop_map(TokenId), 0..12),
        biased in 0_u32..5,
    ) {
        let words = Words {
            biases: vec![(TokenId(biased), 3.0), (TokenId(5), f64::NEG_INFINITY)],
            banned: vec![ids(&[1]), ids(&[2, 3]), ids(&[4, 0, 2]), Vec::new()],
            only: Some(ids(&[5, 4, 3, 2, 1, 0])),
        };
        let plain = left(&logits, &past, &Settings { words, ..Settings::plain(0) });
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
        let (weights, total) = weigh(&row);
        for ((id, _), weight) in row.iter().zip(weights) {
            let (_, share) = plain.kept.iter().find(|(kept, _)| kept.0 == *id).unwrap();
            prop_assert!((share - weight / total).abs() < 1e-12);
        }
    }
}

/// The value that chi-square with so many degrees of freedom exceeds once in a thousand seeds
/// (Wilson and Hilferty 1931).
fn once_in_a_thousand(freedom: usize) -> f64 {
    let k = freedom as f64;
    let root = 1.0 - 2.0 / (9.0 * k) + 3.09 * (2.0 / (9.0 * k)).sqrt();
    k * root * root * root
}

#[test]
fn counts_follow_what_each_sampler_leaves() {
    let logits: Vec<f32> = (0..30).map(|x| (x as f32 * 0.37) % 2.5).collect();
    let past = ids(&[1, 2, 3, 9, 1, 2, 3]);
    let plain = || Settings { seed: 11, ..Settings::plain(0) };
    let chains = [
        Settings { repeat_penalty: 1.5, presence_penalty: 0.5, ..plain() },
        Settings { dry_multiplier: 1.0, ..plain() },
        Settings { top_n_sigma: 1.2, ..plain() },
        Settings { typical: 0.5, ..plain() },
        Settings { top_k: 7, ..plain() },
        Settings { top_p: 0.7, ..plain() },
        Settings { min_p: 0.3, ..plain() },
        Settings { temperature: 0.6, dynatemp_range: 0.5, ..plain() },
        Settings { xtc_probability: 1.0, xtc_threshold: 0.05, ..plain() },
        Settings {
            words: Words { biases: vec![(TokenId(4), 2.0)], ..Words::default() },
            ..plain()
        },
        Settings { mirostat: 1, mirostat_ent: 2.5, mirostat_lr: 0.0, ..plain() },
        Settings { mirostat: 2, mirostat_ent: 2.2, mirostat_lr: 0.0, ..plain() },
        Settings::usual(3),
    ];
    for settings in chains {
        let mut sampler = Sampler::new(&settings).unwrap();
        let expected = sampler.trace(&logits, &past).unwrap().pop().unwrap().kept;
        let draws = 20_000;
        let mut counts = [0_u32; 30];
        for _ in 0..draws {
            counts[sampler.next(&logits, &past).unwrap().index()] += 1;
        }
        let drawn: u32 = expected.iter().map(|(id, _)| counts[id.index()]).sum();
        assert_eq!(drawn, draws, "{:?} chose what it takes away", sampler.steps());
        let chi_square = expected.iter().fold(0.0, |sum, (id, share)| {
            let wanted = share * f64::from(draws);
            sum + (f64::from(counts[id.index()]) - wanted).powi(2) / wanted
        });
        assert!(expected.len() > 1, "{:?} leaves no choice", sampler.steps());
        let limit = once_in_a_thousand(expected.len() - 1);
        assert!(chi_square < limit, "{:?}: {chi_square} beyond {limit}", sampler.steps());
    }
}

#[test]
fn xtc_takes_the_top_choices_away_as_often_as_asked_and_changes_no_other_draw() {
    // Probabilities 0.4, 0.3, 0.2, 0.1: with a threshold of 0.15 the first two go.
    let logits: Vec<f32> = [0.4_f32, 0.3, 0.2, 0.1].iter().map(|share| share.ln()).collect();
    let plain = Settings::plain(5);
    let xtc = Settings { xtc_probability: 0.25, xtc_threshold: 0.15, ..plain.clone() };
    let (mut with, mut without) = (Sampler::new(&xtc).unwrap(), Sampler::new(&plain).unwrap());
    let (mut counts, mut alike, draws) = ([0.0; 4], 0, 20_000);
    for _ in 0..draws {
        let chosen = with.next(&logits, &[]).unwrap();
        counts[chosen.index()] += 1.0;
        alike += usize::from(chosen == without.next(&logits, &[]).unwrap());
    }
    let expected = [0.75 * 0.4, 0.75 * 0.3, 0.75 * 0.2 + 0.25 * 2.0 / 3.0, 0.75 * 0.1 + 0.25 / 3.0];
    let chi_square = (0..4).fold(0.0, |sum, at| {
        let wanted = expected[at] * f64::from(draws);
        sum + (counts[at] - wanted) * (counts[at] - wanted) / wanted
    });
    assert!(chi_square < once_in_a_thousand(3), "{chi_square}: {counts:?}");
    assert!(alike > 15_000, "{alike} of {draws} draws are those without XTC");
}

#[test]
fn mirostat_keeps_the_surprise_near_its_target() {
    // Zipf's law over 2,000 tokens: the mean surprise of the whole is about 8 bits.
    let logits: Vec<f32> = (0..2000).map(|rank| -1.05 * (1.0 + rank as f32).ln()).collect();
    let row: Row = (0..).zip(logits.iter().map(|x| f64::from(*x))).collect();
    for (mirostat, target) in [(1, 3.0), (1, 5.0), (2, 3.0), (2, 5.0)] {
        let settings = Settings { mirostat, mirostat_ent: target, ..Settings::plain(2) };
        let mut sampler = Sampler::new(&settings).unwrap();
        let (mut bits, draws) = (0.0, 4000);
        for _ in 0..draws {
            let kept = sampler.trace(&logits, &[]).unwrap().pop().unwrap().kept;
            let chosen = sampler.next(&logits, &[]).unwrap();
            let (_, share) = kept.iter().find(|(id, _)| *id == chosen).unwrap();
            bits -= share.log2();
        }
        let mean = bits / f64::from(draws);
        assert!((mean - target).abs() < 0.1, "version {mirostat}: {mean} bits, not {target}");
    }
    assert!(entropy(&row) / std::f64::consts::LN_2 > 7.0);
}

#[test]
fn mirostat_of_a_bound_keeps_what_its_formula_says() {
    let logits: Vec<f32> = [0.5_f32, 0.25, 0.125, 0.0625, 0.0625].iter().map(|p| p.ln()).collect();
    let kept_at = |mirostat, bound| {
        let settings = Settings { mirostat, ..Settings::plain(0) };
        let mut sampler = Sampler::new(&settings).unwrap();
        assert_eq!(sampler.bound(), Some(10.0));
        sampler.set_bound(bound);
        kept(&sampler.trace(&logits, &[]).unwrap().pop().unwrap()).len()
    };
    // Surprises are 1, 2, 3, 4 and 4 bits.
    assert_eq!([0.5, 1.5, 2.5, 3.5, 4.5].map(|bound| kept_at(2, bound)), [1, 1, 2, 3, 5]);
    // More surprise never keeps fewer.
    let counts: Vec<usize> = (0..12).map(|bound| kept_at(1, f64::from(bound))).collect();
    assert!(counts.is_sorted() && counts[0] >= 1, "{counts:?}");
    assert!(Sampler::new(&Settings::plain(0)).unwrap().bound().is_none());
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
        let sampler = Sampler::new(settings).unwrap();
        sampler.steps().iter().map(|step| step.sampler()).collect()
    };
    let usual = "penalties;dry;top_n_sigma;top_k;typ_p;top_p;min_p;xtc;temperature";
    assert_eq!(names(&all).join(";"), usual);
    assert_eq!(names(&Settings::usual(0)), ["top_k", "top_p", "min_p", "temperature"]);
    let order = Link::parse_all("temperature, top-k;typical").unwrap();
    assert_eq!(names(&Settings { order, ..all.clone() }), ["temperature", "top_k", "typ_p"]);
    assert_eq!(names(&Settings { mirostat: 2, ..all.clone() }), ["temperature", "mirostat"]);
    let none = Settings { order: Link::parse_all("").unwrap(), ..all };
    assert!(names(&none).is_empty());
    let refused = |list| Link::parse_all(list).unwrap_err().to_string();
    assert!(
        refused("top_k;luck").starts_with("--samplers: there is no sampler \"luck\"; there are")
    );
    assert!(refused("top_k;top-k").contains("top_k is named twice"));
}

#[test]
fn penalties_mean_the_same_after_a_temperature_as_before() {
    // After a temperature of 2 the logits are 1 and -1, which a penalty of 2 makes 0.5 and -2.
    let order = Link::parse_all("temperature;penalties").unwrap();
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
        let mut sampler = Sampler::new(&settings).unwrap();
        (sampler.steps().len(), sampler.next(&logits, past).unwrap().0)
    };
    assert_eq!(greedy(Settings::usual(1), &[]), (1, 0));
    let penalty = Settings { presence_penalty: 1.0, ..Settings::usual(1) };
    assert_eq!(greedy(penalty, &ids(&[0])), (2, 1));
    let words = Words { banned: vec![ids(&[0]), ids(&[1])], ..Words::default() };
    assert_eq!(greedy(Settings { words, ..Settings::usual(1) }, &[]), (2, 2));
    let order = Link::parse_all("top_k").unwrap();
    assert_eq!(greedy(Settings { order, ..Settings::usual(1) }, &[]), (1, 0));
}

#[test]
fn where_one_token_is_left_every_sampler_takes_it_and_none_is_refused() {
    let logits: Vec<f32> = (0..20).map(|x| x as f32 * 0.3).collect();
    let all_but = |kept: Option<u32>| Words {
        banned: (0..20).filter(|id| Some(*id) != kept).map(|id| ids(&[id])).collect(),
        ..Words::default()
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
        let alone = Settings { words: all_but(Some(7)), ..settings.clone() };
        let past = ids(&[7; 500]);
        for _ in 0..20 {
            assert_eq!(Sampler::new(&alone).unwrap().next(&logits, &past).unwrap(), TokenId(7));
        }
        let none = Settings { words: all_but(None), ..settings };
        let said = Sampler::new(&none).unwrap().next(&logits, &past).unwrap_err().to_string();
        assert!(said.starts_with("every token that may follow is banned"), "{said}");
    }
}
