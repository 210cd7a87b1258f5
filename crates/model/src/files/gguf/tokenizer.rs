//! The tokenizer of a GGUF file, as it is stored, with llama.cpp's values for keys that are missing.
//! What it means is for `text` to say; which tokens end an answer stands in `ends`.

use std::collections::BTreeMap;

use lookback_files::{Refusal, Result};
use lookback_text::TokenId;

use super::{ends, metadata::Metadata};

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
    /// Every token that ends an answer: `end` first.
    pub ends: Vec<TokenId>,
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
    /// Whatever llama.cpp warns of when it reads these keys, one sentence each.
    pub remarks: Vec<String>,
    /// The same under other names.
    pub named_chat_templates: BTreeMap<String, String>,
}

impl GgufTokenizer {
    /// Reads what there is. `file` is what the metadata was read from.
    pub(super) fn read(file: &[u8], metadata: &Metadata) -> Result<Self> {
        let text = |key: &str| Ok(metadata.text(key)?.map(str::to_owned));
        let tokens = metadata.texts(file, "tokenizer.ggml.tokens")?;
        let mut remarks = Vec::new();
        let mut id = |key: &str, usual: Option<u32>| -> Result<Option<TokenId>> {
            let key = format!("tokenizer.ggml.{key}");
            token(metadata, &key, usual, tokens.len(), &mut remarks)
        };
        let model = text("tokenizer.ggml.model")?.unwrap_or_default();
        let usual = Usual::of(&model);
        let (beginning, end) =
            (id("bos_token_id", usual.beginning)?, id("eos_token_id", usual.end)?);
        let unknown = id("unknown_token_id", usual.unknown)?;
        let padding = id("padding_token_id", None)?;
        let named = ends::Keys::read(&mut |key| id(key, None))?;
        let mut tokenizer = Self {
            model,
            pre: text("tokenizer.ggml.pre")?,
            tokens,
            scores: metadata.reals(file, "tokenizer.ggml.scores")?,
            token_types: metadata.numbers(file, "tokenizer.ggml.token_type")?,
            merges: metadata.texts(file, "tokenizer.ggml.merges")?,
            beginning,
            end,
            ends: Vec::new(),
            unknown,
            padding,
            add_beginning: metadata.flag("tokenizer.ggml.add_bos_token")?,
            add_end: metadata.flag("tokenizer.ggml.add_eos_token")?,
            add_space_prefix: metadata.flag("tokenizer.ggml.add_space_prefix")?,
            chat_template: text("tokenizer.chat_template")?,
            remarks,
            named_chat_templates: named_chat_templates(metadata)?,
        };
        let tokens = tokenizer.tokens.len();
        for (what, length) in
            [("scores", tokenizer.scores.len()), ("token_type", tokenizer.token_types.len())]
        {
            if length != 0 && length < tokens {
                return Err(Refusal::user(format!(
                    "tokenizer.ggml.{what} has {length} entries for {tokens} tokens"
                )));
            }
        }
        tokenizer.scores.truncate(tokens);
        tokenizer.token_types.truncate(tokens);
        if tokenizer.model == "gpt2" && tokenizer.pre.as_deref().is_none_or(str::is_empty) {
            tokenizer.pre = None;
            tokenizer.remarks.push(
                "tokenizer.ggml.pre is missing, so texts are cut as llama.cpp cuts them by default; the \
                 model may have learned others, so convert it again"
                    .to_owned(),
            );
        }
        if tokenizer.add_beginning == Some(true) && tokenizer.beginning.is_none() {
            tokenizer.remarks.push(
                "tokenizer.ggml.add_bos_token is true, but there is no such token; none is put before a text"
                    .to_owned(),
            );
        }
        ends::find(&mut tokenizer, &named);
        Ok(tokenizer)
    }
}

/// Ids that llama.cpp takes where a file names none.
struct Usual {
    beginning: Option<u32>,
    end: Option<u32>,
    unknown: Option<u32>,
}

impl Usual {
    fn of(model: &str) -> Self {
        let [beginning, end, unknown] = match model {
            "llama" => [Some(1), Some(2), Some(0)],
            "gpt2" => [Some(11), Some(11), None],
            _ => [None; 3],
        };
        Self { beginning, end, unknown }
    }
}

/// The id that a key names, or the usual one; neither, if it is none of the tokens.
fn token(
    metadata: &Metadata,
    key: &str,
    usual: Option<u32>,
    tokens: usize,
    remarks: &mut Vec<String>,
) -> Result<Option<TokenId>> {
    let usual = usual.filter(|id| (*id as usize) < tokens).map(TokenId);
    let Some(number) = metadata.whole(key)? else { return Ok(usual) };
    if number < tokens as u64 {
        return Ok(Some(TokenId(number as u32)));
    }
    // Some writers say with the largest number that there is none.
    if tokens > 0 && number != u64::from(u32::MAX) {
        let instead = usual.map_or("it is left out".to_owned(), |id| format!("{id} is taken"));
        remarks.push(format!("{key} is {number}, which is none of the {tokens} tokens; {instead}"));
    }
    Ok(usual)
}

/// What stands behind `tokenizer.chat_template.`
fn named_chat_templates(metadata: &Metadata) -> Result<BTreeMap<String, String>> {
    let mut templates = BTreeMap::new();
    for key in metadata.keys() {
        let Some(name) = key.strip_prefix("tokenizer.chat_template.") else { continue };
        if let Some(template) = metadata.text(key)? {
            templates.insert(name.to_owned(), template.to_owned());
        }
    }
    Ok(templates)
}
