//! What is worked out between the engine's numbers ends at them, and what is made small keeps the most.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::fixture::{ids, weights};
use crate::shapes::networks;
use lookback_engine::{ThreadPool, WeightMode};
use lookback_lens::{
    PatternThumbnails, SiteFilter, head_scores, pattern_thumbnails, trace, weight_steps,
};
use lookback_model::{BlockSite, Edits, Positions};

/// What comes later does not exist, and what lies before the window is forgotten.
fn is_hidden(window: Option<usize>, query: usize, key: usize) -> bool {
    key > query || window.is_some_and(|window| key + window <= query)
}

#[test]
fn comparisons_end_at_the_engines_scores_bit_for_bit() {
    let pool = ThreadPool::single_threaded();
    for network in networks() {
        let weights = weights(&network, WeightMode::Inference, &pool);
        let trace = trace(&weights, &pool, &ids(70, 3), &SiteFilter::all()).unwrap();
        for (layer, head) in [(0, 0), (1, 4), (1, 5)] {
            let head_scores = head_scores(&trace, &weights, layer, head).unwrap();
            let scores = trace.block(layer, BlockSite::Scores).unwrap().part(head);
            let config = &network.config;
            let has_alibi = matches!(config.positions, Positions::Alibi { .. });
            assert_eq!(head_scores.capped.is_some(), config.score_cap.is_some());
            assert_eq!(head_scores.biased.is_some(), has_alibi);
            let capped = head_scores.capped.as_ref().unwrap_or(&head_scores.scaled);
            let last = head_scores.biased.as_ref().unwrap_or(capped);
            for (at, (&score, &last)) in scores.iter().zip(last).enumerate() {
                let is_hidden = is_hidden(config.layer_window(layer), at / 70, at % 70);
                assert_eq!(score == f32::NEG_INFINITY, is_hidden);
                assert!(is_hidden || score.to_bits() == last.to_bits());
            }
            // Each step changes what it is given.
            let changes = |from: &[f32], to: &[f32]| from.iter().zip(to).any(|(a, b)| a != b);
            assert!(changes(&head_scores.products, &head_scores.scaled));
            assert!(head_scores.capped.iter().all(|capped| changes(&head_scores.scaled, capped)));
            assert!(head_scores.biased.iter().all(|biased| changes(capped, biased)));
        }
    }
}

#[test]
fn a_cell_unfolds_into_the_sum_that_made_it() {
    let pool = ThreadPool::single_threaded();
    for network in networks() {
        let weights = weights(&network, WeightMode::Inference, &pool);
        let trace = trace(&weights, &pool, &ids(66, 5), &SiteFilter::all()).unwrap();
        for [token, other] in [[0, 0], [65, 2], [65, 64], [65, 65], [3, 4]] {
            let cell = weight_steps(&trace, &weights, [1, 3], [token, other]).unwrap();
            let scale = cell.scaled.to_bits() == (cell.sums.last().unwrap() * cell.scale).to_bits();
            assert!(scale);
            let config = &network.config;
            if is_hidden(config.layer_window(1), token, other) {
                assert_eq!((cell.score, cell.weight), (f32::NEG_INFINITY, 0.0));
                assert_eq!(cell.exponentials[other], 0.0);
                continue;
            }
            assert_eq!(cell.score.to_bits(), cell.unmasked.to_bits());
            let capped = cell.capped.unwrap_or(cell.scaled);
            let cap = config.score_cap.map(f64::from);
            assert_eq!(cell.capped.is_some(), cap.is_some());
            if let Some(cap) = cap {
                let expected = cap * (f64::from(cell.scaled) / cap).tanh();
                assert!(
                    (f64::from(capped) - expected).abs() < 1e-6 * cap,
                    "{capped} of {expected}"
                );
            }
            let distance = (token - other) as f32;
            let unmasked = cell.slope.map_or(capped, |slope| slope.mul_add(-distance, capped));
            assert_eq!(cell.unmasked.to_bits(), unmasked.to_bits());
            // What a sink takes is missing from the row.
            assert_eq!(cell.sink.is_some(), config.attention_sinks);
            assert_eq!(cell.sink_exponential > 0.0, config.attention_sinks);
            let terms = cell.exponentials.iter().fold(cell.sink_exponential, |sum, x| sum + x);
            assert_eq!(cell.total, terms);
            // The engine's exp and totals are rounded in f32, a few hundred times at most.
            let weight = cell.exponentials[other] / cell.total;
            let bound = 300.0 * f64::from(f32::EPSILON) * weight;
            assert!((weight - f64::from(cell.weight)).abs() <= bound);
        }
    }
}

#[test]
fn a_glance_keeps_the_largest_weight_of_every_patch() {
    let pool = ThreadPool::single_threaded();
    let network = &networks()[1];
    let weights = weights(network, WeightMode::Inference, &pool);
    let ids = ids(40, 7);
    let trace = trace(&weights, &pool, &ids, &SiteFilter::all()).unwrap();
    for side in [1, 7, 40] {
        let glance = pattern_thumbnails((&weights, &Edits::default()), &pool, &ids, side).unwrap();
        assert_eq!(glance.side, side);
        assert_eq!(PatternThumbnails::of_trace(&trace, &network.config, side).unwrap(), glance);
        for (layer, head) in [(0, 0), (1, 5)] {
            let pattern = trace.block(layer, BlockSite::Pattern).unwrap().part(head);
            let mut expected = vec![0.0f32; side * side];
            for (at, &weight) in pattern.iter().enumerate() {
                let cell = at / 40 * side / 40 * side + at % 40 * side / 40;
                expected[cell] = expected[cell].max(weight);
            }
            let at = (layer * 6 + head) * side * side;
            assert_eq!(glance.values[at..at + side * side], expected);
        }
    }
    assert_eq!(
        pattern_thumbnails((&weights, &Edits::default()), &pool, &ids, 99).unwrap().side,
        40
    );
}
