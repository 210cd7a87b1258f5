//! Direct logit attribution: what each component adds to a token's residual stream and to one logit.
//!
//! The stream is a sum: the embedding (behind its norm, where a family has one there), the position where it
//! is learned, and what each layer's attention and MLP add. With the last norm frozen (see `frozen_norm`) a logit is
//! the same sum; where a family caps its logits, the logit before its cap. What edits make of the stream itself is a
//! part of its own: what stands there less the sum before.

use lookback_engine::{ThreadPool, Weights, final_norm};
use lookback_files::{Kind, Refusal, Result};
use lookback_model::{BlockSite, Config, Edits, PassVariant, Positions, Site, TokenId};
use serde::Serialize;

use crate::{
    frozen_norm::{FrozenNorm, check_is_sum, dot, logit_before_cap},
    report::norm,
    row_change::{is_changed, stream_behind},
    trace::Trace,
    why::product,
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
    /// What edits of the stream add in all layers together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edits: Option<f64>,
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
    /// Whether it is what edits made of the stream at the site.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_edit: bool,
}

/// The sites that [`logit_attribution`] reads of a pass with edits.
pub fn logit_attribution_sites(config: &Config, edits: &Edits) -> Vec<Site> {
    use BlockSite as B;
    let mut sites = stream_begins(config, edits.variant());
    // What enters the first block is among those of the block.
    sites.retain(|site| !matches!(site, Site::Block(..)));
    for layer in 0..config.layers as u16 {
        let written = [B::ResidPre, B::AttnOut, B::MlpOut, B::ResidPost];
        sites.extend(written.map(|site| Site::Block(layer, site)));
        sites.extend((!edits.is_empty()).then_some(Site::Block(layer, B::ResidMid)));
    }
    if config.logit_cap.is_some() || !edits.is_empty() {
        sites.push(Site::LnFinal);
    }
    sites
}

/// Refuses edits of these sites, behind which a logit at a token is not what the stream makes of it.
pub(crate) fn check_edits(edits: &Edits, token: usize, sites: &[Site]) -> Result<()> {
    match sites.iter().find(|site| is_changed(edits, **site, token)) {
        None => Ok(()),
        Some(site) => Err(Refusal::of(
            Kind::InvalidSetting,
            format!(
                "{site}: behind the edit of it at token {token}, a logit is no sum of what was added to the residual \
                 stream; take the edit off to see the sum"
            ),
        )),
    }
}

/// The site or sites that the stream is the sum of before the first block: the embedding, and the position where it
/// is learned. What passes a norm together is no sum of the two, and begins the stream as one.
pub(crate) fn stream_begins(config: &Config, variant: PassVariant) -> Vec<Site> {
    match (config.embedding_norm, &config.positions) {
        (true, _) => vec![Site::Block(0, BlockSite::ResidPre)],
        (false, Positions::Learned) if !variant.no_position => vec![Site::Embed, Site::PosEmbed],
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
    check_edits(&trace.edits, token, &[Site::Logits])?;
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
            is_edit: false,
        })
    };
    // What edits made of the sum of two, where they changed it.
    let edit = |site: Site, layer: Option<usize>, two: [&[f32]; 2], is_edited: bool| {
        if !is_edited {
            return Ok(None);
        }
        let stands = row(site)?;
        let [before, wrote] = two;
        let made = before.iter().zip(wrote).map(|(x, y)| x + y);
        let added = stands.iter().zip(made).map(|(x, made)| f64::from(*x) - f64::from(made));
        let added: Vec<f64> = added.collect();
        // Where nothing is added to the embedding, an edit of the stream is one of the embedding.
        if added.iter().all(|x| *x == 0.0) {
            return Ok(None);
        }
        Ok::<_, Refusal>(Some(ResidualComponent {
            site: site.to_string(),
            layer,
            norm: product(&added, &added).sqrt(),
            after: norm(stands),
            logit: product(&residual_direction, &added),
            is_edit: true,
        }))
    };
    let is_edited = |site: Site| is_changed(&trace.edits, site, token);
    // The stream after a writer, as the engine adds it up.
    let after = |before: &[f32], wrote: &[f32]| {
        norm(&before.iter().zip(wrote).map(|(x, y)| x + y).collect::<Vec<f32>>())
    };

    let embedding = stream_begins(&weights.network().config, trace.edits.variant());
    let mut components = vec![component(embedding[0], None, norm(row(embedding[0])?))?];
    if let [embed, position] = embedding[..] {
        let both = after(row(embed)?, row(position)?);
        components.push(component(position, None, both)?);
    }
    let first = Site::Block(0, BlockSite::ResidPre);
    if embedding[0] != first {
        let zeros = vec![0.0; row(first)?.len()];
        let position = embedding.get(1).map_or(Ok(&zeros[..]), |position| row(*position))?;
        components.extend(edit(first, None, [row(embedding[0])?, position], is_edited(first))?);
    }
    for layer in layers {
        let at = |site| Site::Block(layer as u16, site);
        let mid = after(row(at(BlockSite::ResidPre))?, row(at(BlockSite::AttnOut))?);
        components.push(component(at(BlockSite::AttnOut), Some(layer), mid)?);
        let site = at(BlockSite::ResidMid);
        let two = [row(at(BlockSite::ResidPre))?, row(at(BlockSite::AttnOut))?];
        components.extend(edit(site, Some(layer), two, is_edited(site))?);
        let site = at(BlockSite::ResidPost);
        if !stream_behind(layer).into_iter().any(is_edited) {
            components.push(component(at(BlockSite::MlpOut), Some(layer), norm(row(site)?))?);
            continue;
        }
        let two = [row(at(BlockSite::ResidMid))?, row(at(BlockSite::MlpOut))?];
        components.push(component(at(BlockSite::MlpOut), Some(layer), after(two[0], two[1]))?);
        components.extend(edit(site, Some(layer), two, true)?);
    }
    if is_edited(Site::LnFinal) {
        components.push(last_norm_edit(weights, pool, row(Site::LnFinal)?, row(last)?, target)?);
    }
    let bias = frozen.bias(target);
    let total = |begin: f64, is_counted: &dyn Fn(&ResidualComponent) -> bool| {
        components
            .iter()
            .filter(|writer| is_counted(writer))
            .fold(begin, |sum, writer| sum + writer.logit)
    };
    let before = total(0.0, &|writer| writer.layer.is_none() && !writer.is_edit);
    let attention = total(0.0, &|writer| writer.site.ends_with("attn_out"));
    let mlp = total(0.0, &|writer| writer.site.ends_with("mlp_out"));
    let is_any_edited = components.iter().any(|writer| writer.is_edit);
    let edits = is_any_edited.then(|| total(0.0, &|writer| writer.is_edit));
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
        edits,
        bias,
        rounding,
        factor,
    })
}

/// What edits of the last norm's output add to a logit, of the row that they left and of the stream before it.
fn last_norm_edit(
    weights: &Weights,
    pool: &ThreadPool,
    stands: &[f32],
    stream: &[f32],
    target: TokenId,
) -> Result<ResidualComponent> {
    let made = final_norm(weights, pool, stream).rows;
    let added: Vec<f32> = stands.iter().zip(&made).map(|(x, made)| x - made).collect();
    let [with, without] = [stands, &made].map(|row| logit_before_cap(weights, row, target));
    Ok(ResidualComponent {
        site: Site::LnFinal.to_string(),
        layer: None,
        norm: norm(&added),
        after: norm(stands),
        logit: with - without,
        is_edit: true,
    })
}

/// Refuses a trace that lacks a site.
pub(crate) fn not_captured(site: Site) -> Refusal {
    Refusal::ours(format!("{site} was not looked at"))
}
