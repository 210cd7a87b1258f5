//! The pieces of a model and their merges, as they are stored. See `bpe` for how they are used.

use std::collections::HashMap;

use lookback_files::{Refusal, Result, quoted_excerpt};

use crate::budget;

/// Ids above this are a mistake or an attack, not a vocabulary.
const LARGEST: u32 = 1 << 24;

/// What a tokenizer's model is made of.
#[derive(Debug, Default)]
pub(crate) struct Vocabulary {
    /// By id; empty where the file has a hole.
    pieces: Vec<Option<Box<str>>>,
    ids: HashMap<Box<str>, u32>,
    /// Characters that are no pieces, but parts of longer ones. Their ids follow those of all pieces.
    parts: Vec<(char, Box<str>)>,
    places_of_parts: HashMap<char, usize>,
    /// Left and right, earliest first.
    pub(crate) merges: Vec<(u32, u32)>,
    /// The merges' ranks where some are equal; otherwise each has its place as its rank.
    pub(crate) ranks: Option<Vec<u32>>,
    /// Of a unigram language model: one for each id. Such a model has no merges.
    pub(crate) scores: Option<Vec<f64>>,
    /// Stands for what has no piece.
    pub(crate) unknown: Option<u32>,
    /// Whether unknown characters in a row become one piece.
    pub(crate) fuse_unknown: bool,
    /// Whether characters without a piece become their bytes' pieces.
    pub(crate) byte_fallback: bool,
    /// Whether a word that is a piece is taken as it is.
    pub(crate) ignore_merges: bool,
}

impl Vocabulary {
    /// Adds a piece under an id; neither may be there yet.
    pub(crate) fn insert(&mut self, piece: &str, id: u32) -> Result<()> {
        if id > LARGEST {
            let piece = quoted_excerpt(piece);
            return Err(Refusal::user(format!("the piece {piece} has the impossible id {id}")));
        }
        budget::check(piece.len(), budget::PIECE, "bytes in a piece of its vocabulary")?;
        let at = id as usize;
        if at >= self.pieces.len() {
            self.pieces.resize(at + 1, None);
        }
        if let Some(other) = &self.pieces[at] {
            return Err(Refusal::user(format!(
                "the pieces {} and {} share the id {id}",
                quoted_excerpt(other),
                quoted_excerpt(piece)
            )));
        }
        if let Some(other) = self.ids.insert(piece.into(), id) {
            return Err(Refusal::user(format!(
                "the piece {} has two ids, {other} and {id}",
                quoted_excerpt(piece)
            )));
        }
        self.pieces[at] = Some(piece.into());
        Ok(())
    }

    /// The id after the largest.
    pub(crate) fn size(&self) -> u32 {
        self.pieces.len() as u32
    }

    /// The piece of an id, or a part of pieces; empty for a hole.
    pub(crate) fn piece(&self, id: u32) -> &str {
        let part = || {
            let place = (id as usize).checked_sub(self.pieces.len())?;
            self.parts.get(place).map(|(_, part)| &**part)
        };
        let piece = self.pieces.get(id as usize).and_then(Option::as_deref);
        piece.or_else(part).unwrap_or_default()
    }

    /// Adds a character that is only a part of pieces, after all of these; it has one id, however often it is added.
    pub(crate) fn add_part(&mut self, part: char) -> u32 {
        let place = *self.places_of_parts.entry(part).or_insert(self.parts.len());
        if place == self.parts.len() {
            self.parts.push((part, part.to_string().into()));
        }
        (self.pieces.len() + place) as u32
    }

    /// The parts that are no pieces, and their ids.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (u32, char)> {
        (self.size()..).zip(self.parts.iter().map(|(part, _)| *part))
    }

    pub(crate) fn id(&self, piece: &str) -> Option<u32> {
        self.ids.get(piece).copied()
    }

    /// All pieces by id, holes left out.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = (u32, &str)> {
        let all = self.pieces.iter().zip(0..);
        all.filter_map(|(piece, id)| piece.as_deref().map(|piece| (id, piece)))
    }

    /// Adds a merge; both pieces must be there.
    pub(crate) fn merge(&mut self, left: &str, right: &str) -> Result<()> {
        let [left, right] = [left, right].map(|piece| {
            self.id(piece).ok_or_else(|| {
                Refusal::user(format!(
                    "merge {}: {} is not in the vocabulary",
                    self.merges.len(),
                    quoted_excerpt(piece)
                ))
            })
        });
        self.merges.push((left?, right?));
        Ok(())
    }
}
