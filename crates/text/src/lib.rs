//! Text to tokens and back: tokenizers, datasets and the built-in corpus. Knows no tensors.

mod token;

pub use token::TokenId;
