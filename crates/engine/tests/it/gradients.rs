//! Every gradient is the slope of the loss: central differences along random directions.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::fixture::{CONTEXT, has_no_choice, ids, networks, noise, weights};
use lookback_engine::{
    Gradients, Shape, ThreadPool, WeightMode, Workspace, evaluate, forward_backward,
};
use lookback_model::{Batch, SequenceId, Targets};

#[test]
fn gradients_are_the_slopes_of_the_loss() {
    let pool = ThreadPool::single_threaded();
    // Along so long a step a row may choose other experts; see `f64_interpreter`, whose is short.
    for network in networks().into_iter().filter(|network| has_no_choice(network)) {
        let mut batch = Batch::new();
        for index in 0..3 {
            batch.push(SequenceId(index), 0, &ids(67, 40 + u64::from(index)));
        }
        batch.add_all_logit_rows();
        let rows = batch.rows();
        let mut targets: Vec<u32> = ids(rows, 8).iter().map(|id| id.0).collect();
        targets[5] = Targets::NONE;
        let targets = Targets { ids: targets, scale: 1.0, z_loss: 0.0 };
        let mut weights = weights(&network, WeightMode::Training, &pool);
        let mut gradients = Gradients::new(&network);
        let sequences = 3;
        let mut workspace =
            Workspace::new(&network, Shape::Training { rows, sequences }, CONTEXT, 1);
        let loss =
            forward_backward(&weights, &mut gradients, &mut workspace, &pool, &batch, &targets);
        let mut judge = Workspace::new(&network, Shape::Evaluation { rows, sequences }, CONTEXT, 1);
        let again = evaluate(&weights, &mut judge, &pool, &batch, &targets);
        assert_eq!(loss.total.to_bits(), again.total.to_bits());
        assert_eq!(loss.rows, rows - 1);

        for id in network.ids() {
            let len = network.weight(id).len();
            // Along the gradient itself, roughened, so that no element's slope cancels another's.
            let direction: Vec<f32> = (0..len)
                .map(|index| gradients.of(id)[index] * (1.0 + 0.5 * noise(index as u64)))
                .collect();
            let length = direction.iter().fold(0.0f64, |sum, x| sum + f64::from(x * x)).sqrt();
            if length < 1e-4 {
                // A key's bias moves all scores of a row alike: its slope is nothing but rounding.
                assert!(network.weight(id).name.ends_with("attn.k.bias"), "{length:e}");
                continue;
            }
            let step = 2e-3;
            let mut loss_at = |by: f64| {
                let before = weights.rows(id).to_vec();
                for (weight, direction) in weights.rows_mut(id).iter_mut().zip(&direction) {
                    *weight += (by * f64::from(*direction) / length) as f32;
                }
                let loss = evaluate(&weights, &mut judge, &pool, &batch, &targets).total;
                weights.rows_mut(id).copy_from_slice(&before);
                loss
            };
            let slope = (loss_at(step) - loss_at(-step)) / (2.0 * step);
            let expected = direction
                .iter()
                .zip(gradients.of(id))
                .fold(0.0f64, |sum, (a, b)| sum + f64::from(*a) * f64::from(*b))
                / length;
            let name = &network.weight(id).name;
            // f32 loses some 1e-4 of a loss of 1,000 nats, over a step of 4e-3; the cubic term of
            // the loss bends the rest.
            let bound = 0.02 * expected.abs() + 0.05;
            assert!((slope - expected).abs() < bound, "{name}: {slope} and {expected}");
        }
    }
}

#[test]
fn what_is_computed_again_on_the_way_back_changes_no_bit() {
    let pool = ThreadPool::single_threaded();
    for network in networks() {
        let mut batch = Batch::new();
        batch.push(SequenceId(0), 0, &ids(67, 3));
        batch.push(SequenceId(1), 0, &ids(20, 4));
        batch.add_all_logit_rows();
        let rows = batch.rows();
        let targets: Vec<u32> = ids(rows, 8).iter().map(|id| id.0).collect();
        let targets = Targets { ids: targets, scale: 1.0, z_loss: 0.0 };
        let weights = weights(&network, WeightMode::Training, &pool);
        let shape = Shape::Training { rows, sequences: 2 };
        let [none, all] = [usize::MAX, 0].map(|least| {
            let mut workspace = Workspace::with_recomputation(&network, shape, CONTEXT, 1, least);
            let mut gradients = Gradients::new(&network);
            forward_backward(&weights, &mut gradients, &mut workspace, &pool, &batch, &targets);
            gradients
        });
        for id in network.ids() {
            let bits = |of: &Gradients| of.of(id).iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&none), bits(&all), "{}", network.weight(id).name);
        }
    }
}
