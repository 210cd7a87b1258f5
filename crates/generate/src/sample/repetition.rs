//! Samplers against repetition: penalties for single tokens, and DRY for whole phrases.

use std::{collections::BTreeMap, fmt};

use lookback_text::TokenId;

use super::candidates::Candidates;

/// Penalties on the logits of tokens among the last ones. Keskar et al. 2019, section 4.1 (the
/// repetition penalty); the other two are those of OpenAI's API.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Penalties {
    /// Divides positive logits and multiplies the others; 1 changes nothing.
    pub repeat: f64,
    /// Taken off once.
    pub presence: f64,
    /// Taken off for each time.
    pub frequency: f64,
    /// How many of the last tokens count; `None` is all.
    pub last_n: Option<usize>,
}

impl Penalties {
    pub(super) fn changes_nothing(&self) -> bool {
        let is_idle = self.repeat == 1.0 && self.presence == 0.0 && self.frequency == 0.0;
        is_idle || self.last_n == Some(0)
    }

    pub(super) fn apply(&self, candidates: &mut Candidates, past: &[TokenId]) {
        let mut counts: BTreeMap<TokenId, u32> = BTreeMap::new();
        for id in last(past, self.last_n) {
            *counts.entry(*id).or_default() += 1;
        }
        candidates.map_logits(|id, logit| match counts.get(&id) {
            None => logit,
            Some(&count) => {
                let scaled = if logit > 0.0 { logit / self.repeat } else { logit * self.repeat };
                scaled - (f64::from(count) * self.frequency + self.presence)
            }
        });
    }
}

impl fmt::Display for Penalties {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { repeat, presence, frequency, .. } = self;
        write!(formatter, "penalties {repeat}, {presence}, {frequency}")
    }
}

/// "Don't repeat yourself": a token that would continue a sequence of the text before loses
/// `multiplier · base^(length − allowed_length)`, where `length` is the longest such sequence.
/// p-e-w 2024, oobabooga/text-generation-webui #5677.
#[derive(Clone, Debug, PartialEq)]
pub struct Dry {
    /// 0 changes nothing.
    pub multiplier: f64,
    /// By how much each further token makes it worse.
    pub base: f64,
    /// Repetitions shorter than this cost nothing.
    pub allowed_length: usize,
    /// How many of the last tokens are searched; `None` is all.
    pub last_n: Option<usize>,
    /// Tokens over which no sequence reaches, and which are never made less likely.
    pub sequence_breakers: Vec<TokenId>,
}

impl Dry {
    pub(super) fn changes_nothing(&self) -> bool {
        self.multiplier == 0.0 || self.last_n == Some(0)
    }

    pub(super) fn apply(&self, candidates: &mut Candidates, past: &[TokenId]) {
        let longest = self.longest(last(past, self.last_n));
        // The largest exponent that f32 can hold, as llama.cpp has it.
        let max_exponent =
            if self.base > 1.000_001 { 88.722_839 / libm::log(self.base) } else { 0.0 };
        candidates.map_logits(|id, logit| match longest.get(&id) {
            None => logit,
            Some(&length) => {
                let exponent = (length - self.allowed_length) as f64;
                let exponent = if max_exponent > 0.0 && exponent > max_exponent {
                    max_exponent.floor()
                } else {
                    exponent
                };
                logit - self.multiplier * libm::pow(self.base, exponent)
            }
        });
    }

    /// For each token that would go on a repetition long enough: how long that is already.
    fn longest(&self, past: &[TokenId]) -> BTreeMap<TokenId, usize> {
        let is_breaker = |id: &TokenId| self.sequence_breakers.contains(id);
        let reach = past.iter().rev().position(is_breaker).unwrap_or(past.len());
        let mut longest = BTreeMap::new();
        if reach < self.allowed_length || past.is_empty() {
            return longest;
        }
        let backwards: Vec<TokenId> = past.iter().rev().copied().collect();
        // Entry k: how many tokens up to the k-th from the end are those that the text ends with.
        for (back, common) in common_with_beginning(&backwards).into_iter().enumerate().skip(1) {
            let (length, follows) = (common.min(reach), backwards[back - 1]);
            if length >= self.allowed_length && !is_breaker(&follows) {
                let known = longest.entry(follows).or_insert(length);
                *known = (*known).max(length);
            }
        }
        longest
    }
}

fn last(past: &[TokenId], count: Option<usize>) -> &[TokenId] {
    &past[past.len() - count.unwrap_or(past.len()).min(past.len())..]
}

/// How much each suffix has in common with the whole at its beginning, in linear time: Gusfield's
/// Z values. What lies within a stretch that is known to equal the beginning is looked up there.
fn common_with_beginning(ids: &[TokenId]) -> Vec<usize> {
    let mut common = vec![ids.len(); ids.len()];
    let (mut begin, mut end) = (0, 0);
    for at in 1..ids.len() {
        let mut length = if at < end { common[at - begin].min(end - at) } else { 0 };
        while at + length < ids.len() && ids[length] == ids[at + length] {
            length += 1;
        }
        if at + length > end {
            (begin, end) = (at, at + length);
        }
        common[at] = length;
    }
    common
}
