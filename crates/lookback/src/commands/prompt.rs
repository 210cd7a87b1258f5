//! A prompt as token ids: from `--ids`, from `--prompt`, or from standard input.

use std::io::Read;

use lookback::Model;
use lookback_files::{Refusal, Result};
use lookback_model::TokenId;
use lookback_text::Specials;

/// The ids of a text, in which special tokens are text; `-` reads standard input.
pub(super) fn encode(model: &Model, text: &str) -> Result<Vec<TokenId>> {
    let tokenizer = model.tokenizer()?;
    let ids = match text {
        "-" => tokenizer.encode(&read_input()?, Specials::Text),
        text => tokenizer.encode(text, Specials::Text),
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
