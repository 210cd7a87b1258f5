//! Training follows PyTorch: its 200 losses and gradient norms in float32, batch by batch.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![allow(clippy::print_stdout, reason = "a golden's distance is worth reading")]

use lookback_engine::{Keep, Path, Team, Weights};
use lookback_model::{Stored, TokenId};
use lookback_train::{Trainer, preset};
use safetensors::SafeTensors;

#[test]
#[ignore = "needs LOOKBACK_SHARED"]
fn two_hundred_losses_are_those_of_pytorch() {
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
    (recipe.final_share, recipe.warmup_share, recipe.steps) = (1.0, 0.0, 200);
    let (batch, context) = (recipe.batch, recipe.context);
    for (path, threads) in Path::all_here().zip([2, 1, 1]).take(2) {
        let team = std::sync::Arc::new(Team::new(threads, path));
        let stored = Stored::open(&folder).unwrap();
        let weights = Weights::load(&stored, Keep::Learning, &team).unwrap();
        let mut trainer = Trainer::with(weights, &recipe, team);
        let mut worst = 0.0f64;
        for step in 0..losses.len() {
            let taken = trainer.step_over(|_, index, window| {
                let at = (step * batch + index) * context;
                for (to, id) in window.iter_mut().zip(&inputs[at..at + context]) {
                    *to = TokenId(*id);
                }
                window[context] = TokenId(targets[at + context - 1]);
            });
            let apart = (taken.loss - f64::from(losses[step])).abs();
            assert!(apart < 1e-4, "step {step}: {} and {}", taken.loss, losses[step]);
            let norm = f64::from(norms[step]);
            assert!((taken.gradient_norm - norm).abs() < 1e-3 * norm.max(1.0), "step {step}");
            worst = worst.max(apart);
        }
        println!("{path:?}: the largest difference is {worst:.1e}");
    }
}
