//! Draws follow the shares that are left: counts of many of them, and the surprisal that Mirostat aims at.

use lookback_generate::sample::{LogitBias, SamplerChain, Settings};
use lookback_text::TokenId;

use super::{
    ids,
    twin::{Row, entropy},
};

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
            logit_bias: LogitBias { biases: vec![(TokenId(4), 2.0)], ..LogitBias::default() },
            ..plain()
        },
        Settings { mirostat: 1, mirostat_ent: 2.5, mirostat_lr: 0.0, ..plain() },
        Settings { mirostat: 2, mirostat_ent: 2.2, mirostat_lr: 0.0, ..plain() },
        Settings::usual(3),
    ];
    for settings in chains {
        let mut sampler = SamplerChain::new(&settings).unwrap();
        let expected = sampler.trace(&logits, &past).unwrap().pop().unwrap().kept;
        let draws = 20_000;
        let mut counts = [0_u32; 30];
        for _ in 0..draws {
            counts[sampler.next(&logits, &past).unwrap().index()] += 1;
        }
        let drawn: u32 = expected.iter().map(|(id, _)| counts[id.index()]).sum();
        assert_eq!(drawn, draws, "{:?} chose what it takes away", sampler.stages());
        let chi_square = expected.iter().fold(0.0, |sum, (id, share)| {
            let wanted = share * f64::from(draws);
            sum + (f64::from(counts[id.index()]) - wanted).powi(2) / wanted
        });
        assert!(expected.len() > 1, "{:?} leaves no choice", sampler.stages());
        let limit = once_in_a_thousand(expected.len() - 1);
        assert!(chi_square < limit, "{:?}: {chi_square} beyond {limit}", sampler.stages());
    }
}

#[test]
fn xtc_takes_the_top_choices_away_as_often_as_asked_and_changes_no_other_draw() {
    // Probabilities 0.4, 0.3, 0.2, 0.1: with a threshold of 0.15 the first two go.
    let logits: Vec<f32> = [0.4_f32, 0.3, 0.2, 0.1].iter().map(|share| share.ln()).collect();
    let plain = Settings::plain(5);
    let xtc = Settings { xtc_probability: 0.25, xtc_threshold: 0.15, ..plain.clone() };
    let (mut with, mut without) =
        (SamplerChain::new(&xtc).unwrap(), SamplerChain::new(&plain).unwrap());
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
fn mirostat_keeps_the_surprisal_near_its_target() {
    // Zipf's law over 2,000 tokens: the mean surprisal of the whole is about 8 bits.
    let logits: Vec<f32> = (0..2000).map(|rank| -1.05 * (1.0 + rank as f32).ln()).collect();
    let row: Row = (0..).zip(logits.iter().map(|x| f64::from(*x))).collect();
    for (mirostat, target) in [(1, 3.0), (1, 5.0), (2, 3.0), (2, 5.0)] {
        let settings = Settings { mirostat, mirostat_ent: target, ..Settings::plain(2) };
        let mut sampler = SamplerChain::new(&settings).unwrap();
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
