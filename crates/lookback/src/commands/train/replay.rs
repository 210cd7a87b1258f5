//! A run that is trained again, from its own settings and tokens, or with something left out of them.

use std::{path::Path, sync::Arc};

use lookback::open::default_model;
use lookback_files::{Refusal, Result};
use lookback_model::Network;
use lookback_text::{
    Tokenizer,
    dataset::{Dataset, Windows},
    leave_out,
};
use lookback_train::{Directory, Source};

use super::{Train, prepare::Prepared};
use crate::{main_job, print::Print};

impl Train {
    /// The run of a directory, to be trained again into another.
    pub(super) fn replayed(&self, run: &str, print: &mut Print) -> Result<Prepared> {
        let folder = if run == "default" { default_model()? } else { run.into() };
        let begun = Directory::begun(&folder).map_err(|_| {
            Refusal::user(format!(
                "--replay {run}: there is no training.toml in {}, so no run that could be trained again",
                folder.display()
            ))
        })?;
        let mut recipe = begun.read_settings()?;
        recipe.check().map_err(|refusal| refusal.at(folder.display()))?;
        let tokenizer = Tokenizer::open(&folder)?;
        let mut data = tokens(&folder, &begun, &tokenizer)?;
        let has_begun = recipe.steps > 0 && !recipe.data.is_empty();
        if !has_begun || data.digest()? != recipe.data {
            return Err(Refusal::user(format!(
                "--replay {run}: its training.toml does not know these tokens, as in runs of older \
                 versions; train it anew once"
            )));
        }
        for text in &self.without {
            let (without, lines) = leave_out(&data, &tokenizer, text)?;
            let (lines, s) = (lines, if lines == 1 { "" } else { "s" });
            print.note(&format!("{lines} line{s} left out that hold \"{text}\""));
            data = without;
        }
        recipe.data = data.digest()?;
        let directory = self.out.as_deref().map(Directory::new).transpose()?;
        let network = Network::new(&recipe.config(tokenizer.vocabulary(), tokenizer.end())?);
        let windows = Windows::new(&data, recipe.context, recipe.begin(), recipe.seed);
        Ok(Prepared {
            recipe,
            network: Arc::new(network),
            tokenizer: Some(tokenizer),
            source: Source { data, windows },
            directory,
            lock: None,
            checkpoints: self.checkpoints.into(),
            is_fresh: true,
        })
    }
}

/// The tokens of a run; those of the built-in model are made again.
fn tokens(folder: &Path, begun: &Directory, tokenizer: &Tokenizer) -> Result<Dataset> {
    let is_built_in = default_model().is_ok_and(|built_in| built_in == folder);
    if is_built_in && !begun.tokens().exists() {
        return main_job::stories(tokenizer);
    }
    Dataset::open(&begun.tokens())
}
