//! `lookback tokenizer`: text to ids and back, and what a tokenizer is made of.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use lookback_files::{Refusal, Result};

use crate::{arguments::Form, print::Print};

/// Trains a tokenizer, or shows what one does
#[derive(Debug, Subcommand)]
pub(crate) enum Tokenizer {
    Train(Train),
    Encode(Encode),
    Decode(Decode),
    Show(Show),
}

const TRAIN: &str = "\
Keys of --json: seconds, vocabulary, merges.

Example:
  lookback tokenizer train corpus.txt --vocab 2048 --out tokenizer.json";

/// Learns a byte-level BPE from texts
#[derive(Debug, Args)]
#[command(after_help = TRAIN)]
pub(crate) struct Train {
    /// UTF-8 files.
    #[arg(value_name = "TEXT", required = true)]
    texts: Vec<PathBuf>,
    /// How many tokens it has in the end: 256 bytes, the merges, and one that ends a text.
    #[arg(long, value_name = "N")]
    vocab: usize,
    /// The file to write, as Hugging Face tokenizers reads it.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    form: Form,
}

/// Which tokenizer.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// A tokenizer.json, or a model whose tokenizer it is.
    #[arg(long, value_name = "FILE|MODEL")]
    tokenizer: String,
}

const ENCODE: &str = "\
Keys of --json: ids, pieces.

Example:
  lookback tokenizer encode \"the bird is red\" --tokenizer runs/mine";

/// Turns text into ids
#[derive(Debug, Args)]
#[command(after_help = ENCODE)]
pub(crate) struct Encode {
    /// The text; - or nothing reads standard input.
    #[arg(value_name = "TEXT", default_value = "-", allow_hyphen_values = true)]
    text: String,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    form: Form,
}

const DECODE: &str = "\
Example:
  lookback tokenizer decode 1195 5615 314 2382 --tokenizer model.gguf";

/// Turns ids into text
#[derive(Debug, Args)]
#[command(after_help = DECODE)]
pub(crate) struct Decode {
    /// Ids, separated by commas or spaces; - or nothing reads standard input.
    #[arg(value_name = "ID", value_delimiter = ',', default_value = "-")]
    ids: Vec<String>,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    form: Form,
}

/// Prints what a tokenizer is made of
#[derive(Debug, Args)]
pub(crate) struct Show {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    form: Form,
}

impl Tokenizer {
    /// Does one of the four.
    pub(crate) fn run(self, _print: &mut Print) -> Result<()> {
        Err(Refusal::ours("tokenizer is not built yet"))
    }
}
