//! A run's directory: a model that transformers loads, and beside it how it was made.
//!
//! ```text
//! config.json  model.safetensors  generation_config.json  tokenizer.json   the model
//! training.toml  metrics.jsonl  checkpoint.safetensors  checkpoint-00000660.safetensors
//! tokens.bin  snapshots/  run.lock while a process trains in it
//! ```
//!
//! Until its end a run has no model: its newest checkpoint is read in place of one.

use std::{
    fs,
    path::{Path, PathBuf},
};

use lookback_engine::Weights;
use lookback_files::{
    Kind, Lock, MAX_RECORDS_BYTES, MAX_TOKENIZER_BYTES, Refusal, Result, Setting, append_line,
    create_directory, read_bytes_up_to, read_utf8_if_exists, read_utf8_up_to, remove_if_exists,
    write_atomic, write_atomic_with,
};
use lookback_model::save;
use lookback_text::dataset::Dataset;

use crate::{
    recipe::Recipe,
    snapshot::{Snapshot, snapshots},
    trainer::Trainer,
};

const LOCK: &str = "run.lock";
const SETTINGS: &str = "training.toml";
const SNAPSHOTS: &str = "snapshots";
/// What a run writes before its settings, and its first metrics.
const FIRST_FILES: [&str; 4] =
    ["tokens.bin", "tokenizer.json", "tokenizer_config.json", "metrics.jsonl"];

/// Whether these names are those of a run that ended, however that came, before its first checkpoint.
fn is_abandoned(names: &[String]) -> bool {
    let has = |wanted: &str| names.iter().any(|name| name == wanted);
    let is_ours = |name: &String| {
        let is_first = FIRST_FILES.contains(&name.as_str());
        is_first || name == SETTINGS || name == LOCK || name == SNAPSHOTS || is_part(name)
    };
    (has(LOCK) || (has(SETTINGS) && has(FIRST_FILES[0]))) && names.iter().all(is_ours)
}

/// Whether [`write_atomic`] was writing there.
fn is_part(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(".part")
}

fn something_is_in(path: &Path) -> Refusal {
    Refusal::user(format!(
        "{}: something is in it already; give another {}, or go on with a run that is there by {}",
        path.display(),
        Setting("out"),
        Setting("resume")
    ))
}

fn no_run(path: &Path, why: &str) -> Refusal {
    let (path, resume) = (path.display(), Setting("resume"));
    let first = format!("so no run to go on with; train without {resume} first");
    Refusal::of(Kind::NotFound, format!("{path}: {why}, {first}"))
}

/// Where a run keeps everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    path: PathBuf,
    /// Whether it existed already, empty, before the new run.
    was_there: bool,
}

impl Directory {
    /// A directory for a new run: it must be empty, or not be there yet. What a run left that ended
    /// before its first checkpoint counts as nothing.
    pub fn new(path: &Path) -> Result<Self> {
        let was_there = match fs::read_dir(path) {
            Ok(entries) => {
                let names: Vec<String> = entries
                    .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into()))
                    .collect();
                if !names.is_empty() && !is_abandoned(&names) {
                    return Err(something_is_in(path));
                }
                true
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if path.is_symlink() {
                    return Err(Refusal::user(format!(
                        "{}: it is a link to nothing; make the directory that it names, or give \
                         another {}",
                        path.display(),
                        Setting("out")
                    )));
                }
                false
            }
            Err(_) if path.is_file() => {
                return Err(Refusal::user(format!(
                    "{}: it is a file, and a run is kept in a directory; give another {}",
                    path.display(),
                    Setting("out")
                )));
            }
            Err(error) => return Err(Refusal::reading(path, &error)),
        };
        Ok(Self { path: path.to_owned(), was_there })
    }

    /// The directory of a run that was begun.
    pub fn existing(path: &Path) -> Result<Self> {
        let directory = Self { path: path.to_owned(), was_there: true };
        if path.is_file() {
            return Err(Refusal::user(format!(
                "{}: it is a file, and a run is a directory; name the one that the run is kept in",
                path.display()
            )));
        }
        if !path.is_dir() {
            return Err(no_run(path, "there is no such directory"));
        }
        if !directory.settings().exists() {
            return Err(no_run(path, "there is no training.toml in it"));
        }
        Ok(directory)
    }

    /// Takes the directory for this process, for as long as the lock lives.
    pub fn lock(&self) -> Result<Lock> {
        Lock::acquire(&self.path.join(LOCK), |process| {
            format!(
                "{}: {process} trains in it just now; wait until it is done, or stop it",
                self.path.display()
            )
        })
    }

    /// Makes the directory of a new run, once nothing can be refused any more, and takes it.
    pub fn create(&self) -> Result<Lock> {
        self.create_folder()?;
        let lock = self.lock()?;
        // Another process may have trained in it since it was looked at.
        if !self.checkpoints().is_empty() || self.has_model() {
            return Err(something_is_in(&self.path));
        }
        Ok(lock)
    }

    /// Writes the tokens of a new run into the directory that was taken. The settings, written last
    /// of all, make it a run that can be resumed.
    pub fn write_tokens(&self, data: &Dataset) -> Result<()> {
        self.remove_partial_files()?;
        // Of a run that was abandoned here. The settings first: without them it is no run.
        remove_if_exists(&self.settings())?;
        remove_if_exists(&self.metrics())?;
        for step in snapshots(&self.path) {
            remove_if_exists(&self.path.join(SNAPSHOTS).join(format!("{step:08}.safetensors")))?;
        }
        data.write(&self.tokens())
    }

    /// Makes the directory alone.
    pub fn create_folder(&self) -> Result<()> {
        create_directory(&self.path.join(SNAPSHOTS))
    }

    /// Takes back all of a new run, which has kept nothing that could be resumed.
    pub fn remove_new_run(self, lock: Lock) -> Result<()> {
        let failed = |error: &std::io::Error| Refusal::writing(&self.path, error);
        // The settings first: without them it is no run.
        for name in [SETTINGS].into_iter().chain(FIRST_FILES) {
            remove_if_exists(&self.path.join(name))?;
        }
        fs::remove_dir_all(self.path.join(SNAPSHOTS)).map_err(|error| failed(&error))?;
        drop(lock);
        if self.was_there {
            return Ok(());
        }
        fs::remove_dir(&self.path).map_err(|error| failed(&error))
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn settings(&self) -> PathBuf {
        self.path.join(SETTINGS)
    }

    /// `tokens.bin`
    pub fn tokens(&self) -> PathBuf {
        self.path.join("tokens.bin")
    }

    /// `checkpoint.safetensors`
    pub fn checkpoint(&self) -> PathBuf {
        self.path.join("checkpoint.safetensors")
    }

    fn metrics(&self) -> PathBuf {
        self.path.join("metrics.jsonl")
    }

    /// Keeps the resolved settings.
    pub fn write_settings(&self, recipe: &Recipe) -> Result<()> {
        write_atomic(&self.settings(), recipe.to_toml()?.as_bytes())
    }

    /// The settings that were kept.
    pub fn read_settings(&self) -> Result<Recipe> {
        let path = self.settings();
        let text = lookback_files::read_utf8(&path)?;
        let recipe = Recipe::parse(&text).and_then(|recipe| recipe.earlier().map(|_| recipe));
        recipe.map_err(|refusal| {
            // A setting of the file, not one that was given.
            refusal.at(path.display()).with_kind(Kind::CorruptFile)
        })
    }

    /// Writes the model as transformers loads it.
    pub fn write_model(&self, trainer: &Trainer) -> Result<()> {
        let network = trainer.weights().network();
        save(&self.path, network, |id, rows| rows.copy_from_slice(trainer.saved_rows(id)))
    }

    /// Whether a model stands in it.
    pub fn has_model(&self) -> bool {
        self.path.join("config.json").exists()
    }

    /// Adds a line to `metrics.jsonl`.
    pub fn add_metrics(&self, line: &serde_json::Value) -> Result<()> {
        append_line(&self.metrics(), &line.to_string())
    }

    /// The lines of `metrics.jsonl`; nothing where there is none.
    pub fn read_metrics(&self) -> Vec<serde_json::Value> {
        let text = read_utf8_up_to(&self.metrics(), MAX_RECORDS_BYTES).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The first step whose rate in `metrics.jsonl` is not the one that these settings give it; none
    /// of a run that was trained by them alone.
    pub fn unrecorded_rate(&self, recipe: &Recipe) -> Result<Option<u64>> {
        let earlier = recipe.earlier()?;
        let of_step = |step: u64| {
            let part = earlier.iter().find(|(until, _)| step < *until);
            part.map_or(recipe, |(_, recipe)| recipe).rate_at(step)
        };
        let lines = self.read_metrics();
        let rates = lines.iter().filter_map(|line| {
            Some((line["step"].as_u64().filter(|step| *step > 0)?, line["rate"].as_f64()?))
        });
        // A number of JSON may be read as a neighbour of the one that was written.
        let differs = |of: &(u64, f64)| (of_step(of.0 - 1) - of.1).abs() > 1e-9 * of.1.abs();
        Ok({ rates }.find(differs).map(|(step, _)| step))
    }

    /// Removes what a run that was killed was writing: [`write_atomic`] begins with such a name.
    pub fn remove_partial_files(&self) -> Result<()> {
        for folder in [self.path.clone(), self.path.join(SNAPSHOTS)] {
            let Ok(entries) = fs::read_dir(folder) else { continue };
            for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                if is_part(name) {
                    remove_if_exists(&path)?;
                }
            }
        }
        Ok(())
    }

    /// Drops the lines of `metrics.jsonl` of steps after this one, which a resumed run takes again.
    pub fn cut_metrics(&self, step: u64) -> Result<()> {
        let path = self.metrics();
        let Some(text) = read_utf8_if_exists(&path, MAX_RECORDS_BYTES)? else { return Ok(()) };
        let is_kept = |line: &&str| {
            let value: Option<serde_json::Value> = serde_json::from_str(line).ok();
            value.and_then(|value| value["step"].as_u64()).is_some_and(|of| of <= step)
        };
        write_atomic_with(&path, |writer| {
            text.lines().filter(is_kept).try_for_each(|line| writeln!(writer, "{line}"))
        })
    }

    /// Keeps the whole model as it stands after a step, as a model of its own:
    /// `snapshots/00000660/`.
    pub fn write_whole_snapshot(&self, step: u64, weights: &Weights) -> Result<()> {
        let folder = self.path.join(SNAPSHOTS).join(format!("{step:08}"));
        create_directory(&folder)?;
        for name in ["tokenizer.json", "tokenizer_config.json"] {
            let from = self.path.join(name);
            if from.is_file() {
                let bytes = read_bytes_up_to(&from, MAX_TOKENIZER_BYTES)?;
                write_atomic(&folder.join(name), &bytes)?;
            }
        }
        save(&folder, weights.network(), |id, rows| weights.read(id, rows))
    }

    /// Keeps the embedding table as it stands after a step; see [`crate::Snapshot`].
    pub fn write_snapshot(&self, step: u64, weights: &Weights) -> Result<()> {
        Snapshot::of(step, weights).write(&self.path)
    }
}
