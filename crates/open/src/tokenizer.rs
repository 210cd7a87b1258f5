//! The tokenizer of a stored model, wherever it is kept: `model` stores it, `text` understands it.

use std::path::Path;

use lookback_files::{Kind, Result};
use lookback_model::{GgufTokenizer, StoredTokenizer};
use lookback_text::{GgufVocabulary, Tokenizer};

/// Reads a stored model's tokenizer. `model` is where it stands, for refusals.
pub fn stored_tokenizer(stored: &StoredTokenizer, model: &Path) -> Result<Tokenizer> {
    match stored {
        StoredTokenizer::Directory(folder) => Tokenizer::open(folder),
        StoredTokenizer::Gguf(gguf) => {
            let read = Tokenizer::from_gguf(&vocabulary(gguf));
            read.map_err(|refusal| refusal.at(model.display()).or_kind(Kind::CorruptFile))
        }
    }
}

fn vocabulary(gguf: &GgufTokenizer) -> GgufVocabulary {
    GgufVocabulary {
        model: gguf.model.clone(),
        pre: gguf.pre.clone(),
        tokens: gguf.tokens.clone(),
        scores: some(&gguf.scores),
        token_types: some(&gguf.token_types),
        merges: some(&gguf.merges),
        bos: gguf.bos.map(|id| id.0),
        eos: gguf.eos.map(|id| id.0),
        unk: gguf.unknown.map(|id| id.0),
        add_bos: gguf.add_bos,
        add_eos: gguf.add_eos,
        add_space_prefix: gguf.add_space_prefix,
    }
}

/// GGUF leaves out what it does not have; `model` reads that as an empty list.
fn some<T: Clone>(list: &[T]) -> Option<Vec<T>> {
    if list.is_empty() { None } else { Some(list.to_vec()) }
}
