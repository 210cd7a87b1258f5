//! Tokenizers from the metadata of a GGUF file: the same parts as a `tokenizer.json` spells out,
//! named where GGUF only hints at them.

mod pre;
mod write;

use lookback_files::{Refusal, Result, excerpt, quoted_excerpt};
use serde_json::{Value, json};

use crate::{
    Tokenizer,
    added::Added,
    sentence_piece::{by_score, write_merges},
    template,
    tokenizer::Parts,
    vocabulary::Vocabulary,
};
use pre::{Pre, byte_level};

/// The keys of `tokenizer.ggml.*` that decide ids.
#[derive(Clone, Debug, Default)]
pub struct GgufVocabulary {
    /// `gpt2` (byte-level BPE), `llama` (SentencePiece) or `gemma4` (SentencePiece's spelling, with merges).
    pub model: String,
    /// How `gpt2` cuts words; llama.cpp's default where the file does not say.
    pub pre: Option<String>,
    /// Every piece, by id.
    pub tokens: Vec<String>,
    /// Of `llama`: the best is merged first; all are equal where the file has none.
    pub scores: Option<Vec<f32>>,
    /// 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte.
    pub token_types: Option<Vec<i32>>,
    /// Of `gpt2`: `left right`, earliest first.
    pub merges: Option<Vec<String>>,
    /// Begins a text.
    pub bos: Option<u32>,
    /// Ends a text.
    pub eos: Option<u32>,
    /// Stands for what has no piece.
    pub unk: Option<u32>,
    /// Whether `bos` is put before a text; by default as llama.cpp does for the model.
    pub add_bos: Option<bool>,
    /// Whether `eos` is put after a text; by default not.
    pub add_eos: Option<bool>,
    /// Of `llama`: whether a space is put before a text; by default so.
    pub add_space_prefix: Option<bool>,
}

const NORMAL: i32 = 1;
const UNKNOWN: i32 = 2;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;
const UNUSED: i32 = 5;
const BYTE: i32 = 6;

impl Tokenizer {
    /// A tokenizer from a GGUF file's metadata.
    pub fn from_gguf(metadata: &GgufVocabulary) -> Result<Self> {
        let (mut parts, starts) = match metadata.model.as_str() {
            "gpt2" => byte_pairs(metadata)?,
            "llama" => (sentence_piece(metadata)?, true),
            "gemma4" => (merged_sentence_piece(metadata)?, true),
            "" => return Err(Refusal::user("the file has no tokenizer (no tokenizer.ggml.model)")),
            other => {
                return Err(Refusal::unsupported(format!(
                    "the tokenizer model {} is not understood; gpt2, llama and gemma4 are",
                    excerpt(other)
                )));
            }
        };
        for (id, piece) in (0..).zip(&metadata.tokens) {
            let kind = metadata.kind(id);
            if matches!(kind, UNKNOWN | CONTROL | USER_DEFINED) {
                let (content, special) = (content_of(id, piece), kind != USER_DEFINED);
                parts.added.push(Added { id, content, special, ..Added::default() });
            }
        }
        for (key, id) in [("bos", metadata.bos), ("eos", metadata.eos), ("unknown", metadata.unk)] {
            if id.is_some_and(|id| id as usize >= metadata.tokens.len()) {
                return Err(Refusal::user(format!(
                    "the {key} token's id is not among the {} tokens",
                    metadata.tokens.len()
                )));
            }
        }
        parts.bos = metadata.bos;
        parts.eos = metadata.eos;
        let named = |wanted: bool, id: Option<u32>| {
            let id = id.filter(|_| wanted)?;
            Some((metadata.tokens[id as usize].as_str(), id))
        };
        parts.post_processor = template::write(
            named(metadata.add_bos.unwrap_or(starts), metadata.bos),
            named(metadata.add_eos.unwrap_or(false), metadata.eos),
        );
        Self::new(parts)
    }
}

impl GgufVocabulary {
    fn kind(&self, id: u32) -> i32 {
        let kinds = self.token_types.as_deref().unwrap_or_default();
        kinds.get(id as usize).copied().unwrap_or(NORMAL)
    }

    fn pieces(&self) -> Result<Vocabulary> {
        let mut vocabulary = Vocabulary::default();
        for (id, piece) in (0..).zip(&self.tokens) {
            vocabulary.insert(&content_of(id, piece), id)?;
        }
        vocabulary.unknown = self.unk;
        Ok(vocabulary)
    }
}

/// A token's text; one without any is never found in a text.
fn content_of(id: u32, piece: &str) -> String {
    if piece.is_empty() { format!("[EMPTY_{id}]") } else { piece.to_owned() }
}

/// Byte-level BPE, and whether a token is put before a text where the file does not say.
fn byte_pairs(metadata: &GgufVocabulary) -> Result<(Parts, bool)> {
    let Pre { normalizer, pre_tokenizer, ignore_merges, adds_bos } =
        Pre::of(metadata.pre.as_deref())?;
    let mut vocabulary = metadata.pieces()?;
    vocabulary.ignore_merges = ignore_merges;
    // Every byte has its piece; an unknown token of this kind stands for nothing.
    vocabulary.unknown = None;
    add_merges(&mut vocabulary, metadata)?;
    let decoder = byte_level(true);
    let parts = Parts { vocabulary, normalizer, pre_tokenizer, decoder, ..Parts::default() };
    Ok((parts, adds_bos))
}

fn add_merges(vocabulary: &mut Vocabulary, from: &GgufVocabulary) -> Result<()> {
    for merge in from.merges.iter().flatten() {
        let Some((left, right)) = merge.split_once(' ') else {
            return Err(Refusal::user(format!(
                "the merge {} is not two pieces with a space between",
                quoted_excerpt(merge)
            )));
        };
        vocabulary.merge(left, right)?;
    }
    Ok(())
}

fn sentence_piece(from: &GgufVocabulary) -> Result<Parts> {
    let mut vocabulary = from.pieces()?;
    merge_by_score(&mut vocabulary, from)?;
    Ok(spelled_parts(vocabulary, from.add_space_prefix.unwrap_or(true)))
}

/// SentencePiece's spelling, where the file has merges.
fn merged_sentence_piece(from: &GgufVocabulary) -> Result<Parts> {
    let mut vocabulary = from.pieces()?;
    add_merges(&mut vocabulary, from)?;
    Ok(spelled_parts(vocabulary, from.add_space_prefix.unwrap_or(false)))
}

/// What spells spaces as SentencePiece does, and characters without a piece by their bytes.
fn spelled_parts(mut vocabulary: Vocabulary, prefix: bool) -> Parts {
    vocabulary.fuse_unknown = true;
    vocabulary.byte_fallback = true;
    let replace = |from: &str, to: &str| json!({"type": "Replace", "pattern": {"String": from}, "content": to});
    let prepend = prefix.then(|| json!({"type": "Prepend", "prepend": "▁"}));
    let normalizers: Vec<Value> = prepend.into_iter().chain([replace(" ", "▁")]).collect();
    let strip = prefix.then(|| json!({"type": "Strip", "content": " ", "start": 1, "stop": 0}));
    let decoders: Vec<Value> =
        [replace("▁", " "), json!({"type": "ByteFallback"}), json!({"type": "Fuse"})]
            .into_iter()
            .chain(strip)
            .collect();
    let mut normalizer = json!({"type": "Sequence", "normalizers": normalizers});
    write_merges(&vocabulary, &mut normalizer);
    Parts {
        vocabulary,
        normalizer,
        decoder: json!({"type": "Sequence", "decoders": decoders}),
        ..Parts::default()
    }
}

/// SentencePiece keeps no merges: any two pieces whose text is a piece merge, best score first.
fn merge_by_score(vocabulary: &mut Vocabulary, from: &GgufVocabulary) -> Result<()> {
    let equal = || vec![0.0; from.tokens.len()];
    let scores = from.scores.clone().unwrap_or_else(equal);
    if scores.len() != from.tokens.len() {
        return Err(Refusal::user(format!(
            "the tokenizer has {} tokens and {} scores; it needs one for each",
            from.tokens.len(),
            scores.len()
        )));
    }
    by_score(vocabulary, &scores, &|_| true)
}
