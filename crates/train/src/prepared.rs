//! What a run needs before its first step: settings, a tokenizer, tokens, a directory; read and checked
//! before anything is written or computed.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use lookback_files::{Lock, Refusal, Result, Setting};
use lookback_model::Network;
use lookback_text::{
    NamedTokenizer, Tokenizer, TokenizerTrainer,
    corpus::{Corpus, CorpusCounts, PART},
    dataset::{Dataset, Ending, Windows, encode},
};

use crate::{directory::Directory, recipe::Recipe, trainer::Source};

/// Everything that a run needs.
#[derive(Debug)]
pub struct Prepared {
    /// Its settings.
    pub recipe: Recipe,
    /// What learns.
    pub network: Arc<Network>,
    /// What makes tokens of its text; a timing on random tokens has none.
    pub tokenizer: Option<Tokenizer>,
    /// What it learns from.
    pub source: Source,
    /// Where it is kept; a timing keeps nothing.
    pub directory: Option<Directory>,
    /// Held from now on, in a directory that is there.
    pub lock: Option<Lock>,
    /// Whether the directory is still to be made.
    pub is_fresh: bool,
}

impl Prepared {
    /// A run that has not begun, on tokens that a tokenizer made; `place` names them in sentences.
    ///
    /// # Errors
    /// When there are too few tokens; when settings and vocabulary make no model, or one that no file can
    /// hold.
    pub fn fresh(
        recipe: Recipe,
        (tokenizer, vocabulary): (Option<Tokenizer>, usize),
        data: Dataset,
        place: &str,
        directory: Option<Directory>,
    ) -> Result<Self> {
        data.check(recipe.context).map_err(|refusal| refusal.at(place))?;
        let end = tokenizer.as_ref().and_then(Tokenizer::eos);
        let network = Arc::new(Network::new(&recipe.config(vocabulary, end)?));
        if let Some(directory) = &directory {
            // A model whose form no file can hold is refused now, not after hours.
            let form = network.config.to_hugging_face();
            form.map_err(|refusal| refusal.at(directory.path().display()))?;
        }
        let windows = Windows::new(&data, recipe.context, recipe.begin(), recipe.seed);
        let source = Source { data, windows };
        Ok(Self { recipe, network, tokenizer, source, directory, lock: None, is_fresh: true })
    }
}

/// Stands behind each document, and so begins the next.
const END: &str = "<|endoftext|>";

/// The tokenizer of a kind: `char` (one token a character) and `bpe:N` are learned from the texts; `gpt2`,
/// `cl100k`, `o200k` are OpenAI's; anything else is a `tokenizer.json` or a model's directory.
///
/// # Errors
/// When there is no such kind, or a text cannot be read.
pub fn tokenizer_of_kind(kind: &str, corpus: &Corpus) -> Result<Tokenizer> {
    let learned = match (kind, kind.strip_prefix("bpe:")) {
        ("char", _) => Some(TokenizerTrainer::characters(&[END])),
        (_, Some(size)) => Some(TokenizerTrainer::bpe(bpe_size(kind, size)?, &[END])?),
        _ => None,
    };
    if let Some(mut tokenizer_trainer) = learned {
        corpus.read(tokenizer_trainer.chunking(PART), &mut |part| {
            tokenizer_trainer.add(&[part.text])
        })?;
        return tokenizer_trainer.finish();
    }
    if let Some(named) = NamedTokenizer::from_name(kind) {
        return named.tokenizer();
    }
    let path = Path::new(kind);
    if !path.exists() {
        return Err(Refusal::user(format!(
            "{} {kind}: it is none of char, bpe:N, gpt2, cl100k and o200k, and there is no such file",
            Setting("tokenizer")
        )));
    }
    Tokenizer::open(path)
}

/// The N of `bpe:N`.
///
/// # Errors
/// When it is no size that a vocabulary of bytes and their merges can have.
pub fn bpe_size(kind: &str, size: &str) -> Result<usize> {
    let size = size.parse().ok().filter(|size| (257..=1 << 20).contains(size));
    size.ok_or_else(|| {
        Refusal::user(format!(
            "{} {kind}: a vocabulary has 257 to 1048576 tokens, as in bpe:2048",
            Setting("tokenizer")
        ))
    })
}

/// The tokens of all texts, an end-of-text token behind each document. Where they are many they lie on the
/// disk of `out`, which holds them in the end.
///
/// # Errors
/// When a text cannot be read, or holds what is not in the vocabulary.
pub fn tokens_of(
    corpus: &Corpus,
    tokenizer: &Tokenizer,
    out: Option<&Path>,
) -> Result<(Dataset, CorpusCounts)> {
    encode(corpus, tokenizer, Ending::EndToken, &folder_beside(out))
}

/// A folder on the disk that `out` will lie on.
fn folder_beside(out: Option<&Path>) -> PathBuf {
    let mut above = out.into_iter().flat_map(Path::ancestors).skip(1);
    let folder = above.find_map(|folder| match folder.as_os_str().is_empty() {
        true => Some(PathBuf::from(".")),
        false => folder.is_dir().then(|| folder.to_owned()),
    });
    folder.unwrap_or_else(std::env::temp_dir)
}
