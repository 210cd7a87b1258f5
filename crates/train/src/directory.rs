//! A run's directory: a model that transformers loads, and beside it how it was made.
//!
//! ```text
//! config.json  model.safetensors  generation_config.json  tokenizer.json   the model
//! training.toml  metrics.jsonl  checkpoint.safetensors  tokens.bin  snapshots/
//! ```

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use lookback_engine::Weights;
use lookback_files::{Refusal, Result, write_whole, write_whole_with};
use lookback_model::save;
use lookback_text::dataset::Dataset;

use crate::{recipe::Recipe, snapshot::Snapshot};

/// Where a run keeps everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    path: PathBuf,
    /// Whether somebody had made it, empty, for a new run.
    was_there: bool,
}

impl Directory {
    /// A directory for a new run: it must be empty, or not be there yet.
    pub fn new(path: &Path) -> Result<Self> {
        let was_there = match fs::read_dir(path) {
            Ok(mut entries) => {
                if entries.next().is_some() {
                    return Err(Refusal::user(format!(
                        "{}: something is in it already; give another --out, or go on with a run \
                         that is there by --resume",
                        path.display()
                    )));
                }
                true
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
            Err(_) if path.is_file() => {
                return Err(Refusal::user(format!(
                    "{}: it is a file, and a run is kept in a directory; give another --out",
                    path.display()
                )));
            }
            Err(error) => return Err(Refusal::reading(path, &error)),
        };
        Ok(Self { path: path.to_owned(), was_there })
    }

    /// The directory of a run that was begun.
    pub fn begun(path: &Path) -> Result<Self> {
        let directory = Self { path: path.to_owned(), was_there: true };
        if !path.is_dir() {
            return Err(Refusal::user(format!(
                "{}: there is no such directory, so no run to go on with; train without --resume \
                 first",
                path.display()
            )));
        }
        if !directory.settings().exists() {
            return Err(Refusal::user(format!(
                "{}: there is no training.toml in it, so no run to go on with; train without \
                 --resume first",
                path.display()
            )));
        }
        Ok(directory)
    }

    /// Makes the directory, once nothing can be refused any more, with the tokens of its run.
    pub fn begin(&self, data: &Dataset) -> Result<()> {
        self.make()?;
        data.write(&self.tokens())
    }

    /// Makes the directory alone.
    pub fn make(&self) -> Result<()> {
        fs::create_dir_all(self.path.join("snapshots"))
            .map_err(|e| Refusal::writing(&self.path, &e))
    }

    /// Takes back all of a new run, which has kept nothing that could be gone on with.
    pub fn forget(self) -> Result<()> {
        let failed = |error: &std::io::Error| Refusal::writing(&self.path, error);
        const FILES: [&str; 5] = [
            "training.toml",
            "metrics.jsonl",
            "tokens.bin",
            "tokenizer.json",
            "tokenizer_config.json",
        ];
        for name in FILES {
            match fs::remove_file(self.path.join(name)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(failed(&error));
                }
                _ => {}
            }
        }
        fs::remove_dir_all(self.path.join("snapshots")).map_err(|error| failed(&error))?;
        if self.was_there {
            return Ok(());
        }
        fs::remove_dir(&self.path).map_err(|error| failed(&error))
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn settings(&self) -> PathBuf {
        self.path.join("training.toml")
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
        write_whole(&self.settings(), recipe.to_toml()?.as_bytes())
    }

    /// The settings that were kept.
    pub fn read_settings(&self) -> Result<Recipe> {
        let path = self.settings();
        let text = lookback_files::read_utf8(&path)?;
        Recipe::parse(&text).map_err(|refusal| refusal.at(path.display()))
    }

    /// Writes the model as transformers loads it.
    pub fn write_model(&self, weights: &Weights) -> Result<()> {
        save(&self.path, weights.network(), |id, to| weights.read(id, to))
    }

    /// Adds a line to `metrics.jsonl`.
    pub fn add_metrics(&self, line: &serde_json::Value) -> Result<()> {
        let path = self.metrics();
        let refuse = |error: std::io::Error| Refusal::writing(&path, &error);
        let mut file =
            fs::OpenOptions::new().create(true).append(true).open(&path).map_err(refuse)?;
        writeln!(file, "{line}").map_err(refuse)
    }

    /// What `metrics.jsonl` says, line by line; nothing where there is none.
    pub fn read_metrics(&self) -> Vec<serde_json::Value> {
        let text = fs::read_to_string(self.metrics()).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Removes what a run that was killed was writing: [`write_whole`] begins with such a name.
    pub fn sweep(&self) -> Result<()> {
        for folder in [self.path.clone(), self.path.join("snapshots")] {
            let Ok(entries) = fs::read_dir(folder) else { continue };
            for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                if name.starts_with('.') && name.ends_with(".part") {
                    fs::remove_file(&path).map_err(|error| Refusal::writing(&path, &error))?;
                }
            }
        }
        Ok(())
    }

    /// Drops what `metrics.jsonl` says of steps after this one, which a resumed run takes again.
    pub fn cut_metrics(&self, step: u64) -> Result<()> {
        let path = self.metrics();
        let Ok(text) = fs::read_to_string(&path) else { return Ok(()) };
        let is_kept = |line: &&str| {
            let value: Option<serde_json::Value> = serde_json::from_str(line).ok();
            value.and_then(|value| value["step"].as_u64()).is_some_and(|of| of <= step)
        };
        write_whole_with(&path, |to| {
            text.lines().filter(is_kept).try_for_each(|line| writeln!(to, "{line}"))
        })
    }

    /// Keeps the embedding table as it stands after a step; see [`crate::Snapshot`].
    pub fn write_snapshot(&self, step: u64, weights: &Weights) -> Result<()> {
        Snapshot::of(step, weights).write(&self.path)
    }
}
