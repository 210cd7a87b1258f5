//! A run from its first to its last step: its length is settled, its directory made or resumed, then
//! the training loop runs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use lookback_engine::ThreadPool;
use lookback_files::{Refusal, Result, Setting};

use crate::{
    calibration::Calibration,
    directory::Directory,
    prepared::Prepared,
    recipe::Recipe,
    trainer::{Source, Trainer},
    training_loop::{Finished, RunLength, TrainingEvent, TrainingLoop},
};

/// An event of a run, from before its first step on.
#[derive(Debug)]
pub enum RunEvent<'a> {
    /// The time of a step is measured.
    Calibrating,
    /// Reading the text took more than all of these seconds, so one step is taken.
    OutOfTime {
        /// Those that were asked for.
        seconds: f64,
    },
    /// A checkpoint could not be read, so the run resumes from an older one.
    CheckpointSkipped {
        /// Why.
        refusal: &'a Refusal,
        /// Steps of the older one.
        steps: u64,
    },
    /// From now on the directory is either kept or removed: a program that ends has to wait for that.
    Recording,
    /// The first step is about to be taken.
    Started {
        /// Settings, the number of steps among them.
        recipe: &'a Recipe,
        /// Steps taken before.
        done: u64,
        /// Seconds after which it ends wherever it is, if it does.
        seconds: Option<f64>,
    },
    /// An event of the training loop.
    Training(TrainingEvent<'a>),
}

/// A callback for the events of a run; an error that it returns ends the run.
pub type RunObserver<'l> = dyn FnMut(RunEvent<'_>) -> Result<()> + 'l;

impl Prepared {
    /// Settles the number of steps, makes the directory, then takes the steps. Time is counted from `began`;
    /// `stop` ends the run after the step that it takes.
    ///
    /// # Errors
    /// As [`TrainingLoop::run`]; when a resumed run is not that of its directory.
    pub fn run(
        self,
        length: RunLength,
        pool: Arc<ThreadPool>,
        began: Instant,
        stop: &AtomicBool,
        observer: &mut RunObserver<'_>,
    ) -> Result<Finished> {
        let Self { mut recipe, network, tokenizer, source, directory, mut lock, is_fresh } = self;
        let left = |seconds: f64| seconds - began.elapsed().as_secs_f64();
        if recipe.steps == 0 {
            // A model that is kept has a schedule of a length; a timing has none.
            let asked = match (length, &directory) {
                (RunLength::Seconds(seconds), Some(_)) => RunLength::Minutes(seconds / 60.0),
                _ => length,
            };
            match asked.steps(recipe.tokens_per_step()) {
                Ok(steps) => recipe.steps = steps,
                Err(seconds) => {
                    observer(RunEvent::Calibrating)?;
                    let left = left(seconds);
                    if left <= 0.0 {
                        observer(RunEvent::OutOfTime { seconds })?;
                    }
                    let trial = Trainer::new(network.clone(), &recipe, pool.clone())?;
                    Calibration::measure(trial, &source, left, stop)
                        .set_recipe_steps(left, &mut recipe);
                }
            }
            if stop.load(Ordering::Relaxed) {
                return Err(Refusal::interrupt(
                    "stopped before the first step; nothing was written",
                ));
            }
        }
        if let Some(directory) = &directory {
            settle_data(&mut recipe, &source, directory)?;
        }
        let mut trainer = Trainer::new(network, &recipe, pool)?;
        if let Some(directory) = directory.as_ref().filter(|_| !is_fresh) {
            go_on(directory, &mut trainer, observer)?;
        }
        if stop.load(Ordering::Relaxed) {
            return Err(Refusal::interrupt("stopped before the first step; nothing was changed"));
        }
        observer(RunEvent::Recording)?;
        if let Some(directory) = directory.as_ref().filter(|_| is_fresh) {
            lock = Some(directory.create()?);
        }
        let begun = match &directory {
            Some(directory) if is_fresh => directory.write_tokens(&source.data).and_then(|()| {
                tokenizer.iter().try_for_each(|tokenizer| tokenizer.write(directory.path()))
            }),
            _ => Ok(()),
        };
        let begun = begun.and_then(|()| {
            let Some(directory) = &directory else { return Ok(()) };
            directory.cut_metrics(trainer.steps())?;
            directory.write_settings(trainer.recipe())
        });
        let seconds = match length {
            RunLength::Seconds(seconds) => Some(left(seconds)),
            _ => None,
        };
        let finished = begun.and_then(|()| {
            observer(RunEvent::Started { recipe: &recipe, done: trainer.steps(), seconds })?;
            let directory = directory.as_ref();
            let mut training =
                TrainingLoop { trainer: &mut trainer, source: &source, directory, stop };
            training.run(seconds, &mut |event| observer(RunEvent::Training(event)))
        });
        match (finished, directory, lock) {
            (Err(refusal), Some(directory), Some(lock))
                if is_fresh && directory.checkpoints().is_empty() =>
            {
                // Why it ended matters more than what could not be taken back.
                drop(directory.remove_new_run(lock));
                Err(refusal)
            }
            (finished, ..) => finished,
        }
    }
}

/// Restores a trainer from a run's newest checkpoint.
fn go_on(
    directory: &Directory,
    trainer: &mut Trainer,
    observer: &mut RunObserver<'_>,
) -> Result<()> {
    let wanted = trainer.recipe().steps;
    let restored = directory.restore(trainer)?;
    refuse_fewer_steps(restored.steps, wanted)?;
    for refusal in &restored.passed_over {
        observer(RunEvent::CheckpointSkipped { refusal, steps: restored.steps })?;
    }
    let recorded = restored.recorded(trainer.recipe(), &directory.read_settings()?)?;
    trainer.set_recipe(recorded)?;
    directory.create_folder()?;
    directory.remove_partial_files()
}

/// Records what the tokens are, and refuses others than a run began with.
fn settle_data(recipe: &mut Recipe, source: &Source, directory: &Directory) -> Result<()> {
    let digest = source.data.digest()?;
    if !recipe.data.is_empty() && recipe.data != digest {
        return Err(Refusal::user(format!(
            "{}: it is not the file that the run began with; train anew",
            directory.tokens().display()
        )));
    }
    recipe.data = digest;
    Ok(())
}

fn refuse_fewer_steps(taken: u64, wanted: u64) -> Result<()> {
    if wanted >= taken {
        return Ok(());
    }
    Err(Refusal::user(format!(
        "{} {wanted}: the run has taken {taken} steps already; ask for as many, or for more",
        Setting("steps")
    )))
}
