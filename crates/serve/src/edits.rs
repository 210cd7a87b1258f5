//! What a request changes of its passes: `"edits"`, each an object of JSON or a text, as
//! `docs/interventions.md` has them, and `"variant"`. A request names no file.

use lookback_lens::{EditTokens, Intervention};
use lookback_model::PassVariant;
use serde::Deserialize;
use serde_json::Value;

use crate::error_response::{ErrorResponse, Result};

/// Edits that one request may give.
const MAX_EDITS: usize = 256;

/// The part of a request that says what is changed.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Given {
    #[serde(default)]
    edits: Vec<Value>,
    /// For which tokens they hold.
    #[serde(default)]
    pub(crate) edit_tokens: Tokens,
    /// What passes leave out or replace: `{"no_position": true}`.
    #[serde(default)]
    pub(crate) variant: PassVariant,
}

/// For which tokens edits hold.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Tokens {
    #[default]
    All,
    Prompt,
    Generated,
}

impl From<Tokens> for EditTokens {
    fn from(tokens: Tokens) -> Self {
        match tokens {
            Tokens::All => Self::All,
            Tokens::Prompt => Self::Prompt,
            Tokens::Generated => Self::Generated,
        }
    }
}

impl Given {
    /// What they say.
    pub(crate) fn interventions(&self) -> Result<Vec<Intervention>> {
        if self.edits.len() > MAX_EDITS {
            return Err(ErrorResponse::bad_request(format!(
                "{} edits are more than the {MAX_EDITS} that one request may give",
                self.edits.len()
            )));
        }
        Ok(self.edits.iter().map(Intervention::from_json).collect::<lookback_files::Result<_>>()?)
    }
}
