//! Kinds of `tokenizer.json`, each with what Hugging Face's tokenizers 0.23.3 make of it.
#![allow(clippy::unwrap_used, reason = "a test that cannot begin has failed")]

use lookback_text::{Specials, TokenId, Tokenizer};
use serde_json::{Value, json};

/// Parts of the file that differ from the plain one, a text, and its ids.
const ENCODED: &[(&str, &str, &[u32])] = &[
    (
        r#"{"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "\\s+"}, "behavior": "Removed", "invert": false}}"#,
        "the  in ab",
        &[23, 26, 28],
    ),
    (
        r#"{"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "[a-z]+"}, "behavior": "Removed", "invert": true}}"#,
        "the  in ab",
        &[23, 26, 28],
    ),
    (
        r#"{"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(?=h)"}, "behavior": "Removed", "invert": false}}"#,
        "the the",
        &[13, 25, 16, 13, 25],
    ),
    (
        r#"{"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "\\s+"}, "behavior": "Isolated", "invert": false}}"#,
        "the  in ab",
        &[23, 16, 16, 26, 16, 28],
    ),
    (
        r#"{"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "[a-z]+"}, "behavior": "Isolated", "invert": true}}"#,
        "the  in ab",
        &[23, 16, 16, 26, 16, 28],
    ),
    (
        r#"{"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(?=h)"}, "behavior": "Isolated", "invert": false}}"#,
        "the the",
        &[13, 25, 16, 13, 25],
    ),
    (
        r#"{"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "\\s+"}, "behavior": "MergedWithPrevious", "invert": false}}"#,
        "the  in ab",
        &[23, 16, 16, 26, 16, 28],
    ),
    (
        r#"{"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "[a-z]+"}, "behavior": "MergedWithPrevious", "invert": true}}"#,
        "the  in ab",
        &[23, 16, 16, 26, 16, 28],
    ),
    (
        r#"{"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(?=h)"}, "behavior": "MergedWithPrevious", "invert": false}}"#,
        "the the",
        &[13, 25, 16, 13, 25],
    ),
    (
        r#"{"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "\\s+"}, "behavior": "MergedWithNext", "invert": false}}"#,
        "the  in ab",
        &[23, 16, 16, 26, 16, 28],
    ),
    (
        r#"{"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "[a-z]+"}, "behavior": "MergedWithNext", "invert": true}}"#,
        "the  in ab",
        &[23, 16, 16, 26, 16, 28],
    ),
    (
        r#"{"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(?=h)"}, "behavior": "MergedWithNext", "invert": false}}"#,
        "the the",
        &[13, 25, 16, 13, 25],
    ),
    (
        r#"{"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "\\s+"}, "behavior": "Contiguous", "invert": false}}"#,
        "the  in ab",
        &[23, 16, 16, 26, 16, 28],
    ),
    (
        r#"{"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "[a-z]+"}, "behavior": "Contiguous", "invert": true}}"#,
        "the  in ab",
        &[23, 16, 16, 26, 16, 28],
    ),
    (
        r#"{"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(?=h)"}, "behavior": "Contiguous", "invert": false}}"#,
        "the the",
        &[13, 25, 16, 13, 25],
    ),
    (
        r#"{"pre_tokenizer": {"type": "Split", "pattern": {"String": ""}, "behavior": "Isolated", "invert": false}}"#,
        "the",
        &[13, 7, 4],
    ),
    (
        r#"{"pre_tokenizer":{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true},"added_tokens":[{"content":"in"}]}"#,
        "the inthe in",
        &[24, 17, 26, 24, 17, 26],
    ),
    (
        r#"{"pre_tokenizer":{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":false},"added_tokens":[{"content":"in"}]}"#,
        "the inthe in",
        &[24, 17, 26, 24, 17, 26],
    ),
    (
        r#"{"pre_tokenizer":{"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":true},"added_tokens":[{"content":"in"}]}"#,
        "the inthe in",
        &[24, 17, 26, 23, 17, 26],
    ),
    (
        r#"{"pre_tokenizer":{"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":false},"added_tokens":[{"content":"in"}]}"#,
        "the inthe in",
        &[24, 17, 26, 23, 17, 26],
    ),
    (
        r#"{"pre_tokenizer":{"type":"Metaspace","replacement":"▁","prepend_scheme":"never","split":true},"added_tokens":[{"content":"in"}]}"#,
        "the inthe in",
        &[23, 17, 26, 23, 17, 26],
    ),
    (
        r#"{"pre_tokenizer":{"type":"Metaspace","replacement":"▁","prepend_scheme":"never","split":false},"added_tokens":[{"content":"in"}]}"#,
        "the inthe in",
        &[23, 17, 26, 23, 17, 26],
    ),
    (
        r#"{"normalizer":{"type":"Replace","pattern":{"Regex":"^"},"content":"▁"}}"#,
        " the  é Ab ",
        &[17, 16, 23, 16, 16, 20, 16, 21, 1, 16],
    ),
    (
        r#"{"normalizer":{"type":"Replace","pattern":{"Regex":"^"},"content":"▁"}}"#,
        "   ",
        &[17, 16, 16, 16],
    ),
    (
        r#"{"normalizer":{"type":"Replace","pattern":{"Regex":"$"},"content":"."}}"#,
        " the  é Ab ",
        &[16, 23, 16, 16, 20, 16, 21, 1, 16, 18],
    ),
    (
        r#"{"normalizer":{"type":"Replace","pattern":{"Regex":"$"},"content":"."}}"#,
        "   ",
        &[16, 16, 16, 18],
    ),
    (
        r#"{"normalizer":{"type":"Replace","pattern":{"Regex":"\\b"},"content":"-"}}"#,
        " the  é Ab ",
        &[16, 19, 23, 19, 16, 16, 19, 20, 19, 16, 19, 21, 1, 19, 16],
    ),
    (
        r#"{"normalizer":{"type":"Replace","pattern":{"Regex":"\\b"},"content":"-"}}"#,
        "   ",
        &[16, 16, 16],
    ),
    (
        r#"{"normalizer":{"type":"Replace","pattern":{"String":""},"content":"-"}}"#,
        " the  é Ab ",
        &[19, 16, 19, 13, 19, 7, 19, 4, 19, 16, 19, 16, 19, 20, 19, 16, 19, 21, 19, 1, 19, 16, 19],
    ),
    (
        r#"{"normalizer":{"type":"Replace","pattern":{"String":""},"content":"-"}}"#,
        "   ",
        &[19, 16, 19, 16, 19, 16, 19],
    ),
    (
        r#"{"normalizer":{"type":"Replace","pattern":{"Regex":" {2,}"},"content":" "}}"#,
        " the  é Ab ",
        &[16, 23, 16, 20, 16, 21, 1, 16],
    ),
    (
        r#"{"normalizer":{"type":"Replace","pattern":{"Regex":" {2,}"},"content":" "}}"#,
        "   ",
        &[16],
    ),
    (
        r#"{"normalizer":{"type":"Sequence","normalizers":[{"type":"NFD"},{"type":"StripAccents"}]}}"#,
        " the  é Ab ",
        &[16, 23, 16, 16, 4, 16, 21, 1, 16],
    ),
    (
        r#"{"normalizer":{"type":"Sequence","normalizers":[{"type":"NFD"},{"type":"StripAccents"}]}}"#,
        "   ",
        &[16, 16, 16],
    ),
    (
        r#"{"normalizer":{"type":"Strip","strip_left":true,"strip_right":false}}"#,
        " the  é Ab ",
        &[23, 16, 16, 20, 16, 21, 1, 16],
    ),
    (r#"{"normalizer":{"type":"Strip","strip_left":true,"strip_right":false}}"#, "   ", &[]),
    (
        r#"{"normalizer":{"type":"Sequence","normalizers":[{"type":"Strip","strip_left":true,"strip_right":true},{"type":"Prepend","prepend":"▁"}]}}"#,
        " the  é Ab ",
        &[24, 16, 16, 20, 16, 21, 1],
    ),
    (
        r#"{"normalizer":{"type":"Sequence","normalizers":[{"type":"Strip","strip_left":true,"strip_right":true},{"type":"Prepend","prepend":"▁"}]}}"#,
        "   ",
        &[],
    ),
    (r#"{"normalizer":{"type":"Lowercase"}}"#, " the  é Ab ", &[16, 23, 16, 16, 20, 16, 28, 16]),
    (r#"{"normalizer":{"type":"Lowercase"}}"#, "   ", &[16, 16, 16]),
    (r#"{"pre_tokenizer":{"type":"Whitespace"}}"#, "the-in 12.", &[23, 19, 26, 29, 18]),
    (r#"{"pre_tokenizer":{"type":"WhitespaceSplit"}}"#, "the-in 12.", &[23, 19, 26, 29, 18]),
    (
        r#"{"pre_tokenizer":{"type":"CharDelimiterSplit","delimiter":"-"}}"#,
        "the-in--12",
        &[23, 26, 29],
    ),
    (
        r#"{"pre_tokenizer":{"type":"Digits","individual_digits":true}}"#,
        "ab12 12",
        &[28, 14, 15, 16, 14, 15],
    ),
    (
        r#"{"pre_tokenizer":{"type":"Digits","individual_digits":false}}"#,
        "ab12 12",
        &[28, 29, 16, 29],
    ),
    (
        r#"{"added_tokens":[{"content":"in","lstrip":true,"rstrip":true}]}"#,
        "the  in  ab",
        &[23, 26, 28],
    ),
    (
        r#"{"added_tokens":[{"content":"in","single_word":true}]}"#,
        "in thein in-in",
        &[26, 16, 23, 26, 16, 26, 19, 26],
    ),
    (
        r#"{"added_tokens":[{"content":"th"},{"content":"the"},{"content":"he"}]}"#,
        "the he th",
        &[23, 16, 25, 16, 22],
    ),
    (r#"{"model":{"fuse_unk":false}}"#, "xyz a", &[21, 21, 21, 16, 0]),
    (r#"{"model":{"fuse_unk":true}}"#, "xyz a", &[21, 16, 0]),
    (r#"{"model":{"unk_token":null}}"#, "a b", &[0, 16, 1]),
    (
        r#"{"model":{"ignore_merges":true},"pre_tokenizer":{"type":"WhitespaceSplit"}}"#,
        "▁the ab",
        &[24, 28],
    ),
    (
        r#"{"post_processor":{"type":"RobertaProcessing","sep":["a",0],"cls":["b",1],"trim_offsets":true,"add_prefix_space":false}}"#,
        "in",
        &[1, 26, 0],
    ),
];

/// A letter of the alphabet of bytes that is no piece falls back to the bytes of its spelling: `Ġ` is C4 A0.
#[test]
fn letters_without_a_piece_fall_back_to_their_own_bytes() {
    let vocab = json!({"a": 0, "<0xC4>": 1, "<0xA0>": 2, "<0xC3>": 3, "<unk>": 4});
    let model = json!({"type": "BPE", "unk_token": "<unk>", "byte_fallback": true, "vocab": vocab,
        "merges": []});
    let cut = json!({"type": "ByteLevel", "add_prefix_space": false, "use_regex": false});
    let file = json!({"model": model, "pre_tokenizer": cut});
    let tokenizer = Tokenizer::from_json(&file.to_string()).unwrap();
    let ids = tokenizer.encode("a a\u{e9}", Specials::Text).unwrap();
    // Of `é`, `Ã` is C3 83 and `©` is C2 A9, which the vocabulary lacks.
    assert_eq!(ids, [0, 1, 2, 0, 4, 4].map(TokenId));
}

const DECODED: &[(&str, &[u32], &str)] = &[
    (r#"null"#, &[24, 27, 0, 1], "▁the ▁in a b"),
    (r#"null"#, &[17, 24], "▁ ▁the"),
    (r#"null"#, &[0], "a"),
    (r#"{"type":"Fuse"}"#, &[24, 27, 0, 1], "▁the▁inab"),
    (r#"{"type":"Fuse"}"#, &[17, 24], "▁▁the"),
    (r#"{"type":"Fuse"}"#, &[0], "a"),
    (
        r#"{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}"#,
        &[24, 27, 0, 1],
        "the inab",
    ),
    (
        r#"{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}"#,
        &[17, 24],
        " the",
    ),
    (r#"{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}"#, &[0], "a"),
    (
        r#"{"type":"Metaspace","replacement":"▁","prepend_scheme":"never","split":true}"#,
        &[24, 27, 0, 1],
        " the inab",
    ),
    (
        r#"{"type":"Metaspace","replacement":"▁","prepend_scheme":"never","split":true}"#,
        &[17, 24],
        "  the",
    ),
    (r#"{"type":"Metaspace","replacement":"▁","prepend_scheme":"never","split":true}"#, &[0], "a"),
    (
        r#"{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]}"#,
        &[24, 27, 0, 1],
        "the inab",
    ),
    (
        r#"{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]}"#,
        &[17, 24],
        " the",
    ),
    (
        r#"{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]}"#,
        &[0],
        "a",
    ),
    (r#"{"type":"Replace","pattern":{"String":"he"},"content":"x"}"#, &[24, 27, 0, 1], "▁tx▁inab"),
    (r#"{"type":"Replace","pattern":{"String":"he"},"content":"x"}"#, &[17, 24], "▁▁tx"),
    (r#"{"type":"Replace","pattern":{"String":"he"},"content":"x"}"#, &[0], "a"),
];

const LETTERS: &str = "abcdefghinorst12 ▁.-é";
const PIECES: [&str; 9] = ["<unk>", "th", "the", "▁the", "he", "in", "▁in", "ab", "12"];
const MERGES: [&str; 8] = ["t h", "th e", "▁ the", "h e", "i n", "▁ in", "a b", "1 2"];

/// A tokenizer of these pieces, with some parts changed.
fn tokenizer(parts: &str) -> lookback_files::Result<Tokenizer> {
    let letters = LETTERS.chars().map(String::from);
    let pieces = letters.chain(PIECES.map(str::to_owned)).zip(0..);
    let vocabulary: serde_json::Map<String, Value> =
        pieces.map(|(piece, id): (String, u32)| (piece, json!(id))).collect();
    let id = |content: &Value| vocabulary[content.as_str().unwrap()].clone();
    let parts: Value = serde_json::from_str(parts).unwrap();
    let mut file = json!({"model": {
        "type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "vocab": vocabulary, "merges": MERGES,
    }});
    for (key, value) in parts.as_object().unwrap() {
        match key.as_str() {
            "model" => {
                file["model"].as_object_mut().unwrap().extend(value.as_object().unwrap().clone())
            }
            "added_tokens" => {
                let mut tokens = value.clone();
                for token in tokens.as_array_mut().unwrap() {
                    token["id"] = id(&token["content"]);
                    token["normalized"] = false.into();
                }
                file["added_tokens"] = tokens;
            }
            _ => file[key] = value.clone(),
        }
    }
    Tokenizer::from_json(&file.to_string())
}

#[test]
fn ids_are_those_of_hugging_face() {
    for (parts, text, expected) in ENCODED {
        let ids = tokenizer(parts).unwrap().encode(text, Specials::Text).unwrap();
        let ids: Vec<u32> = ids.into_iter().map(|id| id.0).collect();
        assert_eq!(ids, *expected, "{parts}: {text:?}");
    }
}

#[test]
fn texts_are_those_of_hugging_face() {
    for (decoder, ids, expected) in DECODED {
        let tokenizer = tokenizer(&format!(r#"{{"decoder": {decoder}}}"#)).unwrap();
        let ids: Vec<TokenId> = ids.iter().copied().map(TokenId).collect();
        assert_eq!(tokenizer.decode(&ids), *expected, "{decoder}: {ids:?}");
    }
}

#[test]
fn decoders_in_an_order_that_changes_the_text_are_refused_by_name() {
    let replace = r#"{"type":"Replace","pattern":{"String":"he"},"content":"b"}"#;
    let sign = r#"{"type":"Replace","pattern":{"String":"▁"},"content":" "}"#;
    let strip = r#"{"type":"Strip","content":" ","start":1,"stop":0}"#;
    let (fuse, fallback) = (r#"{"type":"Fuse"}"#, r#"{"type":"ByteFallback"}"#);
    let byte_level = r#"{"type":"ByteLevel"}"#;
    for (decoders, says) in [
        (vec![fuse, replace], "the decoder Replace after Fuse is not understood"),
        (vec![fuse, strip, sign], "the decoder Replace after Fuse is not understood"),
        (vec![fuse, fallback], "the decoder ByteFallback after Fuse is not understood"),
        (vec![fuse, byte_level], "the decoder ByteLevel after Fuse is not understood"),
        (vec![byte_level, sign], "the decoder Replace after ByteLevel is not understood"),
        (vec![fallback, replace], "the decoder Replace after ByteFallback is not understood"),
        (vec![fallback, strip], "the decoder Strip after ByteFallback is not understood"),
    ] {
        let decoders = decoders.join(",");
        let parts = format!(r#"{{"decoder": {{"type":"Sequence","decoders":[{decoders}]}}}}"#);
        let refused = tokenizer(&parts).unwrap_err().to_string();
        assert!(refused.starts_with(says), "{refused}");
    }
}

#[test]
fn fields_that_cannot_be_meant_are_refused_by_name() {
    for (parts, says) in [
        (
            r#"{"pre_tokenizer": {"type":"Digits","individual_digits":"yes"}}"#,
            "`individual_digits` is \"yes\", and not true or false",
        ),
        (
            r#"{"pre_tokenizer": {"type":"Split","pattern":{"String":"a"},"behavior":"Isolate"}}"#,
            "the behavior Isolate of Split is not understood",
        ),
        (
            r#"{"pre_tokenizer": {"type":"Punctuation","behavior":3}}"#,
            "Punctuation has no text `behavior`",
        ),
        (
            r#"{"pre_tokenizer": {"type":"Metaspace","prepend_scheme":"always","add_prefix_space":false}}"#,
            "add_prefix_space false and the prepend_scheme \"always\", which contradict",
        ),
        (
            r#"{"pre_tokenizer": {"type":"Metaspace","prepend_scheme":1}}"#,
            "the prepend_scheme 1 is not understood",
        ),
        (
            r#"{"pre_tokenizer": {"type":"Metaspace","replacement":7}}"#,
            "Metaspace has no text `replacement`",
        ),
        (r#"{"normalizer": {"type":"Precompiled"}}"#, "Precompiled has no text"),
        (r#"{"normalizer": {"type":"Strip","strip_left":1}}"#, "`strip_left` is 1, and not true"),
        (
            r#"{"decoder": {"type":"Strip","content":"ab","start":1,"stop":0}}"#,
            "the content \"ab\" of the decoder Strip is not one character",
        ),
        (
            r#"{"decoder": {"type":"Strip","content":" ","start":-1,"stop":0}}"#,
            "`start` of the decoder Strip is -1, which is no count",
        ),
        (
            r#"{"post_processor": {"type":"TemplateProcessing","single":[{"Sequence":{"id":"B"}}]}}"#,
            "puts a second text, $B,",
        ),
        (r#"{"post_processor": {"type":"RobertaProcessing","cls":["b"]}}"#, "is no id"),
    ] {
        let refused = tokenizer(parts).unwrap_err().to_string();
        assert!(refused.contains(says), "{refused}");
    }
}
