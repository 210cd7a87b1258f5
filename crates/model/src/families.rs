//! The families of models whose files are read and written: a file and a value each.
//!
//! A family says what its files call things and what its block is like; nothing else in the program asks
//! which family a model is of. A new one is a file here and its line in [`FAMILIES`]. Read `families/llama`
//! next, of which most others are variations.

mod gpt2;
mod llama;
mod qwen2;
mod qwen3;

use std::fmt;

use lookback_files::Result;
use serde_json::Value;

use crate::{Config, Size, config::Keys, files::Names};

/// Every family.
pub static FAMILIES: &[&Family] = &[&gpt2::FAMILY, &llama::FAMILY, &qwen2::FAMILY, &qwen3::FAMILY];

/// Whose files a model's weights are read from and written to.
pub struct Family {
    /// As people call it: `GPT-2`.
    pub name: &'static str,
    /// The `model_type` of a `config.json`.
    pub model_type: &'static str,
    /// What stands in the `architectures` of a `config.json`.
    pub architecture: &'static str,
    /// The `general.architecture` of a GGUF file, which stands before its keys as well.
    pub gguf: &'static str,
    /// What the tensors of a Hugging Face directory are called.
    pub(crate) names: Names,
    /// What those of a GGUF file are called.
    pub(crate) gguf_names: Names,
    /// Whether its files have every bias, so that one that a model lacks is written as zeros.
    pub(crate) has_every_bias: bool,
    /// How its block differs: a model of a size, where no file says otherwise. It may not be valid yet.
    pub(crate) shape: fn(&'static Family, Size) -> Config,
    /// Reads the keys of a `config.json` that it has.
    pub(crate) read: fn(&'static Family, &mut Keys<'_>) -> Result<Config>,
    /// Writes them. What they cannot say is found out by reading them again.
    pub(crate) write: fn(&Config) -> Value,
}

impl Family {
    /// A model of this family.
    pub fn config(&'static self, size: Size) -> Result<Config> {
        (self.shape)(self, size).checked()
    }

    /// The family of a `model_type`.
    pub fn of_model_type(name: &str) -> Option<&'static Self> {
        FAMILIES.iter().copied().find(|family| family.model_type == name)
    }

    /// The family of a GGUF file's `general.architecture`.
    pub fn of_gguf(name: &str) -> Option<&'static Self> {
        FAMILIES.iter().copied().find(|family| family.gguf == name)
    }
}

impl PartialEq for Family {
    fn eq(&self, other: &Self) -> bool {
        self.model_type == other.model_type
    }
}

impl fmt::Debug for Family {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.model_type)
    }
}

/// `a, b and c`, or with another word before the last.
pub(crate) fn listed(name: fn(&Family) -> &'static str, before_last: &str) -> String {
    let names: Vec<&str> = FAMILIES.iter().map(|family| name(family)).collect();
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} {before_last} {last}", others.join(", ")),
        None => String::new(),
    }
}
