//! The stories of Tinytown that the default model learns from. Written again, they are the same.

use lookback_files::Result;
use lookback_text::{Specials, TokenId, Tokenizer, dataset::Dataset, tinytown};

/// Seed of the stories that the default model learns from; questions are drawn apart from it.
pub(crate) const SEED: u64 = 1;
/// Text that the default model learns from.
pub(crate) const BYTES: usize = 12_000_000;

/// The ids of all stories, an end token behind each, and where each begins.
pub(crate) fn stories(tokenizer: &Tokenizer) -> Result<Dataset> {
    let town = tinytown::Town::new(SEED);
    let (mut ids, mut documents, mut bytes): (Vec<TokenId>, Vec<usize>, usize) =
        (Vec::new(), Vec::new(), 0);
    for number in 0.. {
        if bytes >= BYTES {
            break;
        }
        let story = town.story(number);
        bytes += story.len() + 2;
        documents.push(ids.len());
        ids.extend(tokenizer.encode_bare(&story, Specials::Text)?);
        ids.extend(tokenizer.eos());
    }
    Ok(Dataset::new(ids, documents))
}
