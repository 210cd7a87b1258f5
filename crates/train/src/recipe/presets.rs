//! Settings by name.

use lookback_files::{Kind, Refusal, Result, Setting};
use lookback_model::Activation;

use super::{Architecture, Compute, KeptWeights, Optimizer, Recipe, Schedule, Shape, StartHeads};

/// The settings of a preset by its name.
pub fn preset(name: &str) -> Result<Recipe> {
    let shape = |architecture, layers, heads, width, hidden| Shape {
        architecture,
        layers,
        heads,
        key_heads: heads,
        width,
        hidden,
        theta: 10_000,
        activation: Activation::Silu,
        tied: true,
        head_norm: false,
        logit_cap: 0.0,
    };
    let plain = |model: Shape, context, batch| Recipe {
        seed: 0,
        steps: 0,
        batch,
        accumulate: 1,
        context,
        at_documents: false,
        rate: 1e-3,
        final_share: 0.1,
        warmup_share: 0.02,
        schedule: Schedule::Cosine,
        cooldown_share: 0.2,
        optimizer: Optimizer::AdamW,
        table_share: 1.0,
        head_share: 1.0,
        momentum: 0.95,
        beta1: 0.9,
        beta2: 0.99,
        epsilon: 1e-8,
        decay: 0.1,
        clip: 1.0,
        z_loss: 0.0,
        average_share: 0.0,
        short_context: 0,
        short_share: 0.0,
        start_tables: 0.02,
        start_matrices: 0.02,
        start_heads: StartHeads::Plain,
        compute: Compute::F32,
        validate_every: 0,
        checkpoint_every: 0,
        keep: KeptWeights::Best,
        checkpoints: 1,
        snapshots: 4,
        whole_snapshots: false,
        data: String::new(),
        model,
        begun: None,
        before: Vec::new(),
    };
    let nano = |layers, heads, width| shape(Architecture::Nanogpt, layers, heads, width, 4 * width);
    let recipe = match name {
        "tiny" => {
            let mut tiny = plain(shape(Architecture::Llama, 4, 4, 128, 344), 64, 24);
            tiny.model.head_norm = true;
            (tiny.optimizer, tiny.compute) = (Optimizer::Muon, Compute::Bf16);
            (tiny.rate, tiny.table_share, tiny.final_share) = (1e-2, 0.4, 0.02);
            (tiny.start_tables, tiny.start_matrices) = (0.1, 0.06);
            tiny
        }
        "small" => {
            let mut small = plain(shape(Architecture::Llama, 6, 6, 384, 1024), 256, 4);
            small.model.head_norm = true;
            small.compute = Compute::Bf16;
            (small.rate, small.start_tables, small.start_matrices) = (2e-3, 0.05, 0.04);
            small
        }
        "gpt2" => plain(shape(Architecture::Gpt2, 12, 12, 768, 3072), 1024, 1),
        "default" => {
            let mut town = plain(shape(Architecture::Llama, 3, 4, 64, 160), 64, 16);
            town.model.theta = 1000;
            (town.rate, town.start_tables, town.start_matrices) = (3e-3, 0.1, 0.06);
            (town.final_share, town.warmup_share) = (0.05, 0.03);
            (town.at_documents, town.compute) = (true, Compute::Bf16);
            town.start_heads = StartHeads::Mimetic;
            // Everybody's model is the last, and the page shows how its table took shape.
            (town.keep, town.snapshots) = (KeptWeights::Last, 20);
            town
        }
        "bench-a" => plain(nano(4, 4, 128), 64, 12),
        "bench-b" => plain(nano(6, 6, 384), 256, 16),
        "bench-c" => plain(nano(8, 8, 512), 512, 4),
        "bench-d" => plain(nano(12, 12, 768), 1024, 1),
        _ => {
            return Err(Refusal::of(
                Kind::InvalidSetting,
                format!(
                    "{} {name}: there is no such preset; tiny, small, gpt2, default and bench-a to \
                     bench-d are",
                    Setting("preset")
                ),
            ));
        }
    };
    Ok(recipe)
}
