//! Sequences of tokens that commands about heads and neurons read.

use std::path::PathBuf;

use clap::Args;
use lookback::{HeadsQuery, Model};
use lookback_files::Result;
use lookback_text::corpus::{Chunking, PART};

use crate::{options::Texts, print::Print};

/// Which sequences are read.
#[derive(Clone, Debug, Args)]
pub(super) struct SequenceArguments {
    /// UTF-8 files, .jsonl, folders of these, packed or not, or -, in this order [default: the built-in corpus].
    #[arg(value_name = "TEXT")]
    texts: Vec<PathBuf>,
    /// Sequences that are read, at most.
    #[arg(long, value_name = "N", default_value_t = 512)]
    sequences: usize,
    /// Tokens of each.
    #[arg(long, value_name = "T", default_value_t = 64)]
    tokens: usize,
    #[command(flatten)]
    reading: Texts,
}

impl SequenceArguments {
    /// A query over them: of the texts, or of the built-in corpus where there are none.
    pub(super) fn query(&self, model: &Model, print: &mut Print) -> Result<HeadsQuery> {
        let query = model.heads().sequences(self.sequences).tokens(self.tokens);
        if self.texts.is_empty() {
            return Ok(query);
        }
        model.tokenizer()?;
        let mut text = String::new();
        let corpus = self.reading.find(&self.texts)?;
        let counts = corpus.read(Chunking::Parts(PART), &mut |part| {
            text.push_str(part.text);
            Ok(())
        })?;
        Texts::report(&counts, print);
        Ok(query.text(text))
    }
}
