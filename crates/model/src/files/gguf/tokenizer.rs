//! The tokenizer of a GGUF file, as it is stored. What it means is for `text` to say.

use lookback_files::{Refusal, Result};
use lookback_text::TokenId;

use super::metadata::Metadata;

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
    /// Begins a text.
    pub beginning: Option<TokenId>,
    /// Ends a text.
    pub end: Option<TokenId>,
    /// Ends a turn of a conversation.
    pub end_of_turn: Option<TokenId>,
    /// Stands for what cannot be encoded.
    pub unknown: Option<TokenId>,
    /// Fills rows.
    pub padding: Option<TokenId>,
    /// Whether `beginning` is put before a text.
    pub add_beginning: Option<bool>,
    /// Whether `end` is put after a text.
    pub add_end: Option<bool>,
    /// Whether SentencePiece puts a space before a text.
    pub add_space_prefix: Option<bool>,
    /// How a conversation is written, in Jinja.
    pub chat_template: Option<String>,
}

impl GgufTokenizer {
    /// Reads what there is. `file` is what the metadata was read from.
    pub(super) fn read(file: &[u8], metadata: &Metadata) -> Result<Self> {
        let text = |key: &str| Ok(metadata.text(key)?.map(str::to_owned));
        let id = |key: &str| token(metadata, key);
        let tokenizer = Self {
            model: text("tokenizer.ggml.model")?.unwrap_or_default(),
            pre: text("tokenizer.ggml.pre")?,
            tokens: metadata.texts(file, "tokenizer.ggml.tokens")?,
            scores: metadata.reals(file, "tokenizer.ggml.scores")?,
            token_types: metadata.numbers(file, "tokenizer.ggml.token_type")?,
            merges: metadata.texts(file, "tokenizer.ggml.merges")?,
            beginning: id("tokenizer.ggml.bos_token_id")?,
            end: id("tokenizer.ggml.eos_token_id")?,
            end_of_turn: id("tokenizer.ggml.eot_token_id")?,
            unknown: id("tokenizer.ggml.unknown_token_id")?,
            padding: id("tokenizer.ggml.padding_token_id")?,
            add_beginning: metadata.flag("tokenizer.ggml.add_bos_token")?,
            add_end: metadata.flag("tokenizer.ggml.add_eos_token")?,
            add_space_prefix: metadata.flag("tokenizer.ggml.add_space_prefix")?,
            chat_template: text("tokenizer.chat_template")?,
        };
        let tokens = tokenizer.tokens.len();
        for (what, length) in
            [("scores", tokenizer.scores.len()), ("token_type", tokenizer.token_types.len())]
        {
            if length != 0 && length != tokens {
                return Err(Refusal::user(format!(
                    "tokenizer.ggml.{what} has {length} entries for {tokens} tokens"
                )));
            }
        }
        Ok(tokenizer)
    }
}

fn token(metadata: &Metadata, key: &str) -> Result<Option<TokenId>> {
    // Some writers say with the largest number that there is none.
    let number = metadata.whole(key)?.filter(|number| *number < u64::from(u32::MAX));
    Ok(number.map(|number| TokenId(number as u32)))
}
