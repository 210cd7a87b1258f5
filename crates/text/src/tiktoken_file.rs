//! tiktoken's files: a line for each piece, its bytes in base64 and its rank, which is its id.
//!
//! ```text
//! IQ== 0
//! ```
//! How texts are cut and which tokens are special is not in them: the name of the file, the class that
//! `tokenizer_config.json` names, or the model's type says it, and what none of these says is refused.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use lookback_files::{Refusal, Result, excerpt, quoted_excerpt};
use serde_json::{Value, json};

use crate::{
    added::Added,
    alphabet,
    bpe::ranked,
    budget,
    named::NamedTokenizer,
    pattern::{CL100K, GPT2, KIMI_K2, LLAMA3, O200K, QWEN2},
    tokenizer::Parts,
    tokenizer_config,
    tokenizer_settings::{Beside, around},
    vocabulary::Vocabulary,
};

/// Pieces of a file. The largest that are known have two hundred thousand.
const PIECES: usize = 1 << 22;

/// Whether a `tokenizer.model` is a text of tiktoken's, and no protobuf.
pub(crate) fn is_one(bytes: &[u8]) -> bool {
    let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    std::str::from_utf8(line).is_ok_and(|line| piece(line.trim_end()).is_some())
}

/// The bytes of a piece and its rank.
fn piece(line: &str) -> Option<(Vec<u8>, u32)> {
    let (bytes, rank) = line.split_once(' ')?;
    let bytes = STANDARD.decode(bytes).ok().filter(|bytes| !bytes.is_empty())?;
    Some((bytes, rank.parse().ok()?))
}

/// How a file's texts are cut, and what its special tokens are.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Encoding {
    OpenAi(NamedTokenizer),
    Llama3,
    Qwen,
    Glm4,
    Kimi,
}

/// Reads a file. `beside`: what the files beside it say.
pub(crate) fn parts(bytes: &[u8], file: &Path, beside: &Beside) -> Result<Parts> {
    let encoding = Encoding::of(file, beside)?;
    let vocabulary = vocabulary(bytes)?;
    encoding.check(&vocabulary)?;
    let first = vocabulary.size();
    let decoder = json!({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true});
    let mut parts = Parts { vocabulary, decoder, ..Parts::default() };
    (parts.normalizer, parts.pre_tokenizer) = encoding.cuts();
    if let Some(decoder) = beside.settings.get(tokenizer_config::DECODER) {
        let stated = tokenizer_config::read_decoder(decoder)?;
        parts.added.extend(stated.into_values().filter(|token| token.id >= first));
    }
    for (id, content) in encoding.specials(first, parts.added.is_empty()) {
        if parts.added.iter().all(|token| token.id != id && token.content != content) {
            parts.added.push(Added { id, content, special: true, ..Added::default() });
        }
    }
    parts.added.sort_by_key(|token| token.id);
    let id =
        |name: &str| parts.added.iter().find(|token| token.content == name).map(|token| token.id);
    let (bos, eos) = encoding.ends();
    (parts.bos, parts.eos) = (bos.and_then(id), eos.and_then(id));
    parts.post_processor = match encoding {
        Encoding::Llama3 => around(&parts, parts.bos, None),
        Encoding::Glm4 => {
            let prefix = ["[gMASK]", "<sop>"].map(|name| id(name).map(|id| (name.to_owned(), id)));
            let prefix: Vec<(String, u32)> = prefix.into_iter().flatten().collect();
            crate::template::write_all(&prefix, &[])
        }
        Encoding::OpenAi(_) | Encoding::Qwen | Encoding::Kimi => Value::Null,
    };
    Ok(parts)
}

fn vocabulary(bytes: &[u8]) -> Result<Vocabulary> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Refusal::user(format!("this is no text of tiktoken's (at byte {})", error.valid_up_to()))
    })?;
    let lines = bytes.iter().filter(|&&byte| byte == b'\n').count();
    budget::check(lines, PIECES, "pieces in its file")?;
    let mut vocabulary = Vocabulary::default();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.is_empty()) {
        let (bytes, rank) = piece(line).ok_or_else(|| {
            Refusal::user(format!(
                "line {number}, {}, is not a piece in base64 and its rank; the file is broken or cut short, so \
                 fetch it again",
                quoted_excerpt(line)
            ))
        })?;
        if rank as usize > 2 * lines + 65_536 {
            return Err(Refusal::user(format!("line {number} has the impossible rank {rank}")));
        }
        let spelled: String = bytes.into_iter().map(alphabet::letter).collect();
        vocabulary
            .insert(&spelled, rank)
            .map_err(|refusal| refusal.at(format!("line {number}")))?;
    }
    ranked::merges(&mut vocabulary)?;
    Ok(vocabulary)
}

impl Encoding {
    fn of(file: &Path, beside: &Beside) -> Result<Self> {
        let (class, model) = (beside.class.as_deref(), beside.model_type.as_deref());
        let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let by_name = match stem {
            "gpt2" | "r50k_base" => Some(Self::OpenAi(NamedTokenizer::Gpt2)),
            "cl100k_base" => Some(Self::OpenAi(NamedTokenizer::Cl100k)),
            "o200k_base" => Some(Self::OpenAi(NamedTokenizer::O200k)),
            "qwen" => Some(Self::Qwen),
            _ => None,
        };
        let by_model = match (class, model) {
            (Some("LlamaTokenizer"), _) | (None, Some("llama" | "mllama")) => Some(Self::Llama3),
            (Some("QWenTokenizer"), _) | (None, Some("qwen")) => Some(Self::Qwen),
            (Some("ChatGLM4Tokenizer"), _) => Some(Self::Glm4),
            (Some("TikTokenTokenizer"), _)
            | (None, Some("kimi_k2" | "kimi_vl" | "kimi_linear")) => Some(Self::Kimi),
            _ => None,
        };
        if let Some(encoding) = by_model.or(by_name.filter(|_| class.is_none())) {
            return Ok(encoding);
        }
        let told = match (class, model) {
            (Some(class), _) => {
                format!("the class {} of its tokenizer_config.json", excerpt(class))
            }
            (None, Some(model)) => format!("the model type {}", excerpt(model)),
            (None, None) => "its name, and no file beside it,".to_owned(),
        };
        Err(Refusal::unsupported(format!(
            "{told} does not say how this tiktoken file cuts texts; Llama 3's, Qwen's, GLM-4's, Kimi's, and files that \
             are named cl100k_base, o200k_base, r50k_base or qwen are understood, so save a tokenizer.json with \
             transformers beside it"
        )))
    }

    /// A file that was cut between two lines has too few pieces.
    fn check(self, vocabulary: &Vocabulary) -> Result<()> {
        let wanted = match self {
            Self::OpenAi(NamedTokenizer::Gpt2) => 50_256,
            Self::OpenAi(NamedTokenizer::Cl100k) => 100_256,
            Self::OpenAi(NamedTokenizer::O200k) => 199_998,
            Self::Llama3 => 128_000,
            Self::Qwen => 151_643,
            Self::Glm4 | Self::Kimi => return Ok(()),
        };
        let pieces = vocabulary.pieces().count();
        if pieces == wanted {
            return Ok(());
        }
        Err(Refusal::user(format!(
            "it has {pieces} pieces, and the vocabulary that it is has {wanted}; it is probably half downloaded, so \
             fetch it again"
        )))
    }

    /// The normalizer and the pre-tokenizer.
    fn cuts(self) -> (Value, Value) {
        let regex = match self {
            Self::OpenAi(NamedTokenizer::Gpt2) => GPT2,
            Self::OpenAi(NamedTokenizer::Cl100k) => CL100K,
            Self::OpenAi(NamedTokenizer::O200k) => O200K,
            Self::Llama3 | Self::Glm4 => LLAMA3,
            Self::Qwen => QWEN2,
            Self::Kimi => KIMI_K2,
        };
        let split = json!({"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": false});
        let bytes = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false});
        let normalizer = if self == Self::Qwen { json!({"type": "NFC"}) } else { Value::Null };
        (normalizer, json!({"type": "Sequence", "pretokenizers": [split, bytes]}))
    }

    /// Special tokens that its own code adds; the first has the id `first`. `all`: no file states any.
    fn specials(self, first: u32, all: bool) -> Vec<(u32, String)> {
        let reserved = |number: u32| format!("<|reserved_special_token_{number}|>");
        let names: Vec<String> = match self {
            Self::OpenAi(named) => {
                let tokens = if all { named.specials() } else { &[] };
                return tokens.iter().map(|&(name, id)| (id, name.to_owned())).collect();
            }
            Self::Llama3 => {
                let text = |name: &str| format!("<|{name}|>");
                let mut names = vec![text("begin_of_text"), text("end_of_text")];
                names.extend((0..4).map(reserved));
                names.extend([
                    text("start_header_id"),
                    text("end_header_id"),
                    reserved(4),
                    text("eot_id"),
                ]);
                names.extend((5..251).map(reserved));
                names
            }
            Self::Qwen => {
                let chat = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"].map(str::to_owned);
                chat.into_iter()
                    .chain((0..205).map(|number| format!("<|extra_{number}|>")))
                    .collect()
            }
            Self::Kimi => {
                (first..first + 258).map(|id| format!("<|reserved_token_{id}|>")).collect()
            }
            Self::Glm4 => Vec::new(),
        };
        (first..).zip(names).collect()
    }

    /// What begins and ends texts, where the settings name none.
    fn ends(self) -> (Option<&'static str>, Option<&'static str>) {
        match self {
            Self::Llama3 => (Some("<|begin_of_text|>"), Some("<|end_of_text|>")),
            Self::OpenAi(_) => (Some("<|endoftext|>"), Some("<|endoftext|>")),
            Self::Qwen | Self::Glm4 => (None, Some("<|endoftext|>")),
            Self::Kimi => (Some("[BOS]"), Some("[EOS]")),
        }
    }
}
