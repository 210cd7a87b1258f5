//! How the pre-tokenizers that GGUF files name cut a text into words, as llama.cpp does.

use lookback_files::{Refusal, Result, excerpt};
use serde_json::{Value, json};

use crate::pattern::{GPT2, KIMI_K2, LLAMA3, O200K, QWEN2};

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
const CJK: &str = "[一-龥ࠀ-一가-퟿]+";
const DEEPSEEK_LLM: [&str; 6] = [
    r"[\r\n]",
    DEEPSEEK_LETTERS,
    "\\s?[!-/:-~\u{ff01}-\u{ff0f}\u{ff1a}-\u{ff5e}\u{2018}-\u{201f}\u{3000}-\u{3002}]+",
    r"\s+$",
    CJK,
    r"\p{N}",
];
/// Letters with case, of Unicode 11.
const DEEPSEEK_LETTERS: &str = "\\s?[A-Za-z\u{b5}\u{c0}-\u{d6}\u{d8}-\u{f6}\u{f8}-\u{1ba}\u{1bc}-\u{1bf}\u{1c4}-\u{293}\
    \u{295}-\u{2af}\u{370}-\u{373}\u{376}\u{377}\u{37b}-\u{37d}\u{37f}\u{386}\u{388}-\u{38a}\u{38c}\u{38e}-\u{3a1}\
    \u{3a3}-\u{3f5}\u{3f7}-\u{481}\u{48a}-\u{52f}\u{531}-\u{556}\u{10a0}-\u{10c5}\u{13a0}-\u{13f5}\u{13f8}-\u{13fd}\
    \u{1c90}-\u{1cba}\u{1cbd}-\u{1cbf}\u{1d00}-\u{1d2b}\u{1d6b}-\u{1d77}\u{1d79}-\u{1d9a}\u{1e00}-\u{1f15}\
    \u{1f18}-\u{1f1d}\u{1f20}-\u{1f45}\u{1f48}-\u{1f4d}\u{1f50}-\u{1f57}\u{1f59}\u{1f5b}\u{1f5d}\u{1f5f}-\u{1f7d}\
    \u{1f80}-\u{1fb4}\u{1fb6}-\u{1fbc}\u{1fbe}\u{1fc2}-\u{1fc4}\u{1fc6}-\u{1fcc}\u{1fd0}-\u{1fd3}\u{1fd6}-\u{1fdb}\
    \u{1fe0}-\u{1fec}\u{1ff2}-\u{1ff4}\u{1ff6}-\u{1ffc}\u{2102}\u{2107}\u{210a}-\u{2113}\u{2115}\u{2119}-\u{211d}\
    \u{2124}\u{2126}\u{2128}\u{212a}-\u{212d}\u{212f}-\u{2134}\u{2139}\u{213c}-\u{213f}\u{2145}-\u{2149}\u{214e}\
    \u{2183}\u{2184}\u{2c00}-\u{2c7b}\u{2c7e}-\u{2ce4}\u{2ceb}-\u{2cee}\u{2cf2}\u{2cf3}\u{a640}-\u{a66d}\
    \u{a680}-\u{a69b}\u{a722}-\u{a76f}\u{a771}-\u{a787}\u{a78b}-\u{a78e}\u{ab70}-\u{abbf}\u{fb00}-\u{fb06}\
    \u{fb13}-\u{fb17}\u{ff21}-\u{ff3a}\u{ff41}-\u{ff5a}\u{10400}-\u{1044f}\u{104b0}-\u{104d3}\u{104d8}-\u{104fb}\
    \u{10c80}-\u{10cb2}\u{10cc0}-\u{10cf2}\u{118a0}-\u{118df}\u{1e900}-\u{1e943}]+";
const DEEPSEEK_CODER: [&str; 5] = [r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", CJK, r"\p{N}"];
const THREE_DIGITS: &str = r"\p{N}{1,3}";
const HAN_AND_KANA: &str = "[一-龥\u{3040}-\u{309f}\u{30a0}-\u{30ff}]+";
const DEEPSEEK_V3: [&str; 3] = [
    THREE_DIGITS,
    HAN_AND_KANA,
    r##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"##,
];
const SPARK: [&str; 4] = [
    THREE_DIGITS,
    HAN_AND_KANA,
    r##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+|[\r\n]|\s+(?!\S)|\s+"##,
    r"\p{N}",
];
const YOUTU: [&str; 2] = [
    "[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|[一-龥\u{3040}-\u{309f}\u{30a0}-\u{30ff}]+",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
];
const BLOOM: [&str; 1] = [r" ?[^(\s|.,!?…。，、।۔،)]+"];
const VIKING: [&str; 2] = [BLOOM[0], r"\p{N}"];
const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// Qwen3.5's: marks are letters too.
const QWEN35: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const TINY_AYA: [&str; 2] = [r"\d{1,3}(?=(?:\d{3})*\b)", O200K];
const JAIS2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S)|\s{32}(?!\S)|\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1}";
const EXAONE_MOE: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+";
const SUPERBPE: [&str; 2] = [r"\p{N}+", r"(?=(\d{3})+(?!\d))"];
const BAILING: &str = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+";
const SEED_CODER: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+";
/// Turkish joins suffixes by an apostrophe, so nothing is cut there.
const UFAKZEKA: &str =
    r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const LAGUNA: [&str; 2] = [r"[^\n]+|[\n]+", QWEN2];
const MINICPM5: [&str; 2] = [
    THREE_DIGITS,
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}+| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
];

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
        "qwen35" => &[QWEN35],
        "gpt-4o" | "llama4" | "kanana2" | "talkie" | "minimax-m2" | "granite-embed-multi-97m" => {
            &[O200K]
        }
        "tekken" => &[TEKKEN],
        "falcon" => &FALCON,
        "deepseek-llm" => &DEEPSEEK_LLM,
        "deepseek-coder" => &DEEPSEEK_CODER,
        "deepseek-v3" | "hunyuan-dense" | "joyai-llm" | "hy_v4" => &DEEPSEEK_V3,
        "spark2_5" => &SPARK,
        "youtu" => &YOUTU,
        "bloom" | "poro-chat" | "gpt3-finnish" => &BLOOM,
        "viking" => &VIKING,
        "tiny_aya" | "cohere2moe" => &TINY_AYA,
        "jais-2" => &[JAIS2],
        "exaone-moe" => &[EXAONE_MOE],
        "superbpe" => &SUPERBPE,
        "bailingmoe" | "bailingmoe2" | "llada-moe" => &[BAILING],
        "seed-coder" => &[SEED_CODER],
        "kimi-k2" => &[KIMI_K2],
        "ufakzeka" => &[UFAKZEKA],
        "laguna" => &LAGUNA,
        "minicpm5" => &MINICPM5,
        _ => return None,
    })
}

/// Whether a word that is a piece is taken as it is.
fn takes_whole_words(name: &str) -> bool {
    let is_other = matches!(name, "youtu" | "granite-embed-multi-97m" | "minicpm5");
    starts_with_bos(name) || is_other
}

/// Whether a token is put before a text where the file does not say.
fn starts_with_bos(name: &str) -> bool {
    let is_other = matches!(name, "dbrx" | "smaug-bpe" | "glm4" | "chatglm-bpe");
    let is_llama3 = patterns(name).is_some_and(|patterns| patterns == [LLAMA3]);
    is_llama3 && !is_other || name == "tekken"
}

/// Whether the models' own tokenizers normalize to NFC first, as transformers has it.
fn normalizes(name: &str) -> bool {
    matches!(name, "qwen2" | "qwen35" | "command-r" | "olmo" | "mpt")
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
        Ok(Self {
            normalizer: if normalizes(name) { json!({"type": "NFC"}) } else { Value::Null },
            pre_tokenizer,
            ignore_merges: takes_whole_words(name),
            adds_bos: starts_with_bos(name),
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

#[cfg(test)]
mod tests;
