//! What each head attends to, over many sequences.
//!
//! A score is the share of a head's weights that stand where a kind of head has them, as TransformerLens's
//! `head_detector` counts with its measure `mul`: Σ weights at these places / Σ weights, of each sequence, and
//! the mean over sequences. Places: the token before (previous token), earlier tokens that are the same
//! (duplicate token), and the tokens behind these (induction; Olsson et al. 2022). The other numbers are means
//! over all tokens but the first of each sequence, which has nothing to choose from. Sums in f64: of a row by
//! key ascending, then rows, then sequences in their order.

use std::sync::{Mutex, PoisonError};

use lookback_engine::{
    KvCache, Observer, Shape, SiteView, ThreadPool, Weights, Workspace, forward_observed,
};
use lookback_files::{Refusal, Result};
use lookback_model::{Batch, BlockSite, Site, TokenId};
use serde::Serialize;

/// A head's scores.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct HeadProfile {
    /// Which layer.
    pub layer: usize,
    /// Which query head.
    pub head: usize,
    /// The share of weights on the token before.
    pub previous_token: f64,
    /// On earlier tokens that are the same.
    pub duplicate_token: f64,
    /// On tokens behind earlier tokens that are the same.
    pub induction: f64,
    /// The mean weight on the first token.
    pub first_token: f64,
    /// The mean weight on the token itself.
    pub current_token: f64,
    /// The mean weight on punctuation.
    pub punctuation: f64,
    /// The mean distance from query to key, weighted.
    pub distance: f64,
    /// The mean entropy of a row, in nats.
    pub entropy: f64,
    /// The largest weight on a token that is neither the first nor the query itself; none where sequences
    /// are too short to have one.
    pub strongest: Option<StrongestWeight>,
}

/// Where a head's largest weight stands.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct StrongestWeight {
    /// Which sequence.
    pub sequence: usize,
    /// The token that looks.
    pub query: usize,
    /// The token that is looked at.
    pub key: usize,
    /// How large it is.
    pub weight: f32,
}

/// The profiles of all heads over some sequences, by layer and head. `is_punctuation` says it of a token;
/// `each` is called after every sequence and may refuse to go on.
///
/// # Errors
/// When there is no sequence, one is empty or longer than the model's context; what `each` says.
pub fn head_profiles(
    weights: &Weights,
    pool: &ThreadPool,
    sequences: &[Vec<TokenId>],
    is_punctuation: &(dyn Fn(TokenId) -> bool + Sync),
    each: &mut dyn FnMut(usize) -> Result<()>,
) -> Result<Vec<HeadProfile>> {
    let network = weights.network();
    let config = &network.config;
    let longest = sequences.iter().map(Vec::len).max().unwrap_or(0);
    if longest == 0 || sequences.iter().any(Vec::is_empty) {
        return Err(Refusal::user("there is no token to look at; give a text"));
    }
    if longest > config.context {
        return Err(Refusal::user(format!(
            "{longest} tokens are more than this model's context of {}; take shorter sequences",
            config.context
        )));
    }
    for ids in sequences {
        config.check_ids("token", ids.iter().map(|id| id.0))?;
    }
    let shape = Shape::Observed { rows: longest };
    let mut workspace = Workspace::new(network, shape, longest, pool.threads());
    let profile = |at| HeadProfile {
        layer: at / config.heads,
        head: at % config.heads,
        ..HeadProfile::default()
    };
    let heads: Vec<Mutex<HeadProfile>> =
        (0..config.layers * config.heads).map(|at| Mutex::new(profile(at))).collect();
    for (number, ids) in sequences.iter().enumerate() {
        let mut cache = KvCache::new(network, weights.compute(), 1, KvCache::pages(longest));
        let places = Places::new(ids, is_punctuation);
        let mut observer = PatternObserver { pool, heads: &heads, places: &places, number };
        let batch = Batch::whole(ids);
        forward_observed(weights, &mut workspace, &mut cache, pool, &batch, &mut observer)?;
        each(number)?;
    }
    let count = sequences.len() as f64;
    let rows = sequences.iter().map(|ids| ids.len() - 1).sum::<usize>().max(1) as f64;
    let mean = |head: Mutex<HeadProfile>| {
        let mut head = head.into_inner().unwrap_or_else(PoisonError::into_inner);
        for score in [&mut head.previous_token, &mut head.duplicate_token, &mut head.induction] {
            *score /= count;
        }
        for score in [
            &mut head.first_token,
            &mut head.current_token,
            &mut head.punctuation,
            &mut head.distance,
            &mut head.entropy,
        ] {
            *score /= rows;
        }
        head
    };
    Ok(heads.into_iter().map(mean).collect())
}

/// What is known of a sequence's tokens.
struct Places {
    /// Of each token, the earlier tokens that are the same.
    same: Vec<Vec<usize>>,
    is_punctuation: Vec<bool>,
}

impl Places {
    fn new(ids: &[TokenId], is_punctuation: &(dyn Fn(TokenId) -> bool + Sync)) -> Self {
        let same = |at: usize| (0..at).filter(|&before| ids[before] == ids[at]).collect();
        Self {
            same: (0..ids.len()).map(same).collect(),
            is_punctuation: ids.iter().map(|&id| is_punctuation(id)).collect(),
        }
    }
}

struct PatternObserver<'a> {
    pool: &'a ThreadPool,
    heads: &'a [Mutex<HeadProfile>],
    places: &'a Places,
    number: usize,
}

impl Observer for PatternObserver<'_> {
    fn wants(&self, site: Site) -> bool {
        matches!(site, Site::Block(_, BlockSite::Pattern))
    }

    fn observe(&mut self, site: Site, view: SiteView<'_>) {
        let Site::Block(layer, _) = site else { return };
        let [heads, tokens, _] = view.shape;
        let first = usize::from(layer) * heads;
        self.pool.for_each_task(heads, &|head| {
            let pattern = &view.values[head * tokens * tokens..(head + 1) * tokens * tokens];
            let mut profile =
                self.heads[first + head].lock().unwrap_or_else(PoisonError::into_inner);
            add_pattern(&mut profile, pattern, tokens, self.places, self.number);
        });
    }
}

/// Adds one sequence's pattern, `[tokens, tokens]`.
fn add_pattern(
    profile: &mut HeadProfile,
    pattern: &[f32],
    tokens: usize,
    places: &Places,
    number: usize,
) {
    let (mut all, mut previous, mut duplicate, mut induction) = (0.0, 0.0, 0.0, 0.0);
    for (query, row) in pattern.chunks_exact(tokens).enumerate() {
        let at = |key: usize| f64::from(row[key]);
        let row = &row[..=query];
        all += row.iter().fold(0.0, |sum, &weight| sum + f64::from(weight));
        let same = &places.same[query];
        duplicate += same.iter().fold(0.0, |sum, &key| sum + at(key));
        induction += same.iter().fold(0.0, |sum, &key| sum + at(key + 1));
        if query == 0 {
            continue;
        }
        previous += at(query - 1);
        profile.first_token += at(0);
        profile.current_token += at(query);
        let (mut distance, mut entropy, mut punctuation) = (0.0, 0.0, 0.0);
        for (key, &weight) in row.iter().enumerate() {
            let p = f64::from(weight);
            distance += p * (query - key) as f64;
            if places.is_punctuation[key] {
                punctuation += p;
            }
            // A weight that adds less than 1e-10 is not worth its logarithm.
            if p > 1e-12 {
                entropy -= p * libm::log(p);
            }
        }
        profile.distance += distance;
        profile.entropy += entropy;
        profile.punctuation += punctuation;
        for (key, &weight) in row.iter().enumerate().take(query).skip(1) {
            if profile.strongest.is_none_or(|strongest| weight > strongest.weight) {
                profile.strongest = Some(StrongestWeight { sequence: number, query, key, weight });
            }
        }
    }
    if all > 0.0 {
        profile.previous_token += previous / all;
        profile.duplicate_token += duplicate / all;
        profile.induction += induction / all;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_that_one_can_count_by_hand() {
        let ids = [5, 7, 5, 7].map(TokenId);
        let places = Places::new(&ids, &|id| id == TokenId(7));
        #[rustfmt::skip]
        let pattern = [
            1.0, 0.0, 0.0, 0.0,
            0.5, 0.5, 0.0, 0.0,
            0.25, 0.5, 0.25, 0.0,
            0.0, 0.25, 0.75, 0.0,
        ];
        let mut head = HeadProfile::default();
        add_pattern(&mut head, &pattern, 4, &places, 3);
        // 5 again at 2 sees 5 at 0 (0.25) and what follows it (0.5); 7 again at 3 sees 7 at 1 and what follows.
        assert_eq!(head.duplicate_token, (0.25 + 0.25) / 4.0);
        assert_eq!(head.induction, (0.5 + 0.75) / 4.0);
        assert_eq!(head.previous_token, (0.5 + 0.5 + 0.75) / 4.0);
        assert_eq!((head.first_token, head.current_token), (0.75, 0.75));
        assert_eq!(head.punctuation, 0.5 + 0.5 + 0.25);
        assert_eq!(head.distance, 0.5 + (0.5 + 0.5) + (0.5 + 0.75));
        let strongest = StrongestWeight { sequence: 3, query: 3, key: 2, weight: 0.75 };
        assert_eq!(head.strongest, Some(strongest));
        let halves = 0.5 * 2f64.ln();
        let entropy = 2.0 * halves
            + (2.0 * 0.25 * 4f64.ln() + halves)
            + (0.25 * 4f64.ln() - 0.75 * 0.75f64.ln());
        assert!((head.entropy - entropy).abs() < 1e-12, "{} {entropy}", head.entropy);
    }

    #[test]
    fn what_stands_in_the_last_column_of_an_earlier_same_token_is_no_future() {
        // The token behind the last same one is the query itself where they are neighbours.
        let places = Places::new(&[4, 4].map(TokenId), &|_| false);
        let mut head = HeadProfile::default();
        add_pattern(&mut head, &[1.0, 0.0, 0.0, 1.0], 2, &places, 0);
        assert_eq!((head.induction, head.duplicate_token), (0.5, 0.0));
    }
}
