//! What is told of positions is what a pass does with them.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::fixture::{bits, ids, weights};
use crate::shapes::{ROUNDING, networks};
use lookback_engine::{ThreadPool, WeightMode};
use lookback_lens::{SiteFilter, normed_queries, rotary_pairs, trace};
use lookback_model::BlockSite;

const TOKENS: usize = 40;

/// Partly rotated heads, other angles in layers with a window, none in others, factors of sines (YaRN), and
/// norms before the rotation: in every layer of every kind, the pairs turn each query into what is multiplied.
#[test]
fn pairs_turn_queries_into_what_is_multiplied() {
    let pool = ThreadPool::single_threaded();
    let (mut partial, mut still, mut scaled, mut normed_layers) = (0, 0, 0, 0);
    for network in networks() {
        let weights = weights(&network, WeightMode::Inference, &pool);
        let trace = trace(&weights, &pool, &ids(TOKENS, 3), &SiteFilter::all()).unwrap();
        let head_dim = network.config.head_dim;
        for layer in network.layers() {
            let row = |site, token| trace.block(layer, site).unwrap().part(token);
            for token in [0, 1, 17, TOKENS - 1] {
                let queries = row(BlockSite::Q, token);
                let normed = normed_queries(&weights, &pool, layer, queries);
                assert_eq!(normed.is_some(), network.config.query_key_norm.is_some());
                normed_layers += usize::from(normed.is_some());
                let before = normed.as_deref().unwrap_or(queries);
                let bound = network.blocks[layer].qkv_bound.unwrap_or(f32::INFINITY);
                let before: Vec<f32> = before.iter().map(|x| x.clamp(-bound, bound)).collect();
                let before = &before[..];
                let after = row(BlockSite::RotQ, token);
                let Some(rotary) = &network.blocks[layer].rotary else {
                    still += 1;
                    assert_eq!(bits(before), bits(after));
                    continue;
                };
                partial += usize::from(rotary.rotary_dim < head_dim);
                scaled += usize::from(rotary.factor != 1.0);
                let pairs = rotary_pairs(rotary, token..token + 1);
                assert_eq!(2 * pairs.len(), rotary.rotary_dim);
                for (before, after) in before.chunks(head_dim).zip(after.chunks(head_dim)) {
                    for pair in &pairs {
                        let [a, b] = pair.dimensions;
                        let [cos, sin] = [pair.rotations[0].cos, pair.rotations[0].sin];
                        let [cos, sin, x, y] = [cos, sin, before[a], before[b]].map(f64::from);
                        for (dimension, exact) in [(a, x * cos - y * sin), (b, y * cos + x * sin)] {
                            // A product and a fused multiply-add.
                            let bound =
                                2.0 * ROUNDING * (x.abs() + y.abs()) * (cos.abs() + sin.abs());
                            assert!((f64::from(after[dimension]) - exact).abs() <= bound);
                        }
                    }
                    let rest = rotary.rotary_dim..head_dim;
                    assert_eq!(bits(&before[rest.clone()]), bits(&after[rest]));
                }
            }
        }
    }
    assert!(partial > 0 && still > 0 && scaled > 0 && normed_layers > 0);
}
