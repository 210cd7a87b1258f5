//! The parts of a split GGUF file, `NAME-00001-of-00003.gguf` and so on, as `llama-gguf-split` writes them: the
//! first holds the model's metadata, each some of its tensors. Any of them stands for all.

use std::path::{Path, PathBuf};

use lookback_files::{Kind, Refusal, Result, excerpt, map};

use super::Part;

/// How many parts there are.
const COUNT: &str = "split.count";
/// Which of them this is, from 0.
const NUMBER: &str = "split.no";
/// How many tensors all parts hold.
const TENSORS: &str = "split.tensors.count";

/// All parts of the file that a user named, in their order; of most files that is the one.
pub(super) fn open_all(named: Part) -> Result<Vec<Part>> {
    let count = number(&named, COUNT)?.unwrap_or(1);
    if count <= 1 {
        return Ok(vec![named]);
    }
    let given = number(&named, NUMBER)?.unwrap_or(0);
    let siblings = Siblings::of(&named.path, given, count)?;
    let mut named = Some(named);
    let mut parts = Vec::new();
    for number in 0..count {
        let own = if number == given { named.take() } else { None };
        parts.push(match own {
            Some(named) => named,
            None => open_part(&siblings.path(number), number, count)?,
        });
    }
    check_tensors(&parts)?;
    Ok(parts)
}

fn number(part: &Part, key: &str) -> Result<Option<u64>> {
    let at = |refusal: Refusal| refusal.at(part.path.display()).or_kind(Kind::CorruptFile);
    part.metadata.whole(key).map_err(at)
}

/// Another part than the one that was named.
fn open_part(path: &Path, wanted: u64, count: u64) -> Result<Part> {
    if !path.exists() {
        return Err(Refusal::corrupt(format!(
            "{}: it is part {} of {count} of the model, but it is not there; fetch it as well",
            path.display(),
            wanted + 1
        )));
    }
    let part = Part::read(path, map(path)?)?;
    let said = (number(&part, NUMBER)?, number(&part, COUNT)?);
    if said != (Some(wanted), Some(count)) {
        return Err(Refusal::corrupt(format!(
            "{}: its metadata does not say that it is part {} of {count}; its name and its content are not of \
             one file",
            path.display(),
            wanted + 1
        )));
    }
    Ok(part)
}

/// Refuses parts that hold other tensors together than the first one says.
fn check_tensors(parts: &[Part]) -> Result<()> {
    let Some(promised) = number(&parts[0], TENSORS)? else { return Ok(()) };
    let held: u64 = parts.iter().map(|part| part.tensors.len() as u64).sum();
    if held == promised {
        return Ok(());
    }
    Err(Refusal::corrupt(format!(
        "{}: {TENSORS} is {promised}, but its {} parts hold {held}; they are not of one model",
        parts[0].path.display(),
        parts.len()
    )))
}

/// What the names of parts have in common.
struct Siblings {
    folder: PathBuf,
    stem: String,
    count: u64,
}

impl Siblings {
    /// Those of a part, whose name ends as the name of part `given` does.
    fn of(path: &Path, given: u64, count: u64) -> Result<Self> {
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let ending = given.checked_add(1).map(|number| ending(number, count)).unwrap_or_default();
        let stem = name.strip_suffix(&ending).filter(|_| given < count);
        let Some(stem) = stem else {
            return Err(Refusal::corrupt(format!(
                "{}: its metadata says that it is part {} of {count} of a split file, but its name {} does not \
                 end as such a part's does (-00001-of-00002.gguf), so the others cannot be found",
                path.display(),
                given.saturating_add(1),
                excerpt(&name)
            )));
        };
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Ok(Self { folder, stem: stem.to_owned(), count })
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{}{}", self.stem, ending(number + 1, self.count)))
    }
}

fn ending(number: u64, count: u64) -> String {
    format!("-{number:05}-of-{count:05}.gguf")
}
