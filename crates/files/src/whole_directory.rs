//! Directories that are written whole or not at all: under a temporary name beside their own, then renamed.

use std::path::{Path, PathBuf};

use crate::{
    Refusal, Result,
    atomic_write::folder_of,
    system::{System, system},
};

/// Refuses a name that is taken, or that has no directory to stand in, before a result for it is computed.
pub fn check_free_name(path: &Path) -> Result<()> {
    let why = if path.symlink_metadata().is_ok() {
        "it is there already; give another name, or remove it first"
    } else if path.file_name().is_none() || !folder_of(path).is_dir() {
        "there is no such directory to write into; make it first"
    } else {
        return Ok(());
    };
    Err(Refusal::user(format!("{}: {why}", path.display())))
}

/// Makes a directory, whose files `fill` writes into the one that it is given. Where that fails nothing is left, and
/// the refusal tells of the directory by its own name.
pub fn write_directory_with(path: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    check_free_name(path)?;
    let system = system();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let part = folder_of(path).join(format!(".{name}.{}.part", std::process::id()));
    // Left over from a process of the same number.
    let _may_not_be_there = system.remove_directory(&part);
    let part = Part { path: part, system: system.as_ref() };
    let refuse = |error| Refusal::writing(path, &error);
    system.create_directory(&part.path).map_err(refuse)?;
    fill(&part.path).map_err(|refusal| refusal.renamed(&part.path, path))?;
    // Another program may have taken the name by now.
    check_free_name(path)?;
    system.rename(&part.path, path).map_err(refuse)?;
    system.sync_folder(folder_of(path)).map_err(refuse)
}

/// A directory that is being written. Where it was not renamed, it goes when it is dropped.
struct Part<'a> {
    path: PathBuf,
    system: &'a dyn System,
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        if self.path.exists() {
            let _nothing_is_left_to_do = self.system.remove_directory(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write_atomic;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn it_is_there_with_all_its_files_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        write_directory_with(&path, |part| write_atomic(&part.join("a"), b"1")).unwrap();
        assert_eq!((names(folder.path()), names(&path)), (vec!["model".into()], vec!["a".into()]));

        let other = folder.path().join("other");
        let refused = write_directory_with(&other, |part| {
            write_atomic(&part.join("a"), b"1")?;
            Err(Refusal::user(format!("{}: no", part.join("b").display())))
        });
        let said = refused.unwrap_err().to_string();
        assert_eq!(said, format!("{}: no", other.join("b").display()));
        assert_eq!(names(folder.path()), ["model"]);
    }

    #[test]
    fn a_name_that_is_taken_is_refused_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "1").unwrap();
        let said = write_directory_with(&path, |_| panic!("it is not begun")).unwrap_err();
        assert!(said.to_string().contains("it is there already"), "{said}");
        assert_eq!(std::fs::read(&path).unwrap(), b"1");
        let nowhere = folder.path().join("no/such/model");
        let said = check_free_name(&nowhere).unwrap_err();
        assert!(said.to_string().contains("no such directory"), "{said}");
    }
}
