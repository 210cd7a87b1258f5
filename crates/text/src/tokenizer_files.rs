//! Where a directory keeps its tokenizer, in the order in which it is looked for:
//!
//! ```text
//! tokenizer.json             Hugging Face's tokenizers                        tokenizer_json
//! tekken.json                Mistral's pieces by rank                         tekken_file
//! tokenizer.model            SentencePiece's protobuf, or tiktoken's text     tokenizer_model, tiktoken_file
//! vocab.json, merges.txt     byte-level BPE, as GPT-2 had it                  vocabulary_files
//! *.tiktoken                 tiktoken's text                                  tiktoken_file
//! ```

use std::path::{Path, PathBuf};

use lookback_files::{
    Kind, MAX_TOKENIZER_BYTES, Refusal, Result, excerpt, read_bytes_up_to, read_utf8_up_to,
};

use crate::{
    Tokenizer, tekken_file, tiktoken_file,
    tokenizer::Parts,
    tokenizer_config,
    tokenizer_json::{self, NAME},
    tokenizer_model,
    tokenizer_settings::{Beside, around},
    vocabulary_files,
};

const SENTENCE_PIECE: &str = "tokenizer.model";

/// Bytes of a `tokenizer.model`. The largest that are known have some 20 MB.
const MAX_MODEL_BYTES: u64 = 64 << 20;

impl Tokenizer {
    /// Whether a directory has a file that a tokenizer is read from.
    pub fn is_in(directory: &Path) -> bool {
        Form::of(directory).is_some()
    }

    /// Reads a directory's tokenizer and what stands beside it, or the one file that is named.
    pub fn open(path: &Path) -> Result<Self> {
        let (form, beside) = match path.is_dir() {
            true => {
                let json = || Form::Json(path.join(NAME));
                (Form::of(path).unwrap_or_else(json), Beside::read(path)?)
            }
            false => (Form::of_file(path), Beside::default()),
        };
        let file = form.file().to_owned();
        let at = |refusal: Refusal| refusal.at(file.display()).or_kind(Kind::CorruptFile);
        let mut parts = form.parts(&beside, &at)?;
        if let Some(directory) = &beside.directory {
            tokenizer_config::apply(&mut parts, directory)?;
        }
        if !matches!(form, Form::Json(_)) {
            beside.put_around(&mut parts).map_err(at)?;
        }
        Self::new(parts).map_err(at)
    }
}

/// A file that a tokenizer is read from.
enum Form {
    Json(PathBuf),
    Tekken(PathBuf),
    Model(PathBuf),
    /// With `merges.txt` beside it.
    Vocabulary(PathBuf),
    Tiktoken(PathBuf),
}

impl Form {
    /// The first that a directory has.
    fn of(directory: &Path) -> Option<Self> {
        let file = |name: &str| Some(directory.join(name)).filter(|path| path.exists());
        let by_name = file(NAME)
            .map(Self::Json)
            .or_else(|| file("tekken.json").map(Self::Tekken))
            .or_else(|| file(SENTENCE_PIECE).map(Self::Model))
            .or_else(|| file(vocabulary_files::VOCABULARY).map(Self::Vocabulary));
        by_name.or_else(|| {
            let entries = std::fs::read_dir(directory).ok()?;
            let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
            files.sort();
            files.into_iter().find(|path| is_named_tiktoken(path)).map(Self::Tiktoken)
        })
    }

    /// That of one file, by its name.
    fn of_file(path: &Path) -> Self {
        let file = path.to_owned();
        match path.extension().and_then(|ending| ending.to_str()) {
            _ if tekken_file::is_named_so(path) => Self::Tekken(file),
            _ if is_named_tiktoken(path) => Self::Tiktoken(file),
            Some("model") => Self::Model(file),
            _ => Self::Json(file),
        }
    }

    fn file(&self) -> &Path {
        match self {
            Self::Json(file)
            | Self::Tekken(file)
            | Self::Model(file)
            | Self::Vocabulary(file)
            | Self::Tiktoken(file) => file,
        }
    }

    fn parts(&self, beside: &Beside, at: &dyn Fn(Refusal) -> Refusal) -> Result<Parts> {
        match self {
            Self::Json(file) => {
                tokenizer_json::parts(&read_utf8_up_to(file, MAX_TOKENIZER_BYTES)?).map_err(at)
            }
            Self::Tekken(file) => {
                tekken_file::parts(&read_utf8_up_to(file, MAX_TOKENIZER_BYTES)?).map_err(at)
            }
            Self::Vocabulary(file) => {
                let vocab = read_utf8_up_to(file, MAX_TOKENIZER_BYTES)?;
                let merges = file.with_file_name(vocabulary_files::MERGES);
                let merges_text = read_utf8_up_to(&merges, MAX_TOKENIZER_BYTES)?;
                let at_merges =
                    |refusal: Refusal| refusal.at(merges.display()).or_kind(Kind::CorruptFile);
                let class = beside.class.as_deref();
                let vocabulary = vocabulary_files::pieces(&vocab).map_err(at)?;
                let vocabulary =
                    vocabulary_files::with_merges(vocabulary, &merges_text).map_err(at_merges)?;
                vocabulary_files::parts(vocabulary, class, &beside.settings).map_err(at)
            }
            Self::Model(file) => {
                let bytes = read_bytes_up_to(file, MAX_MODEL_BYTES)?;
                if bytes.starts_with(b"version https://git-lfs") {
                    return Err(at(Refusal::user(
                        "this is only the name of a file that Git LFS keeps; fetch the file itself (git lfs pull)",
                    )));
                }
                match tiktoken_file::is_one(&bytes) {
                    true => tiktoken_file::parts(&bytes, file, beside).map_err(at),
                    false => sentence_piece(&bytes, beside).map_err(at),
                }
            }
            Self::Tiktoken(file) => {
                let bytes = read_bytes_up_to(file, MAX_MODEL_BYTES)?;
                tiktoken_file::parts(&bytes, file, beside).map_err(at)
            }
        }
    }
}

fn is_named_tiktoken(path: &Path) -> bool {
    let is_of_kimi = path.file_name().is_some_and(|name| name == "tiktoken.model");
    is_of_kimi || path.extension().is_some_and(|ending| ending == "tiktoken")
}

/// Classes that change texts or ids beside their `tokenizer.model`.
const OTHER_CLASSES: &[&str] = &[
    "AlbertTokenizer",
    "BarthezTokenizer",
    "BigBirdTokenizer",
    "CamembertTokenizer",
    "CpmTokenizer",
    "DebertaV2Tokenizer",
    "FNetTokenizer",
    "MBart50Tokenizer",
    "MBartTokenizer",
    "NllbTokenizer",
    "PLBartTokenizer",
    "PegasusTokenizer",
    "RemBertTokenizer",
    "SeamlessM4TTokenizer",
    "XGLMTokenizer",
    "XLMRobertaTokenizer",
    "XLNetTokenizer",
];

fn sentence_piece(bytes: &[u8], beside: &Beside) -> Result<Parts> {
    if let Some(class) = beside.class.as_deref().filter(|class| OTHER_CLASSES.contains(class)) {
        return Err(Refusal::unsupported(format!(
            "{} does more than its tokenizer.model says, which is not understood; save a tokenizer.json with \
             transformers (save_pretrained) beside it",
            excerpt(class)
        )));
    }
    let prefix = tokenizer_model::Prefix {
        is_added: beside.flag("add_prefix_space").filter(|is_added| !is_added),
        is_first_only: beside.flag("legacy") == Some(false),
    };
    let mut parts = tokenizer_model::parts(bytes, prefix)?;
    // T5's classes end texts by default, GPT-SW3's do neither, all others begin them.
    let ends = matches!(beside.class.as_deref(), Some("T5Tokenizer" | "UdopTokenizer"));
    let begins = !ends && beside.class.as_deref() != Some("GPTSw3Tokenizer");
    let (bos, eos) = (parts.bos.filter(|_| begins), parts.eos.filter(|_| ends));
    parts.post_processor = around(&parts, bos, eos);
    Ok(parts)
}
