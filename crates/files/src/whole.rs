//! Files are written to a temporary name and renamed, so none is ever half there.

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

/// Refuses a place that no file can be written to, before the work whose result it is to hold.
pub fn check_place(path: &Path) -> Result<()> {
    let why = if path.is_dir() {
        "it is a directory, and a file is to be written"
    } else if !folder_of(path).is_dir() {
        "there is no such directory to write into; make it first"
    } else {
        return Ok(());
    };
    Err(Refusal::user(format!("{}: {why}", path.display())))
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Writes a file whole: to a temporary name in the same directory, flushed to disk, then renamed.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    write_whole_with(path, |to| to.write_all(bytes))
}

/// As [`write_whole`], for contents that are written piece by piece.
pub fn write_whole_with(
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

/// Keeps what a file is now under another name too, and lets the file be replaced: where the file
/// system has no second names, by a copy. What had that name is gone.
pub fn keep_also_as(path: &Path, other: &Path) -> Result<()> {
    let refuse = |error: io::Error| Refusal::writing(other, &error);
    let system = system();
    remove_if_there(other)?;
    match system.link(path, other) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(refuse(error)),
        Err(_) => {
            let mut from = File::open(path).map_err(refuse)?;
            write_whole_with(other, |to| io::copy(&mut from, to).map(drop))
        }
    }
}

/// Removes a file, which may be gone already.
pub fn remove_if_there(path: &Path) -> Result<()> {
    match system().remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Refusal::writing(path, &error))
        }
        _ => Ok(()),
    }
}

/// Adds a line to a file, which is made if need be.
pub fn add_line(path: &Path, line: &str) -> Result<()> {
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
pub fn make_folder(path: &Path) -> Result<()> {
    system().make_folder(path).map_err(|error| Refusal::writing(path, &error))
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
