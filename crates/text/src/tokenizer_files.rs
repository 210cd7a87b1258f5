//! Where a directory keeps its tokenizer, in the order in which it is looked for:
//!
//! ```text
//! tokenizer.json             Hugging Face's tokenizers                        tokenizer_json
//! tokenizer.model            SentencePiece's protobuf, or tiktoken's text     sentence_piece, tiktoken_file
//! vocab.json, merges.txt     byte-level BPE, as GPT-2 had it                  vocabulary_files
//! *.tiktoken                 tiktoken's text                                  tiktoken_file
//! ```

use std::path::{Path, PathBuf};

use lookback_files::{
    Kind, MAX_TOKENIZER_BYTES, Refusal, Result, excerpt, quoted_excerpt, read_bytes_up_to,
    read_utf8_up_to,
};
use serde_json::{Map, Value};

use crate::{
    Tokenizer, sentence_piece, template, tiktoken_file,
    tokenizer::Parts,
    tokenizer_config,
    tokenizer_json::{self, NAME},
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
            _ if is_named_tiktoken(path) => Self::Tiktoken(file),
            Some("model") => Self::Model(file),
            _ => Self::Json(file),
        }
    }

    fn file(&self) -> &Path {
        let (Self::Json(file) | Self::Model(file) | Self::Vocabulary(file) | Self::Tiktoken(file)) =
            self;
        file
    }

    fn parts(&self, beside: &Beside, at: &dyn Fn(Refusal) -> Refusal) -> Result<Parts> {
        match self {
            Self::Json(file) => {
                tokenizer_json::parts(&read_utf8_up_to(file, MAX_TOKENIZER_BYTES)?).map_err(at)
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
                    false => beside.sentence_piece(&bytes).map_err(at),
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

/// What the files beside a tokenizer say of it.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    directory: Option<PathBuf>,
    /// `tokenizer_config.json`.
    pub(crate) settings: Map<String, Value>,
    /// The class of transformers, without `Fast` behind it.
    pub(crate) class: Option<String>,
    /// In `config.json`.
    pub(crate) model_type: Option<String>,
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

impl Beside {
    fn read(directory: &Path) -> Result<Self> {
        let settings = tokenizer_config::read(directory, tokenizer_config::SETTINGS)?;
        let settings = settings.unwrap_or_default();
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let class = text(settings.get("tokenizer_class"));
        let class = class.map(|name| name.strip_suffix("Fast").unwrap_or(&name).to_owned());
        // Of every tokenizer there may be; says nothing of this one.
        let class =
            class.filter(|name| !["PreTrainedTokenizer", "TokenizersBackend"].contains(&&**name));
        // A configuration that cannot be read is refused where the model is opened.
        let config = tokenizer_config::read(directory, "config.json").ok().flatten();
        let model_type = config.and_then(|config| text(config.get("model_type")));
        Ok(Self { directory: Some(directory.to_owned()), settings, class, model_type })
    }

    fn flag(&self, key: &str) -> Option<bool> {
        self.settings.get(key).and_then(Value::as_bool)
    }

    fn sentence_piece(&self, bytes: &[u8]) -> Result<Parts> {
        if let Some(class) = self.class.as_deref().filter(|class| OTHER_CLASSES.contains(class)) {
            return Err(Refusal::unsupported(format!(
                "{} does more than its tokenizer.model says, which is not understood; save a tokenizer.json with \
                 transformers (save_pretrained) beside it",
                excerpt(class)
            )));
        }
        let prefix = sentence_piece::Prefix {
            is_added: self.flag("add_prefix_space").filter(|is_added| !is_added),
            is_first_only: self.flag("legacy") == Some(false),
        };
        let mut parts = sentence_piece::parts(bytes, prefix)?;
        // As their classes do where nothing else is said.
        let ends = matches!(self.class.as_deref(), Some("T5Tokenizer" | "UdopTokenizer"));
        let begins = !ends && self.class.as_deref() != Some("GPTSw3Tokenizer");
        let (bos, eos) = (parts.bos.filter(|_| begins), parts.eos.filter(|_| ends));
        parts.post_processor = around(&parts, bos, eos);
        Ok(parts)
    }

    /// Puts around texts what the settings say: `add_bos_token`, `add_eos_token`.
    fn put_around(&self, parts: &mut Parts) -> Result<()> {
        let template = template::Template::read(&parts.post_processor)?;
        let own = |stated: Option<bool>, id: Option<u32>, put: &[u32]| match (stated, id) {
            (Some(true), Some(id)) => vec![id],
            (Some(false), _) => Vec::new(),
            // A token of another name than the file's takes its place.
            (None, Some(id)) if put.len() == 1 => vec![id],
            _ => put.to_vec(),
        };
        let before = own(self.flag("add_bos_token"), parts.bos, &template.before);
        let after = own(self.flag("add_eos_token"), parts.eos, &template.after);
        parts.post_processor = template::write_all(&named(parts, &before)?, &named(parts, &after)?);
        Ok(())
    }
}

/// A template of these tokens.
pub(crate) fn around(parts: &Parts, bos: Option<u32>, eos: Option<u32>) -> Value {
    let named = |id: Option<u32>| -> Vec<(String, u32)> {
        id.and_then(|id| named(parts, &[id]).ok()).unwrap_or_default()
    };
    template::write_all(&named(bos), &named(eos))
}

/// Tokens with their names.
fn named(parts: &Parts, ids: &[u32]) -> Result<Vec<(String, u32)>> {
    let name = |&id: &u32| {
        let added = parts.added.iter().find(|token| token.id == id);
        let name = added.map_or_else(|| parts.vocabulary.piece(id), |token| &token.content);
        if name.is_empty() {
            let name = quoted_excerpt(&id.to_string());
            return Err(Refusal::user(format!(
                "the token {name} is put around texts, and has no name"
            )));
        }
        Ok((name.to_owned(), id))
    };
    ids.iter().map(name).collect()
}
