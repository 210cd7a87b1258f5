//! A whole prompt passed with and without a watcher of every site.

use std::time::Instant;

use lookback_engine::{ThreadPool, Weights};
use lookback_files::Result;
use lookback_lens::{SiteFilter, trace};
use lookback_model::TokenId;

use super::throughput::{id, median};

/// Measured times: medians of several rounds, in turns.
#[derive(Clone, Copy, Debug)]
pub(super) struct CaptureTimes {
    /// All logits, nothing read.
    pub plain_seconds: f64,
    /// Every site copied out.
    pub look_seconds: f64,
    /// What was copied.
    pub bytes: usize,
}

/// Rounds of which the median counts, after one that touches every weight.
const ROUNDS: usize = 5;

impl CaptureTimes {
    /// Passes the prompt some times either way.
    pub(super) fn measure(weights: &Weights, prompt: usize, pool: &ThreadPool) -> Result<Self> {
        let vocabulary = weights.network().config.vocabulary;
        let ids: Vec<TokenId> = (0..prompt).map(|position| id(position, vocabulary)).collect();
        let mut seconds = [Vec::new(), Vec::new()];
        let mut bytes = 0;
        for round in 0..=ROUNDS {
            for (wanted, seconds) in
                [SiteFilter::only([]), SiteFilter::all()].iter().zip(&mut seconds)
            {
                let start = Instant::now();
                let seen = trace(weights, pool, &ids, wanted)?;
                if round > 0 {
                    seconds.push(start.elapsed().as_secs_f64());
                }
                bytes = seen.sites.values().map(|site| 4 * site.values.len()).sum();
            }
        }
        let [plain_seconds, look_seconds] = seconds.map(median);
        Ok(Self { plain_seconds, look_seconds, bytes })
    }
}
