//! The whole words of a vocabulary, and what kind of piece each token is.
//!
//! A token is taken for a word if it is letters with a space before them, or letters alone that are a
//! token with the space as well (the same word at the beginning of a text). In a vocabulary without
//! such tokens any letters are a word. A vocabulary does not say where words end, so what begins
//! longer words, ` pup` of *puppet*, passes for a word too.

use std::{collections::HashMap, fmt::Write};

use lookback_files::{Kind, Refusal, Result};

use crate::{Specials, TokenId, Tokenizer};

/// What a token looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Piece {
    /// A whole word in small letters.
    Word,
    /// A whole word with a capital in it.
    Capital,
    /// Letters that are only part of a word.
    Part,
    /// A word or part of one beyond the letters of ASCII.
    Foreign,
    /// Digits.
    Digits,
    /// Punctuation, other signs, and spaces.
    Signs,
    /// Bytes that are no whole character.
    Bytes,
    /// Structure, not text, or a hole in the vocabulary.
    Special,
}

impl Piece {
    /// All.
    pub const ALL: [Self; 8] = [
        Self::Word,
        Self::Capital,
        Self::Part,
        Self::Foreign,
        Self::Digits,
        Self::Signs,
        Self::Bytes,
        Self::Special,
    ];

    /// In plain words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Word => "words and beginnings",
            Self::Capital => "with a capital",
            Self::Part => "later parts of words",
            Self::Foreign => "letters beyond a to z",
            Self::Digits => "digits",
            Self::Signs => "punctuation and signs",
            Self::Bytes => "single bytes",
            Self::Special => "special tokens",
        }
    }
}

/// A whole word that is one token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Its id.
    pub id: TokenId,
    /// Without its space.
    pub text: String,
    /// Whether the token begins with a space.
    pub is_spaced: bool,
}

/// The whole words of one vocabulary, and the kinds of all its tokens.
#[derive(Clone, Debug)]
pub struct Words {
    words: Vec<Word>,
    kinds: Vec<Piece>,
    /// By the exact bytes, space and all; the first of tokens that spell the same.
    ids: HashMap<Box<[u8]>, TokenId>,
}

impl Words {
    /// Reads a vocabulary.
    pub fn new(tokenizer: &Tokenizer) -> Self {
        let all = || (0..tokenizer.vocabulary() as u32).map(TokenId);
        let mut ids = HashMap::new();
        for id in all().filter(|&id| !tokenizer.is_special(id)) {
            ids.entry(tokenizer.bytes_of(id).into()).or_insert(id);
        }
        let marks_words = all().any(|id| {
            let bytes = tokenizer.bytes_of(id);
            bytes.len() > 2 && bytes[0] == b' ' && bytes[1..].iter().all(u8::is_ascii_alphabetic)
        });
        let is_word = |text: &str, is_spaced: bool| {
            !text.is_empty()
                && text.chars().all(char::is_alphabetic)
                && (is_spaced || !marks_words || ids.contains_key(format!(" {text}").as_bytes()))
        };
        let (mut words, mut kinds) = (Vec::new(), Vec::new());
        for id in all() {
            let kind = kind(tokenizer, id, is_word);
            if matches!(kind, Piece::Word | Piece::Capital | Piece::Foreign) {
                let text = String::from_utf8_lossy(tokenizer.bytes_of(id));
                let (is_spaced, text) = bare(&text);
                if is_word(text, is_spaced) {
                    words.push(Word { id, text: text.to_owned(), is_spaced });
                }
            }
            kinds.push(kind);
        }
        Self { words, kinds, ids }
    }

    /// All whole words, by id: of most vocabularies, the most frequent first.
    pub fn all(&self) -> &[Word] {
        &self.words
    }

    /// What a token looks like.
    pub fn kind(&self, id: TokenId) -> Piece {
        self.kinds.get(id.index()).copied().unwrap_or(Piece::Special)
    }

    /// The word that a token is, if it is one.
    pub fn word(&self, id: TokenId) -> Option<&Word> {
        let at = self.words.binary_search_by_key(&id, |word| word.id).ok()?;
        Some(&self.words[at])
    }

    /// The token of a word: the one with a space before it if there is one, as
    /// inside of a text, or else the one without. `#412` is the token 412, whatever it is.
    pub fn find(&self, typed: &str, tokenizer: &Tokenizer) -> Result<TokenId> {
        let trimmed = typed.trim();
        if trimmed.is_empty() {
            return Err(Refusal::user("a word is missing; type one that is a single token"));
        }
        if let Some(number) = trimmed.strip_prefix('#')
            && let Ok(number) = number.parse::<u32>()
        {
            return match self.kinds.get(number as usize) {
                Some(_) => Ok(TokenId(number)),
                None => Err(Refusal::of(
                    Kind::TokenOutOfRange,
                    format!(
                        "#{number}: the vocabulary ends at {}",
                        self.kinds.len().saturating_sub(1)
                    ),
                )),
            };
        }
        let exact = |text: &str| self.ids.get(text.as_bytes()).copied();
        match exact(&format!(" {trimmed}")).or_else(|| exact(trimmed)) {
            Some(id) => Ok(id),
            None => match tokenizer.encode_bare(trimmed, Specials::Text)?.as_slice() {
                // A tokenizer that changes the text may know the word in another spelling.
                [id] => Ok(*id),
                ids => Err(several(trimmed, ids, tokenizer)),
            },
        }
    }

    /// Words that begin as what was typed: the exact word first, then by id. Small letters and
    /// capitals are the same while one types.
    pub fn with_prefix(&self, prefix: &str, max_count: usize) -> Vec<&Word> {
        let prefix = prefix.trim_start();
        let lower = prefix.to_lowercase();
        let mut found: Vec<&Word> =
            self.words.iter().filter(|word| begins(&word.text, &lower)).collect();
        // Stable, so that ids stay in order; a word comes before its twin without a space.
        found.sort_by_key(|word| (word.text != prefix, word.text.to_lowercase() != lower));
        let mut one_each: Vec<&Word> = Vec::new();
        for word in found {
            if one_each.len() == max_count {
                break;
            }
            let twin = one_each.iter_mut().find(|kept| kept.text == word.text);
            match twin {
                Some(kept) if word.is_spaced && !kept.is_spaced => *kept = word,
                Some(_) => {}
                None => one_each.push(word),
            }
        }
        one_each
    }
}

/// Whether a text begins with lower-case letters, itself taken so; without a copy for most.
fn begins(text: &str, lower: &str) -> bool {
    let mut letters = text.chars().flat_map(char::to_lowercase);
    lower.chars().all(|wanted| letters.next() == Some(wanted))
}

/// Whether a space stands before a piece's text, and the text without it.
fn bare(text: &str) -> (bool, &str) {
    text.strip_prefix(' ').map_or((false, text), |text| (true, text))
}

fn kind(tokenizer: &Tokenizer, id: TokenId, is_word: impl Fn(&str, bool) -> bool) -> Piece {
    let bytes = tokenizer.bytes_of(id);
    if tokenizer.is_special(id) || bytes.is_empty() {
        return Piece::Special;
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return Piece::Bytes };
    let (is_spaced, text) = bare(text);
    let all = |is: fn(char) -> bool| !text.is_empty() && text.chars().all(is);
    if all(|letter| letter.is_alphabetic()) {
        if !text.is_ascii() {
            Piece::Foreign
        } else if !is_word(text, is_spaced) {
            Piece::Part
        } else if text.chars().any(|letter| letter.is_ascii_uppercase()) {
            Piece::Capital
        } else {
            Piece::Word
        }
    } else if all(|letter| letter.is_numeric()) {
        Piece::Digits
    } else if text.chars().any(|letter| letter.is_alphabetic()) {
        Piece::Part
    } else {
        Piece::Signs
    }
}

/// Says into what a word falls.
fn several(word: &str, ids: &[TokenId], tokenizer: &Tokenizer) -> Refusal {
    /// Pieces that are named; a very long word has very many.
    const NAMED: usize = 8;
    let mut pieces = String::new();
    for (at, &id) in ids.iter().take(NAMED).enumerate() {
        let before = if at > 0 { " · " } else { "" };
        let _ = write!(pieces, "{before}{}", tokenizer.piece(id).trim());
    }
    if ids.len() > NAMED {
        pieces.push_str(" · …");
    }
    let shown: String = word.chars().take(40).collect();
    Refusal::user(format!(
        "{shown:?} is {} tokens here ({pieces}), so no single row of the table stands for it; choose \
         a word that is one token",
        ids.len()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A vocabulary of one story, in which frequent words became tokens.
    fn tokenizer() -> Tokenizer {
        let text = "the king saw the king and the kind queen. ".repeat(50) + "zebra 1234 K";
        Tokenizer::train_bpe(&[&text], 300, &["<|endoftext|>"]).unwrap()
    }

    #[test]
    fn a_word_is_meant_with_its_space_if_there_is_such_a_token() {
        let tokenizer = tokenizer();
        let words = Words::new(&tokenizer);
        for typed in ["king", " king", "king  "] {
            let id = words.find(typed, &tokenizer).unwrap();
            assert_eq!(tokenizer.piece(id), " king");
            let word = words.word(id).unwrap();
            assert_eq!((word.text.as_str(), word.is_spaced), ("king", true));
        }
    }

    #[test]
    fn any_token_can_be_named_by_its_number() {
        let tokenizer = tokenizer();
        let words = Words::new(&tokenizer);
        assert_eq!(words.find("#7", &tokenizer).unwrap(), TokenId(7));
        let said = words.find("#9999", &tokenizer).unwrap_err().to_string();
        assert_eq!(said, format!("#9999: the vocabulary ends at {}", tokenizer.vocabulary() - 1));
    }

    #[test]
    fn a_word_of_several_tokens_is_refused_with_its_pieces() {
        let tokenizer = tokenizer();
        let said = Words::new(&tokenizer).find("kingkong", &tokenizer).unwrap_err().to_string();
        assert!(said.starts_with("\"kingkong\" is 6 tokens here ("), "{said}");
        assert!(said.ends_with("choose a word that is one token"), "{said}");
    }

    #[test]
    fn no_word_is_refused() {
        let tokenizer = tokenizer();
        let said = Words::new(&tokenizer).find("  ", &tokenizer).unwrap_err().to_string();
        assert_eq!(said, "a word is missing; type one that is a single token");
    }

    #[test]
    fn words_are_completed_as_one_types_each_once() {
        let tokenizer = tokenizer();
        let words = Words::new(&tokenizer);
        let found = |typed| {
            let found = words.with_prefix(typed, 10);
            found.into_iter().map(|word| word.text.clone()).collect::<Vec<_>>()
        };
        let kin = found("kin");
        assert!(kin.contains(&"king".to_owned()) && kin.contains(&"kind".to_owned()), "{kin:?}");
        assert_eq!(found("King"), ["king"]);
        assert_eq!(found("the")[0], "the");
        assert!(found("xyz").is_empty());
        assert_eq!(words.with_prefix("", 2).len(), 2);
    }

    #[test]
    fn tokens_are_told_apart_by_what_they_look_like() {
        let tokenizer = tokenizer();
        let words = Words::new(&tokenizer);
        let kind = |piece: &str| words.kind(tokenizer.id_of(piece).unwrap());
        assert_eq!(kind("Ġking"), Piece::Word);
        assert_eq!(kind("7"), Piece::Digits);
        assert_eq!(kind("."), Piece::Signs);
        assert_eq!(kind("Ġ"), Piece::Signs);
        assert_eq!(kind("z"), Piece::Part);
        assert_eq!(kind("Ā"), Piece::Signs, "a control character is one whole character");
        assert_eq!(kind("ÿ"), Piece::Bytes);
        assert_eq!(kind("<|endoftext|>"), Piece::Special);
        assert_eq!(words.kind(TokenId(5000)), Piece::Special);
    }
}
