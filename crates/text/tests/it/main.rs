//! Text to tokens and back, tested from outside.

mod components;
mod corpus;
mod hostile;
mod model_reports;
mod named;
mod oracles;
mod packed;
mod reports;
mod sentence_piece;
mod tokenizer;
mod tokenizer_config;
mod tokenizer_files;
mod unigram;
mod variants;
