//! `lookback generate`: sample, append and repeat.

use clap::Args;
use lookback_files::{Refusal, Result};

use super::sampling::Sampling;
use crate::{
    arguments::{Form, Machine},
    print::Print,
};

const EXAMPLES: &str = "\
A text that outgrows the model's context is read through a window: when the context is full, its
older half is forgotten (a beginning-of-text token stays) and the rest is read again from position
0. The same holds for a prompt that is longer than the context. Writing ends after -n tokens, at an
end token of the model (from its files) or at a --stop text.

Keys of --json: text (the continuation), ids (its ids, with the end token if one ended it),
finish_reason (length, or stop at an end token or a stop text), prompt_ids.

Examples:
  lookback generate runs/mine -p \"ROMEO:\"
  lookback generate model.gguf -p \"The capital of France is\" --greedy -n 20
  echo \"Once upon a time\" | lookback generate default -p - --seed 7 --json";

/// Writes on from a prompt
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Generate {
    /// A directory, a .gguf file, a Hugging Face id in the local cache, or "default".
    #[arg(value_name = "MODEL")]
    model: String,
    /// Reads the prompt from standard input, as -p - does.
    #[arg(value_name = "-", value_parser = only_a_dash)]
    standard_input: Option<String>,
    /// The text to write on from. Without a prompt, writing begins at the model's
    /// beginning-of-text token.
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    #[arg(conflicts_with_all = ["standard_input", "ids"])]
    prompt: Option<String>,
    /// The prompt as token ids; nothing is put before them.
    #[arg(long, value_name = "1,2,3", value_delimiter = ',', conflicts_with = "standard_input")]
    ids: Option<Vec<u32>>,
    /// How many tokens to write at most.
    #[arg(short = 'n', long = "tokens", value_name = "N", default_value_t = 256)]
    tokens: usize,
    /// Writes on past the model's end tokens.
    #[arg(long)]
    ignore_end: bool,
    /// Ends before this text; may be given several times.
    #[arg(long, value_name = "TEXT")]
    stop: Vec<String>,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    form: Form,
    #[command(flatten)]
    sampling: Sampling,
}

fn only_a_dash(word: &str) -> Result<String, &'static str> {
    if word == "-" { Ok(word.to_owned()) } else { Err("a prompt is given with -p TEXT") }
}

impl Generate {
    /// Streams the continuation, or prints it as one object.
    pub(crate) fn run(self, _print: &mut Print) -> Result<()> {
        let _sampler = self.sampling.sampler()?;
        Err(Refusal::ours("generate is not built yet"))
    }
}
