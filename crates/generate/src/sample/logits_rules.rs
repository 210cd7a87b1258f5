//! What a `generation_config.json` asks for that looks at where a text stands: tokens that may not begin an
//! answer, the least length, n-grams that do not come twice, tokens that are forced. With the meaning that
//! transformers gives them (`generation/logits_process.py`).

use std::collections::BTreeSet;

use lookback_text::TokenId;

use super::candidates::Candidates;

/// Rules for the next token that depend on the text so far, by the names of transformers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogitsRules {
    /// Tokens that are not the first of an answer.
    pub begin_suppress_tokens: Vec<TokenId>,
    /// Tokens that end a text, which the two lengths are about.
    pub eos: Vec<TokenId>,
    /// The tokens that an answer has at least.
    pub min_new_tokens: usize,
    /// The tokens that prompt and answer have at least.
    pub min_length: usize,
    /// No so many tokens in a row come twice, in the prompt or behind it; 0 allows all.
    pub no_repeat_ngram_size: usize,
    /// The second token of a text, whatever its logits are.
    pub forced_bos: Option<TokenId>,
    /// The last token that the limit allows, one of these.
    pub forced_eos: Vec<TokenId>,
}

/// Where an answer begins, and how long it may get.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Completion {
    /// Tokens before it.
    pub(super) prompt_tokens: usize,
    /// Tokens that it has at most.
    pub(super) max_tokens: usize,
}

impl LogitsRules {
    /// Whether they change nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self { eos: self.eos.clone(), ..Self::default() }
    }

    /// Takes away what may not follow `past`.
    pub(super) fn apply(
        &self,
        candidates: &mut Candidates,
        past: &[TokenId],
        completion: Completion,
    ) {
        let new = past.len().saturating_sub(completion.prompt_tokens);
        let mut banned: BTreeSet<TokenId> = BTreeSet::new();
        if new == 0 {
            banned.extend(&self.begin_suppress_tokens);
        }
        if new < self.min_new_tokens || past.len() < self.min_length {
            banned.extend(&self.eos);
        }
        if let Some(before) =
            self.no_repeat_ngram_size.checked_sub(1).filter(|before| *before < past.len())
        {
            let latest = &past[past.len() - before..];
            let again =
                past.windows(self.no_repeat_ngram_size).filter(|ngram| ngram.starts_with(latest));
            banned.extend(again.filter_map(<[TokenId]>::last));
        }
        candidates.retain(|candidate| !banned.contains(&candidate.id));
        if let (1, Some(second)) = (past.len(), self.forced_bos) {
            candidates.retain(|candidate| candidate.id == second);
        }
        if !self.forced_eos.is_empty() && new + 1 == completion.max_tokens {
            candidates.retain(|candidate| self.forced_eos.contains(&candidate.id));
        }
    }
}
