//! The tokens that may still be chosen, by ascending id, and how they are weighed, kept and drawn.

use std::cmp::Ordering;

use lookback_files::{Refusal, Result};
use lookback_text::TokenId;

/// A token that may be chosen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) id: TokenId,
    /// Its logit, less what a temperature took off all of them.
    pub(super) logit: f64,
    /// exp(logit − largest), once somebody needed it.
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
    /// Room for those that a step looks at in order of rank.
    ranked: Vec<Candidate>,
    weighed: bool,
    /// What all logits lack since a temperature divided their distance to the largest.
    shift: f64,
    vocabulary: usize,
}

/// The likeliest of a row; the lowest id of several.
pub(super) fn likeliest(logits: &[f32]) -> Result<TokenId> {
    // Which number is none is asked only where one is.
    if !logits.iter().fold(true, |is_sound, &logit| is_sound & (logit < f32::INFINITY)) {
        each(logits).try_for_each(|(id, logit)| check(id, logit))?;
    }
    // Eight largest side by side, as in a vector; whose it is is looked for after.
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
    first.map(|(id, _)| id).ok_or_else(nothing_possible)
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

fn nothing_possible() -> Refusal {
    Refusal::corrupt(
        "every logit is -inf, so no token can be chosen; the model's weights are damaged",
    )
}

impl Candidates {
    /// Begins with every token whose logit is not −∞.
    pub(super) fn fill(&mut self, logits: &[f32]) -> Result<()> {
        self.all.clear();
        self.weighed = false;
        self.shift = 0.0;
        self.vocabulary = logits.len();
        for (id, logit) in each(logits) {
            check(id, logit)?;
            if logit > f32::NEG_INFINITY {
                // Adding +0 makes −0 into +0, which `total_cmp` would tell apart.
                self.all.push(Candidate { id, logit: f64::from(logit) + 0.0, weight: 0.0 });
            }
        }
        if self.all.is_empty() { Err(nothing_possible()) } else { Ok(()) }
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn all(&self) -> &[Candidate] {
        &self.all
    }

    /// Tokens that there are, possible or not.
    pub(super) fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    /// Keeps those of which this is true.
    pub(super) fn retain(&mut self, is_kept: impl FnMut(&Candidate) -> bool) {
        let before = self.len();
        self.all.retain(is_kept);
        // The largest, which weights are relative to, may be gone.
        self.weighed &= self.len() == before;
    }

    /// Changes logits, as they would be if no temperature had shifted them.
    pub(super) fn change(&mut self, change: impl Fn(TokenId, f64) -> f64) {
        // A temperature near 0 shifts further than f64 reaches.
        let shift = if self.shift.is_finite() { self.shift } else { 0.0 };
        for candidate in &mut self.all {
            candidate.logit = change(candidate.id, candidate.logit + shift) + 0.0;
        }
        self.shift -= shift;
        self.weighed = false;
    }

    /// Divides the distance to the largest, so that no temperature, however small, overflows.
    pub(super) fn divide(&mut self, temperature: f64) {
        let largest = self.largest();
        for candidate in &mut self.all {
            candidate.logit = (candidate.logit - largest) / temperature;
        }
        self.shift = (self.shift + largest) / temperature;
        self.weighed = false;
    }

    pub(super) fn keep_first(&mut self, k: usize) {
        if k == 0 || k >= self.all.len() {
            return;
        }
        self.ranked.clone_from(&self.all);
        let (_, last, _) = self.ranked.select_nth_unstable_by(k - 1, by_rank);
        let last = *last;
        self.all.retain(|candidate| by_rank(candidate, &last).is_le());
    }

    /// Goes down the ranks until the share is reached; the one that reaches it stays.
    pub(super) fn keep_share(&mut self, share: f64) {
        self.weigh();
        let wanted = share * self.total();
        self.ranked.clone_from(&self.all);
        let mut reached = 0.0;
        let mut ordered = 0;
        // Mostly a few hundred of many thousands are enough, so ranks are sorted as they are needed.
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

    /// Takes the draw's share of the total, by ascending id.
    pub(super) fn pick(&mut self, draw: f64) -> TokenId {
        self.weigh();
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
        self.weigh();
        let total = self.total();
        self.ranked.clone_from(&self.all);
        self.ranked.sort_unstable_by(by_rank);
        self.ranked.iter().map(|candidate| (candidate.id, candidate.weight / total)).collect()
    }

    /// The probabilities of some; `None` for those that were taken away.
    pub(super) fn probabilities(&mut self, ids: &[TokenId]) -> Vec<Option<f64>> {
        self.weigh();
        let total = self.total();
        let of = |id: &TokenId| {
            let place = self.all.binary_search_by_key(id, |candidate| candidate.id);
            place.ok().map(|place| self.all[place].weight / total)
        };
        ids.iter().map(of).collect()
    }

    /// The share of the probability that is not among what `left` has left.
    pub(super) fn share_beyond(&mut self, left: &Self) -> f64 {
        self.weigh();
        let mut stays = left.all.iter().map(|candidate| candidate.id).peekable();
        let gone = self.all.iter().filter(|candidate| stays.next_if_eq(&candidate.id).is_none());
        gone.fold(0.0, |total, candidate| total + candidate.weight) / self.total()
    }

    pub(super) fn weigh(&mut self) {
        if self.weighed {
            return;
        }
        let largest = self.largest();
        for candidate in &mut self.all {
            candidate.weight = libm::exp(candidate.logit - largest);
        }
        self.weighed = true;
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
