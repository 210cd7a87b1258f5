//! What the fuzzers of `fuzz/` hold true of any bytes, held of where they begin and of every case that
//! they ever found.

#[path = "oracles/merges.rs"]
mod merges;
#[path = "oracles/sentence.rs"]
mod sentence;
#[path = "oracles/texts.rs"]
mod texts;
#[path = "oracles/tokenizer.rs"]
mod tokenizer;

use std::{fs, path::Path};

/// Checks the seeds, then the files of `tests/oracles/found` that begin with this name.
fn hold(name: &str, seeds: Vec<Vec<u8>>, check: fn(&[u8])) {
    seeds.iter().for_each(|seed| check(seed));
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles/found");
    let Ok(entries) = fs::read_dir(found) else { return };
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        let of_this = path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(name));
        if of_this {
            check(&fs::read(&path).expect("a file"));
        }
    }
}

#[test]
fn pieces_are_those_of_the_definition() {
    hold("merges", merges::seeds(), merges::check);
}

#[test]
fn tokenizers_survive_being_written() {
    hold("tokenizer", tokenizer::seeds(), tokenizer::check);
}

#[test]
fn texts_are_read_as_plain_means_read_them() {
    hold("texts", texts::seeds(), texts::check);
}
