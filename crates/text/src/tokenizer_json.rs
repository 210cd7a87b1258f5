//! `tokenizer.json`, read and written so that Hugging Face's `tokenizers` gives the same ids.
//!
//! What changes ids and is not understood is refused by name: other models than BPE and Unigram, dropout,
//! unknown normalizers, pre-tokenizers and post-processors.

use std::{collections::BTreeMap, path::Path};

use lookback_files::{Refusal, Result, excerpt, quoted_excerpt, write_atomic};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Tokenizer,
    added::Added,
    budget,
    sentence_piece::{self, is_of_other_programs},
    template,
    tokenizer::Parts,
    vocabulary::Vocabulary,
};

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    added_tokens: Vec<Value>,
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
    #[serde(default)]
    post_processor: Value,
    #[serde(default)]
    decoder: Value,
    model: Model,
}

#[derive(Deserialize)]
struct Model {
    /// Old files leave it out.
    r#type: Option<String>,
    dropout: Option<f64>,
    unk_token: Option<String>,
    continuing_subword_prefix: Option<String>,
    end_of_word_suffix: Option<String>,
    #[serde(default)]
    fuse_unk: bool,
    #[serde(default)]
    byte_fallback: bool,
    #[serde(default)]
    ignore_merges: bool,
    /// Ids by piece, or of Unigram a score for each piece, in the order of their ids.
    #[serde(default)]
    vocab: Value,
    #[serde(default)]
    merges: Vec<Pair>,
    /// Of Unigram.
    unk_id: Option<u32>,
}

/// A merge, as old files and as new ones have it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Pair {
    Line(String),
    Two(String, String),
}

pub(crate) const NAME: &str = "tokenizer.json";
const SETTINGS: &str = "tokenizer_config.json";

impl Tokenizer {
    /// Reads the text of a `tokenizer.json`.
    pub fn from_json(text: &str) -> Result<Self> {
        Self::new(parts(text)?)
    }

    /// The text of a `tokenizer.json`.
    pub fn to_json(&self) -> String {
        let parts = self.parts();
        let file = json!({
            "version": "1.0",
            "truncation": null,
            "padding": null,
            "added_tokens": parts.added.iter().map(Added::write).collect::<Vec<_>>(),
            "normalizer": parts.normalizer,
            "pre_tokenizer": parts.pre_tokenizer,
            "post_processor": parts.post_processor,
            "decoder": parts.decoder,
            "model": written(&parts.vocabulary),
        });
        format!("{file:#}\n")
    }

    /// Writes `tokenizer.json` and `tokenizer_config.json` into a directory, as `transformers`
    /// reads them.
    pub fn write(&self, directory: &Path) -> Result<()> {
        write_atomic(&directory.join(NAME), self.to_json().as_bytes())?;
        let mut settings = json!({
            "tokenizer_class": "PreTrainedTokenizerFast",
            "clean_up_tokenization_spaces": false,
        });
        for (key, id) in [("bos_token", self.bos()), ("eos_token", self.eos())] {
            if let Some(id) = id {
                settings[key] = self.spelled(id).into();
            }
        }
        write_atomic(&directory.join(SETTINGS), format!("{settings:#}\n").as_bytes())
    }
}

/// A model as the file has it.
fn written(model: &Vocabulary) -> Value {
    if let Some(scores) = &model.scores {
        let pieces = (0..).zip(scores).map(|(id, score)| json!([model.piece(id), score]));
        return json!({
            "type": "Unigram",
            "unk_id": model.unknown,
            "vocab": pieces.collect::<Vec<_>>(),
            "byte_fallback": model.byte_fallback,
        });
    }
    let vocab: serde_json::Map<String, Value> =
        model.pieces().map(|(id, piece)| (piece.to_owned(), json!(id))).collect();
    let merge = |&(left, right): &(u32, u32)| json!([model.piece(left), model.piece(right)]);
    let known = model.merges.iter().filter(|merge| is_of_other_programs(model, **merge));
    json!({
        "type": "BPE",
        "dropout": null,
        "unk_token": model.unknown.map(|id| model.piece(id)),
        "continuing_subword_prefix": null,
        "end_of_word_suffix": null,
        "fuse_unk": model.fuse_unknown,
        "byte_fallback": model.byte_fallback,
        "ignore_merges": model.ignore_merges,
        "vocab": vocab,
        "merges": known.map(merge).collect::<Vec<_>>(),
    })
}

/// Values of a file at most: a vocabulary of a million pieces has some five million.
const VALUES: usize = 10_000_000;

pub(crate) fn parts(text: &str) -> Result<Parts> {
    // Three bytes, `[],`, are a value that takes twenty times as many in memory.
    let values = text.bytes().filter(|byte| matches!(byte, b',' | b'[' | b'{')).count();
    budget::check(values, VALUES, "values in its file")?;
    let file: File = serde_json::from_str(text).map_err(|error| {
        let why = error.to_string();
        Refusal::user(match why.starts_with("recursion limit exceeded") {
            true => format!(
                "the tokenizer's parts stand within each other deeper than is read ({why}); it is broken or \
                 made to do harm, so fetch it again from a place that you trust"
            ),
            false => format!("this is no tokenizer.json ({why})"),
        })
    })?;
    let mut vocabulary = vocabulary(file.model)?;
    sentence_piece::read_merges(&file.normalizer, &mut vocabulary)?;
    let mut parts = Parts {
        vocabulary,
        normalizer: file.normalizer,
        pre_tokenizer: file.pre_tokenizer,
        post_processor: file.post_processor,
        decoder: file.decoder,
        ..Parts::default()
    };
    for token in &file.added_tokens {
        let token = Added::read(token)?;
        check(&parts, &token)?;
        parts.added.push(token);
    }
    let template = template::Template::read(&parts.post_processor)?;
    parts.bos = template.before.first().copied();
    parts.eos = template.after.last().copied();
    Ok(parts)
}

fn vocabulary(model: Model) -> Result<Vocabulary> {
    match model.r#type.as_deref() {
        Some("Unigram") => unigram(model),
        None if model.vocab.is_array() => unigram(model),
        None | Some("BPE") => bpe(model),
        Some(other) => Err(Refusal::unsupported(format!(
            "the model is {}, and only BPE and Unigram are understood; convert the tokenizer",
            excerpt(other)
        ))),
    }
}

fn unigram(model: Model) -> Result<Vocabulary> {
    let vocab: Vec<(String, f64)> = serde_json::from_value(model.vocab)
        .map_err(|error| Refusal::user(format!("the vocabulary cannot be read ({error})")))?;
    let mut vocabulary = Vocabulary::default();
    vocabulary.byte_fallback = model.byte_fallback;
    for (id, (piece, _)) in (0..).zip(&vocab) {
        vocabulary.insert(piece, id)?;
    }
    let scores: Vec<f64> = vocab.into_iter().map(|(_, score)| score).collect();
    if let Some(id) = model.unk_id.filter(|&id| id >= vocabulary.size()) {
        return Err(Refusal::user(format!(
            "the unknown token's id {id} is not among the {} pieces",
            scores.len()
        )));
    }
    vocabulary.unknown = model.unk_id;
    vocabulary.scores = Some(scores);
    Ok(vocabulary)
}

fn bpe(model: Model) -> Result<Vocabulary> {
    for (key, value) in [
        ("continuing_subword_prefix", model.continuing_subword_prefix),
        ("end_of_word_suffix", model.end_of_word_suffix),
    ] {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            return Err(Refusal::unsupported(format!(
                "{key} {} is not understood, and would change the ids",
                quoted_excerpt(&value)
            )));
        }
    }
    if let Some(dropout) = model.dropout.filter(|&dropout| dropout > 0.0) {
        return Err(Refusal::unsupported(format!(
            "a dropout of {dropout} would make the ids a matter of chance; set it to null"
        )));
    }
    let mut vocabulary = ids_by_piece(model.vocab)?;
    vocabulary.fuse_unknown = model.fuse_unk;
    vocabulary.byte_fallback = model.byte_fallback;
    vocabulary.ignore_merges = model.ignore_merges;
    for pair in &model.merges {
        match pair {
            Pair::Two(left, right) => vocabulary.merge(left, right)?,
            Pair::Line(line) => merge_of_line(&mut vocabulary, line)?,
        }
    }
    if let Some(unknown) = model.unk_token {
        // Some files name an unknown token that is nowhere; then there is none.
        vocabulary.unknown = vocabulary.id(&unknown);
    }
    Ok(vocabulary)
}

/// Adds a merge that is written as two pieces with a space between.
pub(crate) fn merge_of_line(vocabulary: &mut Vocabulary, line: &str) -> Result<()> {
    match line.split_once(' ') {
        Some((left, right)) if !right.contains(' ') => vocabulary.merge(left, right),
        _ => Err(Refusal::user(format!(
            "the merge {} is not two pieces with a space between",
            quoted_excerpt(line)
        ))),
    }
}

/// The pieces of an object of ids.
pub(crate) fn ids_by_piece(vocab: Value) -> Result<Vocabulary> {
    let vocab: BTreeMap<String, u32> = serde_json::from_value(vocab)
        .map_err(|error| Refusal::user(format!("the vocabulary cannot be read ({error})")))?;
    let mut vocabulary = Vocabulary::default();
    for (piece, id) in &vocab {
        if *id > largest_id(vocab.len()) {
            let piece = quoted_excerpt(piece);
            return Err(Refusal::user(format!("the piece {piece} has the impossible id {id}")));
        }
        vocabulary.insert(piece, *id)?;
    }
    Ok(vocabulary)
}

/// The largest id beside so many pieces: a vocabulary of holes would be tables of nothing.
fn largest_id(pieces: usize) -> u32 {
    u32::try_from(2 * pieces + 65_536).unwrap_or(u32::MAX)
}

/// An added token has its own id, or is a piece under its own id.
fn check(parts: &Parts, token: &Added) -> Result<()> {
    let Added { id, content, .. } = token;
    let other = parts.vocabulary.piece(*id);
    if !other.is_empty() && other != content {
        return Err(Refusal::user(format!(
            "the added token {} and the piece {} share the id {id}",
            quoted_excerpt(content),
            quoted_excerpt(other)
        )));
    }
    match parts.vocabulary.id(content) {
        Some(piece) if piece != *id => Err(Refusal::user(format!(
            "the added token {} has the id {id}, and the same piece has {piece}",
            quoted_excerpt(content)
        ))),
        _ if *id > largest_id(parts.vocabulary.size() as usize) => {
            let content = quoted_excerpt(content);
            Err(Refusal::user(format!("the added token {content} has the impossible id {id}")))
        }
        _ => Ok(()),
    }
}
