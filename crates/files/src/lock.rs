//! A lock that one process holds, and that goes with it however it ends.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{Read, Write},
    path::{Path, PathBuf},
};

use crate::{Refusal, Result};

/// A locked file with the number of its process in it. The system lets go of the lock when the process
/// ends, also when it is killed; a file that is left over locks nothing.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    /// Locked for as long as it is open.
    file: File,
}

impl Lock {
    /// Takes the lock at this path, or refuses with the process that holds it: `held` makes the sentence.
    pub fn acquire(path: &Path, held: impl Fn(&str) -> String) -> Result<Self> {
        let refuse = |error: std::io::Error| Refusal::writing(path, &error);
        loop {
            let mut file = OpenOptions::new()
                .create(true)
                .truncate(false)
                .read(true)
                .write(true)
                .open(path)
                .map_err(refuse)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let mut process = String::new();
                    // Where a locked file cannot be read, the process stays unnamed.
                    drop(file.read_to_string(&mut process));
                    let process = match process.trim() {
                        "" => "another process".to_owned(),
                        number => format!("process {number}"),
                    };
                    return Err(Refusal::user(held(&process)));
                }
                // A file system without locks: then no process is kept out.
                Err(TryLockError::Error(_)) => {}
            }
            // Who held it may have removed the file between our two calls.
            if !is_at(&file, path) {
                continue;
            }
            file.set_len(0).map_err(refuse)?;
            write!(file, "{}", std::process::id()).map_err(refuse)?;
            return Ok(Self { path: path.to_owned(), file });
        }
    }
}

/// Whether this open file is the one that stands at a path.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(there)) => (open.dev(), open.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

/// Elsewhere an open file cannot be removed.
#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

impl Drop for Lock {
    fn drop(&mut self) {
        // While it is still locked, so that no process locks a file that is then removed. Where it has gone
        // already, another may stand in its place.
        if is_at(&self.file, &self.path) {
            drop(fs::remove_file(&self.path));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_it_and_the_other_is_told_who() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.lock");
        let held = |process: &str| format!("{process} holds it");
        let lock = Lock::acquire(&path, held).unwrap();
        let said = Lock::acquire(&path, held).unwrap_err().to_string();
        assert_eq!(said, format!("process {} holds it", std::process::id()));
        drop(lock);
        assert!(!path.exists());
        // Left over from a process that was killed.
        fs::write(&path, "4000000000").unwrap();
        drop(Lock::acquire(&path, held).unwrap());
        assert!(!path.exists());
    }
}
