//! Each optimizer follows its f64 twin over a few steps of small models.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::fixture::{CONTEXT, ids, networks, weights};
use lookback_engine::{
    Compute, Gradients, Method, Optimizer, OptimizerSettings, Shape, ThreadPool, WeightMode,
    Workspace, forward_backward,
};
use lookback_f64_interpreter::{Weights as F64Weights, optimize};
use lookback_model::{Batch, Network, SequenceId, Targets, WeightId, WeightKind};
use ndarray::Array2;

const SETTINGS: OptimizerSettings = OptimizerSettings {
    rate: 0.02,
    table_share: 0.5,
    head_share: 0.25,
    beta1: 0.9,
    beta2: 0.99,
    epsilon: 1e-8,
    momentum: 0.95,
    decay: 0.1,
    gradient_factor: 0.5,
};

/// The twin's settings of a weight: its own rate, and decay only where something is multiplied.
fn slowly(network: &Network, id: WeightId) -> optimize::Settings {
    let role = network.weight(id).kind;
    let share = match role {
        WeightKind::Table => 0.5,
        WeightKind::Matrix if network.weight(id).name == "head.weight" => 0.25,
        _ => 1.0,
    };
    let decays = !matches!(role, WeightKind::Gain | WeightKind::Bias);
    optimize::Settings {
        rate: 0.02 * share,
        betas: [0.9, 0.99],
        epsilon: 1e-8,
        momentum: 0.95,
        decay: if decays { 0.1 } else { 0.0 },
    }
}

#[test]
fn both_methods_follow_their_twins() {
    let pool = ThreadPool::single_threaded();
    for (network, method) in networks()
        .iter()
        .flat_map(|network| [Method::AdamW, Method::Muon(Compute::F32)].map(|how| (network, how)))
    {
        let mut batch = Batch::new();
        batch.push(SequenceId(0), 0, &ids(67, 40));
        batch.add_all_logit_rows();
        let rows = batch.rows();
        let targets =
            Targets { ids: ids(rows, 8).iter().map(|id| id.0).collect(), scale: 0.01, z_loss: 0.0 };
        let mut weights = weights(network, WeightMode::Training, &pool);
        let mut gradients = Gradients::new(network);
        let shape = Shape::Training { rows, sequences: 1 };
        let mut workspace = Workspace::new(network, shape, CONTEXT, 1);
        let mut optimizer = Optimizer::new(network, method, 1);
        let mut reference = F64Weights::new(network, |id, to| weights.read(id, to));
        let zeros = |id| Array2::<f64>::zeros(network.weight(id).shape);
        let mut state: Vec<_> = network.ids().map(|id| [zeros(id), zeros(id)]).collect();
        for step in 1..=4 {
            gradients.clear(&pool);
            forward_backward(&weights, &mut gradients, &mut workspace, &pool, &batch, &targets);
            optimizer.step(&mut weights, &gradients, &SETTINGS, &pool);
            for id in network.ids() {
                let (shape, of) = (network.weight(id).shape, gradients.of(id));
                let gradient = Array2::from_shape_fn(shape, |(row, column)| {
                    0.5 * f64::from(of[row * shape[1] + column])
                });
                let how = slowly(network, id);
                let [mean, square] = &mut state[id.index()];
                let is_inside = network.weight(id).name.starts_with("blocks.")
                    && matches!(network.weight(id).kind, WeightKind::Matrix | WeightKind::Output);
                if method != Method::AdamW && is_inside {
                    optimize::muon(&how, reference.of_mut(id), &gradient, mean);
                    assert!(optimizer.moments(id)[1].is_empty());
                } else {
                    optimize::adamw(&how, step, reference.of_mut(id), &gradient, mean, square);
                }
                // A step is some 0.02 long; rounding of f32 grows in it by less than a thousand.
                let apart = reference.of(id).iter().zip(weights.rows(id));
                let apart =
                    apart.fold(0.0, |most: f64, (a, b)| most.max((a - f64::from(*b)).abs()));
                let name = &network.weight(id).name;
                assert!(apart < 1e-5 * f64::from(step), "{method:?} {name} {step}: {apart:e}");
            }
        }
    }
}
