//! Logit biases, banned sequences and the only tokens allowed: the first stage of a chain.

use std::{collections::BTreeMap, fmt};

use lookback_files::counted;
use lookback_text::TokenId;

use super::{
    candidates::Candidates,
    logits_rules::{Completion, LogitsRules},
};

/// Biases, bans and the only tokens that may be chosen. Comes before every other sampler.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogitBias {
    /// What is added to the logit of a token; −∞ bans it.
    pub biases: Vec<(TokenId, f64)>,
    /// Sequences that never become whole: the last token of each is impossible where the others
    /// stand before it.
    pub banned_sequences: Vec<Vec<TokenId>>,
    /// The only tokens that may be chosen, if some are named.
    pub allowed: Option<Vec<TokenId>>,
    /// What depends on where the text stands.
    pub rules: LogitsRules,
}

impl LogitBias {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.biases.is_empty()
            && self.banned_sequences.is_empty()
            && self.allowed.is_none()
            && self.rules.is_empty()
    }

    /// Applies it to the candidates that may follow `past`.
    pub(super) fn apply(
        &self,
        candidates: &mut Candidates,
        past: &[TokenId],
        completion: Completion,
    ) {
        if let Some(only) = &self.allowed {
            let mut only = only.clone();
            only.sort_unstable();
            candidates.retain(|candidate| only.binary_search(&candidate.id).is_ok());
        }
        let mut biases: BTreeMap<TokenId, f64> = BTreeMap::new();
        for (id, bias) in &self.biases {
            *biases.entry(*id).or_default() += bias;
        }
        candidates.map_logits(|id, logit| biases.get(&id).map_or(logit, |bias| logit + bias));
        let banned: Vec<TokenId> = self
            .banned_sequences
            .iter()
            .filter_map(|sequence| {
                let (last, before) = sequence.split_last()?;
                past.ends_with(before).then_some(*last)
            })
            .collect();
        candidates.retain(|candidate| {
            candidate.logit > f64::NEG_INFINITY && !banned.contains(&candidate.id)
        });
        if !self.rules.is_empty() {
            self.rules.apply(candidates, past, completion);
        }
    }
}

impl fmt::Display for LogitBias {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if let Some(only) = &self.allowed {
            parts.push(format!("only {}", counted(only.len(), "token")));
        }
        if !self.biases.is_empty() {
            parts.push(format!("{} biases", self.biases.len()));
        }
        if !self.banned_sequences.is_empty() {
            parts.push(format!("{} bans", self.banned_sequences.len()));
        }
        if !self.rules.is_empty() {
            parts.push("rules".to_owned());
        }
        formatter.write_str(&parts.join(", "))
    }
}
