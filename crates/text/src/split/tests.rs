//! Pre-tokenizers, each with the words into which Hugging Face's cut odd texts.

use serde_json::Value;

use super::*;

/// Written by `scripts/components.py` with tokenizers 0.23.3.
const WORDS: &str = include_str!("words.json");

/// The words of a text, spelled in the alphabet of bytes where the model is given bytes.
fn words(splitter: &Splitter, text: &str) -> Vec<String> {
    let budget = Budget::new(text.len(), splitter.stages());
    let first = text.chars().next().map_or(0, char::len_utf8);
    let mut words = Vec::new();
    let mut push = |word: &str| {
        words.push(match splitter.is_byte_level {
            true => word.bytes().map(crate::alphabet::letter).collect(),
            false => word.to_owned(),
        });
        Ok(())
    };
    splitter.words(text, first, &budget, &mut push).unwrap();
    words
}

#[test]
fn texts_are_cut_as_hugging_face_does() {
    let kinds: Vec<(Value, Value)> = serde_json::from_str(WORDS).unwrap();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (file, cases) in kinds.iter().filter(|(file, _)| file.is_object()) {
        let splitter = Splitter::read(file).unwrap();
        let cases: Vec<(String, Vec<String>)> = serde_json::from_value(cases.clone()).unwrap();
        assert!(!cases.is_empty(), "{file}");
        count += 1;
        for (text, expected) in &cases {
            let got = words(&splitter, text);
            if got != *expected {
                wrong.push(format!("{file}: {text:?} became {got:?}, not {expected:?}"));
            }
        }
    }
    assert!(wrong.is_empty() && count == 109, "{count} {}", wrong.join("\n"));
}

fn table(name: &str) -> Value {
    let kinds: Vec<(Value, Value)> = serde_json::from_str(WORDS).unwrap();
    kinds.into_iter().find(|(kind, _)| kind == name).unwrap().1
}

#[test]
fn all_characters_are_punctuation_where_they_are_for_hugging_face() {
    let ranges: Vec<(u32, u32)> = serde_json::from_value(table("punctuation")).unwrap();
    for sign in '\0'..=char::MAX {
        let expected = ranges.iter().any(|(from, to)| (*from..=*to).contains(&u32::from(sign)));
        assert_eq!(Kind::Punctuation.has(sign), expected, "{sign:?}");
    }
}

#[test]
fn scripts_begin_where_they_do_for_hugging_face() {
    let expected: Vec<u32> = serde_json::from_value(table("script begins")).unwrap();
    let splitter = Splitter::read(&serde_json::json!({"type": "UnicodeScripts"})).unwrap();
    let words = words(&splitter, &('\0'..=char::MAX).collect::<String>());
    let begins: Vec<u32> =
        words.iter().map(|word| word.chars().next().map_or(0, u32::from)).collect();
    assert_eq!(begins, expected);
}
