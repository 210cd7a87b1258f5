//! Finds what a user means by MODEL: a directory, a file, an id in the Hugging Face cache, `default`.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use lookback_files::{Kind, Refusal, Result, nearest, read_utf8_up_to};

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
        return Err(Refusal::of(
            Kind::NotFound,
            "default: there is no default model yet; run lookback without a command to train it",
        ));
    }
    let cache = hugging_face_cache();
    if let Some(found) = cache.as_deref().and_then(|cache| find_in_cache(cache, model)) {
        return Ok(found);
    }
    let what = format!("{model}: there is no such directory or file");
    let near = near_path(&path).map(|near| near.display().to_string());
    let near = near.or_else(|| cache.as_deref().and_then(|cache| near_in_cache(cache, model)));
    let is_default = || nearest(model, ["default"]).is_some() && model.len() <= "default".len() + 2;
    let near = near.or_else(|| is_default().then(|| "default".to_owned()));
    if let Some(near) = near {
        return Err(Refusal::of(Kind::NotFound, format!("{what}; did you mean {near}?")));
    }
    if is_id(model) && cache.is_some() && !is_of_this_machine(&path) {
        let cache = "no such model in the local Hugging Face cache";
        let advice = format!("check the path, or fetch the model with: hf download {model}");
        return Err(Refusal::of(Kind::NotFound, format!("{what}, and {cache}; {advice}")));
    }
    Err(Refusal::of(Kind::NotFound, format!("{what}; check the path")))
}

/// Folders that people keep runs and models in, and no organisation's name.
const FOLDERS: [&str; 14] = [
    "runs",
    "run",
    "models",
    "model",
    "checkpoints",
    "checkpoint",
    "ckpt",
    "out",
    "output",
    "outputs",
    "data",
    "weights",
    "tmp",
    "target",
];

/// Whether a path that is not there is rather one of this machine than an id: it begins with a folder
/// that is there, or with a name that folders have.
fn is_of_this_machine(path: &Path) -> bool {
    let first = path.components().next().map(|first| first.as_os_str().to_owned());
    first.is_some_and(|first| {
        Path::new(&first).exists() || FOLDERS.iter().any(|name| first == *name)
    })
}

/// A path that is there, whose name differs by a slip from one that is not.
fn near_path(path: &Path) -> Option<PathBuf> {
    let is_there = |folder: &&Path| folder.as_os_str().is_empty() || folder.is_dir();
    let base = path.ancestors().skip(1).find(is_there)?;
    let mut rest = path.strip_prefix(base).ok()?.components();
    let missing = rest.next()?.as_os_str().to_str()?;
    let listed = if base.as_os_str().is_empty() { Path::new(".") } else { base };
    let entries = fs::read_dir(listed).ok()?.take(10_000).filter_map(Result::ok);
    let names: Vec<String> =
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    let below = |name: &str| match rest.as_path() {
        rest if rest.as_os_str().is_empty() => base.join(name),
        rest => base.join(name).join(rest),
    };
    let is_model = |name: &&String| {
        let there = below(name);
        there.is_dir() || there.extension().is_some_and(|end| end == "gguf")
    };
    let names: Vec<&str> = names.iter().filter(is_model).map(String::as_str).collect();
    let near = nearest(missing, names)?;
    Some(below(near))
}

/// The id of a model in the cache that differs by a slip.
fn near_in_cache(cache: &Path, model: &str) -> Option<String> {
    if !is_id(model) {
        return None;
    }
    let entries = fs::read_dir(cache).ok()?.take(10_000).filter_map(Result::ok);
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let ids: Vec<String> = names
        .filter_map(|name| Some(name.strip_prefix("models--")?.replacen("--", "/", 1)))
        .collect();
    let close = |id: &&str| strsim::damerau_levenshtein(id, model) <= 3;
    ids.iter()
        .map(String::as_str)
        .filter(close)
        .min_by_key(|id| strsim::damerau_levenshtein(id, model))
        .map(str::to_owned)
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
        // A folder that is there, or is called as folders are, holds no id.
        for path in ["src/no-such-name", "runs/mine", "models/llama"] {
            let said = find(path).unwrap_err().to_string();
            assert!(said.ends_with("file; check the path"), "{said}");
        }
    }

    #[test]
    fn a_slip_in_a_path_is_answered_with_the_path_that_is_there() {
        let folder = tempfile::tempdir().unwrap();
        for model in ["runs/mine", "runs/letters"] {
            fs::create_dir_all(folder.path().join(model)).unwrap();
        }
        fs::write(folder.path().join("smol-q8.gguf"), "").unwrap();
        fs::write(folder.path().join("smol-q8.txt"), "").unwrap();
        let near = |path: &str| near_path(&folder.path().join(path));
        assert_eq!(near("runs/mien"), Some(folder.path().join("runs/mine")));
        assert_eq!(near("run/mine"), Some(folder.path().join("runs/mine")));
        assert_eq!(near("runs/leters"), Some(folder.path().join("runs/letters")));
        assert_eq!(near("smol-q4.gguf"), Some(folder.path().join("smol-q8.gguf")));
        assert_eq!(near("runs/poems"), None);
        fs::create_dir_all(folder.path().join("models--org--name-1B")).unwrap();
        assert_eq!(near_in_cache(folder.path(), "org/nmae-1B").as_deref(), Some("org/name-1B"));
        assert_eq!(near_in_cache(folder.path(), "other/thing"), None);
    }
}
