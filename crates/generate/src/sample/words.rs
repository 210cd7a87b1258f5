//! Tokens that are favoured, banned, or alone allowed: the part of a chain that is about words.

use std::{collections::BTreeMap, fmt};

use lookback_files::counted;
use lookback_text::TokenId;

use super::{
    candidates::Candidates,
    rules::{Answer, Rules},
};

/// Biases, bans and the only tokens that may be chosen. Comes before every other link.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Words {
    /// What is added to the logit of a token; −∞ bans it.
    pub biases: Vec<(TokenId, f64)>,
    /// Sequences that never become whole: the last token of each is impossible where the others
    /// stand before it.
    pub banned: Vec<Vec<TokenId>>,
    /// The only tokens that may be chosen, if some are named.
    pub only: Option<Vec<TokenId>>,
    /// What depends on where the text stands.
    pub rules: Rules,
}

impl Words {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.biases.is_empty()
            && self.banned.is_empty()
            && self.only.is_none()
            && self.rules.is_empty()
    }

    /// Does it to what may follow `past`.
    pub(super) fn apply(&self, to: &mut Candidates, past: &[TokenId], answer: Answer) {
        if let Some(only) = &self.only {
            let mut only = only.clone();
            only.sort_unstable();
            to.retain(|candidate| only.binary_search(&candidate.id).is_ok());
        }
        let mut biases: BTreeMap<TokenId, f64> = BTreeMap::new();
        for (id, bias) in &self.biases {
            *biases.entry(*id).or_default() += bias;
        }
        to.change(|id, logit| biases.get(&id).map_or(logit, |bias| logit + bias));
        let banned: Vec<TokenId> = self
            .banned
            .iter()
            .filter_map(|sequence| {
                let (last, before) = sequence.split_last()?;
                past.ends_with(before).then_some(*last)
            })
            .collect();
        to.retain(|candidate| {
            candidate.logit > f64::NEG_INFINITY && !banned.contains(&candidate.id)
        });
        if !self.rules.is_empty() {
            self.rules.apply(to, past, answer);
        }
    }
}

impl fmt::Display for Words {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if let Some(only) = &self.only {
            parts.push(format!("only {}", counted(only.len(), "token")));
        }
        if !self.biases.is_empty() {
            parts.push(format!("{} biases", self.biases.len()));
        }
        if !self.banned.is_empty() {
            parts.push(format!("{} bans", self.banned.len()));
        }
        if !self.rules.is_empty() {
            parts.push("rules".to_owned());
        }
        to.write_str(&parts.join(", "))
    }
}
