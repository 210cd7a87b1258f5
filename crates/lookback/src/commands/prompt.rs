//! A prompt as token ids: from `--ids`, from `--prompt`, or from standard input.

use std::io::Read;

use clap::Args;
use lookback::Model;
use lookback_files::{Refusal, Result};
use lookback_model::TokenId;
use lookback_text::Specials;

/// What one pass reads.
#[derive(Clone, Debug, Args)]
pub(super) struct PassPrompt {
    /// The text that is read; - reads standard input.
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    #[arg(required_unless_present = "ids", conflicts_with = "ids")]
    prompt: Option<String>,
    /// The tokens that are read, by id; nothing is put before them.
    #[arg(long, value_name = "1,2,3", value_delimiter = ',')]
    ids: Option<Vec<u32>>,
}

impl PassPrompt {
    /// Its tokens.
    pub(super) fn read(&self, model: &Model) -> Result<Vec<TokenId>> {
        match (&self.ids, self.prompt.as_deref()) {
            (Some(ids), _) => model.ids(ids),
            (None, text) => encode(model, text.unwrap_or_default(), Specials::Text),
        }
    }
}

/// Whether special tokens that a text spells are tokens.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct SpecialTokens {
    /// Reads special tokens that the text spells, such as <|im_start|>, as these tokens. Without
    /// it they are text like any other.
    #[arg(long)]
    special: bool,
}

impl SpecialTokens {
    pub(super) fn specials(self) -> Specials {
        if self.special { Specials::Allowed } else { Specials::Text }
    }
}

/// The ids of a text; `-` reads standard input. `specials`: what the special tokens that it spells are.
pub(super) fn encode(model: &Model, text: &str, specials: Specials) -> Result<Vec<TokenId>> {
    // What can read no text is refused before standard input is waited for.
    model.tokenizer()?;
    let ids = match text {
        "-" => model.encode_with(&read_input()?, specials),
        text => model.encode_with(text, specials),
    };
    ids.map_err(|refusal| refusal.at("--prompt"))
}

/// All of standard input, as text.
pub(super) fn read_input() -> Result<String> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .read_to_end(&mut bytes)
        .map_err(|error| Refusal::ours(format!("standard input could not be read ({error})")))?;
    lookback_files::text(bytes).map_err(|refusal| refusal.at("standard input"))
}
