//! Atomic writes: a file is written under a temporary name, flushed to disk and renamed, so that no reader sees
//! a part of it.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use crate::{
    Refusal, Result,
    system::{System, system},
};

/// Refuses a path that no file can be written to, before a result for it is computed.
pub fn check_writable(path: &Path) -> Result<()> {
    let why = if path.is_dir() {
        "it is a directory, and a file is to be written"
    } else if !folder_of(path).is_dir() {
        "there is no such directory to write into; make it first"
    } else {
        return Ok(());
    };
    Err(Refusal::user(format!("{}: {why}", path.display())))
}

/// The folder that a path's name stands in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Writes a file atomically: under a temporary name in the same directory, flushed to disk, then renamed.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    write_atomic_with(path, |to| to.write_all(bytes))
}

/// As [`write_atomic`], for contents that are written piece by piece.
pub fn write_atomic_with(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    let refuse = |error: io::Error| Refusal::writing(path, &error);
    let system = system();
    let part = Part::create(path, system.as_ref()).map_err(refuse)?;
    let mut buffered = BufWriter::with_capacity(1 << 16, Writing { part: &part });
    write(&mut buffered).and_then(|()| buffered.flush()).map_err(refuse)?;
    drop(buffered);
    part.keep_as(path).map_err(refuse)?;
    tracing::debug!(file = %path.display(), "written whole");
    Ok(())
}

/// Gives the contents of a file a second name, under which they stay when the file is replaced: by a hard link,
/// or by a copy where the file system has no links. A file that had that name is removed.
pub fn link_or_copy(path: &Path, other: &Path) -> Result<()> {
    let refuse = |error: io::Error| Refusal::writing(other, &error);
    let system = system();
    remove_if_exists(other)?;
    match system.link(path, other) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(refuse(error)),
        Err(_) => {
            let mut from = File::open(path).map_err(refuse)?;
            write_atomic_with(other, |to| io::copy(&mut from, to).map(drop))
        }
    }
}

/// Removes a file, which may be gone already.
pub fn remove_if_exists(path: &Path) -> Result<()> {
    match system().remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Refusal::writing(path, &error))
        }
        _ => Ok(()),
    }
}

/// Adds a line to a file, which is made if need be.
pub fn append_line(path: &Path, line: &str) -> Result<()> {
    let refuse = |error: io::Error| Refusal::writing(path, &error);
    let system = system();
    let file = system.append(path).map_err(refuse)?;
    let mut rest = [line.as_bytes(), b"\n"].concat();
    while !rest.is_empty() {
        let written = system.write(&file, &rest).map_err(refuse)?;
        if written == 0 {
            return Err(refuse(io::ErrorKind::WriteZero.into()));
        }
        rest.drain(..written);
    }
    Ok(())
}

/// Makes a folder and those above it.
pub fn create_directory(path: &Path) -> Result<()> {
    system().create_directory(path).map_err(|error| Refusal::writing(path, &error))
}

/// A file that is being written; its name goes when it is dropped, unless it was kept.
struct Part<'a> {
    path: PathBuf,
    file: File,
    system: &'a dyn System,
    is_kept: bool,
}

impl<'a> Part<'a> {
    /// `.model.safetensors.1234-7.part` beside `model.safetensors`, for process 1234.
    fn create(path: &Path, system: &'a dyn System) -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        loop {
            let (process, number) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
            let part = folder_of(path).join(format!(".{name}.{process}-{number}.part"));
            match system.create(&part) {
                // Left over from a process of the same number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                file => return Ok(Self { path: part, file: file?, system, is_kept: false }),
            }
        }
    }

    fn keep_as(mut self, path: &Path) -> io::Result<()> {
        self.system.sync(&self.file)?;
        self.system.rename(&self.path, path)?;
        self.is_kept = true;
        self.system.sync_folder(folder_of(path))
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        if !self.is_kept {
            let _nobody_minds = self.system.remove(&self.path);
        }
    }
}

/// Writing into a part.
struct Writing<'a> {
    part: &'a Part<'a>,
}

impl Write for Writing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.part.system.write(&self.part.file, bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
