//! What is taken apart adds up again: attention's output by source, and a head's weighted sum.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use crate::fixture::{bits, ids, weights};
use crate::shapes::{Behind, ROUNDING, networks, values};
use lookback_engine::{ThreadPool, WeightMode, Weights};
use lookback_lens::{SiteFilter, Trace, ov_decomposition, source_contributions, trace};
use lookback_model::{BlockSite, Network, TokenId};

fn traces(ids: &[TokenId]) -> Vec<(Weights, Trace)> {
    let pool = ThreadPool::single_threaded();
    let trace_of = |network| {
        let weights = weights(network, WeightMode::Inference, &pool);
        let trace = trace(&weights, &pool, ids, &SiteFilter::all()).unwrap();
        (weights, trace)
    };
    networks().iter().map(trace_of).collect()
}

/// How often `z` and pattern are rounded on the way, relatively to the sum of |weight · value|.
///
/// The engine's weights stand on exp(score − m), folded tile by tile and divided by their total; the
/// pattern on exp(score − log-sum-exp). With S the largest |score| plus ln T: an exponent is at most
/// 2S wide, so rounding it errs by 2S in the result; a total adds up at most T terms, each with that
/// error; the log-sum-exp and its logarithm are rounded at S each; exp itself errs by less than 4.
/// Pattern: 2S + S + S + (2S + T + 8) + 4; z: (2S + 4) + T + (2S + T + 8) + 2.
fn roundings(trace: &Trace, layer: usize) -> f64 {
    let tokens = trace.ids.len() as f64;
    let scores = trace.block(layer, BlockSite::Scores).unwrap();
    let finite = scores.values.iter().filter(|score| score.is_finite());
    let largest = finite.fold(0.0f64, |most, &score| most.max(f64::from(score).abs()));
    10.0 * (largest + tokens.ln()) + 3.0 * tokens + 32.0
}

/// Σ over sources of |weight · value| for one element of `z`, from the sites, by plain indices.
fn mass(trace: &Trace, weights: &Weights, [layer, token, head, d]: [usize; 4]) -> f64 {
    let config = &weights.network().config;
    let pattern = trace.block(layer, BlockSite::Pattern).unwrap();
    let v = trace.block(layer, BlockSite::V).unwrap();
    let (tokens, group) = (trace.ids.len(), config.heads / config.key_heads);
    (0..=token).fold(0.0, |sum, source| {
        let weight = pattern.values[(head * tokens + token) * tokens + source];
        let value = v.values[(source * config.key_heads + head / group) * config.head_dim + d];
        sum + (f64::from(weight) * f64::from(value)).abs()
    })
}

#[test]
fn what_a_token_takes_up_adds_up_to_attention_s_output() {
    for (weights, trace) in traces(&ids(70, 3)) {
        let network = weights.network().clone();
        let config = &network.config;
        let inner = config.heads * config.head_dim;
        for (layer, token) in [(0, 0), (0, 3), (1, 31), (1, 69)] {
            let exchange = ov_decomposition(&trace, &weights, [layer, token]).unwrap();
            let added = trace.block(layer, BlockSite::AttnOut).unwrap().part(token);
            let block = &network.blocks[layer];
            let o = values(&weights, block.output.weight);
            let width = block.output.outputs;
            let bias = block.output.bias.map_or(vec![0.0; width], |id| values(&weights, id));
            let z = trace.block(layer, BlockSite::Z).unwrap().part(token);
            let row = |out: usize| o[out * inner..][..inner].iter();
            let output: Vec<f64> = (0..width)
                .map(|out| {
                    let products = row(out).zip(z).map(|(o, &z)| o * f64::from(z));
                    products.sum::<f64>() + bias[out]
                })
                .collect();
            let behind = Behind::new(&weights, block.ln1_post, block.residual_factor, &output);
            let often = roundings(&trace, layer) + inner as f64 + 2.0;
            let apart: Vec<f64> = (0..width)
                .map(|out| {
                    let mass = row(out).enumerate().fold(0.0, |sum, (i, o)| {
                        let at = [layer, token, i / config.head_dim, i % config.head_dim];
                        sum + o.abs() * mass(&trace, &weights, at)
                    });
                    ROUNDING * (often * mass + 2.0 * bias[out].abs())
                })
                .collect();
            // So narrow that a missing part would show; a norm behind the output widens what is left of it.
            let length = output.iter().map(|x| x * x).sum::<f64>().sqrt();
            for apart in &apart {
                assert!(*apart < 1e-4 * length, "{apart:e} of {length}");
            }
            let bounds = behind.bounds(&apart, added);
            for ((out, &added), bound) in added.iter().enumerate().zip(bounds) {
                let sum = exchange
                    .sources
                    .iter()
                    .chain(&exchange.bias)
                    .fold(0.0, |sum, part| sum + part.vector[out]);
                let apart = (sum - f64::from(added)).abs();
                assert!(apart <= bound, "{apart:e} of {bound:e} at {out} of {added}");
                assert!(apart <= exchange.max_error);
            }
            let shares =
                exchange.sources.iter().chain(&exchange.bias).fold(0.0, |sum, p| sum + p.share);
            assert!((shares - 1.0).abs() < 1e-5, "{shares}");
            let has_bias = block.ln1_post.is_some_and(|norm| norm.bias.is_some());
            assert_eq!(exchange.bias.is_some(), config.output_bias || has_bias);
        }
    }
}

/// `attn_out` and `mlp_out` are what is added, behind every norm and factor, and nothing that the stream holds
/// already; in parallel blocks too.
#[test]
fn the_stream_is_what_was_there_and_what_is_added() {
    for (weights, trace) in traces(&ids(33, 5)) {
        for layer in weights.network().layers() {
            let values = |site| &trace.block(layer, site).unwrap().values;
            let sums = |a, b| -> Vec<u32> {
                values(a).iter().zip(values(b)).map(|(a, b)| (a + b).to_bits()).collect()
            };
            use BlockSite as B;
            let block = &weights.network().blocks[layer];
            if block.ln_resid_mid.is_some() {
                // A norm stands on the stream itself.
                assert_ne!(sums(B::ResidPre, B::AttnOut), bits(values(B::ResidMid)));
                continue;
            }
            assert_eq!(sums(B::ResidPre, B::AttnOut), bits(values(B::ResidMid)));
            assert_eq!(sums(B::ResidMid, B::MlpOut), bits(values(B::ResidPost)));
        }
    }
}

#[test]
fn the_future_gives_exactly_nothing() {
    for (weights, trace) in traces(&ids(9, 7)) {
        let exchange = ov_decomposition(&trace, &weights, [1, 4]).unwrap();
        for (source, part) in exchange.sources.iter().enumerate() {
            assert_eq!(part.seen, source <= 4);
            assert_eq!(part.norm > 0.0, source <= 4);
            assert!(source <= 4 || part.vector.iter().all(|&x| x == 0.0));
        }
    }
}

#[test]
fn a_value_that_is_not_seen_is_not_read() {
    for (weights, mut trace) in traces(&ids(9, 7)) {
        let before = ov_decomposition(&trace, &weights, [1, 4]).unwrap();
        let v = trace.sites.get_mut(&"blocks.1.attn.v".parse().unwrap()).unwrap();
        let v = Arc::make_mut(v);
        let from = 5 * v.shape[1] * v.shape[2];
        v.values[from..].fill(f32::INFINITY);
        assert_eq!(ov_decomposition(&trace, &weights, [1, 4]).unwrap(), before);
        assert!(
            source_contributions(&trace, weights.network(), [1, 0, 4], 9)
                .unwrap()
                .max_error
                .is_finite()
        );
    }
}

#[test]
fn before_and_added_meet_in_after_on_the_plane() {
    for (weights, trace) in traces(&ids(9, 7)) {
        let exchange = ov_decomposition(&trace, &weights, [1, 8]).unwrap();
        let plane = exchange.plane;
        for axis in [0, 1] {
            let tip = plane.before[axis] + plane.added[axis];
            assert!((tip - plane.after[axis]).abs() < 1e-5 * exchange.after);
            let parts =
                exchange.sources.iter().chain(&exchange.bias).fold(0.0, |sum, p| sum + p.at[axis]);
            assert!((parts - plane.added[axis]).abs() < 1e-5 * exchange.added);
        }
        assert!((f64::hypot(plane.after[0], plane.after[1]) - exchange.after).abs() < 1e-4);
        assert!((plane.before[0] - exchange.before).abs() < 1e-12 * exchange.before);
        assert!(plane.before[1].abs() < 1e-12 * exchange.before);
        for part in &exchange.sources {
            assert!(f64::hypot(part.at[0], part.at[1]) <= part.norm * (1.0 + 1e-12));
        }
    }
}

/// Tokens that a token of a layer sees: itself, and those before it that its window reaches.
fn seen(network: &Network, layer: usize, token: usize) -> usize {
    network.config.layer_window(layer).map_or(token + 1, |window| window.min(token + 1))
}

#[test]
fn terms_add_up_to_the_context_vector() {
    for (weights, trace) in traces(&ids(70, 3)) {
        let network = weights.network().clone();
        for [layer, head, token] in [[0, 0, 0], [0, 1, 5], [1, 3, 64], [1, 5, 69]] {
            let context =
                source_contributions(&trace, &network, [layer, head, token], 100).unwrap();
            assert_eq!(context.terms.len(), seen(&network, layer, token));
            assert_eq!(context.rest, None);
            assert_eq!(context.key_head, head * network.config.key_heads / network.config.heads);
            let often = roundings(&trace, layer);
            for (d, &z) in context.z.iter().enumerate() {
                let sum = context.terms.iter().fold(0.0, |sum, term| sum + term.products[d]);
                assert_eq!(sum, context.terms.last().unwrap().sum[d]);
                let bound = ROUNDING * often * mass(&trace, &weights, [layer, token, head, d]);
                let apart = (sum - f64::from(z)).abs();
                assert!(apart <= bound, "{apart:e} of {bound:e} at {d} of {z}");
                assert!(apart <= context.max_error);
            }
        }
    }
}

#[test]
fn terms_that_are_not_written_out_are_counted_together() {
    for (weights, trace) in traces(&ids(40, 3)) {
        let network = weights.network();
        let all = source_contributions(&trace, network, [1, 2, 30], 100).unwrap();
        let few = source_contributions(&trace, network, [1, 2, 30], 4).unwrap();
        let rest = few.rest.unwrap();
        let hidden_away = seen(network, 1, 30) - 4;
        assert_eq!((few.terms.len(), rest.sources, few.sources.len()), (4, hidden_away, 40));
        let least = few.terms.iter().map(|term| few.sources[term.token].contribution);
        let least = least.fold(f64::INFINITY, f64::min);
        let more = few.sources.iter().filter(|source| source.contribution >= least).count();
        assert_eq!(more, 4, "a term that moves less was written out");
        assert!(few.terms.is_sorted_by_key(|term| term.token));
        for (d, whole) in all.terms.last().unwrap().sum.iter().enumerate() {
            assert!((rest.sum[d] - whole).abs() < 1e-12);
        }
        let weight = few
            .terms
            .iter()
            .fold(rest.weight, |sum, term| sum + f64::from(few.sources[term.token].weight));
        // A sink keeps a part of the weight for itself.
        let pattern = trace.block(1, BlockSite::Pattern).unwrap().part(2);
        let whole = pattern[30 * 40..][..40].iter().fold(0.0, |sum, &x| sum + f64::from(x));
        assert!((weight - whole).abs() < 1e-12);
        assert_eq!((whole - 1.0).abs() < 1e-5, !network.config.attention_sinks, "{whole}");
    }
}

#[test]
fn moves_are_weight_times_length_and_share_the_whole() {
    for (weights, trace) in traces(&ids(9, 7)) {
        let context = source_contributions(&trace, weights.network(), [0, 3, 6], 9).unwrap();
        let mut shares = 0.0;
        for (source, at) in context.sources.iter().enumerate() {
            assert_eq!(at.seen, source <= 6);
            assert_eq!(at.weight == 0.0, source > 6);
            let moves = at.value.map_or(0.0, |value| f64::from(at.weight) * value);
            assert_eq!(at.contribution, moves);
            shares += at.share;
        }
        assert!((shares - 1.0).abs() < 1e-12);
    }
}

#[test]
fn a_place_that_is_not_there_is_refused_by_name() {
    let (weights, trace) = traces(&ids(3, 7)).remove(1);
    let says = |error: lookback_files::Refusal| error.to_string();
    let network = weights.network();
    let layer = says(ov_decomposition(&trace, &weights, [2, 0]).unwrap_err());
    assert_eq!(layer, "there is no layer 2; this model's layers are 0 to 1");
    let token = says(ov_decomposition(&trace, &weights, [0, 3]).unwrap_err());
    assert_eq!(token, "there is no token 3; the prompt's tokens are 0 to 2");
    let head = says(source_contributions(&trace, network, [0, 6, 0], 1).unwrap_err());
    assert_eq!(head, "there is no head 6; this model's heads are 0 to 5");
}
