//! Mixtures of experts: what a row's experts make of it depends on nothing but the row.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use crate::{
    fixture::{CONTEXT, bits, ids, mixtures, weights, weights_in},
    program::{Kept, block, f64_weights},
};
use lookback_engine::{
    BackwardShape, Compute, Gradients, Isa, KvCache, Shape, ThreadPool, WeightMode, Weights,
    Workspace, backward_from_site, forward_backward, forward_observed,
};
use lookback_f64_interpreter::run;
use lookback_model::{
    Batch, BlockSite, ElementType, FeedForward, Network, SequenceId, Site, Targets, TokenId,
    forward::{self as passes, Rows},
};

const TOKENS: usize = 70;

/// The values at sites of a layer.
fn observed(weights: &Weights, batch: &Batch, sites: &[Site]) -> Vec<Vec<f32>> {
    let (network, pool) = (weights.network(), ThreadPool::single_threaded());
    let shape = Shape::Observed { rows: batch.rows() };
    let mut workspace = Workspace::new(network, shape, CONTEXT, 1);
    let mut cache = KvCache::new(network, weights.compute(), 1, KvCache::pages(CONTEXT));
    let mut kept = Kept::new(sites);
    forward_observed(weights, &mut workspace, &mut cache, &pool, batch, &mut kept).unwrap();
    sites.iter().map(|site| kept.1.remove(site).unwrap()).collect()
}

#[test]
fn routes_are_those_of_the_f64_interpreter() {
    let pool = ThreadPool::single_threaded();
    for network in mixtures() {
        let weights = weights(&network, WeightMode::Inference, &pool);
        let batch = Batch::whole(&ids(TOKENS, 1));
        let [logits, weighted, indices] =
            [BlockSite::RouterLogits, BlockSite::ExpertWeights, BlockSite::ExpertIndices]
                .map(|site| block(1, site));
        let seen = observed(&weights, &batch, &[logits, weighted, indices]);
        let program = passes::logits(&network, Rows::All);
        assert_eq!(program.value(program.at(indices).unwrap()).element, ElementType::U32);
        let values = run(&program, &f64_weights(&network, &weights), &batch, None);
        let mixture = network.config.mixture.as_ref().unwrap();
        for (site, seen) in [logits, weighted, indices].into_iter().zip(&seen) {
            let expected = values[program.at(site).unwrap().index()].as_ref().unwrap();
            assert_eq!(seen.len(), expected.len(), "{site}");
            for (seen, expected) in seen.iter().zip(expected) {
                assert!((f64::from(*seen) - expected).abs() < 1e-4, "{site}: {seen} {expected}");
            }
        }
        for row in seen[2].chunks_exact(mixture.chosen) {
            assert!(row.windows(2).all(|two| two[0] < two[1]), "{row:?} ascend");
        }
        // With this many rows, every expert works on some and, unless all do, not on all.
        for expert in 0..mixture.experts {
            let rows = seen[2].iter().filter(|chosen| **chosen == expert as f32).count();
            let is_some = rows > 0 && (rows < TOKENS || mixture.chosen == mixture.experts);
            assert!(is_some, "expert {expert} works on {rows} rows of {TOKENS}");
        }
    }
}

#[test]
fn a_router_multiplies_in_f32_in_both_precisions() {
    let pool = ThreadPool::single_threaded();
    let network = &mixtures()[1];
    let sites = [block(1, BlockSite::Ln2), block(1, BlockSite::RouterLogits)];
    let weights = weights_in(network, WeightMode::Inference, Compute::Bf16, &pool);
    let seen = observed(&weights, &Batch::whole(&ids(TOKENS, 1)), &sites);
    let FeedForward::Mixture(mixture) = &network.blocks[1].mlp else { panic!("experts") };
    let router = mixture.router;
    let mut matrix = vec![0.0; router.inputs * router.outputs];
    weights.read(router.weight, &mut matrix);
    let bias = weights.rows(router.bias.unwrap());
    for (x, logits) in seen[0].chunks(router.inputs).zip(seen[1].chunks(router.outputs)) {
        for ((row, bias), logit) in matrix.chunks(router.inputs).zip(bias).zip(logits) {
            let chain = row.iter().zip(x).fold(0.0f32, |sum, (w, x)| x.mul_add(*w, sum));
            assert_eq!((chain + bias).to_bits(), logit.to_bits());
        }
    }
}

#[test]
fn micro_batches_make_the_gradients_of_a_whole_batch() {
    let pool = ThreadPool::new(2, Isa::detect());
    for (network, compute) in
        mixtures().into_iter().flat_map(|one| [(one.clone(), Compute::F32), (one, Compute::Bf16)])
    {
        let weights = weights_in(&network, WeightMode::Training, compute, &pool);
        let texts: Vec<_> = (0..6).map(|text| ids(22, text)).collect();
        let whole = gradients(&network, &weights, &pool, &texts, 6);
        for together in [1, 2, 3] {
            let parts = gradients(&network, &weights, &pool, &texts, together);
            assert!(parts == whole, "{compute:?}, {together} texts at a time");
        }
    }
}

/// The bits of all gradients of texts, so many at a time.
fn gradients(
    network: &Arc<Network>,
    weights: &Weights,
    pool: &ThreadPool,
    texts: &[Vec<TokenId>],
    together: usize,
) -> Vec<Vec<u32>> {
    let rows = together * texts[0].len();
    let shape = Shape::Training { rows, sequences: together };
    let mut workspace = Workspace::new(network, shape, CONTEXT, pool.threads())
        .with_precision(network, weights.compute());
    let mut gradients = Gradients::new(network);
    for part in texts.chunks(together) {
        let mut batch = Batch::new();
        for (index, text) in part.iter().enumerate() {
            batch.push(SequenceId(index as u32), 0, text);
        }
        batch.add_all_logit_rows();
        // Each text's own answers.
        let targets = part.iter().flat_map(|text| text.iter().map(|id| (id.0 * 7 + 3) % 97));
        let targets = Targets { ids: targets.collect(), scale: 1.0, z_loss: 0.0 };
        forward_backward(weights, &mut gradients, &mut workspace, pool, &batch, &targets);
    }
    network.ids().map(|id| bits(gradients.of(id))).collect()
}

#[test]
fn gradients_at_the_sites_of_a_router_are_there() {
    let pool = ThreadPool::single_threaded();
    let sites = [block(1, BlockSite::RouterLogits), block(1, BlockSite::ExpertWeights)];
    for network in mixtures() {
        let weights = weights(&network, WeightMode::Inference, &pool);
        let batch = Batch::whole(&ids(20, 1));
        let start = block(1, BlockSite::MlpOut);
        let program = passes::logits(&network, Rows::All);
        let mut workspace = Workspace::for_backward(
            &network,
            (program, Some(start)),
            BackwardShape { rows: batch.rows(), logit_rows: batch.rows(), sequences: 1 },
            |_| false,
            |site| sites.contains(&site),
            CONTEXT,
            1,
        )
        .unwrap();
        let mut none = Gradients::for_weights(&network, |_| false);
        let mut kept = Kept::new(&sites);
        let given = vec![1.0; batch.rows() * network.config.width];
        let given = (&batch, &given[..]);
        backward_from_site(&weights, &mut none, &mut workspace, &pool, given, &mut kept).unwrap();
        let mixture = network.config.mixture.as_ref().unwrap();
        assert_eq!(kept.1[&sites[0]].len(), batch.rows() * mixture.experts);
        assert_eq!(kept.1[&sites[1]].len(), batch.rows() * mixture.chosen);
        // A softmax is the same after a shift of all its logits.
        for dlogits in kept.1[&sites[0]].chunks(mixture.experts) {
            let sum = dlogits.iter().fold(0.0f64, |sum, x| sum + f64::from(*x));
            let size = dlogits.iter().fold(0.0f64, |sum, x| sum + f64::from(x.abs()));
            assert!(size > 0.0 && sum.abs() < 1e-5 * size.max(1.0), "{dlogits:?}");
        }
    }
}

#[test]
fn a_pass_of_a_token_reads_the_experts_that_it_chooses() {
    let pool = ThreadPool::single_threaded();
    let network = &mixtures()[0];
    let weights = weights(network, WeightMode::Inference, &pool);
    let all = network.parameters() - network.weight(network.embed).len();
    let FeedForward::Mixture(mixture) = &network.blocks[0].mlp else { panic!("experts") };
    let expert: usize = mixture.experts[0].weights().map(|id| network.weight(id).len()).sum();
    // Panels are filled up to 64 outputs: every expert's three have 40, 40 and 48.
    let held = weights.bytes_read();
    let mlp = 4 * 64 * (48 + 48 + 40);
    assert_eq!(expert, 3 * 48 * 40);
    assert_eq!(weights.bytes_held() - 4 * network.weight(network.embed).len() - held, 2 * 2 * mlp);
    assert!(held < 4 * all * 2);
    let dense = network.blocks.iter().map(|block| {
        let linears = block.qkv.iter().chain([&block.output]);
        linears.map(|linear| (linear.inputs * linear.outputs) as u64).sum::<u64>()
    });
    let experts = 2 * (2 * expert + 4 * 48) as u64;
    assert_eq!(network.block_multiplications(), dense.sum::<u64>() + experts);
}
