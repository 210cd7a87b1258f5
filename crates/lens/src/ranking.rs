//! Next tokens in the order of their logits: the likeliest, any token's rank, the whole as a curve.
//!
//! Ranks count from 1. Equal logits stand in the order of their ids.

use std::cmp::Ordering;

use lookback_model::TokenId;
use serde::Serialize;

/// A next token and its place among all.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Ranked {
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
pub struct Point {
    /// The token at this rank.
    #[serde(flatten)]
    pub token: Ranked,
    /// What it and all before it hold together.
    pub held: f64,
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
    fn at(&self, rank: usize) -> Ranked {
        let id = self.order[rank - 1];
        let (logit, probability) = (self.logits[id as usize], self.probabilities[id as usize]);
        Ranked { id, rank, logit, probability }
    }

    /// The likeliest tokens, the likeliest first.
    pub fn top(&self, most: usize) -> Vec<Ranked> {
        (1..=most.min(self.order.len())).map(|rank| self.at(rank)).collect()
    }

    /// How many of the likeliest hold a share of all probability together, at least.
    pub fn holding(&self, share: f64) -> usize {
        let mut held = 0.0;
        for (index, &id) in self.order.iter().enumerate() {
            held += f64::from(self.probabilities[id as usize]);
            if held >= share {
                return index + 1;
            }
        }
        self.order.len()
    }

    /// The sorted distribution at ranks 1, 2, 3 … that grow apart, about `points` of them, the last
    /// rank among them.
    pub fn curve(&self, points: usize) -> Vec<Point> {
        let last = self.order.len();
        let mut ranks: Vec<usize> = (0..points)
            .map(|step| (last as f64).powf(step as f64 / (points.max(2) - 1) as f64))
            .map(|rank| (rank.round() as usize).clamp(1, last))
            .collect();
        ranks.push(last);
        ranks.dedup();
        let (mut held, mut from) = (0.0, 0);
        let sum = |sum: f64, &id: &u32| sum + f64::from(self.probabilities[id as usize]);
        let point = |rank: usize| {
            held = self.order[from..rank].iter().fold(held, sum);
            from = rank;
            Point { token: self.at(rank), held }
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

/// The likeliest tokens of a row, without sorting it whole.
pub fn top(logits: &[f32], probabilities: &[f32], most: usize) -> Vec<Ranked> {
    let most = most.min(logits.len());
    let mut order: Vec<u32> = (0..logits.len() as u32).collect();
    if most < order.len() {
        order.select_nth_unstable_by(most, |&a, &b| before(logits, a, b));
        order.truncate(most);
    }
    order.sort_unstable_by(|&a, &b| before(logits, a, b));
    let ranked = order.into_iter().zip(1..).map(|(id, rank)| Ranked {
        id,
        rank,
        logit: logits[id as usize],
        probability: probabilities[id as usize],
    });
    ranked.collect()
}

/// A token's place in a row.
pub fn rank_of(logits: &[f32], probabilities: &[f32], of: TokenId) -> Ranked {
    let ids = 0..logits.len() as u32;
    let ahead = ids.filter(|&id| before(logits, id, of.0) == Ordering::Less).count();
    Ranked {
        id: of.0,
        rank: ahead + 1,
        logit: logits[of.index()],
        probability: probabilities[of.index()],
    }
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
        for most in 0..7 {
            assert_eq!(top(&LOGITS, &PROBABILITIES, most), ranking.top(most));
        }
        for token in ranking.top(5) {
            assert_eq!(rank_of(&LOGITS, &PROBABILITIES, TokenId(token.id)), token);
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
            assert!((last.held - 1.0).abs() < 1e-6);
            assert!(curve.windows(2).all(|two| two[0].token.rank < two[1].token.rank));
        }
        assert_eq!(ranking.holding(0.8), 2);
        assert_eq!(ranking.holding(2.0), 5);
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
