//! The components of a `tokenizer.json` together, with what Hugging Face's tokenizers 0.23.3 make of odd texts
//! and of ids: what each normalizer and each pre-tokenizer does alone stands beside them.
//!
//! Left out of the decodings: bytes of a fallback that are no UTF-8, of which tokenizers make a U+FFFD each, and
//! this program one for each broken character; and special tokens that a normalizer changes, which tokenizers
//! show where special tokens are left out. Those with a number are like tokenizers that others reported.
#![allow(clippy::unwrap_used, reason = "a test that cannot begin has failed")]

use lookback_text::{Specials, TokenId, Tokenizer};
use serde_json::{Value, json};

/// Both written by `scripts/components.py`.
const COMPONENTS: &str = include_str!("components.json");
const DECODERS: &str = include_str!("decoders.json");

fn ids(numbers: &[u32]) -> Vec<TokenId> {
    numbers.iter().copied().map(TokenId).collect()
}

/// The whole file of a tokenizer whose pieces stand in a list.
fn file(of: &Value) -> String {
    let mut file = of.clone();
    let pieces = of["model"]["vocab"].as_array().unwrap().iter().zip(0u32..);
    let vocab = pieces.map(|(piece, id)| (piece.as_str().unwrap().to_owned(), json!(id)));
    file["model"]["vocab"] = Value::Object(vocab.collect());
    file.to_string()
}

/// What a decoder makes of ids one by one, which must be what it makes of all.
fn one_by_one(tokenizer: &Tokenizer, ids: &[TokenId]) -> String {
    let mut decoder = tokenizer.decoder();
    let mut text: String = ids.iter().map(|id| decoder.push(*id)).collect();
    text.push_str(&decoder.finish());
    assert_eq!(text, String::from_utf8_lossy(&tokenizer.decode_bytes(ids)));
    text
}

#[derive(serde::Deserialize)]
struct Whole {
    name: String,
    tokenizer: Value,
    encoded: Vec<(String, Vec<u32>, Vec<u32>)>,
    decoded: Vec<(Vec<u32>, String, String)>,
}

#[test]
fn tokenizers_of_several_components_give_the_ids_and_texts_of_hugging_face() {
    let all: Vec<Whole> = serde_json::from_str(COMPONENTS).unwrap();
    let mut wrong = Vec::new();
    for Whole { name, tokenizer, encoded, decoded } in &all {
        let read = Tokenizer::from_json(&file(tokenizer)).unwrap();
        let again = Tokenizer::from_json(&read.to_json()).unwrap();
        for (text, expected, typed) in encoded {
            let got = read.encode(text, Specials::Allowed).unwrap();
            assert_eq!(again.encode(text, Specials::Allowed).as_ref(), Ok(&got));
            if got != ids(expected) {
                wrong.push(format!("{name}: {text:?} became {got:?}, not {expected:?}"));
            }
            let got = read.encode_bare(text, Specials::Text).unwrap();
            if got != ids(typed) {
                wrong.push(format!("{name}: {text:?} as text became {got:?}, not {typed:?}"));
            }
        }
        for (numbers, expected, plain) in decoded {
            let ids = ids(numbers);
            let got = one_by_one(&read, &ids);
            assert_eq!(got, read.decode(&ids));
            if got != *expected {
                wrong.push(format!("{name}: {numbers:?} became {got:?}, not {expected:?}"));
            }
            let got = read.decode_plain(&ids);
            if got != *plain {
                wrong.push(format!("{name}: plain {numbers:?} became {got:?}, not {plain:?}"));
            }
        }
    }
    assert!(wrong.is_empty() && all.len() == 27, "{} {}", all.len(), wrong.join("\n"));
}

/// Pieces, and their text.
type Decoded = (Vec<String>, String);

#[test]
fn decoders_give_the_texts_of_hugging_face() {
    let kinds: Vec<(Value, Vec<Decoded>)> = serde_json::from_str(DECODERS).unwrap();
    let mut wrong = Vec::new();
    for (decoder, cases) in &kinds {
        let mut vocab = serde_json::Map::new();
        for piece in cases.iter().flat_map(|(pieces, _)| pieces) {
            let id = vocab.len();
            vocab.entry(piece.clone()).or_insert(json!(id));
        }
        let model = json!({"type": "BPE", "vocab": vocab, "merges": []});
        let file = json!({"decoder": decoder, "model": model});
        let tokenizer = Tokenizer::from_json(&file.to_string()).unwrap();
        for (pieces, expected) in cases {
            let ids: Vec<TokenId> =
                pieces.iter().map(|piece| tokenizer.id_of(piece).unwrap()).collect();
            let got = one_by_one(&tokenizer, &ids);
            if got != *expected {
                wrong.push(format!("{decoder}: {pieces:?} became {got:?}, not {expected:?}"));
            }
        }
    }
    assert!(wrong.is_empty() && kinds.len() == 32, "{} {}", kinds.len(), wrong.join("\n"));
}

#[test]
fn what_follows_a_prompt_is_decoded_without_what_the_prompt_held() {
    let model = json!({"vocab": {"a": 0, " ": 1, "<s>": 2, "b": 3}, "merges": []});
    let special = json!({"id": 2, "content": "<s>", "special": true});
    let strip = |start: u32, stop: u32| {
        let strip = json!({"type": "Strip", "content": " ", "start": start, "stop": stop});
        let decoder = json!({"type": "Sequence", "decoders": [{"type": "Fuse"}, strip]});
        let file = json!({"decoder": decoder, "model": model, "added_tokens": [special]});
        Tokenizer::from_json(&file.to_string()).unwrap()
    };
    let after = |tokenizer: &Tokenizer, prompt: &[u32], next: &[u32]| {
        let mut decoder = tokenizer.decoder_after(&ids(prompt)).without_specials();
        let text: String = ids(next).into_iter().map(|id| decoder.push(id)).collect();
        text + &decoder.finish()
    };
    // The space that ends the prompt is the prompt's; one that ends the text is taken away.
    assert_eq!(after(&strip(0, 1), &[0, 1], &[3, 1]), "b");
    assert_eq!(after(&strip(0, 2), &[0, 1], &[1, 3, 1, 1, 1]), " b ");
    // A token that begins every text begins none of it.
    assert_eq!(after(&strip(1, 0), &[2], &[1, 3]), "b");
    assert_eq!(after(&strip(1, 0), &[2, 0], &[1, 3]), " b");
    assert_eq!(strip(1, 0).decode(&ids(&[2, 1, 3])), "<s> b");
}

/// A tokenizer of GPT-2's words, or of characters alone, with an added token that is text.
fn with_added(mut token: Value, cuts: bool) -> Tokenizer {
    let letters = "\n abcdirkNewYo".chars().map(String::from);
    let vocab: serde_json::Map<String, Value> =
        letters.zip(0u32..).map(|(letter, id)| (letter, json!(id))).collect();
    let content = token["content"].as_str().unwrap_or_default();
    token["id"] = vocab.get(content).cloned().unwrap_or_else(|| json!(vocab.len()));
    let words = json!({"type": "Split", "behavior": "Isolated", "invert": false, "pattern": {"Regex":
        r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"}});
    let merges = if cuts { json!([["r", "k"]]) } else { json!([]) };
    let mut file = json!({"added_tokens": [token], "model": {"merges": merges, "vocab": vocab}});
    if cuts {
        file["pre_tokenizer"] = words;
        file["model"]["vocab"]["rk"] = json!(30);
    }
    Tokenizer::from_json(&file.to_string()).unwrap()
}

#[test]
fn a_text_is_read_in_parts_only_where_no_added_token_reaches_over_a_cut() {
    let text = "a ab New York\nab bird\n a\nNew York ab\nb b";
    let whole = |tokenizer: &Tokenizer| tokenizer.encode_bare(text, Specials::Text).unwrap();
    let in_two = |tokenizer: &Tokenizer, at: usize| {
        let parts = [(&text[..at], 0), (&text[at..], at)];
        let ids = parts.map(|(part, at)| tokenizer.encode_part(part, at).unwrap());
        ids.concat()
    };
    for (token, reads_parts, reads_characters) in [
        (json!({"content": "New York"}), false, false),
        (json!({"content": "ab", "rstrip": true}), false, false),
        (json!({"content": "b", "lstrip": true}), false, false),
        (json!({"content": "ab"}), true, false),
        (json!({"content": "ab", "single_word": true}), true, false),
        (json!({"content": "New York", "special": true}), true, true),
    ] {
        let [words, letters] = [true, false].map(|cuts| with_added(token.clone(), cuts));
        assert_eq!(words.reads_parts(), reads_parts, "{token}");
        assert_eq!(letters.reads_characters(), reads_characters, "{token}");
        assert!(!words.reads_characters());
        let bytes = text.as_bytes();
        let cuts = (1..bytes.len()).filter(|&at| {
            let [before, after] = [bytes[at - 1], bytes[at]];
            after.is_ascii_whitespace() && before.is_ascii_alphanumeric()
                || before == b'\n' && after != b' '
        });
        let differs = cuts.filter(|&at| in_two(&words, at) != whole(&words)).count();
        assert_eq!(differs > 0, !reads_parts, "{token}");
        let differs = (1..text.len()).filter(|&at| in_two(&letters, at) != whole(&letters));
        assert_eq!(differs.count() > 0, !reads_characters, "{token}");
    }
}
