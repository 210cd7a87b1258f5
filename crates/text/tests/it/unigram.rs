//! Unigram language models that Hugging Face's tokenizers 0.23.3 trained, and what it makes of texts with them
//! (`scripts/unigram.py`).
#![allow(clippy::unwrap_used, reason = "a test that cannot begin has failed")]

use lookback_text::{Specials, TokenId, Tokenizer};
use serde_json::Value;

const TRAINED: &str = include_str!("unigram.json");

fn ids(of: &Value) -> Vec<TokenId> {
    of.as_array().unwrap().iter().map(|id| TokenId(id.as_u64().unwrap() as u32)).collect()
}

#[test]
fn ids_of_a_unigram_model_are_those_of_tokenizers() {
    let all: Vec<Value> = serde_json::from_str(TRAINED).unwrap();
    let mut wrong = Vec::new();
    for file in &all {
        let name = &file["name"];
        let tokenizer = Tokenizer::from_json(&file["tokenizer"].to_string()).unwrap();
        let written = Tokenizer::from_json(&tokenizer.to_json()).unwrap();
        for case in file["cases"].as_array().unwrap() {
            let text = case[0].as_str().unwrap();
            for tokenizer in [&tokenizer, &written] {
                let got = tokenizer.encode(text, Specials::Allowed).unwrap();
                if got != ids(&case[1]) {
                    wrong.push(format!("{name}: {case} is encoded to {got:?}"));
                }
            }
            let decoded = tokenizer.decode(&ids(&case[1]));
            if case[2].as_str().is_some_and(|text| text != decoded) {
                wrong.push(format!("{name}: {case} is decoded to {decoded:?}"));
            }
        }
    }
    assert!(wrong.is_empty() && all.len() == 8, "{}", wrong.join("\n"));
}

#[test]
fn a_text_without_white_space_takes_the_memory_of_what_is_not_settled() {
    // Ten megabytes as one word: where no piece goes on, what stands before is given out.
    let file = r#"{"model": {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0], ["a", -1], ["b", -2], ["ab", -2.5]]},
        "decoder": {"type": "Fuse"}}"#;
    let tokenizer = Tokenizer::from_json(file).unwrap();
    let ids = tokenizer.encode(&"abba".repeat(2_500_000), Specials::Text).unwrap();
    assert_eq!(ids.len(), 7_500_000);
    assert_eq!(ids[..6], [3, 2, 1, 3, 2, 1].map(TokenId));
}

#[test]
fn pieces_that_all_begin_alike_are_refused_before_a_text_is_read_a_thousand_times() {
    let vocab: Vec<Value> =
        (1..1500).map(|length| serde_json::json!(["a".repeat(length), -1.0])).collect();
    let file = serde_json::json!({"model": {"type": "Unigram", "vocab": vocab}});
    let said = Tokenizer::from_json(&file.to_string()).unwrap_err().to_string();
    assert!(said.contains("more than 1024 bytes in a piece of its Unigram model"), "{said}");
}
