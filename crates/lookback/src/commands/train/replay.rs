//! A run that is trained again, from its own settings and tokens, or with something left out of them.

use std::path::Path;

use lookback::default_model;
use lookback_files::{Refusal, Result, counted};
use lookback_text::{Tokenizer, dataset::Dataset, leave_out};
use lookback_train::{Directory, Prepared, Recipe};

use super::{MAX_STEPS, Train};
use crate::{print::Print, stories};

impl Train {
    /// The run of a directory, to be trained again into another.
    pub(super) fn replayed(&self, run: &str, print: &mut Print) -> Result<Prepared> {
        let folder = if run == "default" { default_model()? } else { run.into() };
        let begun = Directory::existing(&folder).map_err(|_| {
            Refusal::user(format!(
                "--replay {run}: there is no training.toml in {}, so no run that could be trained again",
                folder.display()
            ))
        })?;
        let mut recipe = begun.read_settings()?;
        recipe.check().map_err(|refusal| refusal.at(folder.display()))?;
        refuse_unrecorded(run, &begun, &recipe)?;
        let tokenizer = Tokenizer::open(&folder)?;
        let mut data = tokens(&folder, &begun, &tokenizer)?;
        let has_begun = recipe.steps > 0 && !recipe.data.is_empty();
        if !has_begun || data.digest()? != recipe.data {
            return Err(Refusal::user(format!(
                "--replay {run}: its training.toml does not know these tokens, as in runs of older \
                 versions; train it anew once"
            )));
        }
        let steps = begun.checkpoint_steps().filter(|steps| *steps < recipe.steps);
        if let Some(steps) = steps {
            let whole = recipe.steps;
            print.warn(&format!("{run} was stopped after {steps} of {whole} steps; all are taken"));
        }
        if let Some(count) = self.checkpoints {
            recipe.checkpoints = count.into();
        }
        for text in &self.without {
            let (without, lines) = leave_out(&data, &tokenizer, text)?;
            print.status(&format!("{} left out that hold \"{text}\"", counted(lines, "line")));
            data = without;
        }
        recipe.data = data.digest()?;
        let directory = self.out.as_deref().map(Directory::new).transpose()?;
        let vocabulary = tokenizer.vocabulary();
        let place = begun.tokens().display().to_string();
        Prepared::fresh(recipe, (Some(tokenizer), vocabulary), data, &place, directory)
    }
}

/// Refuses a run whose settings do not record all that it was trained by.
fn refuse_unrecorded(run: &str, begun: &Directory, recipe: &Recipe) -> Result<()> {
    if recipe.steps >= MAX_STEPS {
        return Err(Refusal::user(format!(
            "--replay {run}: it was ended by the clock, and its training.toml does not say after how \
             many steps; train it anew with --steps"
        )));
    }
    match begun.unrecorded_rate(recipe)? {
        None => Ok(()),
        Some(step) => Err(Refusal::user(format!(
            "--replay {run}: its metrics.jsonl tells of another rate at step {step} than its \
             training.toml; it was continued with other settings by an older version, which did not \
             record them, so it cannot be trained again to the same bits"
        ))),
    }
}

/// The tokens of a run; those of the built-in model are made again.
pub(crate) fn tokens(folder: &Path, begun: &Directory, tokenizer: &Tokenizer) -> Result<Dataset> {
    let is_built_in = default_model().is_ok_and(|built_in| built_in == folder);
    if is_built_in && !begun.tokens().exists() {
        return stories::stories(tokenizer);
    }
    Dataset::open(&begun.tokens())
}
