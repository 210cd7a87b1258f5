//! `vocab.json` and `merges.txt`: a byte-level BPE, as GPT-2's first files have it. How texts are cut is not in them;
//! it follows from the class that `tokenizer_config.json` names.

use lookback_files::{Refusal, Result, excerpt};
use serde_json::{Map, Value, json};

use crate::{
    added::Added,
    pattern::QWEN2,
    tokenizer::Parts,
    tokenizer_json::{ids_by_piece, merge_of_line},
    tokenizer_settings::around,
    vocabulary::Vocabulary,
};

pub(crate) const VOCABULARY: &str = "vocab.json";
pub(crate) const MERGES: &str = "merges.txt";

/// The pieces of a `vocab.json`.
pub(crate) fn pieces(text: &str) -> Result<Vocabulary> {
    let vocab: Value = serde_json::from_str(text)
        .map_err(|error| Refusal::user(format!("this is no JSON ({error})")))?;
    ids_by_piece(vocab)
}

/// The same with the merges of a `merges.txt`: a line for each, the earliest first.
pub(crate) fn with_merges(mut vocabulary: Vocabulary, text: &str) -> Result<Vocabulary> {
    for (number, line) in (1..).zip(text.split('\n')) {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if !line.is_empty() && !line.starts_with("#version") {
            merge_of_line(&mut vocabulary, line)
                .map_err(|refusal| refusal.at(format!("line {number}")))?;
        }
    }
    Ok(vocabulary)
}

/// A tokenizer of a class of transformers; GPT-2's where none is named.
pub(crate) fn parts(
    vocabulary: Vocabulary,
    class: Option<&str>,
    settings: &Map<String, Value>,
) -> Result<Parts> {
    let prefix = settings.get("add_prefix_space").and_then(Value::as_bool).unwrap_or(false);
    let byte_level = |use_regex: bool| {
        json!({
            "type": "ByteLevel",
            "add_prefix_space": prefix,
            "trim_offsets": true,
            "use_regex": use_regex,
        })
    };
    let end = Some("<|endoftext|>");
    let digits = json!({"type": "Digits", "individual_digits": true});
    let split = json!({"type": "Split", "pattern": {"Regex": QWEN2}, "behavior": "Isolated", "invert": false});
    let sequence = |stages: [Value; 2]| json!({"type": "Sequence", "pretokenizers": stages});
    // What is cut where, whether to NFC first, bos and eos where the settings name none, and which are put around.
    let (pre_tokenizer, normalizes, [bos, eos], [begins, ends]) = match class {
        None | Some("GPT2Tokenizer" | "CodeGenTokenizer") => {
            (byte_level(true), false, [end, end], [false, false])
        }
        Some("GPTNeoXTokenizer") => (byte_level(true), true, [end, end], [false, false]),
        Some("Qwen2Tokenizer") => {
            (sequence([split, byte_level(false)]), true, [None, end], [false, false])
        }
        Some("CohereTokenizer") => (
            sequence([digits, byte_level(true)]),
            true,
            [Some("<BOS_TOKEN>"), Some("<|END_OF_TURN_TOKEN|>")],
            [true, false],
        ),
        Some("RobertaTokenizer" | "BartTokenizer" | "LongformerTokenizer" | "LEDTokenizer") => {
            (byte_level(true), false, [Some("<s>"), Some("</s>")], [true, true])
        }
        Some(other) => {
            return Err(Refusal::unsupported(format!(
                "how the class {} cuts texts is not understood; save a tokenizer.json with transformers \
                 (save_pretrained) beside it",
                excerpt(other)
            )));
        }
    };
    let decoder = json!({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true});
    let normalizer = if normalizes { json!({"type": "NFC"}) } else { Value::Null };
    let mut parts = Parts { vocabulary, normalizer, pre_tokenizer, decoder, ..Parts::default() };
    // Names that the settings give come later, and take these places.
    let named =
        |key: &str, name: Option<&'static str>| name.filter(|_| !settings.contains_key(key));
    let role = |parts: &mut Parts, name: Option<&str>| {
        let (id, content) = (parts.vocabulary.id(name?)?, name?.to_owned());
        if parts.added.iter().all(|token| token.id != id) {
            parts.added.push(Added { id, content, special: true, ..Added::default() });
        }
        Some(id)
    };
    parts.bos = role(&mut parts, named("bos_token", bos));
    parts.eos = role(&mut parts, named("eos_token", eos));
    let (stated_bos, stated_eos) =
        (stated(&parts, settings, "bos_token"), stated(&parts, settings, "eos_token"));
    let (bos, eos) = (parts.bos.or(stated_bos), parts.eos.or(stated_eos));
    parts.post_processor = around(&parts, bos.filter(|_| begins), eos.filter(|_| ends));
    Ok(parts)
}

/// The id of a token that the settings name.
fn stated(parts: &Parts, settings: &Map<String, Value>, key: &str) -> Option<u32> {
    let value = settings.get(key)?;
    parts.vocabulary.id(value.as_str().or_else(|| value["content"].as_str())?)
}
