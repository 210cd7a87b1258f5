//! Tokens as they come: in memory while they are few, in a file without a name when they are many.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    sync::OnceLock,
};

use lookback_files::{Refusal, Result, map_file};

use super::{Dataset, Tokens};
use crate::TokenId;

/// Tokens that are held in memory at most: 4 MB of them.
const HELD: usize = 1 << 20;

/// A dataset that grows. Its file, if it needs one, goes with the process, however that ends.
#[derive(Debug)]
pub struct DatasetBuilder {
    folder: PathBuf,
    max_held: usize,
    held: Vec<TokenId>,
    file: Option<BufWriter<File>>,
    written: usize,
    documents: Vec<usize>,
}

impl DatasetBuilder {
    /// Of as many tokens as the folder's disk has room for.
    pub fn new(folder: &Path) -> Self {
        Self::with_max_held(HELD, folder)
    }

    fn with_max_held(max_held: usize, folder: &Path) -> Self {
        let (folder, held, documents) = (folder.to_owned(), Vec::new(), Vec::new());
        Self { folder, max_held, held, file: None, written: 0, documents }
    }

    /// Tokens so far.
    pub fn len(&self) -> usize {
        self.written + self.held.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A document begins with the next token.
    pub fn begin_document(&mut self) {
        self.documents.push(self.len());
    }

    /// Puts tokens behind those there are.
    pub fn extend(&mut self, ids: &[TokenId]) -> Result<()> {
        if self.held.len() + ids.len() <= self.max_held {
            self.held.extend_from_slice(ids);
            return Ok(());
        }
        let held = std::mem::take(&mut self.held);
        self.spill(&held)?;
        self.spill(ids)
    }

    fn spill(&mut self, ids: &[TokenId]) -> Result<()> {
        let refuse = |error: std::io::Error| Refusal::writing(&self.folder, &error);
        if self.file.is_none() {
            let file = tempfile::tempfile_in(&self.folder).map_err(refuse)?;
            self.file = Some(BufWriter::with_capacity(1 << 16, file));
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        for id in ids {
            file.write_all(&id.0.to_le_bytes()).map_err(refuse)?;
        }
        self.written += ids.len();
        Ok(())
    }

    /// All of them.
    pub fn finish(mut self) -> Result<Dataset> {
        if self.file.is_none() {
            return Ok(Dataset::new(self.held, self.documents));
        }
        let held = std::mem::take(&mut self.held);
        self.spill(&held)?;
        let refuse = |error: std::io::Error| Refusal::writing(&self.folder, &error);
        let Some(file) = self.file else { return Ok(Dataset::new(self.held, self.documents)) };
        let file = file.into_inner().map_err(|error| refuse(error.into_error()))?;
        let tokens = Tokens::Mapped {
            file: Box::new(map_file(&self.folder, &file)?),
            at: 0,
            len: self.written,
            largest: OnceLock::new(),
        };
        Ok(Dataset { tokens, documents: self.documents })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_tokens_in_a_file_are_those_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let ids: Vec<TokenId> = (0..1000).map(|id| TokenId(id * 31)).collect();
        let builder = |max_held: usize| {
            let mut builder = DatasetBuilder::with_max_held(max_held, folder.path());
            for document in ids.chunks(70) {
                builder.begin_document();
                document.chunks(9).for_each(|part| builder.extend(part).unwrap());
            }
            assert_eq!(builder.len(), 1000);
            builder.finish().unwrap()
        };
        let held = builder(1000);
        assert_eq!(held.documents().len(), 15);
        for max_held in [0, 1, 100, 999] {
            let data = builder(max_held);
            assert_eq!((data.documents(), data.len()), (held.documents(), 1000));
            assert_eq!(data.digest().unwrap(), held.digest().unwrap());
            assert!(data.bytes() < held.bytes());
        }
        // The file has no name.
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
