//! The families of models whose files are read and written: a file and a value each.
//!
//! A [`Family`] lists the names that its files use and the shape of its block; nothing else in the
//! program depends on which family a model is of. A new one is a file here and its line in [`FAMILIES`]. Read
//! `families/llama` next, of which most others are variations.

mod bloom;
mod falcon;
mod gemma;
mod gemma2;
mod gemma3;
mod gpt2;
mod gpt_neo;
mod gpt_neox;
mod gpt_oss;
mod gptj;
mod granite;
mod llama;
mod mistral;
mod mixtral;
mod olmo;
mod olmo2;
mod olmo3;
mod olmoe;
mod opt;
mod phi;
mod phi3;
mod qwen2;
mod qwen3;
mod qwen3_moe;
mod smollm3;
mod stablelm;
mod starcoder2;

use lookback_files::{Kind, Refusal, Result, excerpt};

use crate::Family;

/// Every family.
pub static FAMILIES: &[&Family] = &[
    &gpt2::FAMILY,
    &llama::FAMILY,
    &qwen2::FAMILY,
    &qwen3::FAMILY,
    &mistral::FAMILY,
    &smollm3::FAMILY,
    &granite::FAMILY,
    &olmo::FAMILY,
    &olmo2::FAMILY,
    &olmo3::FAMILY,
    &gemma::FAMILY,
    &gemma2::FAMILY,
    &gemma3::FAMILY,
    &phi::FAMILY,
    &phi3::FAMILY,
    &stablelm::FAMILY,
    &starcoder2::FAMILY,
    &gpt_neox::FAMILY,
    &gptj::FAMILY,
    &gpt_neo::FAMILY,
    &opt::FAMILY,
    &bloom::FAMILY,
    &falcon::FAMILY,
    &mixtral::FAMILY,
    &qwen3_moe::FAMILY,
    &olmoe::FAMILY,
    &gpt_oss::FAMILY,
];

/// The family that a file's `key` names, where `name_of` says how such a key calls one.
pub(crate) fn find(
    key: &str,
    name: Option<&str>,
    name_of: fn(&Family) -> &'static str,
) -> Result<&'static Family> {
    let Some(name) = name else {
        let names = listed(name_of, "or");
        return Err(Refusal::user(format!("{key} is missing; {names} is needed")));
    };
    let found = FAMILIES.iter().copied().find(|family| name_of(family) == name);
    found.filter(|_| !name.is_empty()).ok_or_else(|| {
        let (name, names) = (excerpt(name), listed(name_of, "and"));
        let what = format!("{key} \"{name}\" is not understood; {names} are");
        Refusal::of(Kind::UnsupportedArchitecture, what)
    })
}

/// The family whose files have the same architecture in GGUF, with experts or without.
pub(crate) fn with_experts(family: &Family, has_experts: bool) -> Option<&'static Family> {
    let is_it = |other: &&Family| other.gguf == family.gguf && other.has_experts() == has_experts;
    FAMILIES.iter().copied().find(is_it)
}

/// The family in whose words a GGUF file says what a configuration is.
pub(crate) fn written_as_gguf(config: &crate::Config) -> Result<&'static Family> {
    let family = config.family;
    let architecture = if family.gguf.is_empty() { family.gguf_as } else { family.gguf };
    let is_it = |other: &&Family| {
        other.gguf == architecture && other.has_experts() == config.mixture.is_some()
    };
    let found = FAMILIES.iter().copied().find(is_it).filter(|_| !architecture.is_empty());
    found.ok_or_else(|| {
        let (name, names) = (family.name, listed(|family| family.gguf, "and"));
        let what = format!("a GGUF file cannot be written of {name}; {names} are written");
        Refusal::of(Kind::UnsupportedArchitecture, what)
    })
}

/// Families whose models are written as GGUF files of this one's architecture.
pub(crate) fn sharing_gguf(family: &'static Family) -> impl Iterator<Item = &'static Family> {
    let others = FAMILIES.iter().copied();
    others.filter(|other| !family.gguf.is_empty() && other.gguf_as == family.gguf)
}

/// `a, b and c`, or with another word before the last.
fn listed(name: fn(&Family) -> &'static str, before_last: &str) -> String {
    // Some have no architecture of GGUF, and some share one.
    let mut names: Vec<&str> = Vec::with_capacity(FAMILIES.len());
    for name in FAMILIES.iter().map(|family| name(family)) {
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} {before_last} {last}", others.join(", ")),
        None => String::new(),
    }
}
