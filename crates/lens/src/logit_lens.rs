//! The logit lens (nostalgebraist 2020): the final norm and the unembedding, applied to rows of the
//! residual stream between the layers.
//!
//! Both are the engine's own, so the readout after the last layer equals the model's prediction bit
//! for bit. Earlier layers were not trained to be read this way.

use std::ops::Range;

use lookback_engine::{ThreadPool, Unembedded, Weights, unembed};
use lookback_files::{Kind, Refusal, Result};
use lookback_model::{BlockSite, Config, Edits, Site, TokenId};
use serde::Serialize;

use crate::{
    logit_attribution::not_captured,
    ranking::{RankedToken, rank_of, top_k},
    row_change::is_changed,
    trace::Trace,
};

/// Rows that are unembedded at once: of a large vocabulary, each is some hundreds of kilobytes of logits.
const ROWS: usize = 64;

/// The predictions from the residual stream at one site.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LensReadout {
    /// Where the rows were taken.
    pub site: String,
    /// For each token of the range.
    pub tokens: Vec<LensPrediction>,
}

/// The prediction at one token.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LensPrediction {
    /// The likeliest next tokens, the likeliest first.
    pub top: Vec<RankedToken>,
    /// The rank of the target token.
    #[serde(rename = "of")]
    pub target: Option<RankedToken>,
}

/// The points of the residual stream that the lens unembeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LensPoints {
    /// After each layer.
    #[default]
    Layers,
    /// After attention and after the MLP of each layer.
    Sublayers,
}

/// The sites that the lens can read, the embedding first.
pub fn logit_lens_sites(config: &Config, points: LensPoints) -> Vec<Site> {
    let mut sites = vec![Site::Block(0, BlockSite::ResidPre)];
    for layer in 0..config.layers as u16 {
        if points == LensPoints::Sublayers {
            sites.push(Site::Block(layer, BlockSite::ResidMid));
        }
        sites.push(Site::Block(layer, BlockSite::ResidPost));
    }
    sites
}

/// Refuses edits of what the lens reads streams with: its last readout would not be the prediction.
fn check_edits(edits: &Edits, tokens: Range<usize>) -> Result<()> {
    let mut places =
        tokens.flat_map(|token| [Site::LnFinal, Site::Logits].map(|site| (site, token)));
    match places.find(|(site, token)| is_changed(edits, *site, *token)) {
        None => Ok(()),
        Some((site, token)) => Err(Refusal::of(
            Kind::InvalidSetting,
            format!(
                "{site}: the logit lens reads streams by the last norm and the head as they are, and not by the edit at \
                 token {token}; take the edit off to see the lens"
            ),
        )),
    }
}

/// The predictions from each of these sites at each of these tokens: the `k` likeliest next tokens,
/// and the rank of `target`.
pub fn logit_lens(
    weights: &Weights,
    pool: &ThreadPool,
    trace: &Trace,
    sites: &[Site],
    tokens: Range<usize>,
    k: usize,
    target: Option<TokenId>,
) -> Result<Vec<LensReadout>> {
    check_edits(&trace.edits, tokens.clone())?;
    let config = &weights.network().config;
    let (width, vocabulary) = (config.width, config.vocabulary);
    let mut rows = Vec::with_capacity(sites.len() * tokens.len() * width);
    for &site in sites {
        let capture = trace.at(site).ok_or_else(|| not_captured(site))?;
        rows.extend_from_slice(&capture.values[tokens.start * width..tokens.end * width]);
    }
    let mut predictions = Vec::with_capacity(sites.len() * tokens.len());
    for rows in rows.chunks(ROWS * width) {
        let Unembedded { logits, probabilities } = unembed(weights, pool, rows);
        let each = logits.chunks_exact(vocabulary).zip(probabilities.chunks_exact(vocabulary));
        predictions.extend(each.map(|(logits, probabilities)| LensPrediction {
            top: top_k(logits, probabilities, k),
            target: target.map(|id| rank_of(logits, probabilities, id)),
        }));
    }
    let mut predictions = predictions.into_iter();
    let readouts = sites.iter().map(|site| LensReadout {
        site: site.to_string(),
        tokens: predictions.by_ref().take(tokens.len()).collect(),
    });
    Ok(readouts.collect())
}
