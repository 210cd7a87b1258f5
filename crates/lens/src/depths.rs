//! What the model would say at each depth: the last norm and the head on rows of the stream taken
//! from between the layers (the logit lens, nostalgebraist 2020).
//!
//! The rows go through the engine's own last norm and head, so the deepest says, bit for bit, what
//! the model says. A shallow row was never meant to be read this way: later layers still turn it.

use std::ops::Range;

use lookback_engine::{ThreadPool, Unembedded, Weights, unembed};
use lookback_files::Result;
use lookback_model::{BlockSite, Config, Site, TokenId};
use serde::Serialize;

use crate::{
    ranking::{Ranked, rank_of, top},
    stream::missing,
    trace::Trace,
};

/// Rows that are asked at once: of a large vocabulary, each is some hundreds of kilobytes of logits.
const ROWS: usize = 64;

/// What the model would say after one part of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Depth {
    /// Where the rows were taken.
    pub site: String,
    /// For each token asked for.
    pub tokens: Vec<Guess>,
}

/// What the model would say for one token.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Guess {
    /// The likeliest next tokens, the likeliest first.
    pub top: Vec<Ranked>,
    /// The next token that was asked about.
    pub of: Option<Ranked>,
}

/// Which parts of the network are read after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Steps {
    /// Whole layers.
    #[default]
    Layers,
    /// Attention and MLP apart.
    Halves,
}

/// The depths at which a network can be asked, the embedding first.
pub fn depth_sites(config: &Config, steps: Steps) -> Vec<Site> {
    let mut sites = vec![Site::Block(0, BlockSite::ResidPre)];
    for layer in 0..config.layers as u16 {
        if steps == Steps::Halves {
            sites.push(Site::Block(layer, BlockSite::ResidMid));
        }
        sites.push(Site::Block(layer, BlockSite::ResidPost));
    }
    sites
}

/// Asks at each of these sites for each of these tokens: the `most` likeliest, and `of`.
pub fn depths(
    weights: &Weights,
    pool: &ThreadPool,
    trace: &Trace,
    sites: &[Site],
    tokens: Range<usize>,
    most: usize,
    of: Option<TokenId>,
) -> Result<Vec<Depth>> {
    let config = &weights.network().config;
    let (width, vocabulary) = (config.width, config.vocabulary);
    let mut rows = Vec::with_capacity(sites.len() * tokens.len() * width);
    for &site in sites {
        let seen = trace.at(site).ok_or_else(|| missing(site))?;
        rows.extend_from_slice(&seen.values[tokens.start * width..tokens.end * width]);
    }
    let mut guesses = Vec::with_capacity(sites.len() * tokens.len());
    for rows in rows.chunks(ROWS * width) {
        let Unembedded { logits, probabilities } = unembed(weights, pool, rows);
        let each = logits.chunks_exact(vocabulary).zip(probabilities.chunks_exact(vocabulary));
        guesses.extend(each.map(|(logits, probabilities)| Guess {
            top: top(logits, probabilities, most),
            of: of.map(|id| rank_of(logits, probabilities, id)),
        }));
    }
    let mut guesses = guesses.into_iter();
    let depths = sites.iter().map(|site| Depth {
        site: site.to_string(),
        tokens: guesses.by_ref().take(tokens.len()).collect(),
    });
    Ok(depths.collect())
}
