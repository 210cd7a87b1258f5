//! Any bytes as a `tokenizer.json`, and behind the last zero a text: a tokenizer that can be read is
//! written so that it gives the same ids, and pieces say what the text said.

use lookback_files::Refusal;
use lookback_text::{Specials, TokenId, Tokenizer};
use serde_json::Value;

/// Holds one file and text against its round trips.
pub fn check(bytes: &[u8]) {
    let (file, text) = match bytes.iter().rposition(|byte| *byte == 0) {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &b"the bird is red"[..]),
    };
    let (Ok(file), text) = (std::str::from_utf8(file), String::from_utf8_lossy(text)) else {
        return;
    };
    let tokenizer = match Tokenizer::from_json(file) {
        Ok(tokenizer) => tokenizer,
        Err(refusal) => return super::sentence::check(&refusal),
    };
    let bare = |tokenizer: &Tokenizer, specials| tokenizer.encode_bare(&text, specials);
    check_written(&tokenizer, bare, |specials, ids, bytes| {
        let spans = tokenizer.spans(&text, ids, specials);
        assert!(spans.iter().flatten().all(|span| text.as_bytes().get(span.clone()).is_some()));
        if specials == Specials::Text && is_lossless(file) {
            assert_eq!(bytes, text.as_bytes(), "of {ids:?}");
        }
    });
}

/// A tokenizer is written so that it gives the ids of `encode` again; `each` is handed them, with their bytes.
pub fn check_written(
    tokenizer: &Tokenizer,
    encode: impl Fn(&Tokenizer, Specials) -> Result<Vec<TokenId>, Refusal>,
    each: impl Fn(Specials, &[TokenId], &[u8]),
) {
    let written = tokenizer.to_json();
    let again = Tokenizer::from_json(&written).expect("it was written here");
    assert_eq!(again.to_json(), written);
    for specials in [Specials::Text, Specials::Allowed] {
        let ids = match encode(tokenizer, specials) {
            Ok(ids) => ids,
            Err(refusal) => {
                super::sentence::check(&refusal);
                continue;
            }
        };
        assert_eq!(encode(&again, specials).as_ref(), Ok(&ids));
        assert!(ids.iter().all(|id| id.index() < tokenizer.vocabulary()));
        let bytes = tokenizer.decode_bytes(&ids);
        assert_eq!(tokenizer.decode(&ids), String::from_utf8_lossy(&bytes), "streamed and whole");
        each(specials, &ids, &bytes);
    }
}

/// Whether pieces are nothing but spelled bytes, so that a text comes back as it was.
fn is_lossless(file: &str) -> bool {
    let Ok(file) = serde_json::from_str::<Value>(file) else { return false };
    let byte_level = |part: &str| file[part]["type"] == "ByteLevel";
    let adds_nothing = |part: &str| file[part].as_array().is_none_or(Vec::is_empty);
    file["normalizer"].is_null()
        && byte_level("pre_tokenizer")
        && file["pre_tokenizer"]["add_prefix_space"] == false
        && byte_level("decoder")
        && adds_nothing("added_tokens")
        && file["model"]["unk_token"].is_null()
}

/// Where a search begins.
pub fn seeds() -> Vec<Vec<u8>> {
    let texts = ["the bird is red. the house is old."];
    let learned = Tokenizer::train_bpe(&texts, 262, &["<|end|>"]).expect("a text");
    let letters = Tokenizer::characters(&["ab ▁"], &[]).expect("a text");
    let spelled = r#"{"added_tokens":[{"id":0,"content":"<s>","special":true,"lstrip":true}],
        "normalizer":{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},
        {"type":"Replace","pattern":{"String":" "},"content":"▁"},{"type":"NFC"}]},
        "pre_tokenizer":null,"post_processor":{"type":"TemplateProcessing","single":[
        {"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
        "special_tokens":{"<s>":{"id":"<s>","ids":[0],"tokens":["<s>"]}}},
        "decoder":{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},
        "content":" "},{"type":"ByteFallback"},{"type":"Fuse"},
        {"type":"Strip","content":" ","start":1,"stop":0}]},
        "model":{"type":"BPE","unk_token":"<s>","fuse_unk":true,"byte_fallback":true,
        "vocab":{"<s>":0,"▁":1,"a":2,"▁a":3,"<0x0A>":4},"merges":["▁ a"]}}"#;
    let split = r#"{"pre_tokenizer":{"type":"Sequence","pretokenizers":[
        {"type":"Split","pattern":{"Regex":"\\d+|b"},"behavior":"MergedWithNext","invert":true},
        {"type":"Digits","individual_digits":true},
        {"type":"Metaspace","replacement":"_","prepend_scheme":"first","split":true}]},
        "decoder":{"type":"Metaspace","replacement":"_"},"model":{"type":"BPE","ignore_merges":true,
        "vocab":{"_":0,"a":1,"b":2,"1":3,"ab":4},"merges":[["a","b"]]}}"#;
    let grows = r#"{"normalizer":{"type":"Sequence","normalizers":[
        {"type":"Replace","pattern":{"Regex":"(a+)+(?!b)"},"content":"aa"},
        {"type":"Replace","pattern":{"String":"a"},"content":"aa"}]},
        "added_tokens":[{"id":2,"content":"ab","normalized":true},{"id":3,"content":"abb","special":true}],
        "post_processor":{"type":"RobertaProcessing","cls":["a",0],"sep":["b",1]},
        "decoder":{"type":"Replace","pattern":{"String":"a"},"content":"aa"},
        "model":{"type":"BPE","vocab":{"a":0,"b":1},"merges":[]}}"#;
    let inside = r#"{"normalizer":{"type":"Sequence","normalizers":[{"type":"Nmt"},{"type":"NFKC"},
        {"type":"Strip","strip_left":true,"strip_right":false},{"type":"ByteLevel"}]},
        "pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"UnicodeScripts"},
        {"type":"Punctuation","behavior":"MergedWithPrevious"},
        {"type":"ByteLevel","add_prefix_space":true,"use_regex":false},
        {"type":"Metaspace","replacement":"a","prepend_scheme":"first","split":true}]},
        "added_tokens":[{"id":0,"content":"a","normalized":true,"single_word":true,"rstrip":true}],
        "decoder":{"type":"Sequence","decoders":[{"type":"Metaspace","replacement":"a"},
        {"type":"Strip","content":"b","start":1,"stop":1},{"type":"ByteFallback"},
        {"type":"Replace","pattern":{"String":"c"},"content":""},{"type":"Fuse"},
        {"type":"Strip","content":" ","start":2,"stop":2}]},
        "model":{"type":"BPE","unk_token":"b","byte_fallback":true,
        "vocab":{"a":0,"b":1,"c":2,"<0x20>":3," ":4,"aba":5},"merges":[]}}"#;
    let precompiled = r#"{"normalizer":{"type":"Precompiled","precompiled_charsmap":"DAAAAAAAAABhAAAAAAAAgGIA"},
        "model":{"type":"BPE","vocab":{"a":0,"b":1},"merges":[]}}"#;
    let unigram = r#"{"added_tokens":[{"id":1,"content":"<x>","special":false}],"decoder":{"type":"Fuse"},
        "normalizer":{"type":"Sequence","normalizers":[{"type":"Replace","pattern":{"String":" "},"content":"▁"}],
        "sentencepiece":{"add_dummy_prefix":true,"remove_extra_whitespaces":true,"unused":[5]}},
        "model":{"type":"Unigram","unk_id":0,"byte_fallback":false,"vocab":[["<unk>",0],["<x>",0],["▁",-2],
        ["a",-1.5],["aa",-3],["b",-1],["ab",-2.5]]}}"#;
    let with = |file: &str, text: &str| [file.as_bytes(), b"\0", text.as_bytes()].concat();
    vec![
        with(&learned.to_json(), "the bird <|end|>\n\u{e9}"),
        with(&letters.to_json(), "abba"),
        with(spelled, "a <s> a\nb"),
        with(split, "ab1 b22a"),
        with(grows, "aaab abb"),
        with(inside, " a\u{1} b.c \u{65e5}\u{30fc}"),
        with(precompiled, "ab"),
        with(unigram, " a<x>  abéé b"),
    ]
}
