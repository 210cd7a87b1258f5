//! Files mapped into memory and read as they are touched. One that another program cuts short meanwhile
//! ends this program with a sentence, not with a signal's number; see [`cut`].

mod cut;

use std::{
    fs::{File, Metadata},
    io,
    ops::{Deref, Range},
    path::{Path, PathBuf},
};

use self::cut::MappedFileName;
use crate::{Kind, Refusal, Result, open_regular};

/// A file's bytes, mapped into memory and read as they are touched.
#[derive(Debug)]
pub struct Mapping {
    /// None of an empty file.
    bytes: Option<memmap2::Mmap>,
    path: PathBuf,
    file: File,
    metadata: Metadata,
    /// For what is said when the file is cut; before the mapping goes, this goes.
    named: Option<MappedFileName>,
}

impl Deref for Mapping {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.as_deref().unwrap_or(&[])
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        drop(self.named.take());
    }
}

impl Mapping {
    /// Gives back the memory that some bytes take; a later read finds them as they were.
    pub fn release(&self, bytes: Range<usize>) {
        #[cfg(unix)]
        if let Some(mapping) = &self.bytes {
            let what = memmap2::UncheckedAdvice::DontNeed;
            // SAFETY: the bytes are a file's and never written, so that what is read again is the same.
            // It is advice: where it is not taken, memory stays in use and nothing else changes.
            let _ = unsafe { mapping.unchecked_advise_range(what, bytes.start, bytes.len()) };
        }
        #[cfg(not(unix))]
        let _ = bytes;
    }

    /// Refuses a file that was written to since it was mapped: what was read of it may be of two files.
    pub fn check_unchanged(&self) -> Result<()> {
        let now = self.file.metadata().map_err(|error| Refusal::reading(&self.path, &error))?;
        let same_time = match (self.metadata.modified(), now.modified()) {
            (Ok(before), Ok(now)) => before == now,
            _ => true,
        };
        if now.len() == self.metadata.len() && same_time {
            return Ok(());
        }
        let why = "it was written to while it was read; wait until it is whole, and start again";
        Err(Refusal::of(Kind::Io, format!("{}: {why}", self.path.display())))
    }
}

/// Maps a regular file for reading. An empty file maps to no bytes.
pub fn map(path: &Path) -> Result<Mapping> {
    map_file(path, &open_regular(path)?)
}

/// Maps a file that is open. `path` is where it stands, for refusals.
pub fn map_file(path: &Path, file: &File) -> Result<Mapping> {
    let refuse = |error: io::Error| Refusal::reading(path, &error);
    let file = file.try_clone().map_err(refuse)?;
    let metadata = file.metadata().map_err(refuse)?;
    if metadata.is_dir() {
        return Err(refuse(io::ErrorKind::IsADirectory.into()));
    }
    let bytes = match metadata.len() {
        0 => None,
        // SAFETY: the mapping is private and read-only. What another program writes into the file may be
        // seen here, as bytes that are checked wherever they are used; where it cuts the file, reading
        // ends the process, which `cut` puts into words.
        _ => Some(unsafe { memmap2::Mmap::map(&file) }.map_err(refuse)?),
    };
    let named = bytes.as_deref().and_then(|bytes| MappedFileName::new(bytes.as_ptr_range(), path));
    tracing::debug!(file = %path.display(), bytes = metadata.len(), "mapped");
    Ok(Mapping { bytes, path: path.to_owned(), file, metadata, named })
}
