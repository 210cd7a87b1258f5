//! Any bytes as a `tokenizer.model`, SentencePiece's or tiktoken's, and behind them a text whose length is the first
//! byte: a tokenizer that can be read is written as a `tokenizer.json` that gives the same ids.

use lookback_text::Tokenizer;

/// Holds one file and text against its round trip.
pub fn check(bytes: &[u8]) {
    let Some((&length, bytes)) = bytes.split_first() else { return };
    let (file, text) = bytes.split_at(bytes.len() - usize::from(length).min(bytes.len()));
    let text = String::from_utf8_lossy(text);
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(folder.path().join(name), bytes).expect("a file");
    };
    write("tokenizer.model", file);
    // A class that both kinds of file may have.
    write("tokenizer_config.json", br#"{"tokenizer_class": "ChatGLM4Tokenizer"}"#);
    let tokenizer = match Tokenizer::open(folder.path()) {
        Ok(tokenizer) => tokenizer,
        Err(refusal) => return super::sentence::check(&refusal),
    };
    let whole = |tokenizer: &Tokenizer, specials| tokenizer.encode(&text, specials);
    super::tokenizer::check_written(&tokenizer, whole, |_, _, _| {});
}

/// Where a search begins.
pub fn seeds() -> Vec<Vec<u8>> {
    // Pieces with their scores and types; a trainer_spec with its model type; a normalizer_spec.
    let model = |kind: u8, rules: &[u8]| {
        let pieces: [(&str, f32, u8); 9] = [
            ("<unk>", 0.0, 2),
            ("<s>", 0.0, 3),
            ("▁", -3.0, 1),
            ("a", -4.0, 1),
            ("b", -5.0, 1),
            ("ab", -1.0, 1),
            ("▁é", -2.0, 1),
            ("<x>", 0.0, 4),
            ("bb", -1.5, 5),
        ];
        let mut file = Vec::new();
        for (piece, score, kind) in pieces {
            let length = piece.len() as u8;
            file.extend([10, length + 9, 10, length]);
            file.extend(piece.as_bytes());
            file.push(21);
            file.extend(score.to_le_bytes());
            file.extend([24, kind]);
        }
        file.extend([18, 2, 24, kind, 26, rules.len() as u8]);
        file.extend(rules);
        file
    };
    // A double array of two units, in which nothing is found.
    let charsmap = [18, 14, 8, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, b'x', 0];
    let with = |file: &[u8], text: &str| [&[text.len() as u8], file, text.as_bytes()].concat();
    let ranks = "AA== 0\nIQ== 1\nYQ== 2\nYg== 3\nYWI= 4\n";
    vec![
        with(&model(1, &[]), " ab <x>é abb"),
        with(&model(2, &[]), "ab  é<x><s>"),
        with(&model(2, &[24, 0, 32, 0]), "  ab é "),
        with(&model(1, &charsmap), "x\u{3000}ab"),
        with(ranks.as_bytes(), "ab!a"),
    ]
}
