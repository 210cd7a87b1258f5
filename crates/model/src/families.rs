//! The families of models whose files are read and written: a file and a value each.
//!
//! A family says what its files call things and what its block is like, as a [`Family`]; nothing else in the
//! program asks which family a model is of. A new one is a file here and its line in [`FAMILIES`]. Read
//! `families/llama` next, of which most others are variations.

mod gpt2;
mod llama;
mod qwen2;
mod qwen3;

use crate::Family;

/// Every family.
pub static FAMILIES: &[&Family] = &[&gpt2::FAMILY, &llama::FAMILY, &qwen2::FAMILY, &qwen3::FAMILY];

impl Family {
    /// The family of a `model_type`.
    pub fn of_model_type(name: &str) -> Option<&'static Self> {
        FAMILIES.iter().copied().find(|family| family.model_type == name)
    }

    /// The family of a GGUF file's `general.architecture`.
    pub fn of_gguf(name: &str) -> Option<&'static Self> {
        FAMILIES.iter().copied().find(|family| family.gguf == name)
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
