//! Samplers that go by entropy and surprisal: typical sampling, dynamic temperature, Mirostat; beside
//! them XTC and top-n-sigma.

use super::candidates::{Candidate, Candidates, by_rank};

/// A chain of its own that keeps the surprisal of a text near a target. Basu et al. 2021: version 1
/// fits Zipf's law to the likeliest hundred and takes the k of top-k from it; version 2 keeps tokens of
/// at most the surprisal μ. After each draw μ moves towards the target. As in llama.cpp, the
/// surprisal of a drawn token is that among the candidates kept, not among all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mirostat {
    /// 1 or 2.
    pub version: u8,
    /// The target surprisal τ of a token, in bits.
    pub target: f64,
    /// The learning rate η of μ.
    pub rate: f64,
}

/// Ranks that version 1 fits Zipf's law to.
const FITTED: usize = 100;

impl Mirostat {
    /// The first μ: twice the target.
    pub(super) fn initial_mu(&self) -> f64 {
        2.0 * self.target
    }

    /// μ after a token of this probability was drawn.
    pub(super) fn next_mu(&self, mu: f64, probability: f64) -> f64 {
        let bits = -libm::log2(probability);
        mu - self.rate * (bits - self.target)
    }

    pub(super) fn apply(&self, candidates: &mut Candidates, mu: f64) {
        if self.version == 1 {
            candidates.keep_top_k(zipf_top_k(candidates, mu));
        } else {
            candidates.keep_surprisal_up_to(mu * std::f64::consts::LN_2);
        }
    }
}

/// How many of the likeliest have a surprisal of up to μ bits, where probabilities fall as rank^−s.
fn zipf_top_k(candidates: &Candidates, mu: f64) -> usize {
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
    let (exponent, all) = (slope - 1.0, candidates.vocabulary() as f64);
    // Its limit where the slope is 1 is 1 / ln of the vocabulary.
    let scale = match exponent == 0.0 {
        true => 1.0 / libm::log(all),
        false => exponent / (1.0 - libm::pow(all, -exponent)),
    };
    let count = libm::pow(scale * libm::exp2(mu), 1.0 / slope);
    // NaN keeps one, and what is beyond the vocabulary keeps all.
    (count as usize).max(1)
}

impl Candidates {
    /// Keeps logits that are at least the largest less `n` standard deviations of those that are left.
    /// Tang et al. 2024.
    pub(super) fn keep_top_n_sigma(&mut self, n: f64) {
        let count = self.len() as f64;
        let largest = self.largest();
        let sum = |term: &dyn Fn(f64) -> f64| {
            self.all().iter().fold(0.0, |sum, candidate| sum + term(candidate.logit))
        };
        let mean = sum(&|logit| logit) / count;
        let deviation = libm::sqrt(sum(&|logit| (logit - mean) * (logit - mean)) / count);
        let threshold = largest - n * deviation;
        self.retain(|candidate| candidate.logit >= threshold);
    }

    /// Keeps those whose surprisal is nearest to the entropy until they have more than this
    /// share. Meister et al. 2022, section 3.
    pub(super) fn keep_typical(&mut self, share: f64) {
        self.compute_weights();
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
        self.compute_weights();
        let total = self.total();
        let mut top: Vec<_> = self.all().to_vec();
        top.retain(|candidate| candidate.weight / total >= threshold);
        let Some(last) = top.iter().copied().max_by(by_rank) else { return };
        self.retain(|candidate| by_rank(candidate, &last).is_ge());
    }

    /// Divides by a temperature between `min`, where one token is certain, and `max`, where all are
    /// as likely. Zhu et al. 2023 (adaptive temperature), in llama.cpp's form.
    pub(super) fn divide_by_dynamic_temperature(&mut self, min: f64, max: f64, exponent: f64) {
        if self.len() < 2 {
            return;
        }
        self.compute_weights();
        let share = self.entropy() / libm::log(self.len() as f64);
        let temperature = min + (max - min) * libm::pow(share, exponent);
        if temperature > 0.0 { self.divide(temperature) } else { self.keep_top_k(1) }
    }

    /// Keeps those of a surprisal of at most so many nats, and always the likeliest.
    fn keep_surprisal_up_to(&mut self, max_surprisal: f64) {
        self.compute_weights();
        let (largest, logarithm) = (self.largest(), libm::log(self.total()));
        if max_surprisal < logarithm {
            return self.keep_top_k(1);
        }
        self.retain(|candidate| logarithm - (candidate.logit - largest) <= max_surprisal);
    }

    /// The entropy, in nats: the expected surprisal.
    fn entropy(&self) -> f64 {
        let (largest, total) = (self.largest(), self.total());
        let logarithm = libm::log(total);
        let of = |sum, candidate: &Candidate| {
            sum + candidate.weight / total * (logarithm - (candidate.logit - largest))
        };
        self.all().iter().fold(0.0, of)
    }
}
