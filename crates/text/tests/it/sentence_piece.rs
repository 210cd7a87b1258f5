//! `tokenizer.model` beside the library `sentencepiece` 0.2.3 (`scripts/sentence_piece.py`), and a real vocabulary: from
//! scores, as GGUF keeps it, and from merges, as `tokenizer.json` does, it gives the same ids. `LOOKBACK_SHARED` is the
//! folder with that model.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{collections::BTreeMap, env, fs, path::PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use lookback_text::{GgufVocabulary, Specials, TokenId, Tokenizer};
use serde_json::{Value, json};

const MODELS: &str = include_str!("sentence_piece.json");

fn ids(of: &Value) -> Vec<TokenId> {
    of.as_array().unwrap().iter().map(|id| TokenId(id.as_u64().unwrap() as u32)).collect()
}

/// A directory with these files, and what it is opened as.
fn opened(files: &[(&str, &[u8])]) -> lookback_files::Result<Tokenizer> {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    Tokenizer::open(folder.path())
}

/// The model of a name, as the library wrote it.
fn model(name: &str) -> Vec<u8> {
    let all: Vec<Value> = serde_json::from_str(MODELS).unwrap();
    let file = all.iter().find(|file| file["name"] == name).unwrap();
    STANDARD.decode(file["model"].as_str().unwrap()).unwrap()
}

#[test]
fn ids_and_texts_of_a_tokenizer_model_are_the_librarys() {
    let all: Vec<Value> = serde_json::from_str(MODELS).unwrap();
    let mut wrong = Vec::new();
    for file in &all {
        let name = &file["name"];
        let bytes = STANDARD.decode(file["model"].as_str().unwrap()).unwrap();
        let tokenizer = opened(&[("tokenizer.model", &bytes)]).unwrap();
        let written = Tokenizer::from_json(&tokenizer.to_json()).unwrap();
        for case in file["cases"].as_array().unwrap() {
            for (read, tokenizer) in [("", &tokenizer), (", written as JSON", &written)] {
                let got = tokenizer.encode_bare(case[0].as_str().unwrap(), Specials::Text).unwrap();
                if got != ids(&case[1]) {
                    wrong.push(format!("{name}{read}: {case} is encoded to {got:?}"));
                }
            }
        }
        for case in file["decoded"].as_array().unwrap() {
            let got = tokenizer.decode_plain(&ids(&case[0]));
            if got != case[1].as_str().unwrap() {
                wrong.push(format!("{name}: {case} is decoded to {got:?}"));
            }
        }
    }
    assert!(wrong.is_empty() && all.len() == 18, "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_model_that_is_cut_short_is_refused_wherever_it_is_cut() {
    let bytes = model("merges by score");
    for end in 0..bytes.len() {
        let said = opened(&[("tokenizer.model", &bytes[..end])]).unwrap_err().to_string();
        assert!(said.contains("tokenizer.model: it ends at byte "), "{end}: {said}");
        assert!(
            said.ends_with("it is probably half downloaded, so fetch it again"),
            "{end}: {said}"
        );
    }
    assert!(opened(&[("tokenizer.model", &bytes)]).is_ok());
}

#[test]
fn a_damaged_model_is_refused_or_read_but_never_a_panic() {
    let bytes = model("unigram with rules");
    for at in (0..bytes.len()).step_by(7) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        if let Ok(tokenizer) = opened(&[("tokenizer.model", &damaged)]) {
            let _ = tokenizer.encode("the ﬁ e\u{301} <sep> model", Specials::Allowed);
        }
    }
}

#[test]
fn what_the_files_beside_a_model_say_is_put_around_texts() {
    let bytes = model("bpe, as Llama 2");
    let encoded = |settings: Value, text: &str| {
        let settings = settings.to_string();
        let files = [("tokenizer.model", &*bytes), ("tokenizer_config.json", settings.as_bytes())];
        let tokenizer = opened(&files).unwrap();
        let ids = tokenizer.encode(text, Specials::Allowed).unwrap();
        ids.into_iter().map(|id| tokenizer.spelled(id).to_owned()).collect::<Vec<_>>().join(" ")
    };
    let llama = json!({"tokenizer_class": "LlamaTokenizer"});
    // As transformers 5 has it: a space before every part, unless legacy is false.
    assert_eq!(encoded(llama, "the<s>the"), "<s> ▁the <s> ▁the");
    let first = json!({"tokenizer_class": "LlamaTokenizerFast", "legacy": false});
    assert_eq!(encoded(first, "the<s>the"), "<s> ▁the <s> the");
    let none = json!({"add_prefix_space": false, "add_bos_token": false, "add_eos_token": true});
    assert_eq!(encoded(none, "the"), "the </s>");
    let added = json!({"added_tokens_decoder": {"600": {"content": "<|end|>", "special": true}}, "eos_token": "<|end|>"});
    assert_eq!(encoded(added, "the<|end|>"), "<s> ▁the <|end|>");
    let t5 = json!({"tokenizer_class": "T5Tokenizer"});
    assert_eq!(encoded(t5, "the"), "▁the </s>");
}

#[test]
fn models_that_are_not_understood_are_refused_by_name() {
    let bytes = model("unigram with rules");
    for (class, says) in [
        ("XLMRobertaTokenizer", "XLMRobertaTokenizer does more than its tokenizer.model says"),
        ("PegasusTokenizerFast", "PegasusTokenizer does more"),
    ] {
        let settings = json!({ "tokenizer_class": class }).to_string();
        let files = [("tokenizer.model", &*bytes), ("tokenizer_config.json", settings.as_bytes())];
        let said = opened(&files).unwrap_err().to_string();
        assert!(said.contains(says), "{said}");
    }
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n";
    for (bytes, says) in [
        (&pointer[..], "Git LFS"),
        (b"{\"model\": {}}", "this is no SentencePiece model"),
        // A piece, then a trainer_spec with the model type 3, and a normalizer_spec.
        (
            b"\x0a\x09\x0a\x05<unk>\x18\x02\x12\x02\x18\x03\x1a\x00",
            "the model type WORD is not understood",
        ),
        (
            b"\x0a\x09\x0a\x05<unk>\x18\x02\x12\x02\x18\x63\x1a\x00",
            "the model type 99 is not understood",
        ),
        (b"\x0a\x07\x0a\x05<unk>\x12\x00\x1a\x00", "it has 0 unknown pieces, and a model has one"),
        (
            b"\x0a\x09\x0a\x05<unk>\x18\x02\x12\x00\x1a\x06\x12\x04\xff\xff\xff\xff",
            "its precompiled_charsmap is cut short",
        ),
        (b"\x0a\x09\x0a\x05<unk>\x18\x02\x0a\x02\x18\x01\x12\x00\x1a\x00", "the piece 1 is empty"),
        (b"\x0a\x09\x0a\x05<unk>\x18\x09\x12\x00\x1a\x00", "is of the type 9, which is none"),
        (
            b"\x0a\x09\x0a\x05<unk>\x18\x02\x12\x03\x98\x02\x01\x1a\x00",
            "it has 0 byte pieces, and by its byte_fallback it has 256",
        ),
        (
            b"\x0a\x09\x0a\x05<unk>\x18\x02\x12\x03\xc0\x01\x01\x1a\x00",
            "treat_whitespace_as_suffix is not understood",
        ),
        (
            b"\x0a\x09\x0a\x05<unk>\x18\x02\x0a\x08\x0a\x01a\x15\x00\x00\xc0\x7f\x12\x00\x1a\x00",
            "the piece \"a\" has the score NaN",
        ),
    ] {
        let said = opened(&[("tokenizer.model", bytes)]).unwrap_err().to_string();
        assert!(said.contains(says), "{said}\nshould say: {says}");
    }
}

#[test]
#[ignore = "needs LOOKBACK_SHARED"]
fn scores_and_merges_give_the_same_ids() {
    let shared = PathBuf::from(env::var_os("LOOKBACK_SHARED").unwrap());
    let folder = shared.join("models/stories260k");
    let by_merges = Tokenizer::open(&folder).unwrap();
    let file = fs::read_to_string(folder.join("tokenizer.json")).unwrap();
    let by_scores = Tokenizer::from_gguf(&as_gguf(&by_merges, &file)).unwrap();
    assert_eq!(by_scores.bos(), Some(TokenId(1)));
    for name in ["tinyshakespeare.txt", "wikitext2-valid.txt"] {
        let text = fs::read_to_string(shared.join("data").join(name)).unwrap();
        let [by_merges, by_scores] = [&by_merges, &by_scores].map(|tokenizer| {
            let ids = tokenizer.encode(&text, Specials::Text).unwrap();
            assert_eq!(tokenizer.decode_plain(&ids), text);
            ids
        });
        assert_eq!(by_merges, by_scores);
    }
}

/// A merged piece's score falls with the rank of its first merge.
fn as_gguf(tokenizer: &Tokenizer, file: &str) -> GgufVocabulary {
    let file: Value = serde_json::from_str(file).unwrap();
    let mut ranks: BTreeMap<String, f32> = BTreeMap::new();
    for (rank, merge) in (0u16..).zip(file["model"]["merges"].as_array().unwrap()) {
        let merged = format!("{}{}", merge[0].as_str().unwrap(), merge[1].as_str().unwrap());
        ranks.entry(merged).or_insert(f32::from(rank));
    }
    let size = tokenizer.vocabulary() as u32;
    let tokens: Vec<String> =
        (0..size).map(|id| tokenizer.spelled(TokenId(id)).to_owned()).collect();
    let kind = |id| match id {
        0 => 2,
        1 | 2 => 3,
        3..=258 => 6,
        _ => 1,
    };
    GgufVocabulary {
        model: "llama".into(),
        scores: Some(tokens.iter().map(|piece| -ranks.get(piece).unwrap_or(&1e9)).collect()),
        token_types: Some((0..size).map(kind).collect()),
        tokens,
        bos: Some(1),
        eos: Some(2),
        unk: Some(0),
        ..GgufVocabulary::default()
    }
}
