//! What a recipe says is what a trainer does: means of weights, lengths of sequences, rates.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use lookback_engine::{ThreadPool, Weights};
use lookback_model::{Network, TokenId};
use lookback_train::{Optimizer, Recipe, Trainer, preset};

fn recipe() -> Recipe {
    let mut recipe = preset("tiny").unwrap();
    let small = ["layers=1", "heads=2", "key_heads=2", "width=16", "hidden=24", "context=12"];
    for setting in small.into_iter().chain(["optimizer=adamw", "table_share=1.0", "compute=f32"]) {
        recipe.set(setting).unwrap();
    }
    (recipe.batch, recipe.steps) = (2, 8);
    recipe
}

fn trainer(recipe: &Recipe) -> Trainer {
    let network = Arc::new(Network::new(&recipe.config(11, None).unwrap()));
    Trainer::new(network, recipe, Arc::new(ThreadPool::single_threaded())).unwrap()
}

/// Takes a step over numbers that follow one another, and gives the windows' lengths.
fn step(trainer: &mut Trainer) -> Vec<usize> {
    let mut lengths = Vec::new();
    let taken = trainer.step_with(|_, index, window| {
        lengths.push(window.len());
        for (at, to) in window.iter_mut().enumerate() {
            *to = TokenId(((at * (index + 1)) % 11) as u32);
        }
    });
    assert!(taken.loss.is_finite());
    lengths
}

fn rows(weights: &Weights) -> Vec<Vec<f32>> {
    weights.network().ids().map(|id| weights.rows(id).to_vec()).collect()
}

fn as_saved(trainer: &Trainer) -> Vec<Vec<f32>> {
    trainer.weights().network().ids().map(|id| trainer.saved_rows(id).to_vec()).collect()
}

#[test]
fn the_model_is_the_mean_of_the_last_weights_and_goes_on_from_the_last() {
    for optimizer in [Optimizer::AdamW, Optimizer::Muon] {
        let mut averaging = recipe();
        (averaging.optimizer, averaging.average_share) = (optimizer, 3.0 / 8.0);
        let plain = Recipe { average_share: 0.0, ..averaging.clone() };
        let (mut averaged, mut plain) = (trainer(&averaging), trainer(&plain));
        let mut last = Vec::new();
        for number in 1..=8 {
            step(&mut averaged);
            step(&mut plain);
            assert_eq!(
                rows(averaged.weights()),
                rows(plain.weights()),
                "learning goes on as it did"
            );
            if number > 5 {
                last.push(rows(plain.weights()));
            }
            let saved = as_saved(&averaged);
            if number <= 5 {
                assert_eq!(saved, rows(plain.weights()), "there is no mean yet");
            }
        }
        let saved = as_saved(&averaged);
        assert_ne!(saved, rows(plain.weights()));
        for (weight, saved) in saved.iter().enumerate() {
            for (place, saved) in saved.iter().enumerate() {
                let mean =
                    last.iter().fold(0.0, |sum, of| sum + f64::from(of[weight][place])) / 3.0;
                assert!((f64::from(*saved) - mean).abs() < 1e-6, "{weight} {place}");
            }
        }
    }
}

#[test]
fn short_sequences_are_as_many_as_make_the_tokens_of_a_step() {
    let mut recipe = recipe();
    (recipe.short_context, recipe.short_share) = (4, 0.25);
    let mut trainer = trainer(&recipe);
    for number in 0..8 {
        let lengths = step(&mut trainer);
        let wanted = if number < 2 { vec![5; 6] } else { vec![13; 2] };
        assert_eq!(lengths, wanted, "step {number}");
    }
}

#[test]
fn a_table_and_a_head_learn_at_their_own_rates() {
    let mut recipe = recipe();
    recipe.set("tied=false").unwrap();
    (recipe.decay, recipe.warmup_share) = (0.0, 0.0);
    let moved = |recipe: &Recipe| {
        let mut trainer = trainer(recipe);
        let before = rows(trainer.weights());
        step(&mut trainer);
        let network = trainer.weights().network().clone();
        let of = |name: &str| {
            let id = network.find(name).unwrap();
            let pairs = trainer.weights().rows(id).iter().zip(&before[id.index()]);
            pairs.fold(0.0f32, |most, (after, before)| most.max((after - before).abs()))
        };
        ["embed.weight", "head.weight", "blocks.0.mlp.gate.weight"].map(of)
    };
    let even = moved(&recipe);
    (recipe.table_share, recipe.head_share) = (0.5, 0.25);
    let own = moved(&recipe);
    // AdamW's first step moves each weight that has a slope by the rate.
    for (index, share) in [0.5, 0.25, 1.0].into_iter().enumerate() {
        assert!((own[index] / even[index] - share).abs() < 1e-3, "{index}: {own:?} {even:?}");
    }
}
