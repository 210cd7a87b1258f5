//! Text to tokens and back: tokenizers, datasets and the built-in corpus. Knows no tensors.

mod added;
mod alphabet;
mod beside;
mod bpe;
mod budget;
pub mod corpus;
pub mod dataset;
mod decode;
mod field;
mod gguf;
mod learn;
mod leave_out;
mod named;
mod normalize;
mod pattern;
mod reach;
mod search;
mod spelling;
mod split;
mod structure;
mod template;
pub mod tinytown;
mod token;
mod tokenizer;
mod tokenizer_json;
mod vocabulary;
mod words;

pub use bpe::{Merged, Tree};
pub use decode::Decoder;
pub use gguf::GgufVocabulary;
pub use learn::Learner;
pub use leave_out::leave_out;
pub use named::Named;
pub use token::TokenId;
pub use tokenizer::{Specials, Tokenizer};
pub use words::{Piece, Word, Words};
