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

use crate::recipe::Recipe;

/// Where a run keeps everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory(PathBuf);

/// Rows of an embedding table that a snapshot keeps at most.
const SNAPSHOT_ROWS: usize = 8192;

impl Directory {
    /// A directory for a new run: it must be empty, or not be there yet.
    pub fn new(path: &Path) -> Result<Self> {
        match fs::read_dir(path) {
            Ok(mut entries) => {
                if entries.next().is_some() {
                    return Err(Refusal::user(format!(
                        "{}: something is in it already; give another --out, or go on with what is \
                         there by --resume",
                        path.display()
                    )));
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(Refusal::reading(path, &error)),
        }
        Ok(Self(path.to_owned()))
    }

    /// The directory of a run that was begun.
    pub fn begun(path: &Path) -> Result<Self> {
        let directory = Self(path.to_owned());
        if !directory.settings().exists() {
            return Err(Refusal::user(format!(
                "{}: there is no training.toml in it, so no run to go on with; train without \
                 --resume first",
                path.display()
            )));
        }
        Ok(directory)
    }

    /// Makes the directory, once nothing can be refused any more.
    pub fn make(&self) -> Result<()> {
        fs::create_dir_all(self.0.join("snapshots")).map_err(|e| Refusal::writing(&self.0, &e))
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    fn settings(&self) -> PathBuf {
        self.0.join("training.toml")
    }

    /// `tokens.bin`
    pub fn tokens(&self) -> PathBuf {
        self.0.join("tokens.bin")
    }

    /// `checkpoint.safetensors`
    pub fn checkpoint(&self) -> PathBuf {
        self.0.join("checkpoint.safetensors")
    }

    fn metrics(&self) -> PathBuf {
        self.0.join("metrics.jsonl")
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
        save(&self.0, weights.network(), |id, to| weights.read(id, to))
    }

    /// Adds a line to `metrics.jsonl`.
    pub fn add_metrics(&self, line: &serde_json::Value) -> Result<()> {
        let path = self.metrics();
        let refuse = |error: std::io::Error| Refusal::writing(&path, &error);
        let mut file =
            fs::OpenOptions::new().create(true).append(true).open(&path).map_err(refuse)?;
        writeln!(file, "{line}").map_err(refuse)
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

    /// Keeps the embedding table as it stands after a step: `[tokens, width]`, at most its first
    /// 8,192 rows, in f32.
    pub fn write_snapshot(&self, step: u64, weights: &Weights) -> Result<()> {
        let network = weights.network();
        let [rows, width] = network.weight(network.embed).shape;
        let mut table = vec![0.0; rows * width];
        weights.read(network.embed, &mut table);
        let rows = rows.min(SNAPSHOT_ROWS);
        let bytes: Vec<u8> = table[..rows * width].iter().flat_map(|x| x.to_le_bytes()).collect();
        let path = self.0.join(format!("snapshots/{step:08}.safetensors"));
        let failed = |error: safetensors::SafeTensorError| {
            Refusal::ours(format!("{}: {error}", path.display()))
        };
        let view = safetensors::tensor::TensorView::new(
            safetensors::Dtype::F32,
            vec![rows, width],
            &bytes,
        )
        .map_err(failed)?;
        let file = safetensors::serialize([("embed", view)], None).map_err(failed)?;
        write_whole(&path, &file)
    }
}
