//! `lookback eval`: how surprised a model is by a text.

use std::path::PathBuf;

use clap::Args;
use lookback_files::{Refusal, Result};

use crate::{
    arguments::{Form, Machine},
    print::Print,
};

const EXAMPLES: &str = "\
The texts are joined and cut into windows of one context, laid side by side; the first token of a
window is seen and not asked for, and every other is counted once. Keys of --json: loss (nats per
token), perplexity, bits_per_byte, tokens.

Examples:
  lookback eval runs/mine held-out.txt
  lookback eval model.gguf chapter-1.txt chapter-2.txt --json";

/// Measures the loss of a model on a text
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Eval {
    /// A directory, a .gguf file, a Hugging Face id in the local cache, or "default".
    #[arg(value_name = "MODEL")]
    model: String,
    /// UTF-8 files, in this order.
    #[arg(value_name = "TEXT", required = true)]
    texts: Vec<PathBuf>,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    form: Form,
}

impl Eval {
    /// Prints loss, perplexity, bits per byte and tokens.
    pub(crate) fn run(self, _print: &mut Print) -> Result<()> {
        Err(Refusal::ours("eval is not built yet"))
    }
}
