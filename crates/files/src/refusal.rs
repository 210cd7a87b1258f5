//! One sentence to a person: what was wrong, where, and what to do.

use std::{fmt, io, path::Path};

/// What every fallible function of lookback returns.
pub type Result<T, E = Refusal> = std::result::Result<T, E>;

/// Whose mistake it was; decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// Bad input: exit code 2.
    User,
    /// A full disk, a vanished directory, a bug of ours: exit code 1.
    Ours,
    /// Ctrl-C: exit code 130.
    Interrupt,
}

/// Why something was not done, as one sentence: the place first, lower case, no full stop.
///
/// `corpus.txt: 312 tokens are too few for a context of 1024; give more text or --context 256`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    blame: Blame,
    sentence: String,
}

impl Refusal {
    /// The user's mistake: bad input, an impossible setting, a file that is not what it should be.
    /// A file may have put a page of its own into the sentence: then the middle is left out.
    pub fn user(sentence: impl Into<String>) -> Self {
        Self { blame: Blame::User, sentence: bearable(sentence.into()) }
    }

    /// Our fault, or the machine's.
    pub fn ours(sentence: impl Into<String>) -> Self {
        Self { blame: Blame::Ours, sentence: bearable(sentence.into()) }
    }

    /// Stopped by the user.
    pub fn interrupt(sentence: impl Into<String>) -> Self {
        Self { blame: Blame::Interrupt, sentence: sentence.into() }
    }

    /// A file that the user named and that could not be read.
    pub fn reading(path: &Path, error: &io::Error) -> Self {
        let why = match error.kind() {
            io::ErrorKind::NotFound => "there is no such file; check the path".to_owned(),
            io::ErrorKind::PermissionDenied => {
                "it may not be read; check its permissions".to_owned()
            }
            io::ErrorKind::IsADirectory => "it is a directory, and a file is needed".to_owned(),
            io::ErrorKind::NotADirectory => {
                "a part of this path is a file, not a directory; check the path".to_owned()
            }
            _ => format!("it could not be read ({error})"),
        };
        Self::user(format!("{}: {why}", path.display()))
    }

    /// A file that could not be written.
    pub fn writing(path: &Path, error: &io::Error) -> Self {
        let why = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                "there is no room for it on the disk; make room".to_owned()
            }
            io::ErrorKind::FileTooLarge => {
                "it is larger than a file may be here; write to another place".to_owned()
            }
            io::ErrorKind::ReadOnlyFilesystem => {
                "its file system can only be read; write to another place".to_owned()
            }
            io::ErrorKind::PermissionDenied => {
                "it may not be written; check the permissions of its directory".to_owned()
            }
            io::ErrorKind::NotFound => {
                "it could not be written, since its directory is not there".to_owned()
            }
            _ => format!("it could not be written ({error})"),
        };
        Self::ours(format!("{}: {why}", path.display()))
    }

    /// The same refusal with what to do put behind it.
    #[must_use]
    pub fn then(mut self, advice: impl fmt::Display) -> Self {
        self.sentence = bearable(format!("{}; {advice}", self.sentence));
        self
    }

    /// The same refusal with the place it happened in put before it.
    #[must_use]
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.sentence = bearable(format!("{place}: {}", self.sentence));
        self
    }

    /// The same refusal without the place it begins with, where somebody else says it.
    #[must_use]
    pub fn without(mut self, place: &Path) -> Self {
        if let Some(rest) = self.sentence.strip_prefix(&format!("{}: ", place.display())) {
            self.sentence = rest.to_owned();
        }
        self
    }

    /// Whose mistake it was.
    pub fn blame(&self) -> Blame {
        self.blame
    }
}

/// Characters of a sentence that nobody reads to its end: some ten lines of a terminal.
const LONG: usize = 800;

/// Begins and ends as the sentence does.
fn bearable(sentence: String) -> String {
    let length = sentence.chars().count();
    if length <= LONG {
        return sentence;
    }
    let begin: String = sentence.chars().take(LONG * 2 / 3).collect();
    let end: String = sentence.chars().skip(length - LONG / 3).collect();
    format!("{begin} … {end}")
}

impl fmt::Display for Refusal {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.sentence)
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_with_a_page_in_it_is_left_its_beginning_and_its_end() {
        let page = "é".repeat(100_000);
        let said = Refusal::user(format!("the key is {page}; a number is needed")).to_string();
        assert!(said.starts_with("the key is éé") && said.ends_with("éé; a number is needed"));
        assert_eq!(said.chars().count(), LONG + 3);
        let short = "é".repeat(LONG);
        assert_eq!(Refusal::user(short.clone()).to_string(), short);
    }
}
