//! What turns the words of a text into ids: merges, or a unigram language model.

use lookback_files::Result;

use crate::{
    alphabet,
    bpe::{Bpe, Tree, Unknown},
    sentence_piece::Kind,
    unigram::{Scores, Unigram},
    vocabulary::Vocabulary,
};

#[derive(Debug)]
pub(crate) enum Model {
    Bpe(Box<Bpe>),
    /// `is_byte_level`: pieces are spelled in the alphabet of bytes.
    Unigram {
        unigram: Box<Unigram>,
        is_byte_level: bool,
    },
}

impl Model {
    /// A vocabulary with scores is a unigram language model, another one has merges. `kinds`: what each piece of a
    /// `tokenizer.model` is.
    pub(crate) fn new(
        vocabulary: &Vocabulary,
        is_byte_level: bool,
        kinds: Option<&[Kind]>,
    ) -> Result<Self> {
        match &vocabulary.scores {
            Some(scores) => {
                let scores = match kinds {
                    Some(kinds) => Scores::of_sentence_piece(vocabulary, scores, kinds),
                    None => Scores::of_json(scores),
                };
                let unigram = Unigram::new(vocabulary, scores)?;
                Ok(Self::Unigram { unigram: Box::new(unigram), is_byte_level })
            }
            None => Ok(Self::Bpe(Box::new(Bpe::new(vocabulary, is_byte_level)?))),
        }
    }

    /// Appends the pieces of a word; `pieces` is room to work in.
    pub(crate) fn encode(
        &self,
        word: &str,
        pieces: &mut Vec<u32>,
        ids: &mut Vec<u32>,
    ) -> Result<(), Unknown> {
        match self {
            Self::Bpe(bpe) => bpe.encode(word, pieces, ids),
            Self::Unigram { unigram, is_byte_level: false } => unigram.encode(word, ids),
            Self::Unigram { unigram, is_byte_level: true } => {
                unigram.encode(&word.bytes().map(alphabet::letter).collect::<String>(), ids)
            }
        }
    }

    /// Whether each character is a piece for itself, whatever stands beside it.
    pub(crate) fn takes_each_character(&self) -> bool {
        matches!(self, Self::Bpe(bpe) if bpe.takes_each_character())
    }

    /// How a piece comes about by merging; nothing for one that no merge makes.
    pub(crate) fn tree(&self, id: u32, vocabulary: &Vocabulary) -> Option<Tree> {
        match self {
            Self::Bpe(bpe) => bpe.tree(id, vocabulary),
            Self::Unigram { .. } => None,
        }
    }
}
