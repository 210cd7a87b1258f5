//! The model against its definition.

use proptest::prelude::*;

use super::*;

fn vocabulary(pieces: &[&str]) -> Vocabulary {
    let mut vocabulary = Vocabulary::default();
    for (id, piece) in (0..).zip(pieces) {
        vocabulary.insert(piece, id).unwrap();
    }
    vocabulary
}

#[test]
fn the_likeliest_pieces_are_taken_and_unknown_characters_in_a_row_are_one() {
    // The example of tokenizers' own documentation.
    let pieces = ["<unk>", "a", "b", "c", "d", "cd", "ab", "abc", "abcd"];
    let scores = [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 5.0, 10.0];
    let mut vocabulary = vocabulary(&pieces);
    vocabulary.unknown = Some(0);
    let model = Unigram::new(&vocabulary, Scores::of_json(&scores)).unwrap();
    let mut ids = Vec::new();
    model.encode("abcdacdxx", &mut ids).unwrap();
    assert_eq!(ids, [8, 1, 5, 0]);
}

#[test]
fn without_an_unknown_token_an_unknown_character_is_named() {
    let vocabulary = vocabulary(&["a", "ab"]);
    let model = Unigram::new(&vocabulary, Scores::of_json(&[0.0, 0.0])).unwrap();
    assert_eq!(model.encode("aéb", &mut Vec::new()), Err(Unknown::Character('é')));
}

#[test]
fn what_is_settled_is_handed_on_before_the_word_ends() {
    let mut way = Way { nodes: vec![Node { start: 0, ..NONE }], from: 0 };
    way.reach(0..2, 7, 0.0);
    assert!(!way.ends_at(0) && !way.ends_at(1) && way.ends_at(2));
    let mut settled = Vec::new();
    way.settle(&mut |span, id| settled.push((span, id)));
    assert_eq!((settled, way.from, way.nodes.len()), (vec![(0..2, 7)], 2, 1));
}

const PIECES: [&str; 14] =
    ["<unk>", "a", "b", "é", "ab", "ba", "aa", "aé", "éa", "aab", "bab", "aaaa", "abab", "béb"];

proptest! {
    // Few scores, so that many sums are equal, and tenths, so that f32 and f64 round apart.
    #[test]
    fn the_model_equals_its_definition(
        word in "[abéx]{0,60}|[ab]{200,300}",
        scores in prop::collection::vec(-12i32..4, PIECES.len()),
        known in prop::collection::vec(any::<bool>(), PIECES.len()),
        is_single in any::<bool>(),
        scale in prop::sample::select(vec![0.1, 970.1]),
    ) {
        let kept: Vec<usize> = (0..PIECES.len()).filter(|&id| id == 0 || known[id]).collect();
        let pieces: Vec<&str> = kept.iter().map(|&id| PIECES[id]).collect();
        let scores: Vec<f64> = kept.iter().map(|&id| {
            let score = f64::from(scores[id]) * scale;
            if is_single { f64::from(score as f32) } else { score }
        }).collect();
        let mut vocabulary = vocabulary(&pieces);
        vocabulary.unknown = Some(0);
        let model = Unigram::new(&vocabulary, naive::scores(&scores, is_single)).unwrap();
        let mut ids = Vec::new();
        model.encode(&word, &mut ids).unwrap();
        let mut defined: Vec<u32> = naive::cut(&word, &pieces, &scores, is_single)
            .into_iter()
            .map(|id| id.unwrap_or(0) as u32)
            .collect();
        defined.dedup_by(|one, other| *one == 0 && *other == 0);
        prop_assert_eq!(ids, defined);
    }
}
