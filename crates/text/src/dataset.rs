//! Tokens of texts, in a memory-mapped file: windows for training, windows for validation.
//!
//! The last tenth is kept for validation. Which window a draw is depends on the seed and the draw's
//! number alone, so that a run can go on where another stopped. Read `dataset/encode` for how texts become
//! tokens, and `dataset/windows` next.

mod builder;
mod encode;
mod windows;

use std::{
    io::{self, Write},
    ops::Range,
    path::Path,
    sync::OnceLock,
};

use lookback_files::{Kind, Mapping, Refusal, Result, Setting, counted, map, write_atomic_with};
use sha2::{Digest, Sha256};

use crate::TokenId;
pub use builder::DatasetBuilder;
pub use encode::{Ending, encode};
pub use windows::{WindowLayout, WindowStarts, Windows};

/// What a token file begins with.
const MAGIC: &[u8; 8] = b"lbtokens";

/// The tokens of one or more texts, one after the other.
#[derive(Debug)]
pub struct Dataset {
    tokens: Tokens,
    /// Where documents begin, ascending.
    documents: Vec<usize>,
}

#[derive(Debug)]
enum Tokens {
    Memory(Vec<TokenId>),
    Mapped {
        file: Box<Mapping>,
        at: usize,
        len: usize,
        /// Once it was asked for: an id beyond it was written into the file since then.
        largest: OnceLock<Option<TokenId>>,
    },
}

impl Dataset {
    /// Over tokens in memory; `documents` says where documents begin, or is empty.
    pub fn new(ids: Vec<TokenId>, documents: Vec<usize>) -> Self {
        Self { tokens: Tokens::Memory(ids), documents }
    }

    /// Writes a token file: magic, counts of documents and tokens (u64), the documents' beginnings
    /// (u64), the tokens (u32), all little-endian.
    pub fn write(&self, path: &Path) -> Result<()> {
        write_atomic_with(path, |out| self.write_to(out))
    }

    fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(MAGIC)?;
        out.write_all(&(self.documents.len() as u64).to_le_bytes())?;
        out.write_all(&(self.len() as u64).to_le_bytes())?;
        for &document in &self.documents {
            out.write_all(&(document as u64).to_le_bytes())?;
        }
        match &self.tokens {
            Tokens::Memory(ids) => ids.iter().try_for_each(|id| out.write_all(&id.0.to_le_bytes())),
            Tokens::Mapped { file, at, .. } => out.write_all(&file[*at..]),
        }
    }

    /// The SHA-256 of its token file, in hexadecimal digits.
    pub fn digest(&self) -> Result<String> {
        let mut hash = Hash(Sha256::new());
        self.write_to(&mut hash)
            .map_err(|error| Refusal::ours(format!("the digest of the tokens: {error}")))?;
        Ok(hash.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Maps a token file.
    pub fn open(path: &Path) -> Result<Self> {
        let file = map(path)?;
        let broken = || {
            Refusal::corrupt(format!(
                "{}: it is no whole token file of lookback; delete it and train again",
                path.display()
            ))
        };
        let number = |at: usize| -> Option<u64> {
            Some(u64::from_le_bytes(file.get(at..at + 8)?.try_into().ok()?))
        };
        if file.get(..8) != Some(MAGIC.as_slice()) {
            return Err(broken());
        }
        let counts = number(8).zip(number(16));
        let sizes = counts.and_then(|(documents, len)| {
            let at = documents.checked_mul(8)?.checked_add(24)?;
            let end = len.checked_mul(4)?.checked_add(at)?;
            (end == file.len() as u64).then_some((documents as usize, at as usize, len as usize))
        });
        let (count, at, len) = sizes.ok_or_else(broken)?;
        let documents: Option<Vec<usize>> =
            (0..count).map(|index| number(24 + 8 * index).map(|at| at as usize)).collect();
        let documents = documents.ok_or_else(broken)?;
        if documents.iter().any(|&document| document >= len) {
            return Err(broken());
        }
        let file = Box::new(file);
        let tokens = Tokens::Mapped { file, at, len, largest: OnceLock::new() };
        Ok(Self { tokens, documents })
    }

    /// Tokens.
    pub fn len(&self) -> usize {
        match &self.tokens {
            Tokens::Memory(ids) => ids.len(),
            Tokens::Mapped { len, .. } => *len,
        }
    }

    /// Bytes of memory; a mapped file takes none that others could not have.
    pub fn bytes(&self) -> usize {
        let tokens = match &self.tokens {
            Tokens::Memory(ids) => size_of_val(ids.as_slice()),
            Tokens::Mapped { .. } => 0,
        };
        tokens + size_of_val(self.documents.as_slice())
    }

    /// Whether there is no token.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where documents begin.
    pub fn documents(&self) -> &[usize] {
        &self.documents
    }

    /// Writes the tokens from `first` on over `out`.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn read(&self, first: usize, out: &mut [TokenId]) {
        match &self.tokens {
            Tokens::Memory(ids) => out.copy_from_slice(&ids[first..first + out.len()]),
            Tokens::Mapped { file, at, largest, .. } => {
                let bytes = &file[at + 4 * first..at + 4 * (first + out.len())];
                // No index into a table goes wrong before `check_unchanged` says what happened.
                let max = largest.get().copied().flatten().map_or(u32::MAX, |id| id.0);
                for (out, bytes) in out.iter_mut().zip(bytes.as_chunks().0) {
                    *out = TokenId(u32::from_le_bytes(*bytes).min(max));
                }
            }
        }
    }

    /// Refuses a file that was written to since it was opened: a run would learn from something else.
    pub fn check_unchanged(&self) -> Result<()> {
        match &self.tokens {
            Tokens::Memory(_) => Ok(()),
            Tokens::Mapped { file, .. } => file.check_unchanged(),
        }
    }

    /// The largest id, to be held against a vocabulary.
    pub fn largest(&self) -> Option<TokenId> {
        match &self.tokens {
            Tokens::Memory(_) => self.find_largest(),
            Tokens::Mapped { largest, .. } => *largest.get_or_init(|| self.find_largest()),
        }
    }

    fn find_largest(&self) -> Option<TokenId> {
        let mut part = [TokenId(0); 1024];
        let mut max = None;
        for first in (0..self.len()).step_by(part.len()) {
            let part = &mut part[..(self.len() - first).min(1024)];
            self.read(first, part);
            max = max.max(part.iter().copied().max());
        }
        max
    }

    /// The first nine tenths, to learn from.
    pub fn training(&self) -> Range<usize> {
        0..self.len() - self.len() / 10
    }

    /// The last tenth, for validation: from the first document that begins in it, if at least half of it is
    /// then left. So of several documents the validation takes the last ones, each whole.
    pub fn validation(&self) -> Range<usize> {
        let last = self.training().end..self.len();
        let least = (last.len() / 2).max(2);
        let next = self.documents.partition_point(|&document| document < last.start);
        match self.documents.get(next) {
            Some(&first) if last.end - first >= least => first..last.end,
            _ => last,
        }
    }

    /// Refuses a text that holds no window of one context, or no token for validation.
    pub fn check(&self, context: usize) -> Result<()> {
        let tokens = self.len();
        if self.training().len() <= context || self.validation().len() < 2 {
            let smaller = match tokens {
                // Two tokens of the last tenth, so that one can be predicted.
                0..20 => String::new(),
                _ => format!(" or a smaller context, {} context={}", Setting("set"), tokens / 2),
            };
            let are = if tokens == 1 { "is" } else { "are" };
            let tokens = counted(tokens, "token");
            return Err(Refusal::of(
                Kind::ContextLength,
                format!(
                    "{tokens} {are} too few for a context of {context}; give more text{smaller}"
                ),
            ));
        }
        Ok(())
    }
}

/// A hash that can be written to.
struct Hash(Sha256);

impl Write for Hash {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: u32) -> Vec<TokenId> {
        (0..count).map(TokenId).collect()
    }

    #[test]
    fn validation_begins_at_a_document_where_one_begins_early_in_the_last_tenth() {
        let validation = |len, documents| Dataset::new(numbers(len), documents).validation();
        assert_eq!(validation(1000, vec![]), 900..1000);
        assert_eq!(validation(1000, vec![0]), 900..1000);
        assert_eq!(validation(1000, vec![0, 300, 899, 931, 940]), 931..1000);
        assert_eq!(validation(1000, vec![0, 900, 901]), 900..1000);
        assert_eq!(validation(1000, vec![0, 950]), 950..1000);
        // Too little would be left.
        assert_eq!(validation(1000, vec![0, 951]), 900..1000);
        assert_eq!(validation(20, vec![0, 19]), 18..20);
    }

    #[test]
    fn a_token_file_gives_back_what_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens.bin");
        let ids: Vec<TokenId> = (0..300).map(|id| TokenId(id * 7)).collect();
        Dataset::new(ids.clone(), vec![0, 10]).write(&path).unwrap();
        let data = Dataset::open(&path).unwrap();
        assert_eq!(data.documents(), [0, 10]);
        let mut back = vec![TokenId(0); 290];
        data.read(10, &mut back);
        assert_eq!(back, ids[10..]);
        assert_eq!(data.largest(), Some(TokenId(299 * 7)));
        let held = Dataset::new(ids, vec![0, 10]);
        assert_eq!(data.digest().unwrap(), held.digest().unwrap());
        assert_eq!(held.digest().unwrap().len(), 64);
        let other = Dataset::new(back, vec![0, 10]);
        assert_ne!(data.digest().unwrap(), other.digest().unwrap());
    }

    #[test]
    fn a_token_file_that_is_written_to_is_told_and_gives_no_id_beyond_the_largest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens.bin");
        Dataset::new(numbers(30), vec![0]).write(&path).unwrap();
        let data = Dataset::open(&path).unwrap();
        assert_eq!(data.largest(), Some(TokenId(29)));
        data.check_unchanged().unwrap();
        // In place, as no program of ours does.
        let mut bytes = std::fs::read(&path).unwrap();
        let end = bytes.len();
        bytes[end - 4..].copy_from_slice(&4_000_000_000u32.to_le_bytes());
        bytes.extend([0; 4]);
        std::fs::write(&path, &bytes).unwrap();
        let mut last = [TokenId(0)];
        data.read(29, &mut last);
        assert_eq!(last, [TokenId(29)]);
        let said = data.check_unchanged().unwrap_err().to_string();
        assert!(said.contains("tokens.bin: it was written to while it was read"), "{said}");
    }

    #[test]
    fn a_cut_token_file_is_refused_at_every_length() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens.bin");
        Dataset::new(numbers(3), vec![0]).write(&path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for len in 0..whole.len() {
            std::fs::write(&path, &whole[..len]).unwrap();
            assert!(Dataset::open(&path).is_err(), "cut to {len}");
        }
    }

    #[test]
    fn too_short_a_text_is_refused_with_its_length() {
        let said = Dataset::new(numbers(312), Vec::new()).check(1024).unwrap_err().to_string();
        assert!(said.starts_with("312 tokens are too few for a context of 1024"), "{said}");
    }
}
