//! Direct logit attribution: what each component adds to a token's residual stream and to one logit.
//!
//! The stream is a sum: the embedding (behind its norm, where a family has one there), the position where it
//! is learned, and what each layer's attention and MLP add. With the last norm frozen (see `frozen_norm`) a logit is
//! the same sum; where a family caps its logits, the logit before its cap.

use lookback_engine::{ThreadPool, Weights};
use lookback_files::{Refusal, Result};
use lookback_model::{BlockSite, Config, Positions, Site, TokenId};
use serde::Serialize;

use crate::{
    frozen_norm::{FrozenNorm, check_is_sum, dot, logit_before_cap},
    report::norm,
    trace::Trace,
};

/// A token's residual stream as the sum that it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LogitAttribution {
    /// The next token that the logit is of.
    #[serde(rename = "of")]
    pub target: u32,
    /// Its logit, as the engine computed it.
    pub logit: f32,
    /// The logit before its cap, in models that cap their logits: what the sum makes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before_cap: Option<f64>,
    /// In the order in which they write.
    #[serde(rename = "writers")]
    pub components: Vec<ResidualComponent>,
    /// What the embedding and the position add to the logit together.
    pub before: f64,
    /// What attention adds in all layers together.
    pub attention: f64,
    /// What the MLPs add in all layers together.
    pub mlp: f64,
    /// What the logit has whatever the stream holds.
    pub bias: f64,
    /// What the writers and the bias leave of the logit, before its cap: the rounding of f32, and nothing else.
    pub rounding: f64,
    /// What the last norm multiplies the stream with here.
    pub factor: f64,
}

/// A component that adds to the residual stream.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ResidualComponent {
    /// The site of what it adds.
    pub site: String,
    /// The layer that it belongs to, if to one.
    pub layer: Option<usize>,
    /// Length of what it writes.
    #[serde(rename = "length")]
    pub norm: f64,
    /// Length of the stream once it has written.
    pub after: f64,
    /// What it adds to the logit.
    pub logit: f64,
}

/// The sites that [`logit_attribution`] reads.
pub fn logit_attribution_sites(config: &Config) -> Vec<Site> {
    use BlockSite as B;
    let mut sites = embedding_sites(config);
    // What enters the first block is among those of the block.
    sites.retain(|site| !matches!(site, Site::Block(..)));
    for layer in 0..config.layers as u16 {
        let written = [B::ResidPre, B::AttnOut, B::MlpOut, B::ResidPost];
        sites.extend(written.map(|site| Site::Block(layer, site)));
    }
    if config.logit_cap.is_some() {
        sites.push(Site::LnFinal);
    }
    sites
}

/// What the stream begins as: the embedding, and the position where it is learned. What passes a norm
/// together is no sum of the two, and begins the stream as one.
fn embedding_sites(config: &Config) -> Vec<Site> {
    match (config.embedding_norm, &config.positions) {
        (true, _) => vec![Site::Block(0, BlockSite::ResidPre)],
        (false, Positions::Learned) => vec![Site::Embed, Site::PosEmbed],
        (false, _) => vec![Site::Embed],
    }
}

/// Takes a token's stream apart, and the logit that it gives to `target` with it, which the model says is
/// `logit`.
pub fn logit_attribution(
    weights: &Weights,
    pool: &ThreadPool,
    trace: &Trace,
    token: usize,
    (target, logit): (TokenId, f32),
) -> Result<LogitAttribution> {
    check_is_sum(weights.network())?;
    let layers = weights.network().layers();
    let row = |site: Site| {
        let capture = trace.at(site).ok_or_else(|| not_captured(site))?;
        Ok(capture.part(token))
    };
    let last = Site::Block(layers.end as u16 - 1, BlockSite::ResidPost);
    let frozen = FrozenNorm::new(weights, pool, row(last)?);
    let residual_direction = frozen.residual_direction(target);
    let component = |site: Site, layer: Option<usize>, after: f64| {
        let wrote = row(site)?;
        let norm = norm(wrote);
        Ok(ResidualComponent {
            site: site.to_string(),
            layer,
            norm,
            after,
            logit: dot(&residual_direction, wrote),
        })
    };
    // The stream after a writer, as the engine adds it up.
    let after = |before: &[f32], wrote: &[f32]| {
        norm(&before.iter().zip(wrote).map(|(x, y)| x + y).collect::<Vec<f32>>())
    };

    let embedding = embedding_sites(&weights.network().config);
    let mut components = vec![component(embedding[0], None, norm(row(embedding[0])?))?];
    if let [embed, position] = embedding[..] {
        let both = after(row(embed)?, row(position)?);
        components.push(component(position, None, both)?);
    }
    for layer in layers {
        let at = |site| Site::Block(layer as u16, site);
        let mid = after(row(at(BlockSite::ResidPre))?, row(at(BlockSite::AttnOut))?);
        components.push(component(at(BlockSite::AttnOut), Some(layer), mid)?);
        let post = norm(row(at(BlockSite::ResidPost))?);
        components.push(component(at(BlockSite::MlpOut), Some(layer), post)?);
    }
    let bias = frozen.bias(target);
    let total = |begin: f64, is_counted: &dyn Fn(&ResidualComponent) -> bool| {
        components
            .iter()
            .filter(|writer| is_counted(writer))
            .fold(begin, |sum, writer| sum + writer.logit)
    };
    let before = total(0.0, &|writer| writer.layer.is_none());
    let attention = total(0.0, &|writer| writer.site.ends_with("attn_out"));
    let mlp = total(0.0, &|writer| writer.site.ends_with("mlp_out"));
    let before_cap = match weights.network().head.cap {
        None => None,
        Some(_) => Some(logit_before_cap(weights, row(Site::LnFinal)?, target)),
    };
    let rounding = before_cap.unwrap_or(f64::from(logit)) - total(bias, &|_| true);
    let factor = frozen.factor();
    Ok(LogitAttribution {
        target: target.0,
        logit,
        before_cap,
        components,
        before,
        attention,
        mlp,
        bias,
        rounding,
        factor,
    })
}

/// Refuses a trace that lacks a site.
pub(crate) fn not_captured(site: Site) -> Refusal {
    Refusal::ours(format!("{site} was not looked at"))
}
