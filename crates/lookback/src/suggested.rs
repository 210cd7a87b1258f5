//! What a model's files suggest about sampling, in the words of our settings: `generation_config.json` of
//! a directory, or what a GGUF file says behind `general.sampling.`, where llama.cpp reads it.

use std::path::Path;

use lookback_files::{Refusal, Result};
use lookback_model::{Stored, Suggestion};
use serde_json::Value;

/// What is suggested, and by what.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Suggested {
    /// Numbers by the names of [`lookback_generate::sample::SAMPLERS`].
    pub numbers: Vec<(&'static str, f64)>,
    /// The samplers in their order, as `--samplers` has it.
    pub order: Option<String>,
    /// The file or the part of it that suggests this.
    pub place: &'static str,
}

/// llama.cpp's name, and ours, for what stands behind `general.sampling.`.
const NAMES_OF_GGUF: [(&str, &str); 11] = [
    ("temp", "temperature"),
    ("top_k", "top_k"),
    ("top_p", "top_p"),
    ("min_p", "min_p"),
    ("xtc_probability", "xtc_probability"),
    ("xtc_threshold", "xtc_threshold"),
    ("penalty_last_n", "repeat_last_n"),
    ("penalty_repeat", "repeat_penalty"),
    ("mirostat", "mirostat"),
    ("mirostat_tau", "mirostat_ent"),
    ("mirostat_eta", "mirostat_lr"),
];

/// What the files of a model suggest.
pub(crate) fn by(stored: &Stored, path: &Path) -> Result<Suggested> {
    if path.is_dir() {
        return Ok(Suggested { numbers: of(path)?, order: None, place: "generation_config.json" });
    }
    let mut suggested = Suggested { place: "general.sampling", ..Suggested::default() };
    for (theirs, value) in stored.sampling() {
        let known = NAMES_OF_GGUF.iter().find(|(name, _)| name == theirs);
        match (known, value) {
            (Some((_, ours)), Suggestion::Number(number)) => {
                suggested.numbers.push((ours, *number))
            }
            (None, Suggestion::Text(order)) if theirs == "sequence" => {
                suggested.order = Some(order.clone());
            }
            (None, _) if theirs != "sequence" => {}
            _ => {
                return Err(Refusal::user(format!(
                    "{}: metadata general.sampling.{theirs}: a {} is needed",
                    path.display(),
                    if known.is_some() { "number" } else { "string" }
                )));
            }
        }
    }
    Ok(suggested)
}

/// Their name, and ours.
const NAMES: [(&str, &str); 6] = [
    ("temperature", "temperature"),
    ("top_k", "top_k"),
    ("top_p", "top_p"),
    ("min_p", "min_p"),
    ("typical_p", "typical"),
    ("repetition_penalty", "repeat_penalty"),
];

/// Numbers by the names of [`lookback_generate::sample::SAMPLERS`]; none where there is no such file.
pub(crate) fn of(model: &Path) -> Result<Vec<(&'static str, f64)>> {
    let path = model.join("generation_config.json");
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let refuse = |why: &dyn std::fmt::Display| {
        Refusal::user(format!("{}: {why}; fetch it again, or remove it", path.display()))
    };
    let text = lookback_files::read_utf8(&path)?;
    let config: Value = serde_json::from_str(&text).map_err(|error| refuse(&error))?;
    let mut suggested = Vec::new();
    for (theirs, ours) in NAMES {
        match &config[theirs] {
            Value::Null => {}
            value => {
                let number = value.as_f64();
                let number = number.ok_or_else(|| refuse(&format!("{theirs} is no number")))?;
                suggested.push((ours, number));
            }
        }
    }
    if config["do_sample"] == Value::Bool(false) {
        suggested.retain(|(name, _)| *name == "repeat_penalty");
        suggested.push(("temperature", 0.0));
    }
    if suggested.iter().any(|(name, value)| *name == "repeat_penalty" && *value != 1.0) {
        // There the penalty looks back on the whole text.
        suggested.push(("repeat_last_n", -1.0));
    }
    Ok(suggested)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suggested(text: &str) -> Result<Vec<(&'static str, f64)>> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("generation_config.json"), text).unwrap();
        of(folder.path())
    }

    #[test]
    fn what_the_file_names_is_suggested_in_our_words() {
        let numbers = suggested(r#"{"do_sample": true, "temperature": 0.6, "top_k": 20}"#).unwrap();
        assert_eq!(numbers, [("temperature", 0.6), ("top_k", 20.0)]);
        let numbers = suggested(r#"{"do_sample": false, "top_p": 0.5, "repetition_penalty": 1.1}"#);
        let greedy = [("repeat_penalty", 1.1), ("temperature", 0.0), ("repeat_last_n", -1.0)];
        assert_eq!(numbers.unwrap(), greedy);
        assert!(suggested(r#"{"eos_token_id": 2}"#).unwrap().is_empty());
        assert!(of(Path::new("no/such/model")).unwrap().is_empty());
    }

    #[test]
    fn a_broken_file_is_refused_by_name() {
        for text in ["{", r#"{"temperature": "hot"}"#] {
            let said = suggested(text).unwrap_err().to_string();
            assert!(said.contains("generation_config.json: "), "{said}");
        }
    }
}
