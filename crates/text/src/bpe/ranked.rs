//! The merges of a vocabulary that only ranks its pieces, as tiktoken's files do.
//!
//! tiktoken joins the two neighbours whose joined bytes have the lowest rank, whatever the two are.
//! Each piece can come about in one way only: when its rank's turn comes, every lower rank has been
//! joined, so its bytes lie there as the lower ranks alone would leave them. If these are two pieces,
//! they are its merge; if they are more, it is never made by merging, and is taken only as a whole
//! word. So one merge for each piece gives tiktoken's ids.

use lookback_files::{Refusal, Result};

use super::{
    merge,
    pairs::{Merge, Pairs},
};
use crate::vocabulary::Vocabulary;

/// Gives a byte-level vocabulary, whose ids are its ranks, its merges.
pub(crate) fn merges(vocabulary: &mut Vocabulary) -> Result<()> {
    let mut pairs = Pairs::default();
    let mut parts = Vec::new();
    for id in 0..vocabulary.size() {
        parts.clear();
        for letter in vocabulary.piece(id).chars() {
            let byte = vocabulary.id(letter.encode_utf8(&mut [0; 4]));
            parts.push(byte.ok_or_else(|| {
                Refusal::user(format!("the letter {letter} of piece {id} is itself no piece"))
            })?);
        }
        merge::merge(&mut parts, &pairs);
        match *parts.as_slice() {
            [left, right] => {
                pairs.insert(left, right, Merge { rank: id, id });
                vocabulary.merges.push((left, right));
            }
            // A single byte, or a hole.
            [_] | [] => {}
            _ => vocabulary.ignore_merges = true,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary(pieces: &[&str]) -> Vocabulary {
        let mut vocabulary = Vocabulary::default();
        for (id, piece) in (0..).zip(pieces) {
            vocabulary.insert(piece, id).unwrap();
        }
        vocabulary
    }

    #[test]
    fn a_piece_is_made_of_the_two_that_lower_ranks_leave() {
        // abc could be a·bc too, but ab (3) comes before bc (4).
        let mut ranked = vocabulary(&["a", "b", "c", "ab", "bc", "abc"]);
        merges(&mut ranked).unwrap();
        assert_eq!(ranked.merges, [(0, 1), (1, 2), (3, 2)]);
        assert!(!ranked.ignore_merges);
    }

    #[test]
    fn a_piece_that_no_merge_makes_is_taken_as_a_whole_word() {
        let mut ranked = vocabulary(&["a", "b", "c", "abc"]);
        merges(&mut ranked).unwrap();
        assert!(ranked.merges.is_empty() && ranked.ignore_merges);
    }

    #[test]
    fn a_letter_that_is_no_piece_is_refused() {
        assert!(merges(&mut vocabulary(&["a", "ab"])).is_err());
    }
}
