//! Who wrote how much into a token's residual stream, and what each wrote for one next token.
//!
//! The stream is a sum: the embedding, the position where it is learned, and what each layer's
//! attention and MLP add. With the last norm held still (see `frozen`) a logit is the same sum.

use lookback_engine::{ThreadPool, Weights};
use lookback_files::{Refusal, Result};
use lookback_model::{BlockSite, Config, Positions, Site, TokenId};
use serde::Serialize;

use crate::{
    frozen::{Frozen, dot},
    report::length,
    trace::Trace,
};

/// A token's residual stream as the sum that it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stream {
    /// The next token that the logit is of.
    pub of: u32,
    /// Its logit, as the engine computed it.
    pub logit: f32,
    /// In the order in which they write.
    pub writers: Vec<Writer>,
    /// What the embedding and the position add to the logit together.
    pub before: f64,
    /// What attention adds in all layers together.
    pub attention: f64,
    /// What the MLPs add in all layers together.
    pub mlp: f64,
    /// What the logit has whatever the stream holds.
    pub bias: f64,
    /// What the writers and the bias leave of the logit: the rounding of f32, and nothing else.
    pub rounding: f64,
    /// What the last norm multiplies the stream with here.
    pub factor: f64,
}

/// One that writes into the stream.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Writer {
    /// The site where its words can be read.
    pub site: String,
    /// The layer that it belongs to, if to one.
    pub layer: Option<usize>,
    /// Length of what it writes.
    pub length: f64,
    /// Length of the stream once it has written.
    pub after: f64,
    /// What it adds to the logit.
    pub logit: f64,
}

/// The sites that [`stream`] reads.
pub fn stream_sites(config: &Config) -> Vec<Site> {
    use BlockSite as B;
    let mut sites = vec![Site::Embed];
    sites.extend((config.positions == Positions::Learned).then_some(Site::PosEmbed));
    for layer in 0..config.layers as u16 {
        let written = [B::ResidPre, B::AttnOut, B::MlpOut, B::ResidPost];
        sites.extend(written.map(|site| Site::Block(layer, site)));
    }
    sites
}

/// Takes a token's stream apart, and the logit that it gives to `of` with it, which the model says is
/// `logit`.
pub fn stream(
    weights: &Weights,
    pool: &ThreadPool,
    trace: &Trace,
    token: usize,
    (of, logit): (TokenId, f32),
) -> Result<Stream> {
    let layers = weights.network().layers();
    let row = |site: Site| {
        let seen = trace.at(site).ok_or_else(|| missing(site))?;
        Ok(seen.part(token))
    };
    let last = Site::Block(layers.end as u16 - 1, BlockSite::ResidPost);
    let frozen = Frozen::at(weights, pool, row(last)?)?;
    let towards = frozen.towards(of);
    let writer = |site: Site, layer: Option<usize>, after: f64| {
        let wrote = row(site)?;
        let length = length(wrote);
        Ok(Writer { site: site.to_string(), layer, length, after, logit: dot(&towards, wrote) })
    };
    // The stream after a writer, as the engine adds it up.
    let after = |before: &[f32], wrote: &[f32]| {
        length(&before.iter().zip(wrote).map(|(x, y)| x + y).collect::<Vec<f32>>())
    };

    let embed = row(Site::Embed)?;
    let mut writers = vec![writer(Site::Embed, None, length(embed))?];
    if weights.network().positions.is_some() {
        let both = after(embed, row(Site::PosEmbed)?);
        writers.push(writer(Site::PosEmbed, None, both)?);
    }
    for layer in layers {
        let at = |site| Site::Block(layer as u16, site);
        let mid = after(row(at(BlockSite::ResidPre))?, row(at(BlockSite::AttnOut))?);
        writers.push(writer(at(BlockSite::AttnOut), Some(layer), mid)?);
        let post = length(row(at(BlockSite::ResidPost))?);
        writers.push(writer(at(BlockSite::MlpOut), Some(layer), post)?);
    }
    let bias = frozen.bias(of);
    let total = |begin: f64, of: &dyn Fn(&Writer) -> bool| {
        writers.iter().filter(|writer| of(writer)).fold(begin, |sum, writer| sum + writer.logit)
    };
    let before = total(0.0, &|writer| writer.layer.is_none());
    let attention = total(0.0, &|writer| writer.site.ends_with("attn_out"));
    let mlp = total(0.0, &|writer| writer.site.ends_with("mlp_out"));
    let rounding = f64::from(logit) - total(bias, &|_| true);
    let factor = frozen.factor();
    Ok(Stream { of: of.0, logit, writers, before, attention, mlp, bias, rounding, factor })
}

/// A site that whoever made the trace left out.
pub(crate) fn missing(site: Site) -> Refusal {
    Refusal::ours(format!("{site} was not looked at"))
}
