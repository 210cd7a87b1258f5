//! A run that has no model yet: while it trains and after it was killed, the newest checkpoint in its
//! directory is read in place of one.

use std::{path::Path, sync::Arc};

use lookback_engine::{Compute, ThreadPool, WeightMode, Weights};
use lookback_files::Result;
use lookback_model::Network;
use lookback_text::Tokenizer;
use lookback_train::Directory;

/// Whether a directory is that of a run without a model.
pub(crate) fn is_run_without_model(path: &Path) -> bool {
    path.join("training.toml").is_file() && !path.join("config.json").exists()
}

/// What stands in place of a model.
pub(crate) struct RunCheckpoint {
    /// The weights that its newest checkpoint would become the model with.
    pub(crate) weights: Weights,
    /// The run's tokenizer.
    pub(crate) tokenizer: Tokenizer,
    /// A warning about it.
    pub(crate) remark: String,
}

/// Reads a run's newest checkpoint that can be read, unless `admit` refuses the bytes of its weights.
///
/// # Errors
/// When it has no checkpoint yet, or none that can be read.
pub(crate) fn read(
    path: &Path,
    compute: Compute,
    pool: &ThreadPool,
    admit: &dyn Fn(usize) -> Result<()>,
) -> Result<RunCheckpoint> {
    let directory = Directory::existing(path)?;
    let recipe = directory.read_settings()?;
    recipe.check().map_err(|refusal| refusal.at(path.display()))?;
    let tokenizer = Tokenizer::open(path)?;
    let config = recipe.config(tokenizer.vocabulary(), tokenizer.eos())?;
    let network = Arc::new(Network::new(&config));
    admit(Weights::bytes(&network, WeightMode::Inference, compute))?;
    let (steps, weights) = directory.read_newest_checkpoint(|steps, read| {
        let fill = |id, to: &mut [f32]| read(&network.weight(id).name, to);
        let weights = Weights::new(network.clone(), WeightMode::Inference, compute, pool, fill);
        Ok((steps, weights?))
    })?;
    let (run, all) = (path.display(), recipe.steps);
    let remark = format!(
        "{run}: this run has no model yet; its checkpoint after {steps} of {all} steps is read"
    );
    Ok(RunCheckpoint { weights, tokenizer, remark })
}
