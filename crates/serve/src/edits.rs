//! What a request changes of its passes: `"edits"`, each an object of JSON or a text, as
//! `docs/interventions.md` has them, `"edit_tokens"` and `"variant"`. A request names no file. What edits stand for in a
//! prompt is remembered: some of it takes passes of its own.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use lookback_lens::{EditTokens, Intervention, InterventionFiles, LocalFiles, NoFiles};
use lookback_model::{Edits, PassVariant, TokenId};
use lookback_open::{Model, WeightsId};
use serde::Deserialize;
use serde_json::Value;

use crate::error_response::{ErrorResponse, Result};

/// Edits that one request may give.
const MAX_EDITS: usize = 256;
/// Prompts whose edits are remembered, each with its numbers.
const MAX_REMEMBERED: usize = 32;

/// The part of a request that says what is changed.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Given {
    #[serde(default)]
    edits: Vec<Value>,
    /// For which tokens they hold.
    #[serde(default)]
    edit_tokens: Tokens,
    /// What passes leave out or replace: `{"no_position": true}`.
    #[serde(default)]
    pub(crate) variant: PassVariant,
}

/// For which tokens edits hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Tokens {
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
    /// What its edits say.
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

/// What is changed of the passes over one prompt: the edits of the server, then those of the request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PromptEdits {
    defaults: Arc<Vec<Intervention>>,
    own: Vec<Intervention>,
    tokens: Tokens,
    variant: PassVariant,
}

impl PromptEdits {
    /// Of a request, behind what the server changes of each pass.
    pub(crate) fn new(
        defaults: Arc<Vec<Intervention>>,
        variant: PassVariant,
        given: &Given,
    ) -> Result<Self> {
        let (own, tokens) = (given.interventions()?, given.edit_tokens);
        Ok(Self { defaults, own, tokens, variant: variant.and(given.variant) })
    }

    /// Whether nothing is changed.
    pub(crate) fn is_empty(&self) -> bool {
        self.defaults.is_empty() && self.own.is_empty() && self.variant.is_none()
    }

    /// The edits that they stand for in a prompt, of a text that grows to at most so many positions. It may take passes.
    pub(crate) fn resolve(
        &self,
        model: &Model,
        ids: &[TokenId],
        positions: usize,
    ) -> Result<Edits> {
        let tokens = self.tokens.into();
        let resolved = |list: &[Intervention], files: &dyn InterventionFiles| {
            model.edits(list, files, Some(ids), positions, tokens)
        };
        let mut edits: Vec<_> = resolved(&self.defaults, &LocalFiles)?.iter().cloned().collect();
        edits.extend(resolved(&self.own, &NoFiles)?.iter().cloned());
        let edits = Edits::new(edits).of_variant(self.variant);
        // What the network does not have is refused before anything else is asked.
        edits.check(model.network())?;
        Ok(edits)
    }
}

/// Whose edits they are: of which weights, and of which prompt.
type Key = (WeightsId, Vec<TokenId>, PromptEdits);

/// What edits stood for in the prompts that were asked about last. A clone shares all.
#[derive(Clone, Debug, Default)]
pub(crate) struct ResolvedEdits(Arc<Mutex<VecDeque<(Key, Edits)>>>);

impl ResolvedEdits {
    /// What they stand for, where it is known.
    pub(crate) fn find(&self, key: &Key) -> Option<Edits> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = all.iter().position(|(of, _)| of == key)?;
        let found = all.remove(at)?;
        let edits = found.1.clone();
        all.push_front(found);
        Some(edits)
    }

    /// Remembers it, and forgets what was not asked about for longest.
    pub(crate) fn remember(&self, key: Key, edits: Edits) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push_front((key, edits));
        all.truncate(MAX_REMEMBERED);
    }
}
