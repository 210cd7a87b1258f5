//! One sentence to a person: what was wrong, where, and what to do.

use std::{fmt, io, path::Path};

use crate::{Kind, setting};

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
/// `corpus.txt: 312 tokens are too few for a context of 1024; give more text`
///
/// A library names a setting by a [`Setting`](crate::Setting). Shown, the sentence has the setting's own
/// name; the program that gave it a flag or key puts that in by [`Refusal::sentence`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    blame: Blame,
    kind: Kind,
    /// Settings are marked in it.
    sentence: String,
}

impl Refusal {
    /// A file or an argument may have put a page of its own into the sentence: then the middle of it
    /// is left out.
    fn new(blame: Blame, kind: Kind, sentence: &str) -> Self {
        Self { blame, kind, sentence: shortened(sentence) }
    }

    /// The user's mistake: bad input, an impossible setting, a file that is not what it should be.
    pub fn user(sentence: impl Into<String>) -> Self {
        Self::new(Blame::User, Kind::InvalidInput, &sentence.into())
    }

    /// Our fault, or the machine's.
    pub fn ours(sentence: impl Into<String>) -> Self {
        Self::new(Blame::Ours, Kind::Internal, &sentence.into())
    }

    /// Stopped by the user.
    pub fn interrupt(sentence: impl Into<String>) -> Self {
        Self::new(Blame::Interrupt, Kind::Interrupted, &sentence.into())
    }

    /// The user's mistake, of this kind.
    pub fn of(kind: Kind, sentence: impl Into<String>) -> Self {
        Self::new(Blame::User, kind, &sentence.into())
    }

    /// A file that is cut, damaged, or not of its form.
    pub fn corrupt(sentence: impl Into<String>) -> Self {
        Self::of(Kind::CorruptFile, sentence)
    }

    /// A model or a tokenizer with a part that is not understood.
    pub fn unsupported(sentence: impl Into<String>) -> Self {
        Self::of(Kind::UnsupportedFeature, sentence)
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
        let kind = match error.kind() {
            io::ErrorKind::NotFound => Kind::NotFound,
            _ => Kind::Io,
        };
        Self::of(kind, format!("{}: {why}", path.display()))
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
        Self::ours(format!("{}: {why}", path.display())).with_kind(Kind::Io)
    }

    /// The same refusal, of this kind.
    #[must_use]
    pub fn with_kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// The same refusal, of this kind where its kind was the general one for input: the code that reads
    /// a file gives the kind to what its parts are refused for.
    #[must_use]
    pub fn or_kind(self, kind: Kind) -> Self {
        match self.kind {
            Kind::InvalidInput => self.with_kind(kind),
            _ => self,
        }
    }

    /// The same refusal with what to do put behind it.
    #[must_use]
    pub fn then(self, advice: impl fmt::Display) -> Self {
        Self::new(self.blame, self.kind, &format!("{}; {advice}", self.sentence))
    }

    /// The same refusal with the place it happened in put before it.
    #[must_use]
    pub fn at(self, place: impl fmt::Display) -> Self {
        Self::new(self.blame, self.kind, &format!("{place}: {}", self.sentence))
    }

    /// The same refusal without the place it begins with, where the caller names it.
    #[must_use]
    pub fn without(mut self, place: &Path) -> Self {
        let place = shortened(&format!("{}: ", place.display()));
        if let Some(rest) = self.sentence.strip_prefix(&place) {
            self.sentence = rest.to_owned();
        }
        self
    }

    /// The same refusal where a path is told by another name, as that of a file which was written under one of its own.
    pub(crate) fn renamed(mut self, path: &Path, name: &Path) -> Self {
        let (path, name) = (path.display().to_string(), name.display().to_string());
        self.sentence = self.sentence.replace(&path, &name);
        self
    }

    /// Whose mistake it was.
    pub fn blame(&self) -> Blame {
        self.blame
    }

    /// What went wrong, for a program.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The sentence, in which every setting is called as `name` calls it.
    pub fn sentence(&self, name: impl Fn(&str) -> String) -> String {
        setting::named(&self.sentence, name)
    }
}

/// Characters of one word, such as a path or a number, that a sentence repeats as they stand.
const LONG_WORD: usize = 200;
/// Characters of a sentence, which lists some forty settings at most.
const LONG: usize = 800;

/// The sentence, where long words, and then itself, are cut to their beginning and their end, with
/// the number of characters between them.
fn shortened(sentence: &str) -> String {
    let words = sentence.split_inclusive(char::is_whitespace);
    let words: String = words.map(|word| cut(word, LONG_WORD, 60, 30)).collect();
    cut(&words, LONG, 200, 100)
}

/// `9999… (99,940 characters) …9999` of what is longer than `max_characters`.
fn cut(text: &str, max_characters: usize, begin: usize, end: usize) -> String {
    // A character has at least one byte.
    let length = if text.len() <= max_characters { text.len() } else { text.chars().count() };
    if length <= max_characters {
        return text.to_owned();
    }
    let at = |count: usize| text.char_indices().nth(count).map_or(text.len(), |(at, _)| at);
    let (first, last) = (&text[..at(begin)], &text[at(length - end)..]);
    format!("{first}… ({} characters) …{last}", length - begin - end)
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&setting::plain(&self.sentence))
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_is_left_its_beginning_its_end_and_its_length() {
        let page = "é".repeat(100_000);
        let said = Refusal::user(format!("the key is {page}; a number is needed")).to_string();
        let (begin, end) = ("é".repeat(60), "é".repeat(28));
        let middle = "… (99912 characters) …";
        assert_eq!(said, format!("the key is {begin}{middle}{end}; a number is needed"));
        let word = "é".repeat(LONG_WORD);
        assert_eq!(Refusal::user(word.clone()).to_string(), word);
    }

    #[test]
    fn a_sentence_of_many_words_is_cut_as_a_whole_whatever_was_added_to_it() {
        let page = "many words ".repeat(10_000);
        let said = Refusal::ours(page.clone()).at("model/config.json").then("fetch it again");
        let said = said.to_string();
        assert!(said.starts_with("model/config.json: many words"), "{said}");
        assert!(said.ends_with("many words ; fetch it again"), "{said}");
        assert!(said.chars().count() <= LONG, "{said}");
        for said in [Refusal::user("x").at(page.clone()), Refusal::interrupt("x").then(page)] {
            assert!(said.to_string().chars().count() <= LONG, "{said}");
        }
    }

    #[test]
    fn a_kind_and_the_settings_outlive_a_place_and_advice() {
        let setting = crate::Setting("top_p");
        let refusal = Refusal::of(Kind::InvalidSetting, format!("{setting} 2: it is above 1"));
        let refusal = refusal.at("request").then(format!("leave out {setting}"));
        assert_eq!(refusal.kind(), Kind::InvalidSetting);
        assert_eq!(refusal.to_string(), "request: top_p 2: it is above 1; leave out top_p");
        let flags = refusal.sentence(|name| format!("<{name}>"));
        assert_eq!(flags, "request: <top_p> 2: it is above 1; leave out <top_p>");
        let told = |refusal: Refusal| refusal.or_kind(Kind::CorruptFile).kind();
        assert_eq!(told(refusal), Kind::InvalidSetting);
        assert_eq!(told(Refusal::user("x")), Kind::CorruptFile);
        assert_eq!(told(Refusal::ours("x")), Kind::Internal);
        assert_eq!(told(Refusal::interrupt("x")), Kind::Interrupted);
    }

    #[test]
    fn what_could_not_be_read_or_written_tells_its_kind() {
        let kind = |kind: io::ErrorKind| {
            let error = io::Error::from(kind);
            let path = Path::new("x");
            (Refusal::reading(path, &error).kind(), Refusal::writing(path, &error).kind())
        };
        assert_eq!(kind(io::ErrorKind::NotFound), (Kind::NotFound, Kind::Io));
        assert_eq!(kind(io::ErrorKind::PermissionDenied), (Kind::Io, Kind::Io));
    }

    #[test]
    fn kinds_have_different_names() {
        let names: std::collections::BTreeSet<&str> =
            Kind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), Kind::ALL.len());
        let is_snake =
            |name: &&str| name.chars().all(|sign| sign.is_ascii_lowercase() || sign == '_');
        assert!(names.iter().all(is_snake), "{names:?}");
    }

    #[test]
    fn a_long_place_is_taken_away_as_it_was_put() {
        let place = Path::new("/").join("long".repeat(200));
        let refusal = Refusal::user(format!("{}: it is empty", place.display()));
        assert_eq!(refusal.without(&place).to_string(), "it is empty");
    }
}
