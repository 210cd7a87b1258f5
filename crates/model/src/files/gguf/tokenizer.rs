//! The tokenizer of a GGUF file, as it is stored. `text` interprets it; `tokenizer/read` takes
//! it from the metadata, and which tokens end an answer stands in `tokenizer/eog`.

mod eog;
mod read;

use std::collections::BTreeMap;

pub(super) use eog::unnamed as eog_ids;
use lookback_text::TokenId;

/// The keys of `tokenizer.*`, without a meaning.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GgufTokenizer {
    /// `gpt2` (byte-level BPE), `llama` (SentencePiece) …; empty if the file has none.
    pub model: String,
    /// How text is split before merging: `gpt-2`, `llama-bpe`, `smollm` …
    pub pre: Option<String>,
    /// Every token's text, by id.
    pub tokens: Vec<String>,
    /// SentencePiece's scores; as many as tokens, or none.
    pub scores: Vec<f32>,
    /// 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte; as many as tokens, or none.
    pub token_types: Vec<i32>,
    /// `left right`, in order of rank.
    pub merges: Vec<String>,
    /// Beginning of a text.
    pub bos: Option<TokenId>,
    /// End of a text.
    pub eos: Option<TokenId>,
    /// Every token that ends an answer (end of generation, as llama.cpp calls it): `eos` first.
    pub eog: Vec<TokenId>,
    /// Stands for what cannot be encoded.
    pub unknown: Option<TokenId>,
    /// Fills rows.
    pub padding: Option<TokenId>,
    /// Whether `bos` is put before a text.
    pub add_bos: Option<bool>,
    /// Whether `eos` is put after a text.
    pub add_eos: Option<bool>,
    /// Whether SentencePiece puts a space before a text.
    pub add_space_prefix: Option<bool>,
    /// How a conversation is written, in Jinja.
    pub chat_template: Option<String>,
    /// Whatever llama.cpp warns of when it reads these keys, one sentence each.
    pub remarks: Vec<String>,
    /// The same under other names.
    pub named_chat_templates: BTreeMap<String, String>,
}

impl GgufTokenizer {
    /// The tokens that end an answer and that no key of a file is left for: it has words for three.
    pub fn ends_without_key(&self) -> Vec<TokenId> {
        eog_ids(self).into_iter().skip(2).collect()
    }
}
