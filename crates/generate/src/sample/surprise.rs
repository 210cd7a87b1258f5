//! Links that measure how surprising the candidates are: entropy, deviation, and Mirostat's target.

use super::candidates::{Candidate, Candidates, by_rank};

/// A chain of its own that keeps a text's surprise near a target. Basu et al. 2021: version 1 fits
/// Zipf's law to the likeliest hundred and keeps so many that the target is met; version 2 keeps
/// what is less surprising than a bound. The bound follows what was drawn. As in llama.cpp, the
/// surprise of what was drawn is that among the candidates kept, not among all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mirostat {
    /// 1 or 2.
    pub version: u8,
    /// Bits of surprise that a token should have.
    pub target: f64,
    /// How fast the bound follows.
    pub rate: f64,
}

/// Ranks that version 1 fits Zipf's law to.
const FITTED: usize = 100;

impl Mirostat {
    /// Where the bound begins: twice the target.
    pub(super) fn first_bound(&self) -> f64 {
        2.0 * self.target
    }

    /// The bound after a token of this probability was drawn.
    pub(super) fn next_bound(&self, bound: f64, probability: f64) -> f64 {
        let bits = -libm::log2(probability);
        bound - self.rate * (bits - self.target)
    }

    pub(super) fn apply(&self, to: &mut Candidates, bound: f64) {
        if self.version == 1 {
            to.keep_first(zipf(to, bound));
        } else {
            to.keep_least_surprising(bound * std::f64::consts::LN_2);
        }
    }
}

/// How many of the likeliest have this surprise, in bits, where probabilities fall as rank^−s.
fn zipf(candidates: &Candidates, bound: f64) -> usize {
    let mut ranked = candidates.all().to_vec();
    ranked.sort_unstable_by(by_rank);
    // The slope through the origin of log probability against log rank, from neighbours.
    let (mut products, mut squares) = (0.0, 0.0);
    for (at, pair) in ranked.windows(2).take(FITTED - 1).enumerate() {
        let step = libm::log((at + 2) as f64 / (at + 1) as f64);
        products += step * (pair[0].logit - pair[1].logit);
        squares += step * step;
    }
    if squares == 0.0 {
        return 1;
    }
    let slope = products / squares;
    let (over, all) = (slope - 1.0, candidates.vocabulary() as f64);
    // Its limit where the slope is 1 is 1 / ln of the vocabulary.
    let scale = match over == 0.0 {
        true => 1.0 / libm::log(all),
        false => over / (1.0 - libm::pow(all, -over)),
    };
    let count = libm::pow(scale * libm::exp2(bound), 1.0 / slope);
    // What is no number keeps one, and what is beyond the vocabulary keeps all.
    (count as usize).max(1)
}

impl Candidates {
    /// Keeps logits that are at least the largest less `n` standard deviations of those that are left.
    /// Tang et al. 2024.
    pub(super) fn keep_within_deviations(&mut self, n: f64) {
        let count = self.len() as f64;
        let largest = self.largest();
        let sum = |of: &dyn Fn(f64) -> f64| {
            self.all().iter().fold(0.0, |sum, candidate| sum + of(candidate.logit))
        };
        let mean = sum(&|logit| logit) / count;
        let deviation = libm::sqrt(sum(&|logit| (logit - mean) * (logit - mean)) / count);
        let least = largest - n * deviation;
        self.retain(|candidate| candidate.logit >= least);
    }

    /// Keeps those whose surprise is nearest to the expected one until they have more than this
    /// share. Meister et al. 2022, section 3.
    pub(super) fn keep_typical(&mut self, share: f64) {
        self.weigh();
        let (entropy, total) = (self.entropy(), self.total());
        let mut ranked = self.all().to_vec();
        let (largest, logarithm) = (self.largest(), libm::log(total));
        let off = |logit: f64| libm::fabs(logarithm - (logit - largest) - entropy);
        ranked.sort_unstable_by(|left, right| {
            off(left.logit).total_cmp(&off(right.logit)).then_with(|| by_rank(left, right))
        });
        let (mut reached, mut keep) = (0.0, 0);
        for candidate in &ranked {
            reached += candidate.weight / total;
            keep += 1;
            if reached > share {
                break;
            }
        }
        let mut kept: Vec<_> = ranked[..keep].iter().map(|candidate| candidate.id).collect();
        kept.sort_unstable();
        self.retain(|candidate| kept.binary_search(&candidate.id).is_ok());
    }

    /// Takes away those of at least the threshold but the least likely of them, which stays: "exclude
    /// top choices". p-e-w 2024, oobabooga/text-generation-webui #6335.
    pub(super) fn exclude_top_choices(&mut self, threshold: f64) {
        self.weigh();
        let total = self.total();
        let mut top: Vec<_> = self.all().to_vec();
        top.retain(|candidate| candidate.weight / total >= threshold);
        let Some(last) = top.iter().copied().max_by(by_rank) else { return };
        self.retain(|candidate| by_rank(candidate, &last).is_ge());
    }

    /// Divides by a temperature between `least`, where one token is certain, and `most`, where all are
    /// as likely. Zhu et al. 2023 (adaptive temperature), in llama.cpp's form.
    pub(super) fn divide_by_entropy(&mut self, least: f64, most: f64, exponent: f64) {
        if self.len() < 2 {
            return;
        }
        self.weigh();
        let share = self.entropy() / libm::log(self.len() as f64);
        let temperature = least + (most - least) * libm::pow(share, exponent);
        if temperature > 0.0 { self.divide(temperature) } else { self.keep_first(1) }
    }

    /// Keeps those whose surprise is at most so many nats, and always the likeliest.
    fn keep_least_surprising(&mut self, bound: f64) {
        self.weigh();
        let (largest, logarithm) = (self.largest(), libm::log(self.total()));
        if bound < logarithm {
            return self.keep_first(1);
        }
        self.retain(|candidate| logarithm - (candidate.logit - largest) <= bound);
    }

    /// The expected surprise, in nats.
    fn entropy(&self) -> f64 {
        let (largest, total) = (self.largest(), self.total());
        let logarithm = libm::log(total);
        let of = |sum, candidate: &Candidate| {
            sum + candidate.weight / total * (logarithm - (candidate.logit - largest))
        };
        self.all().iter().fold(0.0, of)
    }
}
