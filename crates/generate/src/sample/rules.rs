//! What a `generation_config.json` asks for that looks at where a text stands: tokens that may not begin an
//! answer, the least length, n-grams that do not come twice, tokens that are forced. With the meaning that
//! transformers gives them (`generation/logits_process.py`).

use std::collections::BTreeSet;

use lookback_text::TokenId;

use super::candidates::Candidates;

/// Rules of a text that is being written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    /// Tokens that are not the first of an answer.
    pub not_first: Vec<TokenId>,
    /// Tokens that end a text, which the two lengths are about.
    pub ends: Vec<TokenId>,
    /// The tokens that an answer has at least.
    pub least_new: usize,
    /// The tokens that prompt and answer have at least.
    pub least: usize,
    /// No so many tokens in a row come twice, in the prompt or behind it; 0 allows all.
    pub ngram: usize,
    /// The second token of a text, whatever the model says.
    pub second: Option<TokenId>,
    /// The last token that the limit allows, one of these.
    pub last: Vec<TokenId>,
}

/// Where an answer begins, and how long it may get.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Answer {
    /// Tokens before it.
    pub(super) begins: usize,
    /// Tokens that it has at most.
    pub(super) most: usize,
}

impl Rules {
    /// Whether they change nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self { ends: self.ends.clone(), ..Self::default() }
    }

    /// Takes away what may not follow `past`.
    pub(super) fn apply(&self, to: &mut Candidates, past: &[TokenId], answer: Answer) {
        let new = past.len().saturating_sub(answer.begins);
        let mut banned: BTreeSet<TokenId> = BTreeSet::new();
        if new == 0 {
            banned.extend(&self.not_first);
        }
        if new < self.least_new || past.len() < self.least {
            banned.extend(&self.ends);
        }
        if let Some(before) = self.ngram.checked_sub(1).filter(|before| *before < past.len()) {
            let latest = &past[past.len() - before..];
            let again = past.windows(self.ngram).filter(|ngram| ngram.starts_with(latest));
            banned.extend(again.filter_map(<[TokenId]>::last));
        }
        to.retain(|candidate| !banned.contains(&candidate.id));
        if let (1, Some(second)) = (past.len(), self.second) {
            to.retain(|candidate| candidate.id == second);
        }
        if !self.last.is_empty() && new + 1 == answer.most {
            to.retain(|candidate| self.last.contains(&candidate.id));
        }
    }
}
