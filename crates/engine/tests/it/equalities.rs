//! No bit changes: with batch, cache, chunk, threads, instructions or looking.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{collections::BTreeMap, sync::Arc};

use crate::fixture::{
    CONTEXT, bits, has_no_choice, ids, logits, networks, pools_and_chunks, weights, weights_in,
};
use lookback_engine::{
    Compute, Gradients, Isa, KvCache, Observer, Shape, SiteView, ThreadPool, WeightMode, Workspace,
    activation, final_norm, forward, forward_backward, forward_observed, unembed,
};
use lookback_model::{Batch, BlockSite, Network, SequenceId, Site, Targets, TokenId};

const TOKENS: usize = 150;

/// Every network, computing in either precision.
fn in_both() -> impl Iterator<Item = (Arc<Network>, Compute)> {
    networks().into_iter().flat_map(|one| [(one.clone(), Compute::F32), (one, Compute::Bf16)])
}

/// Each instruction set with three threads, and the fastest with two as well: the others are slow, and the plain
/// pass that all are compared with is one thread's on the fastest.
fn threads_and_instructions() -> impl Iterator<Item = (usize, Isa)> {
    [(2, Isa::detect())].into_iter().chain(Isa::available().map(|isa| (3, isa)))
}

#[test]
fn the_cache_and_the_chunk_change_no_logit() {
    let pool = ThreadPool::single_threaded();
    for network in networks() {
        let weights = weights(&network, WeightMode::Inference, &pool);
        let ids = ids(TOKENS, 1);
        let whole = logits(&weights, &pool, &ids, TOKENS);
        for chunk in [1, 7, 64] {
            assert_eq!(logits(&weights, &pool, &ids, chunk), whole, "chunks of {chunk}");
        }
        // Without a cache.
        let shape = Shape::Inference { rows: TOKENS, logit_rows: TOKENS };
        let mut workspace = Workspace::new(&network, shape, CONTEXT, 1);
        let mut cache = KvCache::new(&network, weights.compute(), 1, KvCache::pages(CONTEXT));
        for tokens in [1, 63, 64, 65, TOKENS] {
            let batch = Batch::whole(&ids[..tokens]);
            cache.truncate(SequenceId(0), 0);
            let alone = forward(&weights, &mut workspace, &mut cache, &pool, &batch).unwrap();
            assert_eq!(bits(alone), whole[..tokens * network.config.vocabulary]);
        }
    }
}

#[test]
fn threads_and_instructions_change_no_logit() {
    for network in networks() {
        let ids = ids(TOKENS, 2);
        let pool = ThreadPool::new(1, Isa::detect());
        let plain = logits(&weights(&network, WeightMode::Inference, &pool), &pool, &ids, 64);
        for (threads, isa) in threads_and_instructions() {
            let pool = ThreadPool::new(threads, isa);
            let weights = weights(&network, WeightMode::Inference, &pool);
            assert_eq!(logits(&weights, &pool, &ids, 64), plain, "{isa:?}, {threads} threads");
        }
    }
}

#[test]
fn threads_instructions_and_chunks_change_no_logit_in_bf16() {
    for network in networks() {
        let ids = ids(TOKENS, 2);
        let run = |pool: &ThreadPool, chunk: usize| {
            let weights = weights_in(&network, WeightMode::Inference, Compute::Bf16, pool);
            logits(&weights, pool, &ids, chunk)
        };
        let plain = run(&ThreadPool::new(1, Isa::detect()), TOKENS);
        for (pool, chunk) in pools_and_chunks() {
            assert_eq!(run(&pool, chunk), plain, "{pool:?}, {chunk}");
        }
    }
}

#[test]
fn other_sequences_beside_it_change_no_logit() {
    let pool = ThreadPool::new(2, Isa::detect());
    for (network, compute) in in_both() {
        let weights = weights_in(&network, WeightMode::Inference, compute, &pool);
        let own = ids(70, 3);
        let alone = logits(&weights, &pool, &own, 70);
        let vocabulary = network.config.vocabulary;
        let lengths = [1, 7, 64, 65, 33, 2, 100, 16];
        let rows = 70 + lengths.iter().sum::<usize>();
        let shape = Shape::Inference { rows, logit_rows: rows };
        let mut workspace = Workspace::new(&network, shape, CONTEXT, 2);
        let mut cache = KvCache::new(&network, weights.compute(), 9, 30);
        let mut batch = Batch::new();
        for (index, &length) in lengths[..4].iter().enumerate() {
            batch.push(SequenceId(index as u32), 0, &ids(length, 10 + index as u64));
        }
        let first = batch.rows();
        batch.push(SequenceId(8), 0, &own);
        for (index, &length) in lengths[4..].iter().enumerate() {
            batch.push(SequenceId(4 + index as u32), 0, &ids(length, 20 + index as u64));
        }
        batch.add_all_logit_rows();
        let all = forward(&weights, &mut workspace, &mut cache, &pool, &batch).unwrap();
        let all = bits(all);
        assert_eq!(all[first * vocabulary..(first + 70) * vocabulary], alone);
    }
}

/// Keeps every site.
#[derive(Default)]
struct Everything(BTreeMap<Site, Vec<u32>>);

impl Observer for Everything {
    fn wants(&self, _: Site) -> bool {
        true
    }

    fn observe(&mut self, site: Site, view: SiteView<'_>) {
        self.0.insert(site, bits(view.values));
    }
}

#[test]
fn looking_at_every_site_changes_no_logit() {
    for (network, compute) in in_both() {
        let pool = ThreadPool::single_threaded();
        let weights = weights_in(&network, WeightMode::Inference, compute, &pool);
        let ids = ids(TOKENS, 4);
        let unseen = logits(&weights, &pool, &ids, TOKENS);
        let mut workspace = Workspace::new(&network, Shape::Observed { rows: TOKENS }, CONTEXT, 1);
        let mut cache = KvCache::new(&network, weights.compute(), 1, KvCache::pages(CONTEXT));
        let mut seen = Everything::default();
        forward_observed(
            &weights,
            &mut workspace,
            &mut cache,
            &pool,
            &Batch::whole(&ids),
            &mut seen,
        )
        .unwrap();
        assert_eq!(seen.0[&Site::Logits], unseen);
        // Every site but those that this family does not have.
        let learned = network.positions.is_some();
        let in_blocks = network.blocks.iter().map(|block| {
            let gated = usize::from(block.mlp.mlps()[0].gate.is_some());
            18 + gated + if block.mlp.mixture().is_some() { 3 } else { 0 }
        });
        assert_eq!(seen.0.len(), 4 + usize::from(learned) + in_blocks.sum::<usize>());
    }
}

#[test]
fn a_branch_of_a_text_leaves_the_trunk_as_it_was() {
    let pool = ThreadPool::single_threaded();
    for (network, compute) in in_both() {
        let weights = weights_in(&network, WeightMode::Inference, compute, &pool);
        let (trunk, branch) = (ids(100, 5), ids(30, 6));
        let shape = Shape::Inference { rows: 100, logit_rows: 100 };
        let mut workspace = Workspace::new(&network, shape, CONTEXT, 1);
        let mut cache = KvCache::new(&network, weights.compute(), 2, 6);
        let mut read = |cache: &mut KvCache, of: u32, first: usize, ids: &[TokenId]| {
            let mut batch = Batch::new();
            batch.push(SequenceId(of), first, ids);
            batch.add_all_logit_rows();
            let logits = forward(&weights, &mut workspace, cache, &pool, &batch).unwrap();
            bits(logits)
        };
        read(&mut cache, 0, 0, &trunk[..70]);
        cache.fork(SequenceId(0), SequenceId(1));
        let branched = read(&mut cache, 1, 70, &branch);
        let went_on = read(&mut cache, 0, 70, &trunk[70..]);
        let vocabulary = network.config.vocabulary;
        assert_eq!(went_on, logits(&weights, &pool, &trunk, 100)[70 * vocabulary..]);
        let whole: Vec<TokenId> = trunk[..70].iter().chain(&branch).copied().collect();
        assert_eq!(branched, logits(&weights, &pool, &whole, 100)[70 * vocabulary..]);
    }
}

#[test]
fn threads_and_instructions_change_no_gradient() {
    for network in networks() {
        for compute in [Compute::F32, Compute::Bf16] {
            let plain = gradients(&network, compute, &ThreadPool::new(1, Isa::detect()));
            for (threads, isa) in threads_and_instructions() {
                let found = gradients(&network, compute, &ThreadPool::new(threads, isa));
                assert!(found == plain, "{compute:?}, {isa:?}, {threads}");
            }
        }
    }
}

#[test]
fn rows_taken_out_of_a_pass_say_what_the_pass_says() {
    for network in networks() {
        let ids = ids(TOKENS, 8);
        let last = Site::Block(network.blocks.len() as u16 - 1, BlockSite::ResidPost);
        let floats =
            |bits: &[u32]| bits.iter().map(|&bits| f32::from_bits(bits)).collect::<Vec<_>>();
        for (threads, isa) in Isa::available().flat_map(|isa| [(1, isa), (3, isa)]) {
            let pool = ThreadPool::new(threads, isa);
            let weights = weights(&network, WeightMode::Inference, &pool);
            let mut workspace =
                Workspace::new(&network, Shape::Observed { rows: TOKENS }, CONTEXT, threads);
            let mut cache = KvCache::new(&network, weights.compute(), 1, KvCache::pages(CONTEXT));
            let mut seen = Everything::default();
            forward_observed(
                &weights,
                &mut workspace,
                &mut cache,
                &pool,
                &Batch::whole(&ids),
                &mut seen,
            )
            .unwrap();
            let stream = floats(&seen.0[&last]);
            let said = unembed(&weights, &pool, &stream);
            assert_eq!(bits(&said.logits), seen.0[&Site::Logits]);
            assert_eq!(bits(&said.probabilities), seen.0[&Site::Probabilities]);
            let normed = final_norm(&weights, &pool, &stream);
            assert_eq!(bits(&normed.rows), seen.0[&Site::LnFinal]);
            // One row alone, and its statistics by the norm's definition.
            let (width, vocabulary) = (network.config.width, network.config.vocabulary);
            let row = &stream[7 * width..8 * width];
            let alone = unembed(&weights, &pool, row);
            assert_eq!(bits(&alone.logits), seen.0[&Site::Logits][7 * vocabulary..8 * vocabulary]);
            let mean = row.iter().map(|&x| f64::from(x)).sum::<f64>() / width as f64;
            let mean = if network.ln_final.bias.is_some() { mean } else { 0.0 };
            assert!((f64::from(normed.means[7]) - mean).abs() < 1e-5);
            let squares = row.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>();
            let factor =
                1.0 / (squares / width as f64 + f64::from(network.ln_final.epsilon)).sqrt();
            assert!((f64::from(normed.factors[7]) / factor - 1.0).abs() < 1e-5);
        }
    }
}

#[test]
fn an_activation_of_plain_numbers_is_that_of_the_mlp() {
    let pool = ThreadPool::single_threaded();
    for network in networks().iter().filter(|network| !network.config.gated) {
        let weights = weights(network, WeightMode::Inference, &pool);
        let ids = ids(TOKENS, 9);
        let mut workspace = Workspace::new(network, Shape::Observed { rows: TOKENS }, CONTEXT, 1);
        let mut cache = KvCache::new(network, weights.compute(), 1, KvCache::pages(CONTEXT));
        let mut seen = Everything::default();
        forward_observed(
            &weights,
            &mut workspace,
            &mut cache,
            &pool,
            &Batch::whole(&ids),
            &mut seen,
        )
        .unwrap();
        let pre = &seen.0[&Site::Block(0, BlockSite::MlpPre)];
        let pre: Vec<f32> = pre.iter().map(|&bits| f32::from_bits(bits)).collect();
        let post = activation(&pool, network.config.activation, &pre);
        assert_eq!(bits(&post), seen.0[&Site::Block(0, BlockSite::MlpPost)]);
    }
}

#[test]
fn gathered_rows_are_the_weights_rows_in_either_form() {
    let pool = ThreadPool::single_threaded();
    for network in networks() {
        for mode in [WeightMode::Inference, WeightMode::Training] {
            let weights = weights(&network, mode, &pool);
            let [outputs, inner] = network.weight(network.head.linear.weight).shape;
            let mut whole = vec![0.0; outputs * inner];
            weights.read(network.head.linear.weight, &mut whole);
            let mut some = vec![0.0; 3 * inner];
            weights.gather(network.head.linear.weight, &[96, 0, 65], &mut some);
            for (row, index) in some.chunks_exact(inner).zip([96, 0, 65]) {
                assert_eq!(bits(row), bits(&whole[index * inner..][..inner]));
            }
        }
    }
}

/// The loss and the bits of all gradients of a step of two passes, since gradients go on over passes.
fn gradients(network: &Arc<Network>, compute: Compute, pool: &ThreadPool) -> (u64, Vec<Vec<u32>>) {
    let mut batch = Batch::new();
    for index in 0..5 {
        batch.push(SequenceId(index), 0, &ids(66, 30 + u64::from(index)));
    }
    batch.add_all_logit_rows();
    let rows = 5 * 66;
    let targets = ids(rows, 7).iter().map(|id| id.0).collect();
    let targets = Targets { ids: targets, scale: 1.0 / rows as f32, z_loss: 0.0 };
    let weights = weights_in(network, WeightMode::Training, compute, pool);
    let mut gradients = Gradients::new(network);
    let shape = Shape::Training { rows, sequences: 5 };
    let mut workspace =
        Workspace::new(network, shape, CONTEXT, pool.threads()).with_precision(network, compute);
    let mut loss = 0.0;
    for _ in 0..2 {
        loss = forward_backward(&weights, &mut gradients, &mut workspace, pool, &batch, &targets)
            .total;
    }
    (loss.to_bits(), network.ids().map(|id| bits(gradients.of(id))).collect())
}

#[test]
fn gradients_in_bf16_point_where_those_in_f32_do() {
    let pool = ThreadPool::single_threaded();
    for (index, network) in
        networks().into_iter().enumerate().filter(|(_, network)| has_no_choice(network))
    {
        let [f32, bf16] = [Compute::F32, Compute::Bf16].map(|compute| {
            let (loss, gradients) = gradients(&network, compute, &pool);
            (f64::from_bits(loss), gradients)
        });
        // Rounding moves each factor by up to 2⁻⁹ of it, and this network's weights are large.
        assert!((f32.0 / bf16.0 - 1.0).abs() < 0.02, "{} and {}", f32.0, bf16.0);
        assert_ne!(f32.0.to_bits(), bf16.0.to_bits(), "products are not rounded at all");
        for (id, (a, b)) in network.ids().zip(f32.1.iter().zip(&bf16.1)) {
            let dot = |a: &[u32], b: &[u32]| {
                let products = a
                    .iter()
                    .zip(b)
                    .map(|(a, b)| f64::from(f32::from_bits(*a)) * f64::from(f32::from_bits(*b)));
                products.fold(0.0, |sum, product| sum + product)
            };
            let size = dot(a, a).sqrt();
            if size < 1e-4 {
                // A key's bias moves all scores of a row alike: its slope is nothing but rounding.
                continue;
            }
            let cosine = dot(a, b) / size / dot(b, b).sqrt();
            assert!(cosine > 0.99, "network {index}, {}: {cosine}", network.weight(id).name);
        }
    }
}
