//! The last checkpoints of a run, as many as its settings keep: the newest is `checkpoint.safetensors`, those before it are
//! `checkpoint-00000660.safetensors`, by the steps they hold.
//!
//! At every moment of a save the newest whole checkpoint has one of these names, so a run that is
//! killed goes on from it. What is not whole or not of this run is passed over.

use std::{
    fs,
    path::{Path, PathBuf},
};

use lookback_files::{Kind, Refusal, Result, Setting, link_or_copy, map, remove_if_exists};
use safetensors::SafeTensors;
use toml::Table;

use crate::{
    checkpoint::{Checkpoint, OpenCheckpoint},
    directory::Directory,
    recipe::Recipe,
    trainer::Trainer,
};

/// What was found when a run goes on.
#[derive(Debug)]
pub struct RestoredRun {
    /// Steps done; 0 where nothing was kept yet.
    pub steps: u64,
    /// Why newer checkpoints could not be read.
    pub passed_over: Vec<Refusal>,
    /// The settings by which it came so far, as far as its checkpoint keeps them.
    pub(crate) settings: Option<Table>,
}

impl RestoredRun {
    /// The settings of a run that is continued, with what was otherwise before recorded; `file` has
    /// those that its directory kept.
    pub fn recorded(&self, recipe: &Recipe, file: &Recipe) -> Result<Recipe> {
        recipe.resumed(self.steps, file, self.settings.as_ref())
    }
}

impl Directory {
    /// Every checkpoint that is there, the newest first.
    pub fn checkpoints(&self) -> Vec<PathBuf> {
        let newest = self.checkpoint();
        let mut all: Vec<PathBuf> = self.older().into_iter().map(|(_, path)| path).collect();
        if newest.exists() {
            all.insert(0, newest);
        }
        all
    }

    /// Puts a trainer into the state of the newest checkpoint that can be read.
    ///
    /// # Errors
    /// When there are checkpoints and none can be read: why the newest cannot. When the trainer's settings
    /// are not those that the run began with: the first that is not.
    pub fn restore(&self, trainer: &mut Trainer) -> Result<RestoredRun> {
        let mut passed_over = Vec::new();
        for path in self.checkpoints() {
            let read =
                OpenCheckpoint::open(&path).and_then(|opened| Ok((opened.settings()?, opened)));
            let (settings, opened) = match read {
                Ok(read) => read,
                Err(refusal) => {
                    passed_over.push(refusal);
                    continue;
                }
            };
            if let Some(settings) = &settings {
                self.refuse_other_run(trainer.recipe(), settings)?;
            }
            match opened.restore(trainer) {
                Ok(()) => {
                    let steps = trainer.steps();
                    tracing::debug!(file = %path.display(), steps, "checkpoint read");
                    return Ok(RestoredRun { steps, passed_over, settings });
                }
                Err(refusal) => passed_over.push(refusal),
            }
        }
        match passed_over.into_iter().next() {
            Some(refusal) => {
                Err(refusal.then(format!("train anew into another {}", Setting("out"))))
            }
            None => Ok(RestoredRun { steps: 0, passed_over: Vec::new(), settings: None }),
        }
    }

    /// Refuses settings that a run cannot have had from its beginning on.
    fn refuse_other_run(&self, recipe: &Recipe, kept: &Table) -> Result<()> {
        let differences = recipe.differences_from(kept)?;
        match differences.into_iter().find(|difference| difference.is_fixed) {
            None => Ok(()),
            Some(difference) => Err(Refusal::user(format!(
                "{}: it says {key} = {}, and the run was trained with {key} = {}; put that back, or \
                 train anew into another directory",
                self.settings().display(),
                difference.here,
                difference.there,
                key = difference.key,
            ))),
        }
    }

    /// Reads the weights of the model that a run without one has come to, from its newest checkpoint
    /// that can be read: `fill` is given the steps done and what reads a weight by its name.
    ///
    /// # Errors
    /// When there is no checkpoint, or none can be read.
    pub fn read_newest_checkpoint<T>(
        &self,
        mut fill: impl FnMut(u64, &dyn Fn(&str, &mut [f32]) -> Result<()>) -> Result<T>,
    ) -> Result<T> {
        let mut first = None;
        for path in self.checkpoints() {
            let opened =
                OpenCheckpoint::open(&path).and_then(|opened| Ok((opened.steps()?, opened)));
            let read = opened.and_then(|(steps, opened)| {
                fill(steps, &|name, rows| opened.read_model_weight(name, rows))
            });
            match read {
                Ok(read) => return Ok(read),
                Err(refusal) => first = first.or(Some(refusal)),
            }
        }
        Err(first.unwrap_or_else(|| {
            Refusal::of(Kind::NotFound, format!(
                "{}: this run has kept no model and no checkpoint yet; wait for its first, or go on \
                 with it by {}",
                self.path().display(),
                Setting("resume")
            ))
        }))
    }

    /// Writes a checkpoint, and keeps as many as the settings allow.
    pub fn write_checkpoint(&self, trainer: &Trainer) -> Result<()> {
        let kept = trainer.recipe().checkpoints;
        let newest = self.checkpoint();
        if kept > 1
            && let Some(steps) = steps_of(&newest)
            && steps != trainer.steps()
        {
            link_or_copy(&newest, &self.older_checkpoint(steps))?;
        }
        Checkpoint::write(&newest, trainer)?;
        // Those of a run that was set back are not older than this one.
        let (older, others): (Vec<_>, Vec<_>) =
            self.older().into_iter().partition(|(steps, _)| *steps < trainer.steps());
        let beyond = older.iter().skip(kept.max(1) - 1);
        beyond.chain(&others).try_for_each(|(_, path)| remove_if_exists(path))
    }

    /// Steps done by the newest checkpoint, if there is a readable one.
    pub fn checkpoint_steps(&self) -> Option<u64> {
        self.checkpoints().iter().find_map(|path| steps_of(path))
    }

    fn older_checkpoint(&self, steps: u64) -> PathBuf {
        self.path().join(format!("checkpoint-{steps:08}.safetensors"))
    }

    /// The numbered checkpoints with their steps, the newest first.
    fn older(&self) -> Vec<(u64, PathBuf)> {
        let Ok(entries) = fs::read_dir(self.path()) else { return Vec::new() };
        let steps = |name: &str| {
            name.strip_prefix("checkpoint-")?.strip_suffix(".safetensors")?.parse().ok()
        };
        let mut older: Vec<(u64, PathBuf)> = entries
            .filter_map(|entry| steps(entry.ok()?.file_name().to_str()?))
            .map(|steps| (steps, self.older_checkpoint(steps)))
            .filter(|(_, path)| path.is_file())
            .collect();
        older.sort_unstable_by(|left, right| right.cmp(left));
        older
    }
}

/// The steps that a checkpoint records.
fn steps_of(path: &Path) -> Option<u64> {
    let bytes = map(path).ok()?;
    let (_, about) = SafeTensors::read_metadata(&bytes).ok()?;
    about.metadata().as_ref()?.get("steps")?.parse().ok()
}
