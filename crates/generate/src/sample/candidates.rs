//! The tokens that may still be chosen, by ascending id: their weights, which of them are kept, and the draw.

use std::cmp::Ordering;

use lookback_files::{Refusal, Result};
use lookback_text::TokenId;

/// A token that may be chosen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) id: TokenId,
    /// Its logit, less the shift of a temperature (see `Candidates::shift`).
    pub(super) logit: f64,
    /// exp(logit − largest), once `compute_weights` has run.
    pub(super) weight: f64,
}

/// The likelier first; of two that are equal, the lower id.
pub(super) fn by_rank(left: &Candidate, right: &Candidate) -> Ordering {
    right.logit.total_cmp(&left.logit).then(left.id.cmp(&right.id))
}

/// What may still be chosen, by ascending id. The allocation is kept from token to token.
#[derive(Clone, Debug, Default)]
pub(super) struct Candidates {
    all: Vec<Candidate>,
    /// Scratch for candidates in order of rank.
    ranked: Vec<Candidate>,
    has_weights: bool,
    /// What was subtracted from all logits: a temperature divides their distance to the largest.
    shift: f64,
    vocabulary: usize,
}

/// The id of the largest logit; of equal ones the lowest id.
pub(super) fn argmax(logits: &[f32]) -> Result<TokenId> {
    // A NaN or an infinite logit is looked for only where there is one.
    if !logits.iter().fold(true, |is_sound, &logit| is_sound & (logit < f32::INFINITY)) {
        each(logits).try_for_each(|(id, logit)| check(id, logit))?;
    }
    // Eight running maxima, as in a vector register; the id is looked for afterwards.
    let mut largest = [f32::NEG_INFINITY; 8];
    let larger = |a: f32, b: f32| if a > b { a } else { b };
    let (eights, rest) = logits.as_chunks::<8>();
    for eight in eights {
        for (largest, &logit) in largest.iter_mut().zip(eight) {
            *largest = larger(logit, *largest);
        }
    }
    let largest = largest.iter().chain(rest).copied().fold(f32::NEG_INFINITY, larger);
    let first = each(logits).find(|&(_, logit)| logit == largest && logit > f32::NEG_INFINITY);
    first.map(|(id, _)| id).ok_or_else(no_finite_logit)
}

fn each(logits: &[f32]) -> impl Iterator<Item = (TokenId, f32)> {
    (0_u32..).map(TokenId).zip(logits.iter().copied())
}

fn check(id: TokenId, logit: f32) -> Result<()> {
    if logit.is_nan() || logit == f32::INFINITY {
        return Err(Refusal::corrupt(format!(
            "the logit of token {id} is {logit}, so no token can be chosen; the model's weights \
             are damaged or overflow in f32"
        )));
    }
    Ok(())
}

fn no_finite_logit() -> Refusal {
    Refusal::corrupt(
        "every logit is -inf, so no token can be chosen; the model's weights are damaged",
    )
}

impl Candidates {
    /// Fills in every token whose logit is not −∞.
    pub(super) fn fill(&mut self, logits: &[f32]) -> Result<()> {
        self.all.clear();
        self.has_weights = false;
        self.shift = 0.0;
        self.vocabulary = logits.len();
        for (id, logit) in each(logits) {
            check(id, logit)?;
            if logit > f32::NEG_INFINITY {
                // Adding +0 makes −0 into +0, which `total_cmp` would tell apart.
                self.all.push(Candidate { id, logit: f64::from(logit) + 0.0, weight: 0.0 });
            }
        }
        if self.all.is_empty() { Err(no_finite_logit()) } else { Ok(()) }
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn all(&self) -> &[Candidate] {
        &self.all
    }

    /// Tokens of the vocabulary, those of logit −∞ included.
    pub(super) fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    /// Keeps those of which this is true.
    pub(super) fn retain(&mut self, is_kept: impl FnMut(&Candidate) -> bool) {
        let before = self.len();
        self.all.retain(is_kept);
        // Weights are relative to the largest logit, which may have been removed.
        self.has_weights &= self.len() == before;
    }

    /// Maps every logit; `change` is given it without the shift of a temperature.
    pub(super) fn map_logits(&mut self, change: impl Fn(TokenId, f64) -> f64) {
        // A temperature near 0 makes the shift infinite.
        let shift = if self.shift.is_finite() { self.shift } else { 0.0 };
        for candidate in &mut self.all {
            candidate.logit = change(candidate.id, candidate.logit + shift) + 0.0;
        }
        self.shift -= shift;
        self.has_weights = false;
    }

    /// Divides the distance to the largest, so that no temperature, however small, overflows.
    pub(super) fn divide(&mut self, temperature: f64) {
        let largest = self.largest();
        for candidate in &mut self.all {
            candidate.logit = (candidate.logit - largest) / temperature;
        }
        self.shift = (self.shift + largest) / temperature;
        self.has_weights = false;
    }

    pub(super) fn keep_top_k(&mut self, k: usize) {
        if k == 0 || k >= self.all.len() {
            return;
        }
        self.ranked.clone_from(&self.all);
        let (_, last, _) = self.ranked.select_nth_unstable_by(k - 1, by_rank);
        let last = *last;
        self.all.retain(|candidate| by_rank(candidate, &last).is_le());
    }

    /// Goes down the ranks until the share is reached; the one that reaches it stays.
    pub(super) fn keep_top_p(&mut self, share: f64) {
        self.compute_weights();
        let wanted = share * self.total();
        self.ranked.clone_from(&self.all);
        let mut reached = 0.0;
        let mut ordered = 0;
        // Mostly a few hundred of many thousands of ranks are enough, so they are sorted in growing chunks.
        while ordered < self.ranked.len() {
            let rest = &mut self.ranked[ordered..];
            let count = rest.len().min(256.max(ordered));
            if count < rest.len() {
                rest.select_nth_unstable_by(count - 1, by_rank);
            }
            rest[..count].sort_unstable_by(by_rank);
            for candidate in &rest[..count] {
                reached += candidate.weight;
                if reached >= wanted {
                    let last = *candidate;
                    self.all.retain(|candidate| by_rank(candidate, &last).is_le());
                    return;
                }
            }
            ordered += count;
        }
    }

    /// Samples by inverse transform: the first id, ascending, at which the sum of weights exceeds `draw` of the total.
    pub(super) fn sample(&mut self, draw: f64) -> TokenId {
        self.compute_weights();
        let wanted = draw * self.total();
        let mut reached = 0.0;
        let mut chosen = self.all[0].id;
        for candidate in &self.all {
            // A weight that underflowed to nothing is never drawn.
            if candidate.weight > 0.0 {
                chosen = candidate.id;
                reached += candidate.weight;
                if reached > wanted {
                    break;
                }
            }
        }
        chosen
    }

    /// The candidates by rank, with their probabilities.
    pub(super) fn ranked(&mut self) -> Vec<(TokenId, f64)> {
        self.compute_weights();
        let total = self.total();
        self.ranked.clone_from(&self.all);
        self.ranked.sort_unstable_by(by_rank);
        self.ranked.iter().map(|candidate| (candidate.id, candidate.weight / total)).collect()
    }

    /// The probabilities of some tokens; `None` for those that were removed.
    pub(super) fn probabilities(&mut self, ids: &[TokenId]) -> Vec<Option<f64>> {
        self.compute_weights();
        let total = self.total();
        let of = |id: &TokenId| {
            let place = self.all.binary_search_by_key(id, |candidate| candidate.id);
            place.ok().map(|place| self.all[place].weight / total)
        };
        ids.iter().map(of).collect()
    }

    /// The share of the probability that these candidates have and `left` has not.
    pub(super) fn removed_share_beside(&mut self, left: &Self) -> f64 {
        self.compute_weights();
        let mut stays = left.all.iter().map(|candidate| candidate.id).peekable();
        let gone = self.all.iter().filter(|candidate| stays.next_if_eq(&candidate.id).is_none());
        gone.fold(0.0, |total, candidate| total + candidate.weight) / self.total()
    }

    pub(super) fn compute_weights(&mut self) {
        if self.has_weights {
            return;
        }
        let largest = self.largest();
        for candidate in &mut self.all {
            candidate.weight = libm::exp(candidate.logit - largest);
        }
        self.has_weights = true;
    }

    pub(super) fn largest(&self) -> f64 {
        let larger = |largest, candidate: &Candidate| {
            if candidate.logit > largest { candidate.logit } else { largest }
        };
        self.all.iter().fold(f64::NEG_INFINITY, larger)
    }

    pub(super) fn total(&self) -> f64 {
        self.all.iter().fold(0.0, |total, candidate| total + candidate.weight)
    }
}
