//! The engine against the f64 interpreter: whole models of every family, and true slopes.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{path::PathBuf, sync::Arc};

use crate::fixture::{CONTEXT, ids, logits, networks, noise, weights};
use lookback_engine::{
    Compute, Gradients, Isa, Shape, ThreadPool, WeightMode, Weights, Workspace, forward_backward,
};
use lookback_model::{Batch, Network, SequenceId, StoredModel, Targets, TokenId};

fn in_f64(network: &Network, weights: &Weights) -> lookback_f64_interpreter::Weights {
    lookback_f64_interpreter::Weights::new(network, |id, to| weights.read(id, to))
}

#[test]
fn logits_are_those_of_the_f64_interpreter_rounded() {
    let pool = ThreadPool::single_threaded();
    for network in networks() {
        let weights = weights(&network, WeightMode::Inference, &pool);
        assert_f32_and_f64_agree(&network, &weights, &pool, &ids(67, 5));
    }
}

#[test]
#[ignore = "needs LOOKBACK_SHARED"]
fn logits_of_the_goldens_are_those_of_the_f64_interpreter_rounded() {
    let shared: PathBuf =
        std::env::var_os("LOOKBACK_SHARED").expect("LOOKBACK_SHARED names the goldens").into();
    let goldens =
        ["gpt2", "llama", "llama-yarn", "qwen3", "gemma2", "gpt-neox", "bloom", "mixtral"];
    let goldens = goldens.map(|golden| format!("golden/{golden}"));
    for golden in goldens.into_iter().chain(["models/stories260k".to_owned()]) {
        let stored = StoredModel::open(&shared.join(golden)).unwrap();
        let network = Arc::new(stored.network().clone());
        let vocabulary = network.config.vocabulary as u32;
        let ids: Vec<TokenId> = (0..50).map(|at| TokenId((at * 37 + 5) % vocabulary)).collect();
        for path in Isa::available() {
            let pool = ThreadPool::new(2, path);
            let weights =
                Weights::load(&stored, WeightMode::Inference, Compute::F32, &pool).unwrap();
            assert_f32_and_f64_agree(&network, &weights, &pool, &ids);
        }
    }
}

fn assert_f32_and_f64_agree(
    network: &Arc<Network>,
    weights: &Weights,
    pool: &ThreadPool,
    ids: &[TokenId],
) {
    let in_f32 = logits(weights, pool, ids, ids.len());
    let reference =
        lookback_f64_interpreter::logits(network, &in_f64(network, weights), &Batch::whole(ids));
    let worst = in_f32.iter().zip(&reference).fold(0.0f64, |worst, (&in_f32, reference)| {
        worst.max((f64::from(f32::from_bits(in_f32)) - reference).abs())
    });
    let largest = reference.iter().fold(0.0f64, |most, reference| most.max(reference.abs()));
    assert_eq!(in_f32.len(), reference.len());
    assert!(worst < 2e-4, "{worst:e} of {largest}");
}

#[test]
fn gradients_are_the_slopes_of_the_f64_loss() {
    let pool = ThreadPool::single_threaded();
    for network in networks() {
        let mut batch = Batch::new();
        for index in 0..2 {
            batch.push(SequenceId(index), 0, &ids(19, 40 + u64::from(index)));
        }
        batch.add_all_logit_rows();
        let rows = batch.rows();
        let mut targets: Vec<u32> = ids(rows, 8).iter().map(|id| id.0).collect();
        targets[5] = Targets::NONE;
        let targets = Targets { ids: targets, scale: 1.0, z_loss: 0.0 };
        let weights = weights(&network, WeightMode::Training, &pool);
        let mut gradients = Gradients::new(&network);
        let mut workspace =
            Workspace::new(&network, Shape::Training { rows, sequences: 2 }, CONTEXT, 1);
        let loss =
            forward_backward(&weights, &mut gradients, &mut workspace, &pool, &batch, &targets);
        let mut reference = in_f64(&network, &weights);
        let truth = lookback_f64_interpreter::loss(&network, &reference, &batch, &targets);
        assert_eq!(loss.rows, truth.rows);
        assert!((loss.total - truth.total).abs() < 1e-5 * truth.total);

        for id in network.ids() {
            let gradient = gradients.of(id);
            // Along the gradient, roughened, so that no element's slope cancels another's.
            let rough: Vec<f64> = (0..gradient.len())
                .map(|at| f64::from(gradient[at]) * (1.0 + 0.5 * f64::from(noise(at as u64))))
                .collect();
            let length = rough.iter().fold(0.0, |sum, x| sum + x * x).sqrt();
            if length < 1e-4 {
                // A key's bias moves all scores of a row alike: its slope is nothing but rounding.
                assert!(network.weight(id).name.ends_with("attn.k.bias"), "{length:e}");
                continue;
            }
            let expected = rough
                .iter()
                .zip(gradient)
                .fold(0.0, |sum, (along, slope)| sum + along / length * f64::from(*slope));
            let before = reference.of(id).clone();
            let mut loss_at = |by: f64| {
                for (weight, along) in reference.of_mut(id).iter_mut().zip(&rough) {
                    *weight += by * along / length;
                }
                let loss =
                    lookback_f64_interpreter::loss(&network, &reference, &batch, &targets).total;
                reference.of_mut(id).assign(&before);
                loss
            };
            // f64 loses some 1e-14 of the loss over 2e-5, and the cubic term is 1e-10 of it: the
            // slope is good to 1e-8, so what remains is the f32 gradient's own rounding.
            let step = 1e-5;
            let slope = (loss_at(step) - loss_at(-step)) / (2.0 * step);
            let off = (slope - expected).abs() / expected;
            let name = &network.weight(id).name;
            assert!(off < 2e-5, "{name}: {slope} and {expected}");
        }
    }
}
