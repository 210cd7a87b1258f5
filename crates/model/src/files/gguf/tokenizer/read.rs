//! Reads a tokenizer from the metadata, with llama.cpp's values for keys that are missing.

use std::collections::BTreeMap;

use lookback_files::{Refusal, Result};
use lookback_text::TokenId;

use super::{super::metadata::Metadata, GgufTokenizer, eog};

impl GgufTokenizer {
    /// Reads what there is. `file` is what the metadata was read from.
    pub(in crate::files::gguf) fn read(file: &[u8], metadata: &Metadata) -> Result<Self> {
        let text = |key: &str| Ok(metadata.text(key)?.map(str::to_owned));
        let tokens = metadata.texts(file, "tokenizer.ggml.tokens")?;
        let mut remarks = Vec::new();
        let mut id = |key: &str, defaults: Option<u32>| -> Result<Option<TokenId>> {
            let key = format!("tokenizer.ggml.{key}");
            token(metadata, &key, defaults, tokens.len(), &mut remarks)
        };
        let model = text("tokenizer.ggml.model")?.unwrap_or_default();
        let defaults = DefaultIds::of(&model);
        let (bos, eos) = (id("bos_token_id", defaults.bos)?, id("eos_token_id", defaults.eos)?);
        let unknown = id("unknown_token_id", defaults.unknown)?;
        let padding = id("padding_token_id", None)?;
        let named = eog::Keys::read(&mut |key| id(key, None))?;
        let mut tokenizer = Self {
            model,
            pre: text("tokenizer.ggml.pre")?,
            tokens,
            scores: metadata.reals(file, "tokenizer.ggml.scores")?,
            token_types: metadata.numbers(file, "tokenizer.ggml.token_type")?,
            merges: metadata.texts(file, "tokenizer.ggml.merges")?,
            bos,
            eos,
            eog: Vec::new(),
            unknown,
            padding,
            add_bos: metadata.flag("tokenizer.ggml.add_bos_token")?,
            add_eos: metadata.flag("tokenizer.ggml.add_eos_token")?,
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
        if tokenizer.add_bos == Some(true) && tokenizer.bos.is_none() {
            tokenizer.remarks.push(
                "tokenizer.ggml.add_bos_token is true, but there is no such token; none is put before a text"
                    .to_owned(),
            );
        }
        eog::find(&mut tokenizer, &named);
        Ok(tokenizer)
    }
}

/// Ids that llama.cpp takes where a file names none.
struct DefaultIds {
    bos: Option<u32>,
    eos: Option<u32>,
    unknown: Option<u32>,
}

impl DefaultIds {
    fn of(model: &str) -> Self {
        let [bos, eos, unknown] = match model {
            "llama" => [Some(1), Some(2), Some(0)],
            "gpt2" => [Some(11), Some(11), None],
            _ => [None; 3],
        };
        Self { bos, eos, unknown }
    }
}

/// The id that a key names, or the usual one; neither, if it is none of the tokens.
fn token(
    metadata: &Metadata,
    key: &str,
    defaults: Option<u32>,
    tokens: usize,
    remarks: &mut Vec<String>,
) -> Result<Option<TokenId>> {
    let defaults = defaults.filter(|id| (*id as usize) < tokens).map(TokenId);
    let Some(number) = metadata.whole(key)? else { return Ok(defaults) };
    if number < tokens as u64 {
        return Ok(Some(TokenId(number as u32)));
    }
    // Some writers store the largest number where there is none.
    if tokens > 0 && number != u64::from(u32::MAX) {
        let instead = defaults.map_or("it is left out".to_owned(), |id| format!("{id} is taken"));
        remarks.push(format!("{key} is {number}, which is none of the {tokens} tokens; {instead}"));
    }
    Ok(defaults)
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
