//! What an edit takes from elsewhere: means and rows of passes of their own, without edits. Sums are in f64,
//! ascending from +0, and rounded once; `docs/arithmetic.md` has their order.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use lookback_engine::{ThreadPool, Weights};
use lookback_files::{Kind, Refusal, Result, Setting};
use lookback_model::{Site, TokenId};
use lookback_text::{Specials, Tokenizer};

use crate::{
    capture_recorder::Capture,
    intervention::{files::InterventionFiles, prompt_passes::PromptPasses},
    site_filter::SiteFilter,
    trace::{Trace, trace},
};

/// The passes that make constants: over other prompts, and over the texts of files.
pub(crate) struct Constants<'a> {
    pub(crate) weights: &'a Weights,
    pub(crate) pool: &'a ThreadPool,
    pub(crate) tokenizer: Option<&'a Tokenizer>,
    pub(crate) files: &'a dyn InterventionFiles,
    pub(crate) passes: &'a PromptPasses,
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
        Ok(as_rows(self.trace(site, ids)?.at(site)))
    }

    /// The pass over some tokens, with a site.
    pub(crate) fn trace(&self, site: Site, ids: &[TokenId]) -> Result<Rc<Trace>> {
        self.passes.trace(ids, site, |filter| trace(self.weights, self.pool, ids, filter))
    }

    /// The mean of each column over some tokens.
    pub(crate) fn mean(&self, site: Site, ids: &[TokenId]) -> Result<Vec<f64>> {
        let mut mean = Mean::default();
        mean.add(&self.rows(site, ids)?, 0);
        Ok(mean.finish())
    }

    /// The mean of each column over the tokens of a file's texts, of each from a position on.
    pub(crate) fn mean_of(&self, site: Site, file: &str, start: usize) -> Result<Vec<f64>> {
        let of = (file.to_owned(), start);
        self.passes.mean(&of, site, |sites| self.means_of(sites, file, start))
    }

    /// The same of several sites, of one pass over each text.
    fn means_of(
        &self,
        sites: &BTreeSet<Site>,
        file: &str,
        start: usize,
    ) -> Result<BTreeMap<Site, Vec<f64>>> {
        let mut means: BTreeMap<Site, Mean> =
            sites.iter().map(|site| (*site, Mean::default())).collect();
        let filter = SiteFilter::only(sites.iter().copied());
        for ids in self.texts(file)?.iter().filter(|ids| ids.len() > start) {
            let trace = trace(self.weights, self.pool, ids, &filter)?;
            self.passes.count();
            means.iter_mut().for_each(|(site, mean)| mean.add(&as_rows(trace.at(*site)), start));
        }
        if means.values().any(|mean| mean.rows == 0) {
            return Err(refusal(format!("{file}: none of its texts has a token {start}")));
        }
        Ok(means.into_iter().map(|(site, mean)| (site, mean.finish())).collect())
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
        let row = |(text, row): (usize, usize)| {
            let trace = self.trace(site, &texts[text])?;
            Ok(trace.at(site).map_or(Vec::new(), |captured| captured.part(row).to_vec()))
        };
        draws(&texts, seed, positions).into_iter().map(row).collect()
    }

    /// The texts of a file that these rows are drawn from, each once.
    pub(crate) fn drawn_texts(
        &self,
        file: &str,
        seed: u64,
        positions: &[usize],
    ) -> Result<Vec<Vec<TokenId>>> {
        let texts = self.texts(file)?;
        let drawn = draws(&texts, seed, positions).into_iter().map(|(text, _)| text);
        let drawn: BTreeSet<usize> = drawn.collect();
        Ok(drawn.into_iter().map(|text| texts[text].clone()).collect())
    }

    /// The texts of a file, one a line, each of at most the model's context; read once.
    fn texts(&self, file: &str) -> Result<Rc<Vec<Vec<TokenId>>>> {
        self.passes.texts(file, || {
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
                true => {
                    let what = format!("{file}: there is no text in it");
                    Err(Refusal::of(Kind::InvalidInput, what))
                }
                false => Ok(texts),
            }
        })
    }
}

/// For each position which text, and which of its rows, is drawn from all rows of some texts.
fn draws(texts: &[Vec<TokenId>], seed: u64, positions: &[usize]) -> Vec<(usize, usize)> {
    let mut ends = Vec::with_capacity(texts.len());
    let total = texts.iter().fold(0, |first, ids| {
        ends.push(first + ids.len());
        first + ids.len()
    });
    let drawn = positions.iter().map(|&position| {
        let row = draw(seed, position, total);
        let text = ends.partition_point(|&end| end <= row);
        (text, row - (ends[text] - texts[text].len()))
    });
    drawn.collect()
}

/// A site's values as `[tokens, columns]`.
fn as_rows(capture: Option<&Capture>) -> Capture {
    let capture = capture.cloned().unwrap_or_default();
    let tokens = capture.shape.first().copied().unwrap_or(1);
    let shape = vec![tokens, capture.values.len() / tokens.max(1)];
    Capture { shape, values: capture.values }
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
