//! Training follows PyTorch: its 200 losses and gradient norms in float32, batch by batch; in bf16
//! its losses too, from farther away.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![allow(clippy::print_stdout, reason = "a golden's distance is worth reading")]

use lookback_engine::{Isa, ThreadPool, WeightMode, Weights};
use lookback_model::{StoredModel, TokenId};
use lookback_train::{Compute, Trainer, preset};
use safetensors::SafeTensors;

#[test]
#[ignore = "needs LOOKBACK_SHARED"]
fn two_hundred_losses_are_those_of_pytorch() {
    follow(Compute::F32, 1e-4, 1e-3);
}

#[test]
#[ignore = "needs LOOKBACK_SHARED"]
fn in_bf16_two_hundred_losses_are_near_those_of_pytorch_in_float32() {
    follow(Compute::Bf16, 0.02, 0.05);
}

/// Takes PyTorch's steps, and bounds how far losses are off and norms as a share.
fn follow(compute: Compute, loss_bound: f64, norm_bound: f64) {
    let shared = std::env::var_os("LOOKBACK_SHARED").expect("names the folder of goldens");
    let folder = std::path::Path::new(&shared).join("golden/curve");
    let bytes = std::fs::read(folder.join("curve.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let ids = |name: &str| -> Vec<u32> {
        let bytes = file.tensor(name).unwrap().data();
        bytes.as_chunks().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect()
    };
    let floats = |name: &str| -> Vec<f32> {
        let bytes = file.tensor(name).unwrap().data();
        bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
    };
    let (inputs, targets) = (ids("inputs"), ids("targets"));
    let (losses, norms) = (floats("losses"), floats("gradient_norms"));

    let mut recipe = preset("bench-a").unwrap();
    recipe.compute = compute;
    (recipe.final_share, recipe.warmup_share, recipe.steps) = (1.0, 0.0, 200);
    let (batch, context) = (recipe.batch, recipe.context);
    // The portable path has the same bits, as other tests show, and would take half an hour.
    let is_quick = |path: &Isa| *path != Isa::Portable || Isa::detect() == Isa::Portable;
    for (path, threads) in Isa::available().filter(is_quick).zip([2, 1]) {
        let pool = std::sync::Arc::new(ThreadPool::new(threads, path));
        let stored = StoredModel::open(&folder).unwrap();
        let network = std::sync::Arc::new(stored.network().clone());
        let (keep, read) = (WeightMode::Training, |id, to: &mut [f32]| stored.read(id, to));
        let weights = Weights::new(network, keep, compute, &pool, read).unwrap();
        let mut trainer = Trainer::with_weights(weights, &recipe, pool);
        let mut worst = 0.0f64;
        for step in 0..losses.len() {
            let taken = trainer.step_with(|_, index, window| {
                let at = (step * batch + index) * context;
                for (to, id) in window.iter_mut().zip(&inputs[at..at + context]) {
                    *to = TokenId(*id);
                }
                window[context] = TokenId(targets[at + context - 1]);
            });
            let apart = (taken.loss - f64::from(losses[step])).abs();
            assert!(apart < loss_bound, "step {step}: {} and {}", taken.loss, losses[step]);
            let norm = f64::from(norms[step]);
            assert!((taken.gradient_norm - norm).abs() < norm_bound * norm.max(1.0), "step {step}");
            worst = worst.max(apart);
        }
        println!("{compute:?}, {path:?}: the largest difference is {worst:.1e}");
    }
}
