//! Vocabularies known by name: the ids of Python's tiktoken 0.14, and how their pieces came about.
#![allow(clippy::unwrap_used, reason = "a test that cannot begin has failed")]

use lookback_text::{GgufVocabulary, NamedTokenizer, Specials, TokenId, Tokenizer, Tree};
use proptest::prelude::*;

fn ids(tokenizer: &Tokenizer, text: &str) -> Vec<u32> {
    let ids = tokenizer.encode(text, Specials::Text).unwrap();
    ids.into_iter().map(|id| id.0).collect()
}

#[test]
fn ids_are_those_of_tiktoken() {
    // text; gpt2, cl100k, o200k
    let told: [(&str, [&[u32]; 3]); 5] = [
        (
            "the bird is red",
            [&[1169, 6512, 318, 2266], &[1820, 12224, 374, 2579], &[3086, 16189, 382, 3592]],
        ),
        // White space at the end is one word of cl100k, and two of o200k.
        ("  \n  ", [&[220, 220, 198, 220, 220], &[2355, 256], &[4066, 256]]),
        (
            "I'LL ſay: 12345 ½! \r\n\r\n x",
            [
                &[
                    40, 6, 3069, 25370, 123, 323, 25, 17031, 2231, 25208, 0, 220, 201, 198, 201,
                    198, 2124,
                ],
                &[40, 6, 4178, 27006, 123, 352, 25, 220, 4513, 1774, 220, 27154, 0, 24226, 865],
                &[40, 6, 7454, 20757, 123, 356, 25, 220, 7633, 2548, 220, 27124, 0, 41840, 1215],
            ],
        ),
        (
            " 日本語 🦊 HelloWorld don'T/\n/",
            [
                &[
                    10545, 245, 98, 17312, 105, 45739, 252, 12520, 99, 232, 18435, 10603, 836, 6,
                    51, 14, 198, 14,
                ],
                &[76502, 22656, 45918, 252, 11410, 99, 232, 91171, 1541, 17773, 6018, 14],
                &[17428, 40909, 9552, 99, 232, 32949, 13046, 1700, 51532, 66186],
            ],
        ),
        (
            "<|endoftext|>",
            [
                &[27, 91, 437, 1659, 5239, 91, 29],
                &[27, 91, 8862, 728, 428, 91, 29],
                &[27, 91, 419, 1440, 919, 91, 29],
            ],
        ),
    ];
    for (text, expected) in told {
        for (named, expected) in NamedTokenizer::ALL.into_iter().zip(expected) {
            let tokenizer = named.tokenizer().unwrap();
            assert_eq!(ids(&tokenizer, text), expected, "{named}: {text:?}");
            assert_eq!(tokenizer.decode(&tokenizer.encode(text, Specials::Text).unwrap()), text);
        }
    }
}

#[test]
fn special_tokens_stand_where_tiktoken_has_them() {
    for (named, size, end) in [
        (NamedTokenizer::Gpt2, 50_257, 50_256),
        (NamedTokenizer::Cl100k, 100_277, 100_257),
        (NamedTokenizer::O200k, 200_019, 199_999),
    ] {
        let tokenizer = named.tokenizer().unwrap();
        assert_eq!((tokenizer.vocabulary(), tokenizer.eos()), (size, Some(TokenId(end))));
        let allowed = tokenizer.encode("<|endoftext|>", Specials::Allowed).unwrap();
        assert_eq!(allowed, [TokenId(end)]);
        assert_eq!(NamedTokenizer::from_name(named.name()), Some(named));
    }
    assert_eq!(NamedTokenizer::from_name("gpt5"), None);
}

#[test]
fn every_piece_is_made_by_merging() {
    for named in NamedTokenizer::ALL {
        let tokenizer = named.tokenizer().unwrap();
        let whole = (0..tokenizer.vocabulary() as u32).map(TokenId).filter(|&id| {
            !tokenizer.bytes_of(id).is_empty()
                && !tokenizer.is_special(id)
                && tokenizer.tree(id).is_none()
        });
        assert_eq!(whole.count(), 0, "{named}");
    }
}

#[test]
fn a_written_vocabulary_reads_the_same_ids() {
    let written = NamedTokenizer::Cl100k.tokenizer().unwrap();
    let read = Tokenizer::from_json(&written.to_json()).unwrap();
    for text in ["the bird is red", " x  \n \n ", "I'LL 12345 日本"] {
        assert_eq!(ids(&read, text), ids(&written, text));
    }
}

/// The pieces of a tree's leaves and merges, as they are spelled.
fn told(tokenizer: &Tokenizer, tree: &Tree) -> Vec<(u32, String, String)> {
    let spelled = |node| tokenizer.spelled(tree.id(node)).to_owned();
    tree.merges.iter().map(|m| (m.rank, spelled(m.left), spelled(m.right))).collect()
}

#[test]
fn bird_is_merged_from_its_letters_in_the_order_of_the_ranks() {
    let tokenizer = NamedTokenizer::Cl100k.tokenizer().unwrap();
    let tree = tokenizer.tree(TokenId(12_224)).unwrap();
    assert_eq!(tree.leaves.len(), 5);
    let of_rank = |rank: u32, left: &str, right: &str| (rank, left.to_owned(), right.to_owned());
    let expected = [
        of_rank(37, "Ġ", "b"),
        of_rank(148, "i", "r"),
        of_rank(2412, "ir", "d"),
        of_rank(11968, "Ġb", "ird"),
    ];
    assert_eq!(told(&tokenizer, &tree), expected);
}

#[test]
fn pieces_by_score_have_their_trees_and_bytes_are_leaves() {
    let tokens = ["<unk>", "<s>", "<0x0A>", "a", "b", "c", "ab", "abc", "▁"];
    let tokenizer = Tokenizer::from_gguf(&GgufVocabulary {
        model: "llama".to_owned(),
        tokens: tokens.map(str::to_owned).to_vec(),
        scores: Some(vec![0.0, 0.0, 0.0, -4.0, -5.0, -6.0, -1.0, -2.0, -3.0]),
        token_types: Some(vec![2, 3, 6, 1, 1, 1, 1, 1, 1]),
        unk: Some(0),
        ..GgufVocabulary::default()
    })
    .unwrap();
    let tree = tokenizer.tree(TokenId(7)).unwrap();
    let steps = told(&tokenizer, &tree);
    assert_eq!(steps[0].1, "a");
    assert_eq!((steps[1].1.as_str(), steps[1].2.as_str()), ("ab", "c"));
    assert!(steps[0].0 < steps[1].0);
    assert_eq!(tokenizer.tree(TokenId(2)).unwrap().leaves, [TokenId(2)]);
    // Structure is not merged.
    assert_eq!(tokenizer.tree(TokenId(1)), None);
}

#[test]
fn spans_tell_which_bytes_a_token_stands_for() {
    let tokenizer = NamedTokenizer::Cl100k.tokenizer().unwrap();
    let text = "the bird 🦊";
    let ids = tokenizer.encode(text, Specials::Text).unwrap();
    let spans = tokenizer.spans(text, &ids, Specials::Text);
    assert_eq!(spans[..2], [Some(0..3), Some(3..8)]);
    assert_eq!(spans.last(), Some(&Some(12..13)));
}

proptest! {
    // What a piece is made of does not depend on where it stands.
    #[test]
    fn every_token_of_a_text_has_its_tree(text in r"(\PC|[\x00-\x7f]|the|bird| red){0,60}") {
        for named in NamedTokenizer::ALL {
            let tokenizer = named.tokenizer().unwrap();
            let ids = tokenizer.encode(&text, Specials::Text).unwrap();
            prop_assert_eq!(tokenizer.decode(&ids), text.as_str());
            let spans = tokenizer.spans(&text, &ids, Specials::Text);
            for (id, span) in ids.into_iter().zip(spans) {
                let tree = tokenizer.tree(id).unwrap();
                let root = tree.leaves.len() + tree.merges.len() - 1;
                prop_assert_eq!(tree.id(root), id);
                prop_assert_eq!(&text.as_bytes()[span.unwrap()], tokenizer.bytes_of(id));
            }
        }
    }
}
