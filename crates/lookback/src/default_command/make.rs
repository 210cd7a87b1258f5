//! Makes the default model: writes Tinytown, learns its tokens, trains a transformer on it.

use std::{fs, path::Path, sync::Arc};

use lookback_engine::{ThreadPool, Weights};
use lookback_files::{Blame, Lock, Refusal, Result, create_directory};
use lookback_model::Network;
use lookback_text::{Tokenizer, dataset::Windows, tinytown};
use lookback_train::{Directory, Recipe, Source, Trainer, TrainingEvent, TrainingLoop, preset};
use serde_json::json;

use super::abilities::{Abilities, AbilityScores};
use crate::{
    interrupt, memory, sample,
    stories::{SEED, stories},
};

/// Text that its tokenizer is learned from.
const TOKENIZER_BYTES: usize = 2_000_000;
/// Tokens of its vocabulary.
const VOCABULARY: usize = 2048;
/// Tokens that it learns from: about 100 seconds on two cores.
const TOKENS: u64 = 8_500_000;
/// Validations of the run, each of which takes a second.
const VALIDATIONS: u64 = 5;

/// How often the model's abilities are measured over the run.
const ABILITY_TESTS: u64 = 50;

/// How often the model writes a sample over the run.
const SAMPLES: u64 = 20;

/// The events of making a model.
pub(super) enum MakeEvent<'a> {
    /// What is being done now, in a few words.
    Phase(&'a str),
    /// The first step is about to be taken.
    Started(StartedRun<'a>),
    /// An event of the training loop.
    Training(TrainingEvent<'a>),
    /// What the model can do after a step.
    #[cfg_attr(not(feature = "serve"), allow(dead_code, reason = "only the page shows it"))]
    Abilities {
        /// Steps taken.
        step: u64,
        /// What it can do.
        scores: AbilityScores,
    },
    /// A sample that the model writes after a step, without a prompt.
    #[cfg_attr(not(feature = "serve"), allow(dead_code, reason = "only the page shows it"))]
    Sample {
        /// Steps taken.
        step: u64,
        /// A line of text.
        text: String,
    },
}

/// A run at its beginning.
pub(super) struct StartedRun<'a> {
    /// The settings.
    pub(super) recipe: &'a Recipe,
    /// The weights before the first step.
    pub(super) weights: &'a Weights,
    /// What turns the text into tokens.
    pub(super) tokenizer: &'a Tokenizer,
    /// Tokens of the text.
    pub(super) tokens: usize,
    /// Where the run is kept until it is done.
    #[cfg_attr(not(feature = "serve"), allow(dead_code, reason = "only the page asks"))]
    pub(super) path: &'a Path,
}

/// Keeps other processes from making this model, for as long as the result lives.
pub(super) fn lock(folder: &Path) -> Result<Lock> {
    if let Some(home) = folder.parent() {
        create_directory(home)?;
    }
    Lock::acquire(&folder.with_extension("lock"), |process| {
        format!(
            "default: another lookback ({process}) is making this model just now; look at the page \
             that it opened, or wait until it is done"
        )
    })
}

/// Trains into a folder beside the place, which it takes only when all is done. Gives the steps.
pub(super) fn make(
    folder: &Path,
    pool: &Arc<ThreadPool>,
    listener: &mut dyn FnMut(MakeEvent<'_>) -> Result<()>,
) -> Result<u64> {
    let mut recipe = preset("default")?;
    recipe.steps = TOKENS.div_ceil(recipe.tokens_per_step() as u64);
    recipe.validate_every = recipe.steps.div_ceil(VALIDATIONS);
    listener(MakeEvent::Phase(
        "writing Tinytown, a small town of plain words, and learning its tokens",
    ))?;
    let tokenizer = {
        let text = tinytown::corpus(TOKENIZER_BYTES, SEED);
        Tokenizer::train_bpe(&[&text], VOCABULARY, &["<|endoftext|>"])?
    };
    listener(MakeEvent::Phase("writing its stories and cutting them into tokens"))?;
    let data = stories(&tokenizer)?;
    data.check(recipe.context)?;
    let network = Network::new(&recipe.config(tokenizer.vocabulary(), tokenizer.eos())?);
    memory::check_free("training", Trainer::bytes(&network, &recipe, pool.threads()))?;

    let partial = folder.with_extension("part");
    if partial.exists() {
        fs::remove_dir_all(&partial).map_err(|error| Refusal::writing(&partial, &error))?;
    }
    let directory = Directory::new(&partial)?;
    directory.create_folder()?;
    recipe.data = data.digest()?;
    directory.write_settings(&recipe)?;
    tokenizer.write(directory.path())?;
    let mut trainer = Trainer::new(Arc::new(network), &recipe, pool.clone())?;
    listener(MakeEvent::Started(StartedRun {
        recipe: &recipe,
        weights: trainer.weights(),
        tokenizer: &tokenizer,
        tokens: data.len(),
        path: &partial,
    }))?;
    let windows = Windows::new(&data, recipe.context, recipe.begin(), recipe.seed);
    let source = Source { data, windows };
    let mut training = TrainingLoop {
        trainer: &mut trainer,
        source: &source,
        directory: Some(&directory),
        stop: interrupt::stop_flag()?,
    };
    let periodic_samples = PeriodicSamples::new(&directory, &tokenizer, pool, recipe.steps)?;
    let finished = training.run(None, &mut |event| {
        let taken = match &event {
            TrainingEvent::Step { report: taken, weights } => Some((taken.step, *weights)),
            _ => None,
        };
        listener(MakeEvent::Training(event))?;
        taken.map_or(Ok(()), |(step, weights)| periodic_samples.on_step(step, weights, listener))
    });
    let finished = finished.map_err(|refusal| match refusal.blame() {
        // The loop's message says how to resume in its directory, but this program begins anew.
        Blame::Interrupt => Refusal::interrupt(format!(
            "stopped after {} of {} steps; the next start begins again",
            trainer.steps(),
            recipe.steps
        )),
        Blame::User | Blame::Ours => refusal,
    })?;
    // A folder without a model in it was left there by hand; it would be in the way.
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|error| Refusal::writing(folder, &error))?;
    }
    fs::rename(&partial, folder).map_err(|error| Refusal::writing(folder, &error))?;
    Ok(finished.steps)
}

/// Samples and abilities of a model while it learns. Both are kept among the metrics, so that the page can show
/// them again when the training is over.
struct PeriodicSamples<'a> {
    directory: &'a Directory,
    tokenizer: &'a Tokenizer,
    pool: &'a ThreadPool,
    abilities: Abilities,
    /// Steps between two times that it is asked, and between two samples.
    test_every: u64,
    sample_every: u64,
}

impl<'a> PeriodicSamples<'a> {
    fn new(
        directory: &'a Directory,
        tokenizer: &'a Tokenizer,
        pool: &'a ThreadPool,
        steps: u64,
    ) -> Result<Self> {
        let [test_every, sample_every] =
            [ABILITY_TESTS, SAMPLES].map(|times| (steps / times).max(1));
        let abilities = Abilities::new(tokenizer)?;
        Ok(Self { directory, tokenizer, pool, abilities, test_every, sample_every })
    }

    /// Records and reports what is due after a step.
    fn on_step(
        &self,
        step: u64,
        weights: &Weights,
        listener: &mut dyn FnMut(MakeEvent<'_>) -> Result<()>,
    ) -> Result<()> {
        if step.is_multiple_of(self.sample_every) {
            let text = sample::short_sample(weights, self.pool, self.tokenizer)?;
            self.directory.add_metrics(&json!({ "step": step, "sample": text }))?;
            listener(MakeEvent::Sample { step, text })?;
        }
        if step.is_multiple_of(self.test_every) {
            let scores = self.abilities.measure(weights, self.pool, self.tokenizer)?;
            let (look_ups, repeated) = (scores.look_ups, scores.repeated);
            self.directory.add_metrics(
                &json!({ "step": step, "look_ups": look_ups, "repeated": repeated }),
            )?;
            listener(MakeEvent::Abilities { step, scores })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use lookback_text::{Specials, dataset::Dataset};

    use super::*;

    #[test]
    fn what_a_model_says_and_can_do_on_its_way_is_kept_among_the_metrics() {
        let text = tinytown::corpus(50_000, SEED);
        let tokenizer = Tokenizer::train_bpe(&[&text], 320, &["<|endoftext|>"]).unwrap();
        let ids = tokenizer.encode_bare(&text, Specials::Text).unwrap();
        let data = Dataset::new(ids, Vec::new());
        let mut recipe = preset("default").unwrap();
        let small = "layers=1 heads=2 key_heads=2 width=8 hidden=8 context=512 batch=1 steps=100";
        small.split(' ').for_each(|setting| recipe.set(setting).unwrap());
        let network = Network::new(&recipe.config(320, tokenizer.eos()).unwrap());
        let pool = Arc::new(ThreadPool::single_threaded());
        let mut trainer = Trainer::new(Arc::new(network), &recipe, pool.clone()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let directory = Directory::new(folder.path()).unwrap();
        let windows = Windows::new(&data, recipe.context, recipe.begin(), recipe.seed);
        let source = Source { data, windows };
        let periodic_samples =
            PeriodicSamples::new(&directory, &tokenizer, &pool, recipe.steps).unwrap();
        let mut events = Vec::new();
        for step in 1..=10 {
            assert_eq!(trainer.step(&source).step, step);
            periodic_samples
                .on_step(step, trainer.weights(), &mut |event| {
                    events.push(match event {
                        MakeEvent::Sample { step, text } => json!({ "step": step, "sample": text }),
                        MakeEvent::Abilities { step, scores } => json!({
                            "step": step,
                            "look_ups": scores.look_ups,
                            "repeated": scores.repeated,
                        }),
                        _ => unreachable!("nothing else is told"),
                    });
                    Ok(())
                })
                .unwrap();
        }
        let steps = |key: &str| -> Vec<u64> {
            let lines = events.iter().filter(|line| !line[key].is_null());
            lines.map(|line| line["step"].as_u64().unwrap()).collect()
        };
        assert_eq!((steps("sample"), steps("look_ups")), (vec![5, 10], vec![2, 4, 6, 8, 10]));
        assert!(
            events.iter().any(|line| line["sample"].as_str().is_some_and(|text| !text.is_empty()))
        );
        assert_eq!(directory.read_metrics(), events);
    }
}
