//! Texts to learn from or to be judged by, as people keep them: files, folders, lines of JSON, packed
//! or not, or standard input.
//!
//! | name | what is read |
//! |---|---|
//! | `-` | standard input, one document |
//! | `*.jsonl` | a document for each line: its `text`, or the contents of its `messages` |
//! | any other file | one document |
//! | a folder | each `.txt`, `.md` and `.jsonl` below it, packed or not, in the order of their names |
//!
//! A name that goes on with `.gz` or `.zst` is unpacked first. What is no UTF-8 is refused with the
//! first bad byte, unless it may be replaced.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use lookback_files::{Refusal, Result};
use serde_json::Value;

/// How texts are read.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// Whether bytes that are no UTF-8 become U+FFFD.
    pub lossy: bool,
    /// Whether lines that cannot be read are passed over.
    pub skip_bad: bool,
    /// Bytes of text that there is room for. A packed file may hold a thousand times its own size.
    pub most: usize,
}

/// One text and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its file.
    pub path: PathBuf,
    /// What it says.
    pub text: String,
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Corpus {
    /// The documents, in order.
    pub documents: Vec<Document>,
    /// Files that they stand in.
    pub files: usize,
    /// Lines that were passed over.
    pub skipped: usize,
    /// Files in which bytes were replaced.
    pub replaced: usize,
    bytes: usize,
}

/// Reads all of these.
pub fn read(paths: &[PathBuf], how: Reading) -> Result<Corpus> {
    let mut corpus = Corpus::default();
    for path in paths {
        if path.is_dir() {
            let files = files_below(path)?;
            if files.is_empty() {
                return Err(Refusal::user(format!(
                    "{}: there is no .txt, .md or .jsonl file in this folder; name the files",
                    path.display()
                )));
            }
            let before = corpus.bytes;
            files.iter().try_for_each(|file| corpus.add(file, how))?;
            if corpus.bytes == before {
                return Err(empty(path));
            }
        } else {
            let before = corpus.bytes;
            corpus.add(path, how)?;
            if corpus.bytes == before {
                return Err(empty(path));
            }
        }
    }
    Ok(corpus)
}

fn empty(path: &Path) -> Refusal {
    Refusal::user(format!("{}: it is empty; give a text to learn from", path.display()))
}

impl Corpus {
    /// Bytes of all texts.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// One line that says what was read.
    pub fn summary(&self) -> String {
        let count = |count: usize, what: &str| match count {
            1 => format!("1 {what}"),
            count => format!("{count} {what}s"),
        };
        let mut parts = vec![
            count(self.files, "file"),
            count(self.documents.len(), "document"),
            count(self.bytes, "byte"),
        ];
        if self.skipped > 0 {
            parts.push(format!("{} passed over", count(self.skipped, "line")));
        }
        if self.replaced > 0 {
            parts.push(format!("bytes replaced in {}", count(self.replaced, "file")));
        }
        parts.join(", ")
    }

    fn add(&mut self, path: &Path, how: Reading) -> Result<()> {
        let bytes = unpacked(path, how.most.saturating_sub(self.bytes))?;
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) if how.lossy => {
                self.replaced += 1;
                String::from_utf8_lossy(error.as_bytes()).into_owned()
            }
            Err(error) => {
                return Err(Refusal::user(format!(
                    "{}: byte {} is not valid UTF-8; convert the file to UTF-8 first, or replace \
                     such bytes with --lossy",
                    path.display(),
                    error.utf8_error().valid_up_to()
                )));
            }
        };
        self.files += 1;
        if !is_lines(path) {
            return self.push(path, text);
        }
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
            match document(line) {
                Ok(text) => self.push(path, text)?,
                Err(_) if how.skip_bad => self.skipped += 1,
                Err(why) => {
                    return Err(Refusal::user(format!(
                        "{}: line {number} {why}; mend it, or pass over such lines with --skip-bad",
                        path.display()
                    )));
                }
            }
        }
        Ok(())
    }

    fn push(&mut self, path: &Path, text: String) -> Result<()> {
        if !text.is_empty() {
            self.bytes += text.len();
            self.documents.push(Document { path: path.to_owned(), text });
        }
        Ok(())
    }
}

/// The name without what says how it is packed.
fn bare(path: &Path) -> PathBuf {
    match packing(path) {
        Some(_) => path.with_extension(""),
        None => path.to_owned(),
    }
}

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

fn is_lines(path: &Path) -> bool {
    bare(path).extension().is_some_and(|end| end == "jsonl")
}

/// Every text below a folder. Links are not followed, so no folder can hold itself.
fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let refuse = |error: io::Error| Refusal::reading(folder, &error);
    for entry in fs::read_dir(folder).map_err(refuse)? {
        let entry = entry.map_err(refuse)?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(refuse)?);
        if kind.is_dir() {
            found.extend(files_below(&path)?);
        } else if kind.is_file() {
            let name = bare(&path);
            let end = name.extension().and_then(|end| end.to_str()).unwrap_or_default();
            if ["txt", "md", "jsonl"].contains(&end) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// A file's bytes, or those that it was packed from.
fn unpacked(path: &Path, most: usize) -> Result<Vec<u8>> {
    let refuse = |error: io::Error| Refusal::reading(path, &error);
    // One more than there is room for tells what is too much.
    let limit = most as u64 + 1;
    let mut bytes = Vec::new();
    let is_input = path == Path::new("-");
    let broken = |error: &dyn std::fmt::Display| {
        Refusal::user(format!(
            "{}: it cannot be unpacked ({error}); it is broken or cut, so fetch it again",
            path.display()
        ))
    };
    if is_input {
        io::stdin().lock().take(limit).read_to_end(&mut bytes).map_err(|error| {
            Refusal::ours(format!("standard input could not be read ({error})"))
        })?;
    } else {
        let mut file = File::open(path).map_err(refuse)?;
        if file.metadata().map_err(refuse)?.is_dir() {
            return Err(refuse(io::ErrorKind::IsADirectory.into()));
        }
        match packing(path) {
            None => {
                let length = file.metadata().map_or(0, |about| about.len());
                bytes.reserve_exact(length.min(limit) as usize);
                file.take(limit).read_to_end(&mut bytes).map_err(refuse)?;
            }
            Some(Packing::Gzip) => {
                let unpacked = flate2::read::MultiGzDecoder::new(io::BufReader::new(file));
                unpacked.take(limit).read_to_end(&mut bytes).map_err(|error| broken(&error))?;
            }
            Some(Packing::Zstd) => {
                let unpacked = ruzstd::decoding::StreamingDecoder::new(&mut file);
                let unpacked = unpacked.map_err(|error| broken(&error))?;
                unpacked.take(limit).read_to_end(&mut bytes).map_err(|error| broken(&error))?;
            }
        }
    }
    if bytes.len() > most {
        return Err(Refusal::user(format!(
            "{}: it holds more than the {most} bytes that there is room for in memory; give less",
            path.display()
        )));
    }
    Ok(bytes)
}

/// The text of a line of JSON, or why there is none.
fn document(line: &str) -> std::result::Result<String, String> {
    let value: Value =
        serde_json::from_str(line).map_err(|error| format!("is no JSON ({error})"))?;
    if let Some(text) = value["text"].as_str() {
        return Ok(text.to_owned());
    }
    let Some(messages) = value["messages"].as_array() else {
        return Err("has neither a text nor messages".to_owned());
    };
    let contents: Option<Vec<&str>> =
        messages.iter().map(|message| message["content"].as_str()).collect();
    contents.map(|contents| contents.join("\n")).ok_or("has a message without a content".to_owned())
}
