//! `Trainer`: a transformer from your own text, in a directory that becomes the model.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
    time::Instant,
};

use lookback_engine::ThreadPool;
use lookback_files::{Refusal, Result, Setting};
use lookback_text::corpus::{self, ReadOptions};
use lookback_train::{
    Directory, Prepared, Recipe, RunLength, RunRecord, preset, tokenizer_of_kind, tokens_of,
};

use crate::model::{Model, threads};

/// A run that is to be made. Whatever is not asked for is as in `lookback train`.
///
/// ```no_run
/// use lookback_open::Trainer;
///
/// let model = Trainer::new("runs/mine").tokenizer("char").set("layers", 2).steps(500).train(["my.txt"])?;
/// println!("{}", model.generate("ROMEO:").seed(7).text()?);
/// # Ok::<(), lookback_files::Refusal>(())
/// ```
#[derive(Clone, Debug)]
pub struct Trainer {
    out: PathBuf,
    preset: String,
    tokenizer: String,
    settings: Vec<String>,
    limit: Option<RunLength>,
    pool: Option<Arc<ThreadPool>>,
}

impl Trainer {
    /// A run into a directory that is not there yet, or is empty.
    pub fn new(out: impl Into<PathBuf>) -> Self {
        Self {
            out: out.into(),
            preset: "tiny".to_owned(),
            tokenizer: "bpe:2048".to_owned(),
            settings: Vec::new(),
            limit: None,
            pool: None,
        }
    }

    /// The settings to begin with: `tiny`, `small`, `gpt2`, or another preset of `lookback train`.
    #[must_use]
    pub fn preset(mut self, name: &str) -> Self {
        name.clone_into(&mut self.preset);
        self
    }

    /// How text becomes tokens: `char`, `bpe:N`, `gpt2`, `cl100k`, `o200k`, or a `tokenizer.json`.
    #[must_use]
    pub fn tokenizer(mut self, kind: &str) -> Self {
        kind.clone_into(&mut self.tokenizer);
        self
    }

    /// One setting by its name in `training.toml`, such as `layers`.
    #[must_use]
    pub fn set(mut self, key: &str, value: impl std::fmt::Display) -> Self {
        self.settings.push(format!("{key}={value}"));
        self
    }

    /// What the first weights and the order of data follow from.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        self.set("seed", seed)
    }

    /// So many optimizer steps.
    #[must_use]
    pub fn steps(mut self, steps: u64) -> Self {
        self.limit = Some(RunLength::Steps(steps));
        self
    }

    /// So many minutes, reading and validations included; a short trial turns them into a number of steps.
    #[must_use]
    pub fn minutes(mut self, minutes: f64) -> Self {
        self.limit = Some(RunLength::Minutes(minutes));
        self
    }

    /// Computes with these threads. No result depends on them.
    #[must_use]
    pub fn pool(mut self, pool: Arc<ThreadPool>) -> Self {
        self.pool = Some(pool);
        self
    }

    /// Trains on texts: files, folders, `.jsonl` of documents; and opens what came of it.
    ///
    /// # Errors
    /// When a text cannot be read, or is too short; when a setting is impossible; when the directory holds
    /// a run already.
    pub fn train<P: Into<PathBuf>>(self, texts: impl IntoIterator<Item = P>) -> Result<Model> {
        self.train_with(texts, &AtomicBool::new(false), &mut |_| Ok(()))
    }

    /// The same, with a callback for every step, and stopped once `stop` is set: then what was learned is kept in a
    /// checkpoint, with which `lookback train` goes on.
    ///
    /// # Errors
    /// As [`Trainer::train`], and when it was stopped.
    pub fn train_with<P: Into<PathBuf>>(
        self,
        texts: impl IntoIterator<Item = P>,
        stop: &AtomicBool,
        listener: &mut lookback_train::RunObserver<'_>,
    ) -> Result<Model> {
        let began = Instant::now();
        let texts: Vec<PathBuf> = texts.into_iter().map(Into::into).collect();
        if texts.is_empty() {
            return Err(Refusal::user("there is no text to learn from; name one at least"));
        }
        let recipe = self.recipe(&texts)?;
        let directory = Directory::new(&self.out)?;
        let corpus = corpus::find(&texts, ReadOptions::default())?;
        let tokenizer = tokenizer_of_kind(&self.tokenizer, &corpus)?;
        let (data, _) = tokens_of(&corpus, &tokenizer, Some(&self.out))?;
        let vocabulary = tokenizer.vocabulary();
        let place = texts.first().map(|text| text.display().to_string()).unwrap_or_default();
        let tokens = (Some(tokenizer), vocabulary);
        let prepared = Prepared::fresh(recipe, tokens, data, &place, Some(directory))?;
        let pool = match self.pool {
            Some(pool) => pool,
            None => Arc::new(threads(None)?),
        };
        prepared.run(self.limit.unwrap_or(DEFAULT_LIMIT), pool.clone(), began, stop, listener)?;
        Model::options().pool(pool).open(Path::new(&self.out))
    }

    fn recipe(&self, texts: &[PathBuf]) -> Result<Recipe> {
        let mut recipe = preset(&self.preset)?;
        self.settings.iter().try_for_each(|setting| recipe.set(setting))?;
        if self.limit.is_some() {
            // A length that is given by name goes before a setting.
            recipe.steps = 0;
        }
        recipe.check()?;
        let minutes = match self.limit.unwrap_or(DEFAULT_LIMIT) {
            RunLength::Minutes(minutes) if !(minutes > 0.0 && minutes <= YEAR) => {
                return Err(Refusal::user(format!(
                    "{} {minutes}: it must be above 0, and at most a year, {YEAR}",
                    Setting("minutes")
                )));
            }
            RunLength::Minutes(minutes) => Some(minutes),
            _ => None,
        };
        recipe.begun = Some(RunRecord {
            texts: texts.iter().map(|text| text.display().to_string()).collect(),
            tokenizer: self.tokenizer.clone(),
            preset: self.preset.clone(),
            minutes,
        });
        Ok(recipe)
    }
}

/// The default length of a run, unless `steps` is set.
const DEFAULT_LIMIT: RunLength = RunLength::Minutes(3.0);

/// Minutes of a year.
const YEAR: f64 = 525_600.0;
