//! What an edit takes from elsewhere: means and rows of passes of their own, without edits. Sums are in f64,
//! ascending from +0, and rounded once; `docs/arithmetic.md` has their order.

use std::collections::BTreeMap;

use lookback_engine::{ThreadPool, Weights};
use lookback_files::{Kind, Refusal, Result, Setting};
use lookback_model::{Site, TokenId};
use lookback_text::{Specials, Tokenizer};

use crate::{
    capture::Capture, intervention::files::InterventionFiles, site_filter::SiteFilter, trace::trace,
};

/// The passes that make constants: over other prompts, and over the texts of files.
pub(crate) struct Constants<'a> {
    pub(crate) weights: &'a Weights,
    pub(crate) pool: &'a ThreadPool,
    pub(crate) tokenizer: Option<&'a Tokenizer>,
    pub(crate) files: &'a dyn InterventionFiles,
}

impl Constants<'_> {
    /// The ids of a text, as a prompt is read.
    pub(crate) fn encode(&self, text: &str) -> Result<Vec<TokenId>> {
        let ids = self.tokenizer()?.encode(text, Specials::Text)?;
        match ids.is_empty() {
            true => Err(refusal(format!("the text {text:?} has no token"))),
            false => Ok(ids),
        }
    }

    fn tokenizer(&self) -> Result<&Tokenizer> {
        self.tokenizer.ok_or_else(|| {
            refusal("the model has no tokenizer, so it reads no text; give ids".to_owned())
        })
    }

    /// What stands at a site over some tokens, `[tokens, columns]`.
    pub(crate) fn rows(&self, site: Site, ids: &[TokenId]) -> Result<Capture> {
        let trace = trace(self.weights, self.pool, ids, &SiteFilter::only([site]))?;
        let capture = trace.at(site).cloned().unwrap_or_default();
        let tokens = capture.shape.first().copied().unwrap_or(1);
        let shape = vec![tokens, capture.values.len() / tokens.max(1)];
        Ok(Capture { shape, values: capture.values })
    }

    /// The mean of each column over some tokens.
    pub(crate) fn mean(&self, site: Site, ids: &[TokenId]) -> Result<Vec<f64>> {
        let mut mean = Mean::default();
        mean.add(&self.rows(site, ids)?, 0);
        Ok(mean.finish())
    }

    /// The mean of each column over the tokens of a file's texts, of each from a position on.
    pub(crate) fn mean_of(&self, site: Site, file: &str, start: usize) -> Result<Vec<f64>> {
        let mut mean = Mean::default();
        for ids in self.texts(file)?.iter().filter(|ids| ids.len() > start) {
            mean.add(&self.rows(site, ids)?, start);
        }
        if mean.rows == 0 {
            return Err(refusal(format!("{file}: none of its texts has a token {start}")));
        }
        Ok(mean.finish())
    }

    /// For each position, in their order, a row that is drawn from all of a file's texts.
    pub(crate) fn resampled(
        &self,
        site: Site,
        file: &str,
        seed: u64,
        positions: &[usize],
    ) -> Result<Vec<Vec<f32>>> {
        let texts = self.texts(file)?;
        let total: usize = texts.iter().map(Vec::len).sum();
        let draws: Vec<usize> =
            positions.iter().map(|&position| draw(seed, position, total)).collect();
        let (mut rows, mut first) = (BTreeMap::new(), 0);
        for ids in &texts {
            let own = first..first + ids.len();
            if draws.iter().any(|draw| own.contains(draw)) {
                let captured = self.rows(site, ids)?;
                for draw in draws.iter().filter(|draw| own.contains(draw)) {
                    rows.insert(*draw, captured.part(draw - first).to_vec());
                }
            }
            first = own.end;
        }
        Ok(draws.iter().filter_map(|draw| rows.get(draw).cloned()).collect())
    }

    /// The texts of a file, one a line, each of at most the model's context.
    fn texts(&self, file: &str) -> Result<Vec<Vec<TokenId>>> {
        let text = lookback_files::text(self.files.bytes(file)?);
        let text = text.map_err(|refusal| refusal.at(file))?;
        let context = self.weights.network().config.context;
        let tokenizer = self.tokenizer()?;
        let mut texts = Vec::new();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let mut ids = tokenizer.encode(line, Specials::Text)?;
            ids.truncate(context);
            texts.push(ids);
        }
        texts.retain(|ids| !ids.is_empty());
        match texts.is_empty() {
            true => Err(Refusal::of(Kind::InvalidInput, format!("{file}: there is no text in it"))),
            false => Ok(texts),
        }
    }
}

fn refusal(what: String) -> Refusal {
    Refusal::of(Kind::InvalidSetting, format!("{}: {what}", Setting("edit")))
}

/// A row of `total`, for a position: the upper half of SplitMix64's number times `total` (Steele et al. 2014).
fn draw(seed: u64, position: usize, total: usize) -> usize {
    let mut bits = seed.wrapping_add((position as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^= bits >> 31;
    ((u128::from(bits) * total as u128) >> 64) as usize
}

/// Sums of columns, over rows ascending.
#[derive(Default)]
struct Mean {
    sums: Vec<f64>,
    rows: usize,
}

impl Mean {
    /// Adds the rows from a position on.
    fn add(&mut self, rows: &Capture, start: usize) {
        self.sums.resize(rows.shape[1], 0.0);
        for row in rows.values.chunks_exact(rows.shape[1].max(1)).skip(start) {
            for (sum, value) in self.sums.iter_mut().zip(row) {
                *sum += f64::from(*value);
            }
            self.rows += 1;
        }
    }

    fn finish(self) -> Vec<f64> {
        self.sums.iter().map(|sum| sum / self.rows as f64).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_follow_from_seed_and_position_and_reach_every_row() {
        let draws = |seed| (0..200).map(|at| draw(seed, at, 7)).collect::<Vec<_>>();
        assert_eq!(draws(1), draws(1));
        assert_ne!(draws(1), draws(2));
        assert!((0..7).all(|row| draws(1).contains(&row)));
        // The first number of SplitMix64 for the seed 0 is 0xe220a8397b1dcdaf.
        assert_eq!(draw(0, 0, 1 << 16), 0xe220);
    }
}
