//! Finds what a user means by MODEL: a directory, a file, an id in the Hugging Face cache, `default`.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use lookback_engine::{Compute, Keep, Team, Weights};
use lookback_files::{Blame, Refusal, Result, nearest, read_utf8_up_to};
use lookback_model::{Config, Network, Stored, TokenId};
use lookback_text::Tokenizer;

pub use crate::suggested::Suggested;
use crate::unfinished;

/// A model, ready to run.
#[derive(Debug)]
pub struct Model {
    /// Where it was found.
    pub path: PathBuf,
    /// Its weights.
    pub weights: Weights,
    /// Its tokenizer; a model without one reads ids only.
    tokenizer: Option<Tokenizer>,
    /// Its chat template, if it has one.
    pub chat_template: Option<String>,
    /// A mistake in it matters to those alone who sample.
    suggested: Result<Suggested>,
    /// What a user should know of how its files were read, one sentence each.
    pub remarks: Vec<String>,
}

impl Model {
    /// Finds and loads a model, as [`find`] finds it.
    pub fn open(model: &str, team: &Team) -> Result<Self> {
        Self::open_computing(model, Compute::F32, team)
    }

    /// The same, for matrix products in this precision.
    pub fn open_computing(model: &str, compute: Compute, team: &Team) -> Result<Self> {
        Self::open_planned(model, compute, team, &|_| Ok(()))
    }

    /// The same, unless `admit` refuses the bytes that its weights will take; it is asked before they are
    /// read.
    pub fn open_planned(
        model: &str,
        compute: Compute,
        team: &Team,
        admit: &dyn Fn(usize) -> Result<()>,
    ) -> Result<Self> {
        let path = find(model)?;
        if unfinished::is_unfinished(&path) {
            let read = unfinished::read(&path, compute, team, admit)?;
            return Ok(Self {
                path,
                weights: read.weights,
                tokenizer: Some(read.tokenizer),
                chat_template: None,
                suggested: Ok(Suggested::default()),
                remarks: vec![read.remark],
            });
        }
        let stored = Stored::open(&path)?;
        let has_tokenizer = !path.is_dir() || path.join("tokenizer.json").exists();
        let tokenizer =
            has_tokenizer.then(|| crate::tokenizer::of(stored.tokenizer(), &path)).transpose()?;
        // Tokens beyond the table (a `<pad>` that was added without resizing) are refused where they are used.
        let rows = stored.config().vocabulary;
        let tokenizer = tokenizer.map(|tokenizer| tokenizer.for_table(rows));
        admit(Weights::bytes_loaded(&stored, Keep::Running, compute))?;
        let remark = |remark: &String| format!("{}: {remark}", path.display());
        Ok(Self {
            chat_template: stored.tokenizer().chat_template()?,
            suggested: crate::suggested::by(&stored, &path),
            remarks: stored.remarks().iter().map(remark).collect(),
            weights: Weights::load_computing(&stored, Keep::Running, compute, team)?,
            tokenizer,
            path,
        })
    }

    /// Its network.
    pub fn network(&self) -> &Network {
        self.weights.network()
    }

    /// Its configuration.
    pub fn config(&self) -> &Config {
        &self.network().config
    }

    /// Its tokenizer; a model without one is refused.
    pub fn tokenizer(&self) -> Result<&Tokenizer> {
        self.tokenizer.as_ref().ok_or_else(|| {
            Refusal::user(format!(
                "{}: there is no tokenizer.json in it, so it cannot read a text; give --ids",
                self.path.display()
            ))
        })
    }

    /// A refusal with its cause, if that is a weight that holds no number: whoever meets one only in
    /// the logits cannot know whose fault it is.
    pub fn explained(&self, refusal: Refusal) -> Refusal {
        if refusal.blame() != Blame::User {
            return refusal;
        }
        let mut values = Vec::new();
        let damaged = self.network().ids().find(|&id| {
            values.resize(self.network().weight(id).len(), 0.0);
            self.weights.read(id, &mut values);
            values.iter().any(|value| !value.is_finite())
        });
        match damaged {
            None => refusal,
            Some(id) => Refusal::user(format!(
                "{}: the weight {} holds a value that is no number; the file is damaged, so fetch \
                 the model again",
                self.path.display(),
                self.network().weight(id).name
            )),
        }
    }

    /// What its files suggest about sampling.
    pub fn suggested(&self) -> Result<Suggested> {
        self.suggested.clone()
    }

    /// Ids that a user gave, each within the vocabulary.
    pub fn ids(&self, ids: &[u32]) -> Result<Vec<TokenId>> {
        self.ids_of("--ids", ids)
    }

    /// The same, given with this argument.
    pub fn ids_of(&self, argument: &str, ids: &[u32]) -> Result<Vec<TokenId>> {
        let vocabulary = self.config().vocabulary;
        match ids.iter().find(|&&id| id as usize >= vocabulary) {
            Some(id) => Err(Refusal::user(format!(
                "{argument} {id}: this model's vocabulary ends at {}",
                vocabulary - 1
            ))),
            None => Ok(ids.iter().copied().map(TokenId).collect()),
        }
    }

    /// The token that texts begin with: the tokenizer's, or else the configuration's.
    pub fn beginning(&self) -> Option<TokenId> {
        self.tokenizer.as_ref().and_then(Tokenizer::beginning).or(self.config().beginning)
    }

    /// The tokens that end a text: those of the model's files, or else the tokenizer's.
    pub fn ends(&self) -> Vec<TokenId> {
        let mut ends = self.config().ends.clone();
        ends.extend(self.tokenizer.as_ref().and_then(Tokenizer::end));
        ends.sort();
        ends.dedup();
        ends
    }
}

/// The folder that lookback keeps its own model in: `LOOKBACK_HOME`, or the platform's data folder.
pub fn home() -> Result<PathBuf> {
    let from = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(folder) = from("LOOKBACK_HOME") {
        return Ok(folder);
    }
    let data = if cfg!(windows) {
        from("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        from("HOME").map(|home| home.join("Library/Application Support"))
    } else {
        from("XDG_DATA_HOME").or_else(|| from("HOME").map(|home| home.join(".local/share")))
    };
    data.map(|data| data.join("lookback")).ok_or_else(|| {
        Refusal::user("there is no home folder to keep a model in; set LOOKBACK_HOME")
    })
}

/// Where the model stands that the main job trains.
pub fn default_model() -> Result<PathBuf> {
    Ok(home()?.join("default"))
}

/// The directory or file of a model. Names are tried in this order: a path that is there, `default`,
/// and an id such as `HuggingFaceTB/SmolLM2-135M` in the local Hugging Face cache.
pub fn find(model: &str) -> Result<PathBuf> {
    let path = PathBuf::from(model);
    if path.exists() {
        return Ok(path);
    }
    if model.is_empty() {
        return Err(Refusal::user("MODEL is empty; name a directory, a file, or default"));
    }
    if model == "default" {
        let path = default_model()?;
        if path.exists() {
            return Ok(path);
        }
        return Err(Refusal::user(
            "default: there is no default model yet; run lookback without a command to train it",
        ));
    }
    let cache = hugging_face_cache();
    if let Some(found) = cache.as_deref().and_then(|cache| find_in_cache(cache, model)) {
        return Ok(found);
    }
    if is_id(model) && cache.is_some() {
        return Err(Refusal::user(format!(
            "{model}: there is no such directory or file, and no such model in the local Hugging \
             Face cache; check the path, or fetch the model with: hf download {model}"
        )));
    }
    let hint = match nearest(model, ["default"]) {
        Some(meant) if model.len() <= meant.len() + 2 => "did you mean default?",
        _ => "check the path",
    };
    Err(Refusal::user(format!("{model}: there is no such directory or file; {hint}")))
}

/// `name` or `organisation/name`, and not a path in disguise.
fn is_id(model: &str) -> bool {
    let is_name = |part: &str| {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        !part.is_empty() && !part.starts_with('.') && part.chars().all(plain)
    };
    model.split('/').count() == 2 && model.split('/').all(is_name) && !model.ends_with(".gguf")
}

fn hugging_face_cache() -> Option<PathBuf> {
    let from = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    from("HF_HUB_CACHE")
        .or_else(|| from("HF_HOME").map(|home| home.join("hub")))
        .or_else(|| from("HOME").map(|home| home.join(".cache/huggingface/hub")))
}

/// Bytes of the file that names a commit.
const COMMIT: u64 = 1024;

/// The snapshot that `main` names, or else the last of them by name.
fn find_in_cache(cache: &Path, model: &str) -> Option<PathBuf> {
    if !is_id(model) {
        return None;
    }
    let folder = cache.join(format!("models--{}", model.replace('/', "--")));
    let snapshots = folder.join("snapshots");
    let main = read_utf8_up_to(&folder.join("refs/main"), COMMIT).ok();
    let named = main.map(|commit| snapshots.join(commit.trim())).filter(|path| path.is_dir());
    named.or_else(|| {
        let entries = fs::read_dir(&snapshots).ok()?;
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()).max()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_there_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        assert_eq!(find(path).unwrap(), folder.path());
    }

    #[test]
    fn the_cache_is_read_as_hugging_face_lays_it_out() {
        let cache = tempfile::tempdir().unwrap();
        let folder = cache.path().join("models--org--name");
        for commit in ["1111", "2222"] {
            fs::create_dir_all(folder.join("snapshots").join(commit)).unwrap();
        }
        let found = |model| find_in_cache(cache.path(), model);
        assert_eq!(found("org/name"), Some(folder.join("snapshots/2222")));
        fs::create_dir_all(folder.join("refs")).unwrap();
        fs::write(folder.join("refs/main"), "1111\n").unwrap();
        assert_eq!(found("org/name"), Some(folder.join("snapshots/1111")));
        assert_eq!(found("org/other"), None);
        assert_eq!(found("../name"), None);
    }

    #[test]
    fn what_is_not_there_is_refused_by_name() {
        let said = find("no/such/folder").unwrap_err().to_string();
        assert_eq!(said, "no/such/folder: there is no such directory or file; check the path");
        let said = find("no-such-org/no-such-name").unwrap_err().to_string();
        assert!(said.contains("hf download no-such-org/no-such-name"), "{said}");
    }
}
