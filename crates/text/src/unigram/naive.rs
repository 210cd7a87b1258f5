//! The definition: a table of all places, every piece tried at each of them.

use super::{Scores, UNKNOWN_PENALTY};

/// The pieces of a word, and `None` for each unknown character. `scores`: those of `pieces`.
pub(super) fn cut(
    word: &str,
    pieces: &[&str],
    scores: &[f64],
    is_single: bool,
) -> Vec<Option<usize>> {
    let kept = |sum: f64| if is_single { f64::from(sum as f32) } else { sum };
    let unknown = scores.iter().copied().fold(f64::INFINITY, f64::min) - UNKNOWN_PENALTY;
    let mut best: Vec<Option<(f64, usize, Option<usize>)>> = vec![None; word.len() + 1];
    best[0] = Some((0.0, 0, None));
    for (at, character) in word.char_indices() {
        let (here, ..) = best[at].expect("a way to each character");
        let is_far = is_single && here.abs() > 100_000.0;
        if is_far {
            best[at..].iter_mut().flatten().for_each(|(sum, ..)| *sum = kept(*sum - here));
        }
        let here = if is_far { 0.0 } else { here };
        let mut here_pieces: Vec<usize> =
            (0..pieces.len()).filter(|&id| word[at..].starts_with(pieces[id])).collect();
        here_pieces.sort_by_key(|&id| pieces[id].len());
        let mut tried: Vec<(usize, f64, Option<usize>)> = here_pieces
            .into_iter()
            .map(|id| (pieces[id].len(), kept(here + scores[id]), Some(id)))
            .collect();
        if !tried.iter().any(|(length, ..)| *length == character.len_utf8()) {
            tried.push((character.len_utf8(), kept(here + unknown), None));
        }
        for (length, sum, id) in tried {
            if best[at + length].is_none_or(|(other, ..)| sum > other) {
                best[at + length] = Some((sum, at, id));
            }
        }
    }
    let (mut at, mut way) = (word.len(), Vec::new());
    while at > 0 {
        let (_, start, id) = best[at].expect("a way to the end");
        way.push(id);
        at = start;
    }
    way.reverse();
    way
}

/// The same scores as the model has them.
pub(super) fn scores(pieces: &[f64], is_single: bool) -> Scores {
    Scores { is_sentence_piece: is_single, ..Scores::of_json(pieces) }
}
