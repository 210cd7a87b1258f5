//! Text to tokens and back: tokenizers, datasets and the built-in corpus. Knows no tensors.
//!
//! ```
//! use lookback_text::{Specials, Tokenizer};
//!
//! let text = "the bird is red. the red bird sings.";
//! let tokenizer = Tokenizer::train_bpe(&[text], 264, &["<|endoftext|>"])?;
//! let ids = tokenizer.encode(text, Specials::Text)?;
//! assert!(ids.len() < text.len());
//! assert_eq!(tokenizer.decode(&ids), text);
//! # Ok::<(), lookback_files::Refusal>(())
//! ```

mod added;
mod alphabet;
mod bpe;
mod budget;
pub mod corpus;
pub mod dataset;
mod decode;
mod double_array;
mod field;
mod gguf;
mod leave_out;
mod model;
mod named;
mod normalize;
mod pattern;
mod reach;
mod search;
mod sentence_piece;
mod spelling;
mod split;
mod structure;
mod tekken_file;
mod template;
mod tiktoken_file;
pub mod tinytown;
mod token;
mod tokenizer;
mod tokenizer_config;
mod tokenizer_files;
mod tokenizer_json;
mod tokenizer_model;
mod tokenizer_settings;
mod trainer;
mod unigram;
mod vocabulary;
mod vocabulary_files;
mod words;

pub use bpe::{Merged, Tree};
pub use decode::Decoder;
pub use gguf::GgufVocabulary;
pub use leave_out::leave_out;
pub use named::NamedTokenizer;
pub use structure::Specials;
pub use token::TokenId;
pub use tokenizer::Tokenizer;
pub use trainer::TokenizerTrainer;
pub use words::{Piece, Word, Words};
