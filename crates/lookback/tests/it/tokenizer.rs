//! A real model's tokenizer from GGUF metadata: the ids that `transformers` gives.
//!
//! `LOOKBACK_SHARED` is the folder with `real/smollm2.jsonl`; the model's files lie where the peers
//! are kept, in the folder `PEERS` or under the home.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;

use crate::fixture::{real_models, shared};
use lookback::{model::StoredModel, stored_tokenizer, text::Specials};
use serde_json::Value;

#[test]
#[ignore = "needs LOOKBACK_SHARED"]
fn a_real_model_reads_the_same_ids_from_gguf_as_from_its_directory() {
    let lines = fs::read_to_string(shared().join("real/smollm2.jsonl")).unwrap();
    let opened = ["smollm2-135m-instruct-q4_1.gguf", "smollm2"].map(|name| {
        let path = real_models().join(name);
        stored_tokenizer(StoredModel::open(&path).unwrap().tokenizer(), &path).unwrap()
    });
    let mut prompts = 0;
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let ids = |key: &str| -> Vec<u32> { serde_json::from_value(line[key].clone()).unwrap() };
        for tokenizer in &opened {
            let greedy: Vec<_> = ids("greedy").into_iter().map(lookback::text::TokenId).collect();
            assert_eq!(tokenizer.decode(&greedy), line["text"].as_str().unwrap());
            // Chats are for the template's own tests.
            let Some(prompt) = line["prompt"].as_str() else { continue };
            let encoded = tokenizer.encode(prompt, Specials::Allowed).unwrap();
            assert_eq!(encoded.iter().map(|id| id.0).collect::<Vec<_>>(), ids("ids"), "{prompt}");
            prompts += 1;
        }
    }
    assert_eq!(prompts, 12);
    for text in ["wikitext2-valid.txt", "tinyshakespeare.txt"] {
        let text = fs::read_to_string(shared().join("data").join(text)).unwrap();
        // The directory was made by a program that leaves out how this model cuts at digits.
        let text = text.replace(char::is_numeric, "x");
        let [gguf, directory] = [0, 1].map(|at| opened[at].encode(&text, Specials::Text).unwrap());
        assert_eq!(gguf, directory);
        assert_eq!(opened[0].decode(&gguf), text);
    }
}
