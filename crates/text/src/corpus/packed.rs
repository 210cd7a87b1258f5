//! What a text is packed in, by its name, and its bytes as they are unpacked.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
};

use lookback_files::{Refusal, Result};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Packing {
    Gzip,
    Zstd,
}

fn packing(path: &Path) -> Option<Packing> {
    match path.extension()?.to_str()? {
        "gz" => Some(Packing::Gzip),
        "zst" => Some(Packing::Zstd),
        _ => None,
    }
}

/// The name without what says how it is packed.
pub(super) fn bare(path: &Path) -> PathBuf {
    match packing(path) {
        Some(_) => path.with_extension(""),
        None => path.to_owned(),
    }
}

/// Whether each line is a document.
pub(super) fn is_lines(path: &Path) -> bool {
    bare(path).extension().is_some_and(|end| end == "jsonl")
}

/// Why a file could not be read on.
pub(super) fn refuse(path: &Path, error: &io::Error) -> Refusal {
    match packing(path) {
        None => Refusal::reading(path, error),
        Some(_) => broken(path, error),
    }
}

fn broken(path: &Path, error: &dyn std::fmt::Display) -> Refusal {
    Refusal::user(format!(
        "{}: it cannot be unpacked ({error}); it is broken or cut, so fetch it again",
        path.display()
    ))
}

/// A file's bytes, or those that it was packed from.
pub(super) fn open(path: &Path, file: File) -> Result<Box<dyn Read>> {
    let file = BufReader::new(file);
    Ok(match packing(path) {
        None => Box::new(file),
        Some(Packing::Gzip) => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
        Some(Packing::Zstd) => {
            let unpacked = ruzstd::decoding::StreamingDecoder::new(file);
            Box::new(unpacked.map_err(|error| broken(path, &error))?)
        }
    })
}
