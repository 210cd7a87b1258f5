//! Makes the default model: writes Tinytown, learns its tokens, trains a transformer on it.

use std::{fs, path::Path, sync::Arc};

use lookback_engine::{ThreadPool, Weights};
use lookback_files::{Blame, Lock, Refusal, Result, create_directory};
use lookback_model::Network;
use lookback_text::{Tokenizer, dataset::Windows, tinytown};
use lookback_train::{Directory, Recipe, Source, Trainer, TrainingEvent, TrainingLoop, preset};
use serde_json::json;

use super::abilities::{Abilities, Able};
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
/// How often over the course it is judged by what was kept back, which takes a second each time.
const JUDGED: u64 = 5;

/// How often over the course it is asked what the model can do by now.
const ASKED: u64 = 50;

/// How often over the course the model says something.
const SAMPLES: u64 = 20;

/// What the making of a model tells whoever watches it.
pub(super) enum Told<'a> {
    /// What is being done now, in a few words.
    Doing(&'a str),
    /// The first step is about to be taken.
    Begun(Begun<'a>),
    /// Something of the course.
    Event(TrainingEvent<'a>),
    /// What the model can do after a step.
    #[cfg_attr(not(feature = "serve"), allow(dead_code, reason = "only the page shows it"))]
    Able {
        /// Steps taken.
        step: u64,
        /// What it can do.
        able: Able,
    },
    /// What the model says after a step, of its own accord.
    #[cfg_attr(not(feature = "serve"), allow(dead_code, reason = "only the page shows it"))]
    Said {
        /// Steps taken.
        step: u64,
        /// A line of text.
        text: String,
    },
}

/// A run at its beginning.
pub(super) struct Begun<'a> {
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

/// Makes sure that nobody else makes this model, for as long as the result lives.
pub(super) fn alone(folder: &Path) -> Result<Lock> {
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
    tell: &mut dyn FnMut(Told<'_>) -> Result<()>,
) -> Result<u64> {
    let mut recipe = preset("default")?;
    recipe.steps = TOKENS.div_ceil(recipe.tokens_per_step() as u64);
    recipe.validate_every = recipe.steps.div_ceil(JUDGED);
    tell(Told::Doing("writing Tinytown, a small town of plain words, and learning its tokens"))?;
    let tokenizer = {
        let text = tinytown::corpus(TOKENIZER_BYTES, SEED);
        Tokenizer::train_bpe(&[&text], VOCABULARY, &["<|endoftext|>"])?
    };
    tell(Told::Doing("writing its stories and cutting them into tokens"))?;
    let data = stories(&tokenizer)?;
    data.check(recipe.context)?;
    let network = Network::new(&recipe.config(tokenizer.vocabulary(), tokenizer.eos())?);
    memory::refuse_beyond("training", Trainer::bytes(&network, &recipe, pool.threads()))?;

    let begun = folder.with_extension("part");
    if begun.exists() {
        fs::remove_dir_all(&begun).map_err(|error| Refusal::writing(&begun, &error))?;
    }
    let directory = Directory::new(&begun)?;
    directory.create_folder()?;
    recipe.data = data.digest()?;
    directory.write_settings(&recipe)?;
    tokenizer.write(directory.path())?;
    let mut trainer = Trainer::new(Arc::new(network), &recipe, pool.clone())?;
    tell(Told::Begun(Begun {
        recipe: &recipe,
        weights: trainer.weights(),
        tokenizer: &tokenizer,
        tokens: data.len(),
        path: &begun,
    }))?;
    let windows = Windows::new(&data, recipe.context, recipe.begin(), recipe.seed);
    let source = Source { data, windows };
    let mut course = TrainingLoop {
        trainer: &mut trainer,
        source: &source,
        directory: Some(&directory),
        stop: interrupt::flag()?,
    };
    let on_the_way = OnTheWay::new(&directory, &tokenizer, pool, recipe.steps)?;
    let finished = course.run(None, &mut |event| {
        let taken = match &event {
            TrainingEvent::Step { report: taken, weights } => Some((taken.step, *weights)),
            _ => None,
        };
        tell(Told::Event(event))?;
        taken.map_or(Ok(()), |(step, weights)| on_the_way.after(step, weights, tell))
    });
    let finished = finished.map_err(|refusal| match refusal.blame() {
        // The course says how to go on with its directory, but the main job begins anew.
        Blame::Interrupt => Refusal::interrupt(format!(
            "stopped after {} of {} steps; the next start begins again",
            trainer.steps(),
            recipe.steps
        )),
        Blame::User | Blame::Ours => refusal,
    })?;
    // A folder without a model in it is left over from somebody's hand; it would be in the way.
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|error| Refusal::writing(folder, &error))?;
    }
    fs::rename(&begun, folder).map_err(|error| Refusal::writing(folder, &error))?;
    Ok(finished.steps)
}

/// What a model says and can do while it learns. Both are kept among the metrics, so that the page can show
/// them again when the training is over.
struct OnTheWay<'a> {
    directory: &'a Directory,
    tokenizer: &'a Tokenizer,
    pool: &'a ThreadPool,
    abilities: Abilities,
    /// Steps between two times that it is asked, and between two samples.
    asked: u64,
    sampled: u64,
}

impl<'a> OnTheWay<'a> {
    fn new(
        directory: &'a Directory,
        tokenizer: &'a Tokenizer,
        pool: &'a ThreadPool,
        steps: u64,
    ) -> Result<Self> {
        let [asked, sampled] = [ASKED, SAMPLES].map(|times| (steps / times).max(1));
        let abilities = Abilities::new(tokenizer)?;
        Ok(Self { directory, tokenizer, pool, abilities, asked, sampled })
    }

    /// Keeps and tells what is due after a step.
    fn after(
        &self,
        step: u64,
        weights: &Weights,
        tell: &mut dyn FnMut(Told<'_>) -> Result<()>,
    ) -> Result<()> {
        if step.is_multiple_of(self.sampled) {
            let text = sample::short(weights, self.pool, self.tokenizer)?;
            self.directory.add_metrics(&json!({ "step": step, "sample": text }))?;
            tell(Told::Said { step, text })?;
        }
        if step.is_multiple_of(self.asked) {
            let able = self.abilities.of(weights, self.pool, self.tokenizer)?;
            let (look_ups, repeated) = (able.look_ups, able.repeated);
            self.directory.add_metrics(
                &json!({ "step": step, "look_ups": look_ups, "repeated": repeated }),
            )?;
            tell(Told::Able { step, able })?;
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
        let on_the_way = OnTheWay::new(&directory, &tokenizer, &pool, recipe.steps).unwrap();
        let mut told = Vec::new();
        for step in 1..=10 {
            assert_eq!(trainer.step(&source).step, step);
            on_the_way
                .after(step, trainer.weights(), &mut |of| {
                    told.push(match of {
                        Told::Said { step, text } => json!({ "step": step, "sample": text }),
                        Told::Able { step, able } => json!({
                            "step": step,
                            "look_ups": able.look_ups,
                            "repeated": able.repeated,
                        }),
                        _ => unreachable!("nothing else is told"),
                    });
                    Ok(())
                })
                .unwrap();
        }
        let steps = |key: &str| -> Vec<u64> {
            let lines = told.iter().filter(|line| !line[key].is_null());
            lines.map(|line| line["step"].as_u64().unwrap()).collect()
        };
        assert_eq!((steps("sample"), steps("look_ups")), (vec![5, 10], vec![2, 4, 6, 8, 10]));
        assert!(
            told.iter().any(|line| line["sample"].as_str().is_some_and(|said| !said.is_empty()))
        );
        assert_eq!(directory.read_metrics(), told);
    }
}
