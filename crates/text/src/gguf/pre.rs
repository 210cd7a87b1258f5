//! How the pre-tokenizers that GGUF files name cut a text into words, as llama.cpp does.

use lookback_files::{Refusal, Result, excerpt};
use serde_json::{Value, json};

use crate::pattern::{GPT2, LLAMA3, O200K, QWEN2};

/// What a name stands for.
pub(super) struct Pre {
    pub(super) normalizer: Value,
    pub(super) pre_tokenizer: Value,
    /// Whether a word that is a piece is taken as it is.
    pub(super) ignore_merges: bool,
    /// Whether a token is put before a text where the file does not say.
    pub(super) adds_bos: bool,
}

/// What GPT-2 takes for a word, cut at punctuation before and at digits behind.
const DEFAULT: [&str; 4] = [r"[\p{P}$+<=>^~|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]"];
const FALCON: [&str; 3] = [r"[\p{P}$+<=>^~|`]+", GPT2, "[0-9][0-9][0-9]"];
const DIGITS: [&str; 2] = [r"\p{N}", GPT2];
const DEEPSEEK_CODER: [&str; 5] =
    [r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+", r"\p{N}"];
const BLOOM: [&str; 1] = [r" ?[^(\s|.,!?…。，、।۔،)]+"];
const VIKING: [&str; 2] = [BLOOM[0], r"\p{N}"];
const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Each pattern cuts the words of the one before.
fn patterns(name: &str) -> Option<&'static [&'static str]> {
    Some(match name {
        "default" => &DEFAULT,
        "gpt-2" | "phi-2" | "mpt" | "olmo" | "jais" | "trillion" | "granite-docling"
        | "jina-es" | "jina-de" | "jina-v2-es" | "jina-v2-de" | "gigachat" | "a.x-4.0"
        | "mellum" | "exaone4" | "modern-bert" => &[GPT2],
        "smollm" | "starcoder" | "refact" | "command-r" | "codeshell" | "exaone" | "minerva-7b"
        | "mellum2" => &DIGITS,
        "llama-bpe" | "llama3" | "llama-v3" | "falcon3" | "falcon-h1" | "pixtral" | "midm-2.0"
        | "lfm2" | "jina-v5-nano" | "dbrx" | "smaug-bpe" | "glm4" | "chatglm-bpe" => &[LLAMA3],
        "qwen2" | "deepseek-r1-qwen" | "megrez" | "kormo" | "f2llmv2" | "stablelm2" | "hunyuan"
        | "solar-open" | "grok-2" => &[QWEN2],
        "gpt-4o" | "llama4" | "kanana2" | "talkie" => &[O200K],
        "tekken" => &[TEKKEN],
        "falcon" => &FALCON,
        "deepseek-coder" => &DEEPSEEK_CODER,
        "bloom" | "poro-chat" | "gpt3-finnish" => &BLOOM,
        "viking" => &VIKING,
        _ => return None,
    })
}

impl Pre {
    /// What a file's `tokenizer.ggml.pre` stands for; llama.cpp's default where there is none.
    pub(super) fn of(name: Option<&str>) -> Result<Self> {
        let name = name.unwrap_or("default");
        let Some(patterns) = patterns(name) else {
            return Err(Refusal::unsupported(format!(
                "the pre-tokenizer {} is not understood; gpt-2, llama-bpe, qwen2, smollm, default and \
                 others of llama.cpp's are, so convert the tokenizer to one of these",
                excerpt(name)
            )));
        };
        let split = |pattern: &&str| {
            json!({
                "type": "Split",
                "pattern": {"Regex": pattern},
                "behavior": "Isolated",
                "invert": false,
            })
        };
        let pre_tokenizer = match patterns {
            [pattern] if *pattern == GPT2 => byte_level(true),
            [_, pattern] if *pattern == GPT2 => {
                let digits = json!({"type": "Digits", "individual_digits": true});
                json!({"type": "Sequence", "pretokenizers": [digits, byte_level(true)]})
            }
            _ => {
                let stages = patterns.iter().map(split).chain([byte_level(false)]);
                json!({"type": "Sequence", "pretokenizers": stages.collect::<Vec<_>>()})
            }
        };
        let is_llama3 =
            patterns == [LLAMA3] && !["dbrx", "smaug-bpe", "glm4", "chatglm-bpe"].contains(&name);
        let whole = is_llama3 || name == "tekken";
        Ok(Self {
            // What Qwen2's own tokenizer does before.
            normalizer: if name == "qwen2" { json!({"type": "NFC"}) } else { Value::Null },
            pre_tokenizer,
            ignore_merges: whole,
            adds_bos: whole,
        })
    }
}

/// The stage that spells words in the alphabet of bytes.
pub(super) fn byte_level(use_regex: bool) -> Value {
    json!({
        "type": "ByteLevel",
        "add_prefix_space": false,
        "trim_offsets": true,
        "use_regex": use_regex,
    })
}
