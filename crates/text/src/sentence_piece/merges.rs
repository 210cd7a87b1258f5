//! SentencePiece's BPE keeps no merges: any two neighbours whose text is a piece merge, the best score first.

use std::collections::HashMap;

use lookback_files::{Refusal, Result};
use serde_json::{Value, json};

use crate::{budget, vocabulary::Vocabulary};

/// The key of a `normalizer` object under which stands what a `tokenizer.json` has no words for.
pub(super) const KEY: &str = "sentencepiece";

/// Bytes of the halves that pieces are tried to be merged from: a real vocabulary has some ten million.
const TRIED: usize = 1 << 30;

/// Gives a vocabulary its merges. `scores`: one for each piece. `joins`: whether a piece is merged and made by
/// merging. A half is a piece, or any one character.
pub(crate) fn by_score(
    vocabulary: &mut Vocabulary,
    scores: &[f32],
    joins: &dyn Fn(u32) -> bool,
) -> Result<()> {
    // Each piece is tried at each of its places.
    let tried = vocabulary.pieces().map(|(_, piece)| piece.len().saturating_mul(piece.len()));
    budget::check(tried.sum(), TRIED, "bytes to try in the merges of its pieces")?;
    let mut best_first: Vec<u32> = (0..vocabulary.size()).filter(|&id| joins(id)).collect();
    best_first.sort_by(|&one, &other| scores[other as usize].total_cmp(&scores[one as usize]));
    let (mut merges, mut ranks, mut rank) = (Vec::new(), Vec::new(), 0);
    let mut before: Option<f32> = None;
    let half = |text: &str, vocabulary: &Vocabulary| {
        let mut signs = text.chars();
        match (vocabulary.id(text), signs.next(), signs.next()) {
            (Some(id), ..) => Some(Half::Piece(id)).filter(|_| joins(id)),
            // A character that is no piece still is a part of longer ones.
            (None, Some(sign), None) => Some(Half::Part(sign)),
            _ => None,
        }
    };
    for id in best_first {
        let score = scores[id as usize];
        // Of equal scores the leftmost merges first: one rank for all of them.
        if before.is_some_and(|before| before != score) {
            rank += 1;
        }
        before = Some(score);
        let piece = vocabulary.piece(id).to_owned();
        for (cut, _) in piece.char_indices().skip(1) {
            let (left, right) = piece.split_at(cut);
            if let Some((left, right)) = half(left, vocabulary).zip(half(right, vocabulary)) {
                merges.push((left.id(vocabulary), right.id(vocabulary)));
                ranks.push(rank);
            }
        }
    }
    vocabulary.merges = merges;
    vocabulary.ranks = Some(ranks);
    Ok(())
}

/// What a piece is merged from.
enum Half {
    Piece(u32),
    Part(char),
}

impl Half {
    fn id(self, vocabulary: &mut Vocabulary) -> u32 {
        match self {
            Self::Piece(id) => id,
            Self::Part(sign) => vocabulary.add_part(sign),
        }
    }
}

/// Whether other programs know a merge: those of characters that are no pieces stand elsewhere.
pub(crate) fn is_of_other_programs(vocabulary: &Vocabulary, merge: (u32, u32)) -> bool {
    merge.0.max(merge.1) < vocabulary.size()
}

/// Puts into a `normalizer` object how many merges again and again are equal, so that the leftmost comes first, and
/// the merges that other programs do not know, each with its place.
pub(crate) fn write(vocabulary: &Vocabulary, normalizer: &mut Value) {
    let Some(ranks) = &vocabulary.ranks else { return };
    let counts = ranks.chunk_by(|one, other| one == other).map(<[u32]>::len);
    normalizer[KEY]["equal_merges"] = counts.collect();
    let others = vocabulary
        .merges
        .iter()
        .enumerate()
        .filter(|(_, merge)| !is_of_other_programs(vocabulary, **merge));
    let spelled = |(place, &(left, right)): (usize, &(u32, u32))| {
        json!([place, vocabulary.piece(left), vocabulary.piece(right)])
    };
    let others: Vec<Value> = others.map(spelled).collect();
    if !others.is_empty() {
        normalizer[KEY]["other_merges"] = json!(others);
    }
}

/// Reads what `write` wrote.
pub(crate) fn read(normalizer: &Value, vocabulary: &mut Vocabulary) -> Result<()> {
    let Some(counts) = normalizer[KEY]["equal_merges"].as_array() else { return Ok(()) };
    let broken =
        |what: &str| Refusal::user(format!("{what} of the normalizer are not those of the merges"));
    let mut others: HashMap<usize, (u32, u32)> = HashMap::new();
    for other in normalizer[KEY]["other_merges"].as_array().into_iter().flatten() {
        let mut half = |text: &Value| -> Option<u32> {
            let text = text.as_str()?;
            let mut signs = text.chars();
            match (vocabulary.id(text), signs.next(), signs.next()) {
                (None, Some(sign), None) => Some(vocabulary.add_part(sign)),
                (id, ..) => id,
            }
        };
        let halves = half(&other[1]).zip(half(&other[2]));
        let place = other[0].as_u64().and_then(|place| usize::try_from(place).ok());
        let (place, halves) = place.zip(halves).ok_or_else(|| broken("other_merges"))?;
        others.insert(place, halves);
    }
    let mut known = std::mem::take(&mut vocabulary.merges).into_iter();
    let all = known.len() + others.len();
    let merged = (0..all).map_while(|place| others.get(&place).copied().or_else(|| known.next()));
    vocabulary.merges = merged.collect();
    let mut ranks = Vec::with_capacity(all);
    for (rank, count) in (0..).zip(counts) {
        let count = count.as_u64().and_then(|count| usize::try_from(count).ok());
        let count = count.filter(|count| *count <= all - ranks.len());
        ranks.extend(std::iter::repeat_n(rank, count.ok_or_else(|| broken("equal_merges"))?));
    }
    if ranks.len() != all || vocabulary.merges.len() != all {
        return Err(broken("equal_merges"));
    }
    vocabulary.ranks = Some(ranks);
    Ok(())
}
