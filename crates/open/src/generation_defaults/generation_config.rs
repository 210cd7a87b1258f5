//! `generation_config.json`: each key is obeyed, changes nothing, or is named as passed over.

use lookback_files::{Refusal, Result};
use lookback_generate::sample::LogitBias;
use lookback_model::TokenId;
use serde_json::{Map, Value};

use super::GenerationDefaults;

/// Their name, and ours.
const NUMBER_KEYS: [(&str, &str); 6] = [
    ("temperature", "temperature"),
    ("top_k", "top_k"),
    ("top_p", "top_p"),
    ("min_p", "min_p"),
    ("typical_p", "typical"),
    ("repetition_penalty", "repeat_penalty"),
];

/// Keys that are applied here, or where the configuration is read.
const SUPPORTED_KEYS: [&str; 16] = [
    "bad_words_ids",
    "begin_suppress_tokens",
    "bos_token_id",
    "do_sample",
    "eos_token_id",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "max_length",
    "max_new_tokens",
    "min_length",
    "min_new_tokens",
    "no_repeat_ngram_size",
    "suppress_tokens",
    // About batches, which there are none of.
    "pad_token_id",
    "padding_side",
    "num_return_sequences",
];

/// Keys that change no token of a text: how it is computed, and what is returned beside it.
const IRRELEVANT_KEYS: [&str; 16] = [
    "assistant_early_exit",
    "cache_config",
    "cache_implementation",
    "chat_format",
    "compile_config",
    "disable_compile",
    "generation_kwargs",
    "low_memory",
    "output_attentions",
    "output_hidden_states",
    "output_logits",
    "output_scores",
    "prefill_chunk_size",
    "return_dict_in_generate",
    "transformers_version",
    "use_cache",
];

/// Keys at values that change nothing.
fn is_off(key: &str, value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(values) => values.is_empty(),
        Value::Object(values) => values.is_empty(),
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or(f64::NAN);
            let ones = [
                "diversity_penalty",
                "encoder_repetition_penalty",
                "guidance_scale",
                "length_penalty",
                "num_beam_groups",
                "num_beams",
            ];
            number == 0.0 || number == 1.0 && ones.contains(&key)
        }
        Value::Bool(true) | Value::String(_) => false,
    }
}

/// What a `generation_config.json` suggests for a vocabulary of this size.
pub(super) fn read(text: &str, vocabulary: usize, ends: &[TokenId]) -> Result<GenerationDefaults> {
    let object: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| Refusal::user(error.to_string()))?;
    let keys = Keys { object: &object, vocabulary };
    let mut defaults =
        GenerationDefaults { place: "generation_config.json", ..GenerationDefaults::default() };
    for (theirs, ours) in NUMBER_KEYS {
        if let Some(number) = keys.number(theirs)? {
            defaults.numbers.push((ours, number));
        }
    }
    // As transformers has it: without do_sample the likeliest token is taken.
    if !keys.flag("do_sample")? {
        defaults.numbers.retain(|(name, _)| *name == "repeat_penalty");
        defaults.numbers.push(("temperature", 0.0));
    }
    if defaults.numbers.iter().any(|(name, value)| *name == "repeat_penalty" && *value != 1.0) {
        // There the penalty looks back on the whole text.
        defaults.numbers.push(("repeat_last_n", -1.0));
    }
    defaults.words = words(&keys, ends)?;
    defaults.max_new_tokens = keys.count("max_new_tokens")?;
    defaults.max_length = keys.count("max_length")?;
    for (key, value) in &object {
        let known = SUPPORTED_KEYS.contains(&key.as_str())
            || IRRELEVANT_KEYS.contains(&key.as_str())
            || NUMBER_KEYS.iter().any(|(theirs, _)| key == theirs)
            || key.starts_with('_');
        if !known && !is_off(key, value) {
            defaults.ignored_keys.push(key.clone());
        }
    }
    Ok(defaults)
}

/// The tokens that never come, or not there.
fn words(keys: &Keys<'_>, ends: &[TokenId]) -> Result<LogitBias> {
    let mut words = LogitBias::default();
    words.banned_sequences.extend(keys.ids("suppress_tokens")?.into_iter().map(|id| vec![id]));
    if let Some(Value::Array(sequences)) = keys.get("bad_words_ids") {
        for sequence in sequences {
            let ids = keys.ids_of("bad_words_ids", sequence)?;
            // An end token is no bad word.
            if !ids.is_empty() && !matches!(ids[..], [id] if ends.contains(&id)) {
                words.banned_sequences.push(ids);
            }
        }
    } else if keys.get("bad_words_ids").is_some() {
        return Err(Refusal::user("bad_words_ids is no list of lists of token ids"));
    }
    words.rules.begin_suppress_tokens = keys.ids("begin_suppress_tokens")?;
    words.rules.eos = ends.to_vec();
    words.rules.min_new_tokens = keys.count("min_new_tokens")?.unwrap_or(0);
    words.rules.min_length = keys.count("min_length")?.unwrap_or(0);
    words.rules.no_repeat_ngram_size = keys.count("no_repeat_ngram_size")?.unwrap_or(0);
    words.rules.forced_bos = keys.ids("forced_bos_token_id")?.first().copied();
    words.rules.forced_eos = keys.ids("forced_eos_token_id")?;
    Ok(words)
}

struct Keys<'a> {
    object: &'a Map<String, Value>,
    vocabulary: usize,
}

impl Keys<'_> {
    fn get(&self, key: &str) -> Option<&Value> {
        self.object.get(key).filter(|value| !value.is_null())
    }

    fn number(&self, key: &str) -> Result<Option<f64>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match value.as_f64() {
            Some(number) => Ok(Some(number)),
            None => Err(Refusal::user(format!("{key} is not a number"))),
        }
    }

    fn count(&self, key: &str) -> Result<Option<usize>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match value.as_u64().and_then(|count| usize::try_from(count).ok()) {
            Some(count) => Ok(Some(count)),
            None => Err(Refusal::user(format!("{key} is no whole number"))),
        }
    }

    fn flag(&self, key: &str) -> Result<bool> {
        match self.get(key) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(Refusal::user(format!("{key} is neither true nor false"))),
        }
    }

    fn ids(&self, key: &str) -> Result<Vec<TokenId>> {
        self.get(key).map_or(Ok(Vec::new()), |value| self.ids_of(key, value))
    }

    /// An id or a list of ids; those beyond the vocabulary, which cannot come, are left out.
    fn ids_of(&self, key: &str, value: &Value) -> Result<Vec<TokenId>> {
        let refuse = || Refusal::user(format!("{key} is no token id and no list of them"));
        let all = match value {
            Value::Array(all) => all.as_slice(),
            one => std::slice::from_ref(one),
        };
        let mut ids = Vec::new();
        for id in all {
            let id = id.as_u64().and_then(|id| u32::try_from(id).ok()).ok_or_else(refuse)?;
            if (id as usize) < self.vocabulary {
                ids.push(TokenId(id));
            }
        }
        Ok(ids)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<GenerationDefaults> {
        super::read(text, 100, &[TokenId(2)])
    }

    fn ids(ids: &[u32]) -> Vec<TokenId> {
        ids.iter().copied().map(TokenId).collect()
    }

    #[test]
    fn what_the_file_names_is_suggested_in_our_words() {
        let numbers = |text: &str| read(text).unwrap().numbers;
        assert_eq!(
            numbers(r#"{"do_sample": true, "temperature": 0.6, "top_k": 20}"#),
            [("temperature", 0.6), ("top_k", 20.0)]
        );
        let greedy = [("repeat_penalty", 1.1), ("temperature", 0.0), ("repeat_last_n", -1.0)];
        for unasked in ["false", "null"] {
            let text = format!(
                r#"{{"do_sample": {unasked}, "top_p": 0.5, "temperature": 0.6, "repetition_penalty": 1.1}}"#
            );
            assert_eq!(numbers(&text), greedy);
        }
        assert_eq!(numbers(r#"{"eos_token_id": 2}"#), [("temperature", 0.0)]);
    }

    #[test]
    fn rules_are_taken_with_the_ids_that_the_vocabulary_has() {
        let defaults = read(
            r#"{"suppress_tokens": [5, 50256], "bad_words_ids": [[7, 8], [2], [9]], "max_length": 30,
                "begin_suppress_tokens": [4], "min_new_tokens": 3, "min_length": 6, "max_new_tokens": 9,
                "no_repeat_ngram_size": 2, "forced_bos_token_id": 1, "forced_eos_token_id": [2, 3]}"#,
        )
        .unwrap();
        let words = defaults.words;
        assert_eq!(words.banned_sequences, [ids(&[5]), ids(&[7, 8]), ids(&[9])]);
        let rules = words.rules;
        assert_eq!((rules.begin_suppress_tokens, rules.forced_eos), (ids(&[4]), ids(&[2, 3])));
        assert_eq!((rules.min_new_tokens, rules.min_length, rules.no_repeat_ngram_size), (3, 6, 2));
        assert_eq!((rules.forced_bos, rules.eos), (Some(TokenId(1)), ids(&[2])));
        assert_eq!((defaults.max_new_tokens, defaults.max_length), (Some(9), Some(30)));
        assert!(defaults.ignored_keys.is_empty());
    }

    #[test]
    fn what_is_not_obeyed_is_named() {
        let ignored_keys = |text: &str| read(text).unwrap().ignored_keys;
        let text = r#"{"num_beams": 4, "penalty_alpha": 0.6, "stop_strings": ["a"], "sequence_bias": [[[1], 2.0]]}"#;
        assert_eq!(
            ignored_keys(text),
            ["num_beams", "penalty_alpha", "stop_strings", "sequence_bias"]
        );
        let text = r#"{"num_beams": 1, "penalty_alpha": null, "use_cache": true, "epsilon_cutoff": 0.0,
            "transformers_version": "4", "_from_model_config": true, "guidance_scale": 1.0}"#;
        assert!(ignored_keys(text).is_empty());
    }

    #[test]
    fn what_is_of_another_kind_is_refused_by_name() {
        for (text, said) in [
            (r#"{"temperature": "hot"}"#, "temperature is not a number"),
            (r#"{"max_new_tokens": -1}"#, "max_new_tokens is no whole number"),
            (r#"{"do_sample": 1}"#, "do_sample is neither true nor false"),
            (r#"{"suppress_tokens": [-1]}"#, "suppress_tokens is no token id and no list of them"),
            (r#"{"bad_words_ids": 3}"#, "bad_words_ids is no list of lists of token ids"),
        ] {
            assert_eq!(read(text).unwrap_err().to_string(), said);
        }
        assert!(read("{").is_err() && read("[]").is_err());
    }
}
