//! Texts for training or validation, as people keep them: files, folders, lines of JSON, packed
//! or not, or standard input. They are found once, and read part by part as often as needed, so that
//! they may be larger than memory. Read `corpus/parts` next.
//!
//! | name | what is read |
//! |---|---|
//! | `-` | standard input, one document |
//! | `*.jsonl` | a document for each line: its `text`, or the contents of its `messages` without roles |
//! | any other file | one document |
//! | a folder | each `.txt`, `.md` and `.jsonl` below it, packed or not, in the order of their names |
//! | a pattern, such as `texts/**/*.txt` | each file that it matches, in the order of their names |
//!
//! A name that goes on with `.gz` or `.zst` is unpacked first. What is no UTF-8 is refused with the
//! first bad byte, unless it may be replaced; a byte order mark is skipped. A file that is named twice is
//! read once.

mod packed;
mod parts;

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{self, BufReader, Seek},
    path::{Path, PathBuf},
    time::Instant,
};

use lookback_files::{Kind, Refusal, Result, copy_stream, counted, open_regular, open_stream};

use parts::Stream;

/// How texts are read.
#[derive(Clone, Copy, Debug)]
pub struct ReadOptions {
    /// Whether bytes that are no UTF-8 become U+FFFD.
    pub lossy: bool,
    /// Whether lines that cannot be read are passed over.
    pub skip_bad: bool,
    /// Bytes of text that may be in memory at once. A packed file may hold a thousand times its own
    /// size.
    pub max_bytes: usize,
}

impl Default for ReadOptions {
    /// What cannot be read is refused.
    fn default() -> Self {
        Self { lossy: false, skip_bad: false, max_bytes: usize::MAX / 2 }
    }
}

/// Bytes of a text that are read at once, where its tokenizer reads parts.
pub const PART: usize = 1 << 20;

/// The chunks in which a document is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunking {
    /// Whole, in memory.
    Whole,
    /// In parts of about so many bytes. The next begins where no word goes on: with the ASCII white
    /// space after an ASCII letter or digit, or after a line feed.
    Parts(usize),
    /// In parts of about so many bytes, between any two characters.
    Anywhere(usize),
}

/// A piece of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// Its file.
    pub path: &'a Path,
    /// Its text; never empty.
    pub text: &'a str,
    /// Where it begins in its document, in bytes; 0 begins the next one.
    pub at: usize,
}

/// What was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CorpusCounts {
    /// Files.
    pub files: usize,
    /// Files that were named again, and read once.
    pub repeated: usize,
    /// Documents that are not empty.
    pub documents: usize,
    /// Bytes of their texts.
    pub bytes: usize,
    /// Documents that were the contents of messages.
    pub chats: usize,
    /// Lines that were passed over.
    pub skipped: usize,
    /// Files in which bytes were replaced.
    pub replaced: usize,
}

/// Texts that were found.
#[derive(Debug)]
pub struct Corpus {
    given: Vec<Given>,
    options: ReadOptions,
    repeated: usize,
}

/// What one name stands for.
#[derive(Debug)]
struct Given {
    path: PathBuf,
    files: Vec<Text>,
}

#[derive(Debug)]
struct Text {
    path: PathBuf,
    /// What can be read only once is kept here, in a file without a name.
    kept: Option<File>,
}

/// Finds all of these, and refuses what is not there.
pub fn find(paths: &[PathBuf], options: ReadOptions) -> Result<Corpus> {
    let mut corpus = Corpus { given: Vec::new(), options, repeated: 0 };
    let mut known = HashSet::new();
    for path in paths {
        let mut files = found_by(path)?;
        let all = files.len();
        let place = |file: &PathBuf| match is_input(file) {
            true => file.clone(),
            false => fs::canonicalize(file).unwrap_or_else(|_| file.clone()),
        };
        files.retain(|file| known.insert(place(file)));
        corpus.repeated += all - files.len();
        let files = files.into_iter().map(Text::find).collect::<Result<_>>()?;
        corpus.given.push(Given { path: path.clone(), files });
    }
    Ok(corpus)
}

fn is_input(path: &Path) -> bool {
    path == Path::new("-")
}

/// The files that a name stands for.
fn found_by(path: &Path) -> Result<Vec<PathBuf>> {
    let word = path.to_string_lossy();
    if is_input(path) || path.is_file() {
        Ok(vec![path.to_owned()])
    } else if path.is_dir() {
        let files = files_below(path)?;
        if files.is_empty() {
            return Err(Refusal::of(
                Kind::NotFound,
                format!(
                    "{}: there is no .txt, .md or .jsonl file in this folder; name the files",
                    path.display()
                ),
            ));
        }
        Ok(files)
    } else if !path.exists() && word.contains(['*', '?', '[']) {
        matched(&word)
    } else {
        Ok(vec![path.to_owned()])
    }
}

/// The files that a pattern matches, and the texts of the folders.
fn matched(pattern: &str) -> Result<Vec<PathBuf>> {
    let paths = glob::glob(pattern).map_err(|error| {
        Refusal::user(format!("{pattern}: it is no pattern of file names ({})", error.msg))
    })?;
    let mut files = Vec::new();
    for path in paths {
        let path = path.map_err(|error| Refusal::reading(error.path(), error.error()))?;
        if path.is_dir() { files.extend(files_below(&path)?) } else { files.push(path) }
    }
    if files.is_empty() {
        return Err(Refusal::of(
            Kind::NotFound,
            format!("{pattern}: no file has such a name; check the pattern"),
        ));
    }
    Ok(files)
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
            let name = packed::bare(&path);
            let end = name.extension().and_then(|end| end.to_str()).unwrap_or_default();
            if ["txt", "md", "jsonl"].contains(&end) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

impl Text {
    /// A file that is there; what is no file on a disk, such as standard input or a pipe, is kept.
    fn find(path: PathBuf) -> Result<Self> {
        let keep = |from: File| -> Result<Option<File>> {
            let kept = tempfile::tempfile().map_err(|error| Refusal::writing(&path, &error));
            let mut kept = kept?;
            copy_stream(&path, from, &mut kept)?;
            Ok(Some(kept))
        };
        if is_input(&path) {
            let kept = keep(standard_input()?)?;
            return Ok(Self { path, kept });
        }
        let refuse = |error: io::Error| Refusal::reading(&path, &error);
        let kept = match fs::metadata(&path).map_err(refuse)?.is_file() {
            true => None,
            false => keep(open_stream(&path)?)?,
        };
        Ok(Self { path, kept })
    }

    fn open(&self) -> Result<File> {
        let refuse = |error: io::Error| Refusal::reading(&self.path, &error);
        match &self.kept {
            None => open_regular(&self.path),
            Some(kept) => {
                let mut file = kept.try_clone().map_err(refuse)?;
                file.rewind().map_err(refuse)?;
                Ok(file)
            }
        }
    }
}

/// What is read where a text is `-`.
fn standard_input() -> Result<File> {
    #[cfg(unix)]
    let owned = std::os::fd::AsFd::as_fd(&io::stdin()).try_clone_to_owned();
    #[cfg(windows)]
    let owned = std::os::windows::io::AsHandle::as_handle(&io::stdin()).try_clone_to_owned();
    owned.map(File::from).map_err(|error| {
        Refusal::ours(format!("standard input could not be read ({error})")).with_kind(Kind::Io)
    })
}

fn empty(path: &Path) -> Refusal {
    Refusal::user(format!("{}: it is empty; give a text to learn from", path.display()))
}

impl Corpus {
    /// Hands all texts on, in order.
    pub fn read(
        &self,
        chunking: Chunking,
        each: &mut dyn FnMut(Part<'_>) -> Result<()>,
    ) -> Result<CorpusCounts> {
        let mut counts = CorpusCounts { repeated: self.repeated, ..CorpusCounts::default() };
        for Given { path, files } in &self.given {
            let before = counts.bytes;
            for text in files {
                self.read_one(text, chunking, &mut counts, each)?;
            }
            if counts.bytes == before && !files.is_empty() {
                return Err(empty(path));
            }
        }
        Ok(counts)
    }

    fn read_one(
        &self,
        text: &Text,
        chunking: Chunking,
        counts: &mut CorpusCounts,
        each: &mut dyn FnMut(Part<'_>) -> Result<()>,
    ) -> Result<()> {
        let path = text.path.as_path();
        let (began, before) = (Instant::now(), *counts);
        let mut from = BufReader::new(packed::open(path, text.open()?));
        let mut count = |text: &str, at: usize| {
            if text.is_empty() {
                return Ok(());
            }
            counts.documents += usize::from(at == 0);
            counts.bytes += text.len();
            each(Part { path, text, at })
        };
        let mut stream = Stream::new(path, self.options);
        if packed::is_lines(path) {
            counts.skipped += stream.lines(&mut from, &mut |text| count(text, 0))?;
        } else {
            stream.text(&mut from, chunking, &mut count)?;
        }
        counts.files += 1;
        counts.chats += stream.chats();
        counts.replaced += usize::from(stream.has_replaced());
        tracing::debug!(
            file = %path.display(),
            documents = counts.documents - before.documents,
            bytes = counts.bytes - before.bytes,
            seconds = began.elapsed().as_secs_f64(),
            "text read"
        );
        Ok(())
    }
}

impl CorpusCounts {
    /// One line about what was read.
    pub fn summary(&self) -> String {
        let mut parts = vec![
            counted(self.files, "file"),
            counted(self.documents, "document"),
            counted(self.bytes, "byte"),
        ];
        if self.repeated > 0 {
            parts.push(format!("{} named twice and read once", counted(self.repeated, "file")));
        }
        if self.skipped > 0 {
            parts.push(format!("{} passed over", counted(self.skipped, "line")));
        }
        if self.replaced > 0 {
            parts.push(format!("bytes replaced in {}", counted(self.replaced, "file")));
        }
        parts.join(", ")
    }
}
