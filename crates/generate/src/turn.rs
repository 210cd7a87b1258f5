//! One turn of the loop, for those who want to see it: what may follow a text, which of it a seed
//! draws, and how long it took with and without the cache.

use std::time::{Duration, Instant};

use lookback_engine::{ThreadPool, Weights};
use lookback_files::Result;
use lookback_text::TokenId;

use crate::{
    branches::{Branch, Branches, Reading},
    repeat::step,
    sample::Sampler,
    window::Window,
};

/// A token that may follow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alternative {
    /// Which.
    pub id: TokenId,
    /// The model's own probability, which the site `probabilities` holds.
    pub probability: f32,
    /// What the chain makes of it; `None` if the chain takes it away.
    pub after: Option<f64>,
}

/// A turn, before its token is appended.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// The token that the sampler draws.
    pub drawn: TokenId,
    /// The likeliest, and the drawn one, by falling probability.
    pub alternatives: Vec<Alternative>,
    /// What had to be read.
    pub reading: Reading,
    /// How long reading took.
    pub read_in: Duration,
    /// How long the chain and its draw took.
    pub chosen_in: Duration,
    /// The same text read without a cache, if asked for.
    pub afresh: Option<Afresh>,
}

/// A text that was read once more, all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Afresh {
    /// How long reading took.
    pub read_in: Duration,
    /// Logits whose bits are not those that were read with the cache.
    pub differ: usize,
}

/// What a turn shows besides its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// So many of the likeliest.
    pub alternatives: usize,
    /// Whether a text of which something was known is read without a cache too.
    pub afresh: bool,
}

/// Reads what is new in the tokens that a window shows of a text, and draws what follows.
pub fn turn(
    branches: &mut Branches,
    weights: &Weights,
    pool: &ThreadPool,
    window: &Window,
    sampler: &mut Sampler,
    shown: Shown,
) -> Result<Turn> {
    // Threads that sleep are woken first, or the first of two readings would pay for both.
    pool.for_each_task(pool.threads(), &|_| {});
    let past = window.ids();
    // The chances of the alternatives are those of the draw, before it.
    let before = sampler.clone();
    let mut branch = Branch::new(branches, weights, pool);
    let mut unread = window.clone();
    unread.unread_from(0);
    let step = step(&mut branch, &mut unread, sampler)?;
    let reading = branch.reading();
    let (drawn, seen) = (step.token, &window.seen());
    let ids = shown_ids(branches, drawn, shown.alternatives);
    let after = before.chances(branches.logits(), past, &ids)?;
    let probabilities = branches.probabilities(pool);
    let of = |(&id, after)| Alternative { id, probability: probabilities[id.index()], after };
    let alternatives = ids.iter().zip(after).map(of).collect();
    // Where nothing was known, the text was read without a cache already.
    let compares = shown.afresh && reading.known > 0;
    let afresh = if compares { Some(afresh(branches, weights, pool, seen)?) } else { None };
    let (read_in, chosen_in) = (step.read_in, step.chosen_in);
    Ok(Turn { drawn, alternatives, reading, read_in, chosen_in, afresh })
}

/// The likeliest tokens, and the drawn one if it is not among them.
fn shown_ids(branches: &Branches, drawn: TokenId, most: usize) -> Vec<TokenId> {
    let mut ids = likeliest(branches.logits(), most);
    if !ids.contains(&drawn) {
        ids.push(drawn);
    }
    ids
}

fn afresh(
    branches: &mut Branches,
    weights: &Weights,
    pool: &ThreadPool,
    seen: &[TokenId],
) -> Result<Afresh> {
    let cached = branches.logits().to_vec();
    let start = Instant::now();
    branches.read_afresh(weights, pool, seen)?;
    let read_in = start.elapsed();
    let pairs = cached.iter().zip(branches.logits());
    let differ = pairs.filter(|(cached, again)| cached.to_bits() != again.to_bits()).count();
    Ok(Afresh { read_in, differ })
}

/// The ids of the `most` largest of a row, the largest first; of two that are equal, the lower id.
pub fn likeliest(values: &[f32], most: usize) -> Vec<TokenId> {
    let mut ids: Vec<u32> = (0..values.len() as u32).collect();
    let by_rank = |left: &u32, right: &u32| {
        // Adding +0 makes −0 into +0, which `total_cmp` would tell apart.
        let of = |id: &u32| values[*id as usize] + 0.0;
        of(right).total_cmp(&of(left)).then(left.cmp(right))
    };
    if most < ids.len() {
        if most > 0 {
            ids.select_nth_unstable_by(most - 1, by_rank);
        }
        ids.truncate(most);
    }
    ids.sort_unstable_by(by_rank);
    ids.into_iter().map(TokenId).collect()
}
