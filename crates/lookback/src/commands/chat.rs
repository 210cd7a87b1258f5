//! `lookback chat`: a conversation through the model's own template.

use clap::Args;
use lookback_files::{Refusal, Result};

use super::sampling::Sampling;
use crate::{arguments::Machine, print::Print};

const EXAMPLES: &str = "\
Each line of standard input is one message; /quit, or the end of the input, ends the chat. The
model's own chat template makes the prompt; a model without one is refused. A conversation that
outgrows the context is read through a window, as lookback generate --help says.

Examples:
  lookback chat smollm2-135m-instruct-q4_1.gguf
  echo \"Why is the sky blue?\" | lookback chat model.gguf --system \"Answer in one sentence.\" --greedy";

/// Talks with a model that was trained for it
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Chat {
    /// A directory, a .gguf file, a Hugging Face id in the local cache, or "default".
    #[arg(value_name = "MODEL")]
    model: String,
    /// What the model is told before the conversation.
    #[arg(long, value_name = "TEXT")]
    system: Option<String>,
    /// How many tokens an answer may have.
    #[arg(short = 'n', long = "tokens", value_name = "N", default_value_t = 1024)]
    tokens: usize,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    sampling: Sampling,
}

impl Chat {
    /// Answers line by line.
    pub(crate) fn run(self, _print: &mut Print) -> Result<()> {
        let _sampler = self.sampling.sampler()?;
        Err(Refusal::ours("chat is not built yet"))
    }
}
