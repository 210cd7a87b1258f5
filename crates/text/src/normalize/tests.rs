//! Normalizers, each with what Hugging Face's make of odd texts.

use lookback_files::Refusal;
use serde_json::{Value, json};

use super::*;

/// Written by `scripts/components.py` with tokenizers 0.23.3.
const NORMAL: &str = include_str!("normal.json");

fn normal(steps: &[Normalizer], text: &str) -> Result<String> {
    let budget = Budget::new(text.len(), steps.len());
    normalize(steps, text, &budget).map(|normal| normal.text.into_owned())
}

#[test]
fn texts_are_normalized_as_hugging_face_does() {
    let kinds: Vec<(Value, Vec<(String, String)>)> = serde_json::from_str(NORMAL).unwrap();
    let mut wrong = Vec::new();
    for (file, cases) in &kinds {
        let steps = read(file).unwrap();
        assert!(!cases.is_empty(), "{file}");
        for (text, expected) in cases {
            let got = normal(&steps, text);
            if got.as_ref() != Ok(expected) {
                wrong.push(format!("{file}: {text:?} became {got:?}, not {expected:?}"));
            }
        }
    }
    assert!(wrong.is_empty() && kinds.len() == 26, "{} {}", kinds.len(), wrong.join("\n"));
}

/// Steps, a text, and how many bytes of its normal form stand for its first character.
const FIRST: &[(&str, &str, usize)] = &[
    (r#"[]"#, "éa", 2),
    (r#"[{"type": "Strip"}]"#, " a", 0),
    (r#"[{"type": "Strip", "strip_left": false}]"#, "a ", 1),
    (r#"[{"type": "NFKC"}]"#, "½a", 5),
    (r#"[{"type": "NFC"}]"#, "e\u{301}a", 2),
    (r#"[{"type": "Nmt"}]"#, "\u{1}a", 0),
    (r#"[{"type": "ByteLevel"}]"#, "éa", 4),
    (r#"[{"type": "Prepend", "prepend": "▁"}]"#, "ab", 4),
    (r#"[{"type": "Strip"}, {"type": "Prepend", "prepend": "▁"}]"#, " ab", 0),
    (r#"[{"type": "Replace", "pattern": {"Regex": "^"}, "content": "▁"}]"#, "ab", 4),
    (r#"[{"type": "Replace", "pattern": {"Regex": " +"}, "content": "▁"}]"#, " ab", 3),
    (r#"[{"type": "Replace", "pattern": {"Regex": " +"}, "content": "▁"}]"#, "  ab", 0),
    (r#"[{"type": "Replace", "pattern": {"String": "a"}, "content": ""}]"#, "ab", 0),
    (r#"[{"type": "Replace", "pattern": {"String": "b"}, "content": "c"}]"#, "ab", 1),
];

#[test]
fn it_is_known_what_stands_for_the_first_character() {
    for (steps, text, expected) in FIRST {
        let steps: Value = serde_json::from_str(steps).unwrap();
        let file = json!({"type": "Sequence", "normalizers": steps});
        let budget = Budget::new(text.len(), 2);
        let first = normalize(&read(&file).unwrap(), text, &budget).unwrap().first;
        assert_eq!(first, *expected, "{file} of {text:?}");
    }
}

/// A charsmap with the rule that `a` becomes what stands at a place of `replacements`.
fn charsmap(place: u32, replacements: &[u8]) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};

    // The root's children begin at 256, and below `a` hangs a value.
    let mut units = vec![0u32; 1024];
    units[0] = 256 << 10;
    let (root, letter) = (256, u32::from(b'a'));
    units[root ^ 0x61] = 512 << 10 | 1 << 8 | letter;
    units[root ^ 0x61 ^ 512] = 1 << 31 | place;
    let array: Vec<u8> = units.into_iter().flat_map(u32::to_le_bytes).collect();
    let length = u32::try_from(array.len()).unwrap().to_le_bytes();
    STANDARD.encode([&length[..], &array, replacements].concat())
}

fn precompiled(charsmap: &str) -> Result<Vec<Normalizer>> {
    read(&json!({"type": "Precompiled", "precompiled_charsmap": charsmap}))
}

#[test]
fn a_charsmap_gives_what_stands_at_the_place_of_its_rule() {
    let steps = precompiled(&charsmap(3, b"no\0yes\0no\0")).unwrap();
    assert_eq!(normal(&steps, "bab"), Ok("byesb".into()));
    // The last replacement need not end.
    let steps = precompiled(&charsmap(3, b"no\0yes")).unwrap();
    assert_eq!(normal(&steps, "aa"), Ok("yesyes".into()));
}

#[test]
fn a_broken_charsmap_is_refused_by_name() {
    let whole = charsmap(0, b"b\0");
    let said = |file: &str| precompiled(file).map(|_| ()).unwrap_err().to_string();
    for (file, says) in [
        ("", "is cut short"),
        ("AAAA", "is cut short"),
        ("AAAAAA==", "has no rules"),
        ("#", "is no base64"),
        (&whole[..whole.len() / 2 / 4 * 4], "is cut short"),
        (&charsmap(0, b"\xff"), "has replacements that are no UTF-8"),
    ] {
        let said = said(file);
        assert!(said.contains(says) && said.contains("Precompiled"), "{said}");
    }
    // Where a rule points to, only its use shows.
    for place in [3, 1 << 30] {
        let steps = precompiled(&charsmap(place, "é".as_bytes())).unwrap();
        let refused: Refusal = normal(&steps, "ba").unwrap_err();
        assert!(refused.to_string().contains("points outside of itself"), "{refused}");
        assert_eq!(normal(&steps, "b"), Ok("b".into()));
    }
    let steps = precompiled(&charsmap(1, "é".as_bytes())).unwrap();
    assert!(normal(&steps, "a").is_err(), "within a character");
}

#[test]
fn every_cut_of_a_charsmap_is_refused_or_read() {
    let whole = charsmap(3, b"no\0yes\0");
    for length in (0..whole.len()).step_by(4) {
        if let Ok(steps) = precompiled(&whole[..length]) {
            normal(&steps, "abacab").ok();
        }
    }
}
