//! A run that has no model yet: while it trains and after it was killed, the newest checkpoint in its
//! directory is read in place of one.

use std::{path::Path, sync::Arc};

use lookback_engine::{Compute, Keep, Team, Weights};
use lookback_files::Result;
use lookback_model::Network;
use lookback_text::Tokenizer;
use lookback_train::Directory;

/// Whether a directory is that of a run without a model.
pub(crate) fn is_unfinished(path: &Path) -> bool {
    path.join("training.toml").is_file() && !path.join("config.json").exists()
}

/// The weights that its newest checkpoint would become the model with, and the run's tokenizer.
///
/// # Errors
/// When it has no checkpoint yet, or none that can be read.
pub(crate) fn read(path: &Path, compute: Compute, team: &Team) -> Result<(Weights, Tokenizer)> {
    let directory = Directory::begun(path)?;
    let recipe = directory.read_settings()?;
    recipe.check().map_err(|refusal| refusal.at(path.display()))?;
    let tokenizer = Tokenizer::open(path)?;
    let config = recipe.config(tokenizer.vocabulary(), tokenizer.end())?;
    let network = Arc::new(Network::new(&config));
    let weights = directory.read_newest(|steps, read| {
        tracing::info!(run = %path.display(), steps, "it has no model yet: its checkpoint is read");
        Weights::computing(network.clone(), Keep::Running, compute, team, |id, to| {
            read(&network.weight(id).name, to)
        })
    })?;
    Ok((weights, tokenizer))
}
