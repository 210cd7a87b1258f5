//! Any bytes as a `vocab.json`, and behind the last zero a `merges.txt`, and as a `tekken.json`: a tokenizer that can be
//! read is written as a `tokenizer.json` that gives the same ids.

use lookback_text::{Specials, Tokenizer};

/// Holds two files against their round trip.
pub fn check(bytes: &[u8]) {
    let at = bytes.iter().rposition(|byte| *byte == 0).unwrap_or(bytes.len());
    let (vocab, merges) = (&bytes[..at], bytes.get(at + 1..).unwrap_or_default());
    check_files(&[("vocab.json", vocab), ("merges.txt", merges)]);
    check_files(&[("tekken.json", bytes)]);
}

fn check_files(files: &[(&str, &[u8])]) {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).expect("a file");
    }
    let tokenizer = match Tokenizer::open(folder.path()) {
        Ok(tokenizer) => tokenizer,
        Err(refusal) => return super::sentence::check(&refusal),
    };
    let again = Tokenizer::from_json(&tokenizer.to_json()).expect("it was written here");
    for text in ["the bird is red", " 12 ab<|endoftext|>\n"] {
        let [one, other] =
            [&tokenizer, &again].map(|tokenizer| tokenizer.encode(text, Specials::Allowed));
        match &one {
            Ok(ids) => assert!(ids.iter().all(|id| id.index() < tokenizer.vocabulary())),
            Err(refusal) => super::sentence::check(refusal),
        }
        assert_eq!(one, other);
    }
}

/// Where a search begins.
pub fn seeds() -> Vec<Vec<u8>> {
    let letters = r#"{"t":0,"h":1,"e":2,"th":3,"the":4,"Ġ":5,"Ġb":6,"b":7,"<|endoftext|>":8}"#;
    let tekken = r#"{"config": {"pattern": "\\p{L}+|\\s", "default_vocab_size": 7, "default_num_special_tokens": 3},
        "vocab": [{"rank": 0, "token_bytes": "dA=="}, {"rank": 1, "token_bytes": "aA=="}, {"rank": 2, "token_bytes":
        "ZQ=="}, {"rank": 3, "token_bytes": "dGg="}], "special_tokens": [{"rank": 1, "token_str": "<s>"}]}"#;
    let with = |vocab: &str, merges: &str| [vocab.as_bytes(), b"\0", merges.as_bytes()].concat();
    vec![
        with(letters, "#version: 0.2\nt h\nth e\r\nĠ b\n"),
        with("{}", ""),
        with(letters, "t h\nb x\n"),
        tekken.as_bytes().to_vec(),
    ]
}
