//! SentencePiece's BPE keeps no merges: any two neighbours whose text is a piece merge, the best score first.

use lookback_files::Result;

use crate::{budget, vocabulary::Vocabulary};

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
    let half = |text: &str, vocabulary: &mut Vocabulary| {
        let mut signs = text.chars();
        match (vocabulary.id(text).filter(|&id| joins(id)), signs.next(), signs.next()) {
            (Some(id), ..) => Some(id),
            // A character that is no piece still is a part of longer ones.
            (None, Some(sign), None) if vocabulary.id(text).is_none() => {
                Some(vocabulary.add_part(sign))
            }
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
            // Only two characters may both be no pieces; a longer half is one or is never made.
            if let Some(left) = half(left, vocabulary)
                && let Some(right) = half(right, vocabulary)
            {
                merges.push((left, right));
                ranks.push(rank);
            }
        }
    }
    vocabulary.merges = merges;
    vocabulary.ranks = Some(ranks);
    Ok(())
}
