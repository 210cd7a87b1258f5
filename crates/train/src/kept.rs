//! The last checkpoints of a run: the newest is `checkpoint.safetensors`, those before it are
//! `checkpoint-00000660.safetensors`, by the steps they hold.
//!
//! At every moment of a save the newest whole checkpoint has one of these names, so a run that is
//! killed goes on from it. What is not whole or not of this run is passed over.

use std::{
    fs,
    path::{Path, PathBuf},
};

use lookback_files::{Refusal, Result, keep_also_as, map, remove_if_there};
use safetensors::SafeTensors;

use crate::{checkpoint::Checkpoint, directory::Directory, trainer::Trainer};

/// What was found when a run goes on.
#[derive(Debug)]
pub struct Restored {
    /// Steps done; 0 where nothing was kept yet.
    pub steps: u64,
    /// Why newer checkpoints could not be read.
    pub passed_over: Vec<Refusal>,
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
    /// When there are checkpoints and none can be read: why the newest cannot.
    pub fn restore(&self, trainer: &mut Trainer) -> Result<Restored> {
        let mut passed_over = Vec::new();
        for path in self.checkpoints() {
            match Checkpoint::read(&path, trainer) {
                Ok(()) => {
                    let steps = trainer.steps();
                    tracing::debug!(file = %path.display(), steps, "checkpoint read");
                    return Ok(Restored { steps, passed_over });
                }
                Err(refusal) => passed_over.push(refusal),
            }
        }
        match passed_over.into_iter().next() {
            Some(refusal) => Err(refusal.then("train anew into another --out")),
            None => Ok(Restored { steps: 0, passed_over: Vec::new() }),
        }
    }

    /// Writes a checkpoint, and keeps so many in all.
    pub fn keep_checkpoint(&self, trainer: &Trainer, kept: usize) -> Result<()> {
        let newest = self.checkpoint();
        if kept > 1
            && let Some(steps) = steps_of(&newest)
            && steps != trainer.steps()
        {
            keep_also_as(&newest, &self.older_checkpoint(steps))?;
        }
        Checkpoint::write(&newest, trainer)?;
        // Those of a run that was set back are not older than this one.
        let (older, others): (Vec<_>, Vec<_>) =
            self.older().into_iter().partition(|(steps, _)| *steps < trainer.steps());
        let beyond = older.iter().skip(kept.max(1) - 1);
        beyond.chain(&others).try_for_each(|(_, path)| remove_if_there(path))
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

/// The steps that a checkpoint says it holds.
fn steps_of(path: &Path) -> Option<u64> {
    let bytes = map(path).ok()?;
    let (_, about) = SafeTensors::read_metadata(&bytes).ok()?;
    about.metadata().as_ref()?.get("steps")?.parse().ok()
}
