//! From text to ids and back. What a tokenizer is made of is read by `tokenizer_json` and `gguf`,
//! or learned by `bpe::train`; here it is only used.
//!
//! The way to ids stands in `encode`, the way back in `decode`.

mod encode;
mod pieces;

use std::{fmt, sync::Arc};

use lookback_files::{Refusal, Result};
use serde_json::Value;

use crate::{
    TokenId,
    added::{Added, Finder},
    bpe::Tree,
    model::Model,
    normalize::{self, Normalizer},
    sentence_piece::{Kind, SentencePiece},
    spelling::{Spelling, Strip},
    split::Splitter,
    structure::Specials,
    template::Template,
    vocabulary::Vocabulary,
};
use pieces::PieceBytes;

/// What a tokenizer is made of, in the words of `tokenizer.json`.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    pub(crate) vocabulary: Vocabulary,
    pub(crate) added: Vec<Added>,
    pub(crate) normalizer: Value,
    pub(crate) pre_tokenizer: Value,
    pub(crate) post_processor: Value,
    pub(crate) decoder: Value,
    pub(crate) bos: Option<u32>,
    pub(crate) eos: Option<u32>,
}

/// Text to ids, ids to text. A clone shares everything. The second is the number of rows of a model's
/// table, where that has fewer than there are tokens.
#[derive(Clone)]
pub struct Tokenizer(Arc<Inner>, Option<usize>);

struct Inner {
    parts: Parts,
    normalizers: Vec<Normalizer>,
    /// What prepares texts in the place of normalizers.
    sentence_piece: Option<SentencePiece>,
    splitter: Splitter,
    model: Model,
    template: Template,
    /// Added tokens looked for in the text as it is, and in the normalized text.
    as_it_is: Finder,
    normalized: Finder,
    /// What every token stands for, and what it stands for where it begins a text, if that is something else.
    bytes: PieceBytes,
    beginnings: Option<PieceBytes>,
    is_special: Vec<bool>,
    spelling: Spelling,
}

impl Tokenizer {
    pub(crate) fn new(parts: Parts) -> Result<Self> {
        let sentence_piece =
            SentencePiece::read(&parts.normalizer, &parts.vocabulary, &parts.added)?;
        let normalizers = match &sentence_piece {
            Some(_) => Vec::new(),
            None => normalize::read(&parts.normalizer)?,
        };
        let splitter = Splitter::read(&parts.pre_tokenizer)?;
        let kinds = sentence_piece.as_ref().map(|model| &*model.kinds);
        let model = Model::new(&parts.vocabulary, splitter.is_byte_level, kinds)?;
        let template = Template::read(&parts.post_processor)?;
        let spelling = Spelling::read(&parts.decoder)?;
        // SentencePiece's own symbols stay as they are in a text that it has prepared.
        let is_symbol = |token: &Added| {
            let kind = kinds.and_then(|kinds| kinds.get(token.id as usize));
            kind == Some(&Kind::UserDefined)
        };
        let of_text = |token: &&Added| parts.vocabulary.scores.is_none() || !is_symbol(token);
        let (normal, raw): (Vec<&Added>, Vec<&Added>) =
            parts.added.iter().filter(of_text).partition(|token| {
                is_symbol(token) || token.normalized && sentence_piece.is_none()
            });
        let as_it_is = Finder::new(raw.into_iter(), &[])?;
        let normalized = Finder::new(normal.into_iter(), &normalizers)?;

        let added = parts.added.iter().map(|token| token.id as usize + 1);
        let size = added.chain([parts.vocabulary.size() as usize]).max().unwrap_or(0);
        let mut is_special = vec![false; size];
        for token in &parts.added {
            is_special[token.id as usize] = token.special;
        }
        let (bytes, beginnings) = pieces::read(&parts, &spelling, &normalizers, size)?;
        let around = template.before.iter().chain(&template.after);
        for &id in around.chain(&parts.bos).chain(&parts.eos) {
            if id as usize >= size {
                return Err(Refusal::user(format!(
                    "the token {id} is put around texts, but the vocabulary ends at {size}"
                )));
            }
        }
        Ok(Self(
            Arc::new(Inner {
                parts,
                normalizers,
                sentence_piece,
                splitter,
                model,
                template,
                as_it_is,
                normalized,
                bytes,
                beginnings,
                is_special,
                spelling,
            }),
            None,
        ))
    }

    /// The same for a model whose table has so many rows: a text with a token beyond it is refused.
    #[must_use]
    pub fn for_table(self, rows: usize) -> Self {
        let is_beyond = self.0.bytes.len() > rows;
        Self(self.0, is_beyond.then_some(rows))
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.0.parts
    }

    /// The spellings of its special tokens.
    pub fn specials(&self) -> impl Iterator<Item = &str> {
        let specials = self.0.parts.added.iter().filter(|token| token.special);
        specials.map(|token| &*token.content)
    }

    /// The tokens that the tokenizer's template puts before and behind each text.
    pub fn template_tokens(&self) -> (Vec<TokenId>, Vec<TokenId>) {
        let Template { before, after } = &self.0.template;
        let ids = |side: &[u32]| side.iter().copied().map(TokenId).collect();
        (ids(before), ids(after))
    }

    /// Whether a text's ids are those of its parts, one after the other, where each part but the first
    /// begins as [`Chunking::Parts`](crate::corpus::Chunking::Parts) says.
    pub fn reads_parts(&self) -> bool {
        let Inner { splitter, model, .. } = &*self.0;
        let are_letters = splitter.cuts_nothing() && model.takes_each_character();
        // Special tokens in such a text are text.
        let mut found = self.0.parts.added.iter().filter(|token| !token.special);
        let may_be_cut =
            !found.any(|token| token.lstrip || token.rstrip || has_white_space(&token.content));
        self.keeps_texts() && may_be_cut && (splitter.cuts_before_spaces() || are_letters)
    }

    /// Whether nothing of a text is changed before it is cut.
    fn keeps_texts(&self) -> bool {
        self.0.normalizers.is_empty() && self.0.sentence_piece.is_none()
    }

    /// Whether a text's ids are those of its parts, wherever it is cut between two characters.
    pub fn reads_characters(&self) -> bool {
        let Inner { splitter, model, .. } = &*self.0;
        let are_all_special = self.0.parts.added.iter().all(|token| token.special);
        let cuts_nothing = splitter.cuts_nothing() && model.takes_each_character();
        self.keeps_texts() && are_all_special && cuts_nothing
    }

    /// A text's ids with a printable form of each, without what is put around it.
    pub fn pieces(&self, text: &str, specials: Specials) -> Result<Vec<(TokenId, String)>> {
        let ids = self.encode_bare(text, specials)?;
        Ok(ids.into_iter().map(|id| (id, self.piece(id))).collect())
    }

    /// The bytes that an id stands for; none for an id that there is not.
    pub fn bytes_of(&self, id: TokenId) -> &[u8] {
        self.0.bytes.of(id)
    }

    /// The bytes that an id stands for where it begins a text.
    pub(crate) fn beginning_of(&self, id: TokenId) -> &[u8] {
        self.0.beginnings.as_ref().unwrap_or(&self.0.bytes).of(id)
    }

    /// An id in print: its text, with control characters and broken bytes as escapes.
    pub fn piece(&self, id: TokenId) -> String {
        let mut piece = String::new();
        for chunk in self.bytes_of(id).utf8_chunks() {
            for sign in chunk.valid().chars() {
                if sign.is_control() {
                    piece.extend(sign.escape_default())
                } else {
                    piece.push(sign)
                }
            }
            for byte in chunk.invalid() {
                piece.push_str(&format!("\\x{byte:02x}"));
            }
        }
        piece
    }

    /// An id in print, in quotes, as a string of Rust or Python has it: `" bird"`, `"\n"`, `"\\"`, and
    /// `"\xc3"` for a byte that is no character by itself.
    pub fn quoted(&self, id: TokenId) -> String {
        let mut quoted = String::from("\"");
        for chunk in self.bytes_of(id).utf8_chunks() {
            let valid = format!("{:?}", chunk.valid());
            quoted.push_str(&valid[1..valid.len() - 1]);
            for byte in chunk.invalid() {
                quoted.push_str(&format!("\\x{byte:02x}"));
            }
        }
        quoted + "\""
    }

    /// A piece as the vocabulary spells it: `Ġbird`, `▁bird`.
    pub fn spelled(&self, id: TokenId) -> &str {
        let added = self.0.parts.added.iter().find(|token| token.id == id.0);
        added.map_or_else(|| self.0.parts.vocabulary.piece(id.0), |token| &token.content)
    }

    /// The id of a piece as the vocabulary spells it, or of a special token.
    pub fn id_of(&self, piece: &str) -> Option<TokenId> {
        let added = self.0.parts.added.iter().find(|token| token.content == piece);
        let id = added.map(|token| token.id).or_else(|| self.0.parts.vocabulary.id(piece));
        self.in_table(id)
    }

    fn in_table(&self, id: Option<u32>) -> Option<TokenId> {
        id.map(TokenId).filter(|id| id.index() < self.vocabulary())
    }

    /// How a piece came about, merge by merge, in whatever word it stands: neighbours change nothing
    /// of what happens within it. Nothing for a piece that no merge makes: an added token, or one
    /// that is only taken as a whole word.
    pub fn tree(&self, id: TokenId) -> Option<Tree> {
        let is_added = self.0.parts.added.iter().any(|token| token.id == id.0);
        if is_added { None } else { self.0.model.tree(id.0, &self.0.parts.vocabulary) }
    }

    /// The rows that a model's tables need: the largest id and one; those that it has, where they are fewer.
    pub fn vocabulary(&self) -> usize {
        self.1.unwrap_or(self.0.bytes.len())
    }

    /// The number of merges.
    pub fn merges(&self) -> usize {
        self.0.parts.vocabulary.merges.len()
    }

    /// Whether an id is structure, not text.
    pub fn is_special(&self, id: TokenId) -> bool {
        self.0.is_special.get(id.index()).copied().unwrap_or(false)
    }

    /// The beginning-of-sequence token; what an empty prompt becomes.
    pub fn bos(&self) -> Option<TokenId> {
        self.in_table(self.0.parts.bos)
    }

    /// The end-of-sequence token.
    pub fn eos(&self) -> Option<TokenId> {
        self.in_table(self.0.parts.eos)
    }

    /// Whether decoding puts a space between any two pieces.
    pub(crate) fn separates(&self) -> bool {
        self.0.spelling.separates()
    }

    /// What decoding takes away at the ends of a text.
    pub(crate) fn strips(&self) -> &[Strip] {
        self.0.spelling.strips()
    }
}

fn has_white_space(text: &str) -> bool {
    text.contains(char::is_whitespace)
}

impl fmt::Debug for Tokenizer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Tokenizer of {} tokens, {} merges", self.vocabulary(), self.merges())
    }
}
