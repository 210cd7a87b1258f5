//! What goes along beside weights, tokenizer and chat templates: the token that fills rows, and what is suggested about
//! sampling. A suggestion that the other kind of file has no words for is named.

use std::path::Path;

use lookback_files::{Kind, Refusal, Result, read_utf8, write_atomic};
use lookback_model::{GgufTokenizer, SamplingDefault, StoredModel, StoredTokenizer};
use lookback_text::{TokenId, Tokenizer};
use serde_json::{Map, Value, json};

use crate::generation_defaults::{self, GenerationDefaults, gguf_name};

/// What is suggested about sampling, each by its name behind `general.sampling.`.
type Suggestions = Vec<(String, SamplingDefault)>;

const GENERATION: &str = "generation_config.json";
const SETTINGS: &str = "tokenizer_config.json";

/// The token that fills rows, as transformers finds it: by its name in `tokenizer_config.json` or
/// `special_tokens_map.json`, else by its id in `config.json`.
pub(super) fn padding_of_directory(
    folder: &Path,
    tokenizer: &Tokenizer,
    vocabulary: usize,
) -> Result<Option<TokenId>> {
    let is_there = |id: &TokenId| id.index() < vocabulary;
    for name in [SETTINGS, "special_tokens_map.json"] {
        let settings = object(folder, name)?;
        let token = settings.get("pad_token");
        let token = token.and_then(|token| token.as_str().or_else(|| token["content"].as_str()));
        if let Some(id) = token.and_then(|token| tokenizer.id_of(token)).filter(is_there) {
            return Ok(Some(id));
        }
    }
    let id = object(folder, "config.json")?.get("pad_token_id").and_then(Value::as_u64);
    Ok(id.and_then(|id| u32::try_from(id).ok()).map(TokenId).filter(is_there))
}

/// Names the token that fills rows in the `tokenizer_config.json` that was written of a GGUF file.
pub(super) fn write_padding(tokenizer: &GgufTokenizer, folder: &Path) -> Result<()> {
    let name = tokenizer.padding.and_then(|id| tokenizer.tokens.get(id.index()));
    let Some(name) = name.filter(|name| !name.is_empty()) else { return Ok(()) };
    let mut settings = object(folder, SETTINGS)?;
    settings.insert("pad_token".to_owned(), json!(name));
    write_object(folder, SETTINGS, settings)
}

/// What a GGUF file says about sampling, and a sentence about what it has no words for.
pub(super) fn sampling_of_gguf(
    stored: &StoredModel,
    model: &Path,
) -> Result<(Suggestions, Option<String>)> {
    if matches!(stored.tokenizer(), StoredTokenizer::Gguf(_)) {
        return Ok((stored.sampling().to_vec(), None));
    }
    let GenerationDefaults { numbers, words, .. } = generation_defaults::from_files(stored, model)?;
    let (mut sampling, mut left_out) = (Vec::new(), Vec::new());
    for (name, number) in numbers {
        match gguf_name(name) {
            Some(key) => sampling.push((key.to_owned(), SamplingDefault::Number(number))),
            None => left_out.push(name),
        }
    }
    if !words.is_empty() {
        left_out.push("rules about single tokens");
    }
    Ok((sampling, said(GENERATION, &left_out)))
}

/// Writes `generation_config.json` of a directory, or of what a GGUF file suggests, over the plain one; returns a sentence
/// about what it has no words for.
pub(super) fn write_generation_config(
    stored: &StoredModel,
    model: &Path,
    folder: &Path,
) -> Result<Option<String>> {
    if matches!(stored.tokenizer(), StoredTokenizer::Directory(_)) {
        let path = model.join(GENERATION);
        if path.is_file() {
            write_atomic(&folder.join(GENERATION), read_utf8(&path)?.as_bytes())?;
        }
        return Ok(None);
    }
    let GenerationDefaults { numbers, order, .. } = generation_defaults::from_files(stored, model)?;
    if numbers.is_empty() && order.is_none() {
        return Ok(None);
    }
    let mut config = object(folder, GENERATION)?;
    let mut left_out = Vec::new();
    let value_of = |wanted: &str| {
        let found = numbers.iter().rfind(|(name, _)| *name == wanted);
        found.map(|(_, value)| *value)
    };
    let looks_back_on_all = value_of("repeat_last_n") == Some(-1.0);
    for (name, value) in &numbers {
        match *name {
            // Without do_sample the likeliest token is taken.
            "temperature" if *value <= 0.0 => {
                config.insert("do_sample".to_owned(), json!(false));
            }
            "temperature" | "top_p" | "min_p" => {
                config.insert((*name).to_owned(), json!(value));
            }
            "top_k" => {
                config.insert((*name).to_owned(), json!(*value as i64));
            }
            // There the penalty looks back on the whole text.
            "repeat_penalty" if looks_back_on_all || *value == 1.0 => {
                config.insert("repetition_penalty".to_owned(), json!(value));
            }
            "repeat_last_n" => {}
            other => left_out.push(other),
        }
    }
    if order.is_some() {
        left_out.push("samplers");
    }
    config.remove("_from_model_config");
    write_object(folder, GENERATION, config)?;
    Ok(said("general.sampling", &left_out))
}

/// A sentence about the tokens that end an answer and that a GGUF file has no key for.
pub(super) fn ends_left_out(tokenizer: &GgufTokenizer) -> Option<String> {
    let ends: Vec<String> = tokenizer.ends_without_key().iter().map(TokenId::to_string).collect();
    (!ends.is_empty()).then(|| {
        format!(
            "a GGUF file has keys for three tokens that end an answer; {} will not end one there",
            ends.join(", ")
        )
    })
}

fn said(place: &str, left_out: &[&str]) -> Option<String> {
    let what = left_out.join(", ");
    (!left_out.is_empty()).then(|| {
        format!("{place} suggests what is left out, since the other has no words for it: {what}")
    })
}

/// The object in a file; an empty one where there is no such file.
fn object(folder: &Path, name: &str) -> Result<Map<String, Value>> {
    let path = folder.join(name);
    if !path.is_file() {
        return Ok(Map::new());
    }
    serde_json::from_str(&read_utf8(&path)?).map_err(|error| {
        let what = format!("{}: not the JSON object that is needed ({error})", path.display());
        Refusal::of(Kind::CorruptFile, what)
    })
}

fn write_object(folder: &Path, name: &str, object: Map<String, Value>) -> Result<()> {
    write_atomic(&folder.join(name), format!("{:#}\n", Value::Object(object)).as_bytes())
}
