//! How the next token is chosen: the arguments that `generate` and `chat` share.

use clap::Args;
use lookback_files::Result;
use lookback_generate::sample::{Sampler, Settings};

/// How the next token is chosen.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Choosing the next token")]
pub(crate) struct Sampling {
    /// Always takes the likeliest token; the same as --temperature 0.
    #[arg(long, conflicts_with_all = ["temperature", "top_k", "top_p", "min_p"])]
    greedy: bool,
    /// Divides the logits: below 1 the likely become likelier, above 1 the odds even out.
    #[arg(long, value_name = "T", default_value_t = Settings::usual(0).temperature, allow_negative_numbers = true)]
    temperature: f64,
    /// Keeps the K likeliest tokens; 0 keeps all.
    #[arg(long, value_name = "K", default_value_t = Settings::usual(0).top_k)]
    top_k: usize,
    /// Keeps the fewest likeliest tokens that together have this share of the probability.
    #[arg(long, value_name = "P", default_value_t = Settings::usual(0).top_p, allow_negative_numbers = true)]
    top_p: f64,
    /// Keeps tokens at least this share as likely as the likeliest; 0 keeps all.
    #[arg(long, value_name = "P", default_value_t = Settings::usual(0).min_p, allow_negative_numbers = true)]
    min_p: f64,
    /// The draws follow from it: the same seed, model and prompt give the same text, on any machine.
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
}

impl Sampling {
    /// The sampler that was asked for, at its first draw.
    pub(crate) fn sampler(&self) -> Result<Sampler> {
        let Self { temperature, top_k, top_p, min_p, seed, .. } = *self;
        let temperature = if self.greedy { 0.0 } else { temperature };
        Sampler::new(&Settings { temperature, top_k, top_p, min_p, seed })
    }
}
