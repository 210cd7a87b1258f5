//! Words of the pre-tokenizers that GGUF files name, against Hugging Face's with the models' own patterns.

use serde_json::Value;

use super::*;
use crate::{budget::Budget, split::Splitter};

/// Written by `scripts/pre_tokenizers.py` with tokenizers 0.23.3.
const WORDS: &str = include_str!("words.json");

fn words(name: &str, text: &str) -> Vec<String> {
    let pre = Pre::of(Some(name)).unwrap();
    let splitter = Splitter::read(&pre.pre_tokenizer).unwrap();
    let budget = Budget::new(text.len(), splitter.stages());
    let mut words = Vec::new();
    let mut push = |word: &str| {
        words.push(word.to_owned());
        Ok(())
    };
    splitter
        .words(text, text.chars().next().map_or(0, char::len_utf8), &budget, &mut push)
        .unwrap();
    words
}

#[test]
fn every_name_cuts_as_its_models_tokenizer_json_does() {
    let groups: Vec<Value> = serde_json::from_str(WORDS).unwrap();
    let (mut names, mut wrong) = (0, Vec::new());
    for group in &groups {
        let of_group: Vec<&str> =
            group["names"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        names += of_group.len();
        let stages = |name: &str| Pre::of(Some(name)).unwrap().pre_tokenizer;
        for case in group["words"].as_array().unwrap() {
            let got = words(of_group[0], case[0].as_str().unwrap());
            if case[1] != serde_json::json!(got) {
                wrong.push(format!("{}: {case} is cut into {got:?}", of_group[0]));
            }
        }
        for name in &of_group[1..] {
            assert_eq!(stages(name), stages(of_group[0]), "{name}");
        }
    }
    assert!(wrong.is_empty() && names > 60, "{names} names\n{}", wrong.join("\n"));
}

#[test]
fn an_alias_is_the_name_that_it_stands_for() {
    for (alias, name) in [("llama3", "llama-bpe"), ("llama-v3", "llama-bpe"), ("llama4", "gpt-4o")]
    {
        let [one, other] = [alias, name].map(|name| Pre::of(Some(name)).unwrap());
        assert_eq!(one.pre_tokenizer, other.pre_tokenizer, "{alias}");
        assert_eq!((one.ignore_merges, one.adds_bos), (other.ignore_merges, other.adds_bos));
    }
}

#[test]
fn whole_words_and_beginnings_are_llama_cpps() {
    for (name, ignore_merges, adds_bos) in [
        ("llama-bpe", true, true),
        ("falcon3", true, true),
        ("tekken", true, true),
        ("youtu", true, false),
        ("dbrx", false, false),
        ("glm4", false, false),
        ("gpt-4o", false, false),
        ("deepseek-v3", false, false),
        ("qwen2", false, false),
    ] {
        let pre = Pre::of(Some(name)).unwrap();
        assert_eq!((pre.ignore_merges, pre.adds_bos), (ignore_merges, adds_bos), "{name}");
    }
}
