//! Byte pair encoding: a word is its smallest pieces, and neighbours are merged, earliest rule first.
//!
//! ```text
//! while some neighbours may be merged:
//!     merge the pair of the lowest rank; of equal ones, the leftmost
//! ```
//! 1. Each neighbour's rank is looked up once and kept beside it, not searched for again.
//! 2. Long words (whole texts, where nothing cuts) are a linked list with a heap of ranks, so that
//!    n characters take n log n steps. `naive` is the loop above, and both equal it.

mod merge;
#[cfg(test)]
mod naive;
mod pairs;
pub(crate) mod ranked;
pub(crate) mod train;
mod tree;

use std::collections::HashMap;

use lookback_files::{Refusal, Result, quoted_excerpt};

pub(crate) use self::pairs::{Merge, Pairs};
pub use self::tree::{Merged, Tree};
use crate::{alphabet, vocabulary::Vocabulary};

/// A vocabulary with its merges, ready to encode words.
#[derive(Debug)]
pub(crate) struct Bpe {
    pairs: Pairs,
    /// The piece of each byte, where words are bytes: spelled, or as `<0x..>` in a byte fallback.
    bytes: Option<Box<[Option<u32>; 256]>>,
    /// What stands for a byte whose letter is no piece: the bytes of the letter, by a byte fallback.
    spelled: HashMap<u8, Vec<u32>>,
    /// The piece of each character, where words are characters.
    characters: HashMap<char, u32>,
    /// Characters that are no pieces, and only merge into some; their ids begin behind those of all pieces.
    parts: Vec<char>,
    pieces: u32,
    /// Whole words that are not merged up to, where merges are ignored for them.
    words: HashMap<Box<[u8]>, u32>,
    is_byte_level: bool,
    unknown: Option<u32>,
    fuses_unknown: bool,
}

/// What no piece stands for.
#[derive(Debug, PartialEq)]
pub(crate) enum Unknown {
    Character(char),
    Byte(u8),
}

impl Bpe {
    /// Prepares a model to encode; a merge of unknown pieces is refused by name.
    pub(crate) fn new(model: &Vocabulary, is_byte_level: bool) -> Result<Self> {
        let mut pairs = Pairs::default();
        for (at, &(left, right)) in model.merges.iter().enumerate() {
            let [left_piece, right_piece] = [left, right].map(|id| model.piece(id));
            let merged = format!("{left_piece}{right_piece}");
            let Some(id) = model.id(&merged) else {
                return Err(Refusal::user(format!(
                    "the merge of {} and {} makes {}, which is not in the vocabulary",
                    quoted_excerpt(left_piece),
                    quoted_excerpt(right_piece),
                    quoted_excerpt(&merged)
                )));
            };
            let rank = model.ranks.as_ref().map_or(at as u32, |ranks| ranks[at]);
            pairs.insert(left, right, Merge { rank, id });
        }
        let fallback_piece = |byte: u8| model.id(&format!("<0x{byte:02X}>"));
        let byte_piece = |byte: u8| match is_byte_level {
            true => model.id(alphabet::letter(byte).encode_utf8(&mut [0; 4])),
            false => fallback_piece(byte),
        };
        let bytes = (is_byte_level || model.byte_fallback).then(|| {
            let mut bytes = Box::new([None; 256]);
            for byte in 0..=255 {
                bytes[usize::from(byte)] = byte_piece(byte);
            }
            bytes
        });
        let missing =
            |byte: &u8| is_byte_level && model.byte_fallback && byte_piece(*byte).is_none();
        let spelled = (0..=255).filter(missing).filter_map(|byte| {
            let mut room = [0; 4];
            let letter = alphabet::letter(byte).encode_utf8(&mut room).as_bytes();
            let ids: Option<_> = letter.iter().map(|byte| fallback_piece(*byte)).collect();
            Some((byte, ids?))
        });
        let spelled = spelled.collect();
        let mut bpe = Self {
            pairs,
            bytes,
            spelled,
            characters: model.parts().map(|(id, part)| (part, id)).collect(),
            parts: model.parts().map(|(_, part)| part).collect(),
            pieces: model.size(),
            words: HashMap::new(),
            is_byte_level,
            unknown: model.unknown,
            fuses_unknown: model.fuse_unknown,
        };
        for (id, piece) in model.pieces() {
            let mut characters = piece.chars();
            if let (false, Some(one), None) = (is_byte_level, characters.next(), characters.next())
            {
                bpe.characters.insert(one, id);
            }
            if model.ignore_merges {
                let word = if is_byte_level { alphabet::bytes(piece) } else { None };
                let word = word.unwrap_or_else(|| piece.as_bytes().to_vec());
                bpe.words.insert(word.into(), id);
            }
        }
        Ok(bpe)
    }

    /// Appends the pieces of a word. `pieces` is room to work in, which is not needed where nothing
    /// merges: a word may then be a whole text.
    pub(crate) fn encode(
        &self,
        word: &str,
        pieces: &mut Vec<u32>,
        ids: &mut Vec<u32>,
    ) -> Result<(), Unknown> {
        if let Some(&id) = self.words.get(word.as_bytes()) {
            ids.push(id);
            return Ok(());
        }
        if self.pairs.is_empty() {
            return self.smallest(word, ids);
        }
        pieces.clear();
        self.smallest(word, pieces)?;
        merge::merge(pieces, &self.pairs);
        if self.parts.is_empty() {
            ids.extend_from_slice(pieces);
            return Ok(());
        }
        self.without_parts(pieces, ids)
    }

    /// Appends pieces, and for parts that did not merge what becomes of characters without a piece.
    fn without_parts(&self, pieces: &[u32], ids: &mut Vec<u32>) -> Result<(), Unknown> {
        let mut after_unknown = false;
        for &piece in pieces {
            let part = piece.checked_sub(self.pieces).map(|place| self.parts[place as usize]);
            let is_unknown = match part {
                None => self.unknown == Some(piece),
                Some(part) => self.fallback(part).is_none(),
            };
            match part {
                Some(part) if is_unknown => {
                    self.unknown(Unknown::Character(part), after_unknown, ids)?;
                }
                Some(part) => ids.extend(self.fallback(part).into_iter().flatten()),
                None if is_unknown && after_unknown && self.fuses_unknown => {}
                None => ids.push(piece),
            }
            after_unknown = is_unknown;
        }
        Ok(())
    }

    /// Whether each character is a piece for itself, whatever stands beside it.
    pub(crate) fn takes_each_character(&self) -> bool {
        self.pairs.is_empty() && self.words.is_empty() && self.unknown.is_none()
    }

    /// How a piece comes about by merging; nothing for one that is only ever taken whole.
    pub(crate) fn tree(&self, id: u32, vocabulary: &Vocabulary) -> Option<Tree> {
        let letters = vocabulary.piece(id).chars();
        let leaves: Option<Vec<u32>> =
            letters.map(|letter| vocabulary.id(letter.encode_utf8(&mut [0; 4]))).collect();
        // A byte of a fallback, `<0x0A>`, is a leaf whatever its letters are.
        let leaves = match self.bytes.as_deref() {
            Some(bytes) if bytes.contains(&Some(id)) => vec![id],
            _ => leaves?,
        };
        let (tree, standing) = Tree::grow(&leaves, &self.pairs);
        let is_made = matches!(*standing, [root] if tree.id(root).0 == id);
        is_made.then_some(tree)
    }

    /// Appends the smallest pieces of a word.
    fn smallest(&self, word: &str, pieces: &mut Vec<u32>) -> Result<(), Unknown> {
        match self.is_byte_level {
            true => self.bytes(word, pieces),
            false => self.characters(word, pieces),
        }
    }

    fn bytes(&self, word: &str, pieces: &mut Vec<u32>) -> Result<(), Unknown> {
        let table = self.bytes.as_ref().expect("a byte-level vocabulary has its table of bytes");
        let mut after_unknown = false;
        for &byte in word.as_bytes() {
            let mut is_unknown = false;
            if let Some(id) = table[usize::from(byte)] {
                pieces.push(id);
            } else if let Some(spelled) = self.spelled.get(&byte) {
                pieces.extend(spelled);
            } else {
                self.unknown(Unknown::Byte(byte), after_unknown, pieces)?;
                is_unknown = true;
            }
            after_unknown = is_unknown;
        }
        Ok(())
    }

    fn characters(&self, word: &str, pieces: &mut Vec<u32>) -> Result<(), Unknown> {
        let mut after_unknown = false;
        for character in word.chars() {
            let mut is_unknown = false;
            if let Some(&id) = self.characters.get(&character) {
                pieces.push(id);
            } else if let Some(fallback) = self.fallback(character) {
                pieces.extend(fallback);
            } else {
                self.unknown(Unknown::Character(character), after_unknown, pieces)?;
                is_unknown = true;
            }
            after_unknown = is_unknown;
        }
        Ok(())
    }

    /// A character's bytes as pieces, where the vocabulary has them all.
    fn fallback(&self, character: char) -> Option<Vec<u32>> {
        let table = self.bytes.as_ref()?;
        let mut room = [0; 4];
        let bytes = character.encode_utf8(&mut room).as_bytes();
        bytes.iter().map(|&byte| table[usize::from(byte)]).collect()
    }

    /// One piece for all that is unknown in a row, or one each; or a refusal.
    fn unknown(
        &self,
        what: Unknown,
        after_unknown: bool,
        pieces: &mut Vec<u32>,
    ) -> Result<(), Unknown> {
        let id = self.unknown.ok_or(what)?;
        if !(self.fuses_unknown && after_unknown) {
            pieces.push(id);
        }
        Ok(())
    }
}
