//! Tokenizers made here: what they learn, that nothing is lost, and what they refuse.
#![allow(clippy::unwrap_used, reason = "a test that cannot begin has failed")]

use lookback_text::{GgufVocabulary, Specials, TokenId, Tokenizer};
use proptest::prelude::*;

const END: &str = "<|endoftext|>";

fn learned() -> Tokenizer {
    let text =
        "the bird is red. the bird sees the red bird; it isn't a cold day, is it? ".repeat(3);
    Tokenizer::train_bpe(&[&text, "größer größer 日本 日本 🦊🦊"], 300, &[END]).unwrap()
}

fn ids(tokenizer: &Tokenizer, text: &str) -> Vec<u32> {
    let ids = tokenizer.encode(text, Specials::Allowed).unwrap();
    ids.into_iter().map(|id| id.0).collect()
}

fn refusal(of: lookback_files::Result<Tokenizer>) -> String {
    of.unwrap_err().to_string()
}

#[test]
fn the_commonest_pair_merges_first_and_ties_go_to_the_lowest_ids() {
    // "ab" occurs four times; "cd" and "Ġc" three times, and c has a lower id than Ġ.
    let tokenizer = Tokenizer::train_bpe(&["abab abab cd cd cd"], 259, &[]).unwrap();
    let pieces: Vec<&str> = (256..259).map(|id| tokenizer.spelled(TokenId(id))).collect();
    assert_eq!(pieces, ["ab", "cd", "Ġcd"]);
    assert_eq!(ids(&tokenizer, " cdab"), [258, 256]);
}

#[test]
fn a_special_token_is_a_token_where_allowed_and_text_elsewhere() {
    let tokenizer = learned();
    let text = format!("red{END}bird");
    let allowed = tokenizer.encode(&text, Specials::Allowed).unwrap();
    let as_text = tokenizer.encode(&text, Specials::Text).unwrap();
    assert!(allowed.contains(&TokenId(0)) && !as_text.contains(&TokenId(0)));
    assert_eq!([tokenizer.decode(&allowed), tokenizer.decode(&as_text)], [&*text, &*text]);
    assert_eq!(tokenizer.decode_plain(&allowed), "redbird");
    assert_eq!(tokenizer.eos(), tokenizer.id_of(END));
}

#[test]
fn a_character_tokenizer_numbers_characters_in_order_and_refuses_others() {
    let tokenizer = Tokenizer::characters(&["hello\n", "wörld"], &[]).unwrap();
    assert_eq!(tokenizer.vocabulary(), 9);
    assert_eq!(ids(&tokenizer, "\nö"), [0, 8]);
    let refused = tokenizer.encode("löw é", Specials::Allowed).unwrap_err().to_string();
    assert!(refused.starts_with("the character ' ' at byte 4 is not"), "{refused}");
    let again = Tokenizer::from_json(&tokenizer.to_json()).unwrap();
    assert_eq!(ids(&again, "hello wörld".replace(' ', "").as_str()).len(), 10);
}

#[test]
fn a_word_of_a_million_characters_is_encoded_in_a_moment() {
    let tokenizer = learned();
    let word = "the".repeat(300_000);
    assert_eq!(tokenizer.decode(&tokenizer.encode(&word, Specials::Text).unwrap()), word);
    let spaces = " ".repeat(1_000_000);
    assert_eq!(tokenizer.decode(&tokenizer.encode(&spaces, Specials::Text).unwrap()), spaces);
}

#[test]
fn broken_files_are_refused_by_name() {
    let model = |model: &str| format!(r#"{{"model": {model}}}"#);
    let with = |part: &str, kind: &str| {
        format!(r#"{{"model": {{"vocab": {{}}}}, "{part}": {{"type": "{kind}"}}}}"#)
    };
    for (text, says) in [
        ("{", "this is no tokenizer.json"),
        (&model(r#"{"type": "Unigram", "vocab": [["a"]]}"#), "the vocabulary cannot be read"),
        (
            &model(r#"{"type": "Unigram", "unk_id": 1, "vocab": [["a", 0.0]]}"#),
            "the unknown token's id 1 is not among the 1 pieces",
        ),
        (
            &model(r#"{"type": "Unigram", "vocab": [["a", 0.0], ["a", -1.0]]}"#),
            r#"the piece "a" has two ids, 0 and 1"#,
        ),
        (&model(r#"{"type": "WordPiece", "vocab": {}}"#), "the model is WordPiece"),
        (&model(r#"{"vocab": {"a": 0, "b": 0}, "merges": []}"#), r#""a" and "b" share the id 0"#),
        (&model(r#"{"vocab": {"a": 0, "b": 4000000000}, "merges": []}"#), "impossible id"),
        (&model(r#"{"vocab": {"a": 0, "b": 16777215}, "merges": []}"#), "impossible id"),
        (&model(r#"{"vocab": {"a": 0}, "merges": ["a b"]}"#), r#"merge 0: "b" is not in"#),
        (&model(r#"{"vocab": {"a": 0, "b": 1}, "merges": [["a", "b"]]}"#), r#"makes "ab""#),
        (&model(r#"{"vocab": {"a": 0}, "merges": ["aa"]}"#), r#"the merge "aa""#),
        (&model(r#"{"vocab": {"a": 0}, "dropout": 0.1}"#), "dropout of 0.1"),
        (&model(r#"{"vocab": {"a": 0}, "end_of_word_suffix": "</w>"}"#), "end_of_word_suffix"),
        (&with("normalizer", "BertNormalizer"), "normalizer BertNormalizer is not"),
        (&with("pre_tokenizer", "BertPreTokenizer"), "pre-tokenizer BertPreTokenizer is not"),
        (&with("post_processor", "BertProcessing"), "post-processor BertProcessing is not"),
        (&with("decoder", "WordPiece"), "decoder WordPiece is not"),
        (&with("decoder", "CTC"), "decoder CTC is not"),
        (r#"{"model": {"vocab": {}}, "normalizer": "NFC"}"#, "a normalizer has no text `type`"),
        (
            r#"{"model": {"vocab": {"a": 0}}, "added_tokens": [{"id": 0, "content": "<s>"}]}"#,
            "share the id 0",
        ),
    ] {
        let refused = refusal(Tokenizer::from_json(text));
        assert!(refused.contains(says), "{text}: {refused}");
    }
}

#[test]
fn a_vocabulary_with_holes_leaves_them_empty() {
    let text = r#"{"model": {"vocab": {"a": 0, "b": 3}, "merges": []}}"#;
    let tokenizer = Tokenizer::from_json(text).unwrap();
    assert_eq!((tokenizer.vocabulary(), ids(&tokenizer, "ab")), (4, vec![0, 3]));
    assert_eq!(tokenizer.decode(&[1, 3, 9].map(TokenId)), "b");
}

#[test]
fn an_unknown_pre_tokenizer_of_gguf_is_refused_by_name() {
    let from = GgufVocabulary {
        model: "gpt2".into(),
        pre: Some("martian".into()),
        tokens: vec!["a".into()],
        ..GgufVocabulary::default()
    };
    assert!(refusal(Tokenizer::from_gguf(&from)).contains("martian"));
    assert!(
        refusal(Tokenizer::from_gguf(&GgufVocabulary { model: "t5".into(), ..from }))
            .contains("t5")
    );
}

/// A byte-level vocabulary with merges, as a GGUF file has it.
fn byte_pairs(pre: Option<&str>, merges: &[&str]) -> Tokenizer {
    let bytes = Tokenizer::train_bpe(&["a"], 256, &[]).unwrap();
    let mut tokens: Vec<String> =
        (0..256).map(|id| bytes.spelled(TokenId(id)).to_owned()).collect();
    tokens.extend(merges.iter().map(|merge| merge.replace(' ', "")));
    Tokenizer::from_gguf(&GgufVocabulary {
        model: "gpt2".into(),
        pre: pre.map(str::to_owned),
        tokens,
        merges: Some(merges.iter().map(ToString::to_string).collect()),
        ..GgufVocabulary::default()
    })
    .unwrap()
}

#[test]
fn without_a_pre_tokenizer_a_gguf_is_cut_as_llama_cpp_does_by_default() {
    let merges = ["Ġ 1", "3 4", "Ġ !", "2 3", "Ġ a"];
    let pieces = |pre| {
        let tokenizer = byte_pairs(pre, &merges);
        let pieces = tokenizer.pieces(" a 1234 !", Specials::Text).unwrap();
        pieces.into_iter().map(|(_, piece)| piece).collect::<Vec<_>>().join("·")
    };
    // Punctuation first, then GPT-2's words, digits without their space, and three of them at most.
    assert_eq!(pieces(None), " a· ·1·23·4· ·!");
    assert_eq!(pieces(Some("default")), pieces(None));
    assert_eq!(pieces(Some("gpt-2")), " a· 1·2·34· !");
    assert_eq!(pieces(Some("smollm")), " a· ·1·2·3·4· !");
    assert_eq!(pieces(Some("llama-bpe")), " a· ·1·23·4· !");
    assert_eq!(pieces(Some("qwen2")), " a· ·1·2·3·4· !");
    assert_eq!(pieces(Some("falcon")), " a· ·1·23·4· ·!");
}

#[test]
fn a_token_beyond_a_models_table_is_refused_when_it_is_used() {
    let whole = byte_pairs(Some("gpt-2"), &["a b", "c d"]);
    let tokenizer = whole.clone().for_table(257);
    assert_eq!((whole.vocabulary(), tokenizer.vocabulary()), (258, 257));
    assert_eq!(ids(&tokenizer, "ab c"), ids(&whole, "ab c"));
    let refused = tokenizer.encode("ab cd", Specials::Text).unwrap_err().to_string();
    assert!(
        refused.starts_with("the token \"cd\" has the id 257, and the model's table ends at 257"),
        "{refused}"
    );
    for refused in [
        tokenizer.encode_bare("cd", Specials::Text),
        tokenizer.encode_part("cd", 0),
        tokenizer.pieces("cd", Specials::Text).map(|_| Vec::new()),
    ] {
        assert!(refused.is_err());
    }
    assert_eq!(tokenizer.id_of("cd"), None);
    // A table that is larger than it need be refuses nothing.
    let roomy = whole.clone().for_table(512);
    assert_eq!((roomy.vocabulary(), ids(&roomy, "cd")), (258, vec![257]));
}

/// A small SentencePiece vocabulary: bytes, letters, and pieces with scores.
fn sentence_piece() -> Tokenizer {
    let mut tokens: Vec<String> = ["<unk>", "<s>", "</s>"].map(String::from).into();
    let mut types = vec![2, 3, 3];
    for byte in 0..=255 {
        tokens.push(format!("<0x{byte:02X}>"));
        types.push(6);
    }
    for piece in ["▁a", "aa", "▁", "a", "b", "ab", "▁ab"] {
        tokens.push(piece.into());
        types.push(1);
    }
    let mut scores = vec![0.0; 259];
    scores.extend([-3.0, -2.0, -9.0, -9.0, -9.0, -1.0, -4.0]);
    Tokenizer::from_gguf(&GgufVocabulary {
        model: "llama".into(),
        tokens,
        scores: Some(scores),
        token_types: Some(types),
        bos: Some(1),
        eos: Some(2),
        unk: Some(0),
        ..GgufVocabulary::default()
    })
    .unwrap()
}

#[test]
fn sentence_piece_merges_the_best_score_first_and_falls_back_to_bytes() {
    let tokenizer = sentence_piece();
    let pieces = |text| {
        let pieces = tokenizer.pieces(text, Specials::Allowed).unwrap();
        pieces.into_iter().map(|(_, piece)| piece).collect::<Vec<_>>()
    };
    assert_eq!(pieces("ab"), [" ab"]);
    assert_eq!(pieces("aaab"), [" ", "aa", "ab"]);
    assert_eq!(pieces("é"), [" ", "\\xc3", "\\xa9"]);
    let ids = tokenizer.encode("ab é", Specials::Allowed).unwrap();
    assert_eq!(ids[0], TokenId(1));
    // The space before the text is taken away where it begins all that is decoded.
    assert_eq!(tokenizer.decode(&ids), "<s> ab é");
    assert_eq!(tokenizer.decode_plain(&ids), "ab é");
    // After a prompt the space belongs to the text.
    assert_eq!(tokenizer.decoder_after(&ids).push(tokenizer.id_of("▁ab").unwrap()), " ab");
}

#[test]
fn sentence_piece_without_scores_merges_from_the_left() {
    let tokens = ["<unk>", "a", "b", "ab", "ba", "aba"].map(String::from).to_vec();
    let tokenizer = Tokenizer::from_gguf(&GgufVocabulary {
        model: "llama".into(),
        tokens,
        unk: Some(0),
        add_bos: Some(false),
        add_space_prefix: Some(false),
        ..GgufVocabulary::default()
    })
    .unwrap();
    // ab, then aba, and ba is what is left.
    assert_eq!(ids(&tokenizer, "ababa"), [5, 4]);
}

proptest! {
    #[test]
    fn decoding_gives_back_what_was_encoded(text in r"(\PC|[\x00-\x7f]|the|bird| red){0,60}") {
        let tokenizer = learned();
        for specials in [Specials::Allowed, Specials::Text] {
            let ids = tokenizer.encode(&text, specials).unwrap();
            prop_assert_eq!(tokenizer.decode(&ids), text.clone());
            prop_assert_eq!(tokenizer.decode_bytes(&ids), text.as_bytes());
        }
        let again = Tokenizer::from_json(&tokenizer.to_json()).unwrap();
        prop_assert_eq!(ids(&again, &text), ids(&tokenizer, &text));
    }

    #[test]
    fn decoding_as_it_comes_equals_decoding_at_once(ids in prop::collection::vec(0u32..310, 0..60)) {
        let ids: Vec<TokenId> = ids.into_iter().map(TokenId).collect();
        for tokenizer in [learned(), sentence_piece()] {
            let mut decoder = tokenizer.decoder();
            let mut text: String = ids.iter().map(|&id| decoder.push(id)).collect();
            text.push_str(&decoder.finish());
            let bytes = tokenizer.decode_bytes(&ids);
            prop_assert_eq!(text, String::from_utf8_lossy(&bytes));
        }
    }

    #[test]
    fn a_damaged_file_is_refused_or_read_but_never_a_panic(
        at in 0usize..9000, byte in prop::sample::select(&b"0129\"[]{},:a -e.n"[..]), cut in any::<bool>(),
    ) {
        let mut file = learned().to_json().into_bytes();
        let at = at % file.len();
        file[at] = byte;
        if cut {
            file.truncate(at);
        }
        if let Ok(tokenizer) = Tokenizer::from_json(&String::from_utf8_lossy(&file)) {
            let ids = tokenizer.encode("the bird\u{301} is red", Specials::Allowed);
            ids.map(|ids| tokenizer.decode(&ids)).ok();
        }
    }
}
