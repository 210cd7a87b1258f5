//! What SentencePiece does and Hugging Face's tokenizers have no words for: how it prepares texts, and what its BPE merges.
//! `tokenizer_model` reads its files.

mod charsmap;
mod merges;
mod normalizer;
mod spec;

pub(crate) use self::{
    merges::{by_score, is_of_other_programs, read as read_merges, write as write_merges},
    normalizer::SentencePiece,
    spec::{Kind, Spec},
};
