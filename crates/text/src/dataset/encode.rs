//! Texts become a dataset: the ids of each document, and what marks its beginning and its end.

use std::{ops::Range, path::Path};

use lookback_files::Result;

use super::{Dataset, DatasetBuilder};
use crate::{
    TokenId, Tokenizer,
    corpus::{Chunking, Corpus, CorpusCounts, PART},
};

/// What stands behind a document, besides what the tokenizer's own template puts around each text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The end-of-text token, if there is one: what a run learns from.
    EndToken,
    /// Nothing: each document is as `tokenizer(text)` of transformers gives it.
    Template,
}

/// The ids of all documents of a corpus, one behind the other, and where each begins. Where they are many
/// they lie on the disk of `folder`.
///
/// # Errors
/// When a text cannot be read, or holds what is not in the vocabulary.
pub fn encode(
    corpus: &Corpus,
    tokenizer: &Tokenizer,
    ending: Ending,
    folder: &Path,
) -> Result<(Dataset, CorpusCounts)> {
    let (before, mut after) = tokenizer.template_tokens();
    if ending == Ending::EndToken && tokenizer.eos().is_some_and(|end| after.last() != Some(&end)) {
        after.extend(tokenizer.eos());
    }
    let chunking = match (tokenizer.reads_characters(), tokenizer.reads_parts()) {
        (true, _) => Chunking::Anywhere(PART),
        (_, true) => Chunking::Parts(PART),
        _ => Chunking::Whole,
    };
    let mut builder = DatasetBuilder::new(folder);
    let counts = corpus.read(chunking, &mut |part| {
        if part.at == 0 {
            if !builder.is_empty() {
                builder.extend(&after)?;
            }
            builder.begin_document();
            builder.extend(&before)?;
        }
        let ids = tokenizer.encode_part(part.text, part.at);
        builder.extend(&ids.map_err(|refusal| refusal.at(part.path.display()))?)
    })?;
    builder.extend(&after)?;
    Ok((builder.finish()?, counts))
}

impl Dataset {
    /// Bytes of the text that some tokens stand for. Those that mark where documents begin and end are none
    /// of it, nor is a space that a tokenizer puts before a document.
    pub fn text_bytes(&self, tokenizer: &Tokenizer, range: Range<usize>) -> usize {
        let marks = [tokenizer.bos(), tokenizer.eos()];
        let before = tokenizer.template_tokens().0.len();
        let begins_a_document = |at: usize| {
            let document = at.checked_sub(before);
            document.is_some_and(|document| self.documents.binary_search(&document).is_ok())
        };
        let mut id = [TokenId(0)];
        let bytes = range.map(|at| {
            self.read(at, &mut id);
            if tokenizer.is_special(id[0]) || marks.contains(&Some(id[0])) {
                0
            } else if begins_a_document(at) {
                tokenizer.decode_bytes(&id).len()
            } else {
                tokenizer.bytes_of(id[0]).len()
            }
        });
        bytes.sum()
    }
}
