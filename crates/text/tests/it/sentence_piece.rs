//! A real SentencePiece vocabulary: from scores, as GGUF keeps it, and from merges, as
//! `tokenizer.json` does, it gives the same ids. `LOOKBACK_SHARED` is the folder with the model.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{collections::BTreeMap, env, fs, path::PathBuf};

use lookback_text::{GgufVocabulary, Specials, TokenId, Tokenizer};
use serde_json::Value;

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
