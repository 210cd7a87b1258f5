//! Files are read with bounds, and written to a temporary name and renamed, so none is ever half there.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    ops::{Deref, Range},
    path::Path,
};

use crate::{Refusal, Result};

/// A file's bytes, mapped into memory and read as they are touched.
#[derive(Debug)]
pub struct Mapping(Option<memmap2::Mmap>);

impl Deref for Mapping {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.as_deref().unwrap_or(&[])
    }
}

impl Mapping {
    /// Gives back the memory that some bytes take; whoever reads them again finds them as they were.
    pub fn release(&self, bytes: Range<usize>) {
        #[cfg(unix)]
        if let Some(mapping) = &self.0 {
            let what = memmap2::UncheckedAdvice::DontNeed;
            // SAFETY: the bytes are a file's and never written, so that what is read again is the same.
            // It is advice: where it is not taken, memory stays in use and nothing else changes.
            let _ = unsafe { mapping.unchecked_advise_range(what, bytes.start, bytes.len()) };
        }
        #[cfg(not(unix))]
        let _ = bytes;
    }
}

/// Maps a file for reading. An empty file maps to no bytes.
pub fn map(path: &Path) -> Result<Mapping> {
    let refuse = |error: &std::io::Error| Refusal::reading(path, error);
    let file = File::open(path).map_err(|error| refuse(&error))?;
    let about = file.metadata().map_err(|error| refuse(&error))?;
    if about.is_dir() {
        return Err(refuse(&std::io::ErrorKind::IsADirectory.into()));
    }
    if about.len() == 0 {
        return Ok(Mapping(None));
    }
    // SAFETY: the mapping is private and read-only. Another process that truncates the file while
    // it is read can still make an access fail, as with every program that maps files.
    let bytes = unsafe { memmap2::Mmap::map(&file) }.map_err(|error| refuse(&error))?;
    Ok(Mapping(Some(bytes)))
}

/// Reads a text file; invalid UTF-8 is refused with the offset of its first bad byte.
pub fn read_utf8(path: &Path) -> Result<String> {
    let bytes = fs::read(path).map_err(|error| Refusal::reading(path, &error))?;
    String::from_utf8(bytes).map_err(|error| {
        Refusal::user(format!(
            "{}: byte {} is not valid UTF-8; convert the file to UTF-8 first",
            path.display(),
            error.utf8_error().valid_up_to()
        ))
    })
}

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
    write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> Result<()> {
    let refuse = |error: &std::io::Error| Refusal::writing(path, error);
    let mut how = tempfile::Builder::new();
    how.prefix(".").suffix(".part");
    #[cfg(unix)]
    {
        // As any new file gets: readable by all, less what the umask takes away.
        use std::os::unix::fs::PermissionsExt;
        how.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut part = how.tempfile_in(folder_of(path)).map_err(|error| refuse(&error))?;
    let mut buffered = BufWriter::new(part.as_file_mut());
    write(&mut buffered).map_err(|error| refuse(&error))?;
    buffered.flush().map_err(|error| refuse(&error))?;
    drop(buffered);
    part.as_file().sync_all().map_err(|error| refuse(&error))?;
    part.persist(path).map_err(|error| refuse(&error.error))?;
    Ok(())
}
