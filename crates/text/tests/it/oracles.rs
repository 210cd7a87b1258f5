//! What the fuzzers of `fuzz/` hold true of any bytes, held of where they begin and of every case that
//! they ever found.

#[path = "../../../../fuzz/src/hold.rs"]
mod hold;
mod merges;
#[path = "../../../../fuzz/src/sentence.rs"]
mod sentence;
mod texts;
mod tokenizer;
mod tokenizer_model;
mod vocabulary_files;

use hold::hold;

#[test]
fn pieces_are_those_of_the_definition() {
    hold("merges", merges::seeds(), merges::check);
}

#[test]
fn tokenizers_survive_being_written() {
    hold("tokenizer", tokenizer::seeds(), tokenizer::check);
}

#[test]
fn tokenizer_models_survive_being_written() {
    hold("tokenizer_model", tokenizer_model::seeds(), tokenizer_model::check);
}

#[test]
fn vocabulary_files_survive_being_written() {
    hold("vocabulary_files", vocabulary_files::seeds(), vocabulary_files::check);
}

#[test]
fn texts_are_read_as_plain_means_read_them() {
    hold("texts", texts::seeds(), texts::check);
}
