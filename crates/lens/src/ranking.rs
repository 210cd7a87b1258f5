//! Next tokens in the order of their logits: the likeliest, any token's rank, the whole as a curve.
//!
//! Ranks count from 1. Equal logits stand in the order of their ids.

use std::cmp::{Ordering, Reverse};

use lookback_model::TokenId;
use serde::Serialize;

/// A next token and its place among all.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RankedToken {
    /// Which token.
    pub id: u32,
    /// Its place, the likeliest at 1.
    pub rank: usize,
    /// Its logit.
    pub logit: f32,
    /// Its probability.
    pub probability: f32,
}

/// A point of the sorted distribution.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CurvePoint {
    /// The token at this rank.
    #[serde(flatten)]
    pub token: RankedToken,
    /// What it and all before it hold together.
    #[serde(rename = "held")]
    pub cumulative: f64,
}

/// A whole distribution, sorted.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking<'a> {
    logits: &'a [f32],
    probabilities: &'a [f32],
    /// Ids, the likeliest first.
    order: Vec<u32>,
}

impl<'a> Ranking<'a> {
    /// Sorts a row of logits, whose softmax `probabilities` is. `[vocabulary]` both.
    pub fn new(logits: &'a [f32], probabilities: &'a [f32]) -> Self {
        let mut order: Vec<u32> = (0..logits.len() as u32).collect();
        order.sort_unstable_by(|&a, &b| before(logits, a, b));
        Self { logits, probabilities, order }
    }

    /// The token at a rank, counted from 1.
    fn at(&self, rank: usize) -> RankedToken {
        let id = self.order[rank - 1];
        let (logit, probability) = (self.logits[id as usize], self.probabilities[id as usize]);
        RankedToken { id, rank, logit, probability }
    }

    /// The likeliest tokens, the likeliest first.
    pub fn top(&self, k: usize) -> Vec<RankedToken> {
        (1..=k.min(self.order.len())).map(|rank| self.at(rank)).collect()
    }

    /// How many of the likeliest hold a share of all probability together, at least.
    pub fn top_p_count(&self, share: f64) -> usize {
        let mut cumulative = 0.0;
        for (index, &id) in self.order.iter().enumerate() {
            cumulative += f64::from(self.probabilities[id as usize]);
            if cumulative >= share {
                return index + 1;
            }
        }
        self.order.len()
    }

    /// The sorted distribution at ranks 1, 2, 3 … that grow apart, about `points` of them, the last
    /// rank among them.
    pub fn curve(&self, points: usize) -> Vec<CurvePoint> {
        let last = self.order.len();
        let mut ranks: Vec<usize> = (0..points)
            .map(|step| (last as f64).powf(step as f64 / (points.max(2) - 1) as f64))
            .map(|rank| (rank.round() as usize).clamp(1, last))
            .collect();
        ranks.push(last);
        ranks.dedup();
        let (mut cumulative, mut from) = (0.0, 0);
        let sum = |sum: f64, &id: &u32| sum + f64::from(self.probabilities[id as usize]);
        let point = |rank: usize| {
            cumulative = self.order[from..rank].iter().fold(cumulative, sum);
            from = rank;
            CurvePoint { token: self.at(rank), cumulative }
        };
        ranks.into_iter().map(point).collect()
    }

    /// Entropy in nats: how open the choice is. e to this is the number of equally likely tokens
    /// among which the choice would be as open.
    pub fn entropy(&self) -> f64 {
        self.probabilities.iter().fold(0.0, |sum, &probability| {
            let p = f64::from(probability);
            if p > 0.0 { sum - p * p.ln() } else { sum }
        })
    }
}

/// Numbers that are compared with the least of the largest so far at once.
const CHUNK: usize = 64;

/// The likeliest tokens of a row, without sorting it whole.
pub fn top_k(logits: &[f32], probabilities: &[f32], k: usize) -> Vec<RankedToken> {
    let ids = top_k_indices(logits, k, order_key);
    let ranked = ids.into_iter().zip(1..).map(|(id, rank)| RankedToken {
        id: id as u32,
        rank,
        logit: logits[id],
        probability: probabilities[id],
    });
    ranked.collect()
}

/// The indices of the numbers with the largest keys, the largest first; ties by index. One walk, since
/// most chunks have none above the least of the largest so far.
pub(crate) fn top_k_indices<T: Copy, K: Copy + Ord>(
    numbers: &[T],
    k: usize,
    key: impl Fn(T) -> K,
) -> Vec<usize> {
    let k = k.min(numbers.len());
    let (first, rest) = numbers.split_at(k);
    let mut largest: Vec<(K, usize)> = first.iter().map(|&number| key(number)).zip(0..).collect();
    largest.sort_unstable_by_key(|&(key, index)| (Reverse(key), index));
    for (chunk, from) in rest.chunks(CHUNK).zip((k..).step_by(CHUNK)) {
        let Some(&(mut least, _)) = largest.last() else { break };
        if !chunk.iter().fold(false, |any, &number| any | (key(number) > least)) {
            continue;
        }
        for (&number, index) in chunk.iter().zip(from..) {
            let key = key(number);
            // Of equal ones the earlier stands there already.
            if key > least {
                largest.pop();
                let at = largest.partition_point(|&(other, _)| other >= key);
                largest.insert(at, (key, index));
                least = largest[k - 1].0;
            }
        }
    }
    largest.into_iter().map(|(_, index)| index).collect()
}

/// A token's place in a row.
pub fn rank_of(logits: &[f32], probabilities: &[f32], token: TokenId) -> RankedToken {
    let own = order_key(logits[token.index()]);
    let (earlier, later) = logits.split_at(token.index());
    // Of equal logits those of earlier ids are ahead.
    let ahead = count(earlier, |key| key >= own) + count(later, |key| key > own);
    RankedToken {
        id: token.0,
        rank: ahead + 1,
        logit: logits[token.index()],
        probability: probabilities[token.index()],
    }
}

/// Counts in 32 bits, as wide as the keys are, so that the loop fills whole vectors.
#[inline(always)]
fn count(logits: &[f32], is_ahead: impl Fn(i32) -> bool) -> usize {
    logits.iter().map(|&logit| u32::from(is_ahead(order_key(logit)))).sum::<u32>() as usize
}

/// A whole number whose order is that of [`f32::total_cmp`].
#[inline(always)]
pub(crate) fn order_key(logit: f32) -> i32 {
    let bits = logit.to_bits().cast_signed();
    bits ^ ((bits >> 31).cast_unsigned() >> 1).cast_signed()
}

/// The likelier first; ties by id.
fn before(logits: &[f32], a: u32, b: u32) -> Ordering {
    logits[b as usize].total_cmp(&logits[a as usize]).then(a.cmp(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGITS: [f32; 5] = [1.0, 3.0, 1.0, -2.0, 2.0];
    const PROBABILITIES: [f32; 5] = [0.09, 0.6, 0.09, 0.01, 0.21];

    #[test]
    fn equal_logits_stand_in_the_order_of_their_ids() {
        let ranking = Ranking::new(&LOGITS, &PROBABILITIES);
        let ids: Vec<u32> = ranking.top(9).iter().map(|token| token.id).collect();
        assert_eq!(ids, [1, 4, 0, 2, 3]);
    }

    #[test]
    fn every_way_to_a_rank_gives_the_same() {
        let ranking = Ranking::new(&LOGITS, &PROBABILITIES);
        for k in 0..7 {
            assert_eq!(top_k(&LOGITS, &PROBABILITIES, k), ranking.top(k));
        }
        for token in ranking.top(5) {
            assert_eq!(rank_of(&LOGITS, &PROBABILITIES, TokenId(token.id)), token);
        }
    }

    #[test]
    fn every_way_gives_the_same_of_long_rows_with_ties_and_with_what_is_no_number() {
        let odd = [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, 1e-40];
        for len in [1, 2, 63, 64, 65, 128, 129, 1000] {
            let mut state = len as u32;
            let mut logit = |id: usize| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                match state >> 24 {
                    which @ 0..7 => odd[which as usize],
                    // Few values, so that many are equal; later ones larger, so that many are taken.
                    which => (which % 16) as f32 + (id / 100) as f32,
                }
            };
            let logits: Vec<f32> = (0..len).map(&mut logit).collect();
            // Bits that tell each token, also where they are NaN.
            let probabilities: Vec<f32> = (0..len).map(|id| id as f32).collect();
            let ranking = Ranking::new(&logits, &probabilities);
            let told = |ranked: &[RankedToken]| -> Vec<(u32, usize, u32, u32)> {
                let told = |of: &RankedToken| {
                    (of.id, of.rank, of.logit.to_bits(), of.probability.to_bits())
                };
                ranked.iter().map(told).collect()
            };
            for k in [0, 1, 2, 8, 64, 1000] {
                let top = top_k(&logits, &probabilities, k);
                assert_eq!(told(&top), told(&ranking.top(k)), "{k} of {len}");
            }
            for token in ranking.top(len) {
                let found = rank_of(&logits, &probabilities, TokenId(token.id));
                assert_eq!(told(&[found]), told(&[token]), "{len}");
            }
        }
    }

    #[test]
    fn the_curve_ends_at_the_last_rank_and_holds_everything() {
        let ranking = Ranking::new(&LOGITS, &PROBABILITIES);
        for points in [1, 2, 3, 50] {
            let curve = ranking.curve(points);
            assert_eq!(curve[0].token.rank, 1);
            let last = curve.last().unwrap();
            assert_eq!(last.token.rank, 5);
            assert!((last.cumulative - 1.0).abs() < 1e-6);
            assert!(curve.windows(2).all(|two| two[0].token.rank < two[1].token.rank));
        }
        assert_eq!(ranking.top_p_count(0.8), 2);
        assert_eq!(ranking.top_p_count(2.0), 5);
    }

    #[test]
    fn a_fair_choice_among_four_is_as_open_as_four() {
        let ranking = Ranking::new(&[0.0; 4], &[0.25; 4]);
        assert!((ranking.entropy().exp() - 4.0).abs() < 1e-12);
        assert_eq!(Ranking::new(&[0.0], &[1.0]).entropy(), 0.0);
    }

    #[test]
    fn a_single_token_is_first_and_last() {
        assert_eq!(Ranking::new(&[5.0], &[1.0]).curve(200).len(), 1);
    }
}
