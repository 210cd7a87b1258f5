//! Two passes side by side: of two prompts, of two models with the same tokens, or of one with edits and without.
//!
//! ```text
//! distance   ‖a − b‖ / ‖a‖ of a site's rows, sums of squares in f64, ascending
//! KL         Σ p (ln p − ln q) of the next token's distributions, p of the first pass
//! ```

use lookback_engine::{ThreadPool, Weights, unembed};
use lookback_files::Result;
use lookback_model::{BlockSite, Config, Site};
use serde::Serialize;

use crate::{
    capture::Capture,
    ranking::{order_key, top_k_indices},
    source_contributions::required_capture,
    sweep::{kl_divergence, log_probabilities},
    trace::Trace,
};

/// How far two passes are apart.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PassDifferences {
    /// Positions that both have.
    pub positions: Vec<PositionDifference>,
    /// After the last token of each.
    pub last: PositionDifference,
    /// By depth, of what the logit lens reads after the last token: before the first layer, and after each. Empty
    /// where the models have different numbers of layers.
    pub depth_kl: Vec<f64>,
    /// By layer, over the positions that both have. Empty where the models have different shapes.
    pub layers: Vec<LayerDifference>,
    /// By layer and head, likewise.
    pub heads: Vec<HeadDifference>,
}

/// How far the predictions at one position are apart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PositionDifference {
    /// The tokens that were read there.
    pub ids: [u32; 2],
    /// KL of the next token's distributions.
    pub kl: f64,
    /// The likeliest next tokens.
    pub next: [u32; 2],
    /// The distance of what the last layer leaves; none where the models have different widths.
    pub stream: Option<f64>,
}

/// How far the outputs of one layer are apart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LayerDifference {
    /// Which layer.
    pub layer: usize,
    /// Of attention's output.
    pub attn_out: f64,
    /// Of the MLP's output.
    pub mlp_out: f64,
    /// Of the residual stream that leaves.
    pub resid_post: f64,
}

/// How far one head's weighted values are apart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct HeadDifference {
    /// Its layer.
    pub layer: usize,
    /// Its place in the layer.
    pub head: usize,
    /// Over all positions that both have.
    pub distance: f64,
    /// The position at which it is largest.
    pub position: usize,
}

/// The sites of each pass that [`pass_differences`] reads.
pub fn pass_difference_sites(config: &Config) -> Vec<Site> {
    use BlockSite as B;
    let mut sites = vec![Site::Block(0, B::ResidPre), Site::Logits];
    for layer in 0..config.layers as u16 {
        let block = [B::Z, B::AttnOut, B::MlpOut, B::ResidPost];
        sites.extend(block.map(|site| Site::Block(layer, site)));
    }
    sites
}

/// Compares two passes, each with the weights that made it, of models with one vocabulary.
///
/// # Errors
/// When a site was not traced.
pub fn pass_differences(
    pool: &ThreadPool,
    weights: [&Weights; 2],
    traces: [&Trace; 2],
) -> Result<PassDifferences> {
    let configs = weights.map(|weights| &weights.network().config);
    let layers = configs[0].layers;
    let has_same_layers = layers == configs[1].layers;
    let has_same_widths = configs[0].width == configs[1].width;
    let is_comparable = has_same_layers
        && has_same_widths
        && configs[0].heads == configs[1].heads
        && configs[0].head_dim == configs[1].head_dim;
    let both = traces[0].ids.len().min(traces[1].ids.len());
    let last_layers = configs.map(|config| config.layers.saturating_sub(1));
    let at = |places: [usize; 2]| -> Result<PositionDifference> {
        let logits = both_rows(traces, [Site::Logits; 2], places)?;
        let [p, q] = logits.map(log_probabilities);
        let streams = last_layers.map(|layer| Site::Block(layer as u16, BlockSite::ResidPost));
        let stream = match has_same_widths {
            true => Some(distance([both_rows(traces, streams, places)?].into_iter())),
            false => None,
        };
        Ok(PositionDifference {
            ids: [traces[0].ids[places[0]].0, traces[1].ids[places[1]].0],
            kl: kl_divergence(&p, &q),
            next: logits.map(best),
            stream,
        })
    };
    let positions = (0..both).map(|position| at([position; 2])).collect::<Result<_>>()?;
    let last = at(traces.map(|trace| trace.ids.len() - 1))?;
    let depth_kl = match has_same_layers {
        true => depth_kl(pool, weights, traces)?,
        false => Vec::new(),
    };
    let mut found = PassDifferences { positions, last, depth_kl, layers: vec![], heads: vec![] };
    if is_comparable {
        for layer in 0..layers {
            found.layers.push(layer_difference(traces, layer, both)?);
            let heads = [configs[0].heads, configs[0].head_dim];
            found.heads.extend(head_differences(traces, layer, heads, both)?);
        }
    }
    Ok(found)
}

/// A row of a site of each pass.
fn both_rows(traces: [&Trace; 2], sites: [Site; 2], places: [usize; 2]) -> Result<[&[f32]; 2]> {
    let [first, second]: [&Capture; 2] =
        [required_capture(traces[0], sites[0])?, required_capture(traces[1], sites[1])?];
    Ok([first.part(places[0]), second.part(places[1])])
}

/// ‖a − b‖ / ‖a‖ of some rows; of rows of nothing ‖b‖.
fn distance<'r>(rows: impl Iterator<Item = [&'r [f32]; 2]>) -> f64 {
    let (mut apart, mut own) = (0.0, 0.0);
    for [a, b] in rows {
        for (a, b) in a.iter().zip(b) {
            let (a, b) = (f64::from(*a), f64::from(*b));
            apart += (a - b) * (a - b);
            own += a * a;
        }
    }
    if own > 0.0 { (apart / own).sqrt() } else { apart.sqrt() }
}

/// The id of the largest logit, of equal ones the lowest.
fn best(logits: &[f32]) -> u32 {
    top_k_indices(logits, 1, order_key).first().map_or(0, |at| *at as u32)
}

fn layer_difference(
    traces: [&Trace; 2],
    layer: usize,
    positions: usize,
) -> Result<LayerDifference> {
    let of = |site| -> Result<f64> {
        let site = Site::Block(layer as u16, site);
        let rows: Result<Vec<_>> =
            (0..positions).map(|at| both_rows(traces, [site; 2], [at; 2])).collect();
        Ok(distance(rows?.into_iter()))
    };
    Ok(LayerDifference {
        layer,
        attn_out: of(BlockSite::AttnOut)?,
        mlp_out: of(BlockSite::MlpOut)?,
        resid_post: of(BlockSite::ResidPost)?,
    })
}

fn head_differences<'r>(
    traces: [&'r Trace; 2],
    layer: usize,
    [heads, head_dim]: [usize; 2],
    positions: usize,
) -> Result<Vec<HeadDifference>> {
    let site = Site::Block(layer as u16, BlockSite::Z);
    let rows: Result<Vec<_>> =
        (0..positions).map(|at| both_rows(traces, [site; 2], [at; 2])).collect();
    let rows = rows?;
    let of = |head: usize| {
        let columns = head * head_dim..(head + 1) * head_dim;
        let own = |rows: &[&'r [f32]; 2]| rows.map(|row| &row[columns.clone()]);
        let each = rows.iter().map(|rows| distance([own(rows)].into_iter()));
        let each: Vec<f64> = each.collect();
        let most = |a: usize, b: usize| if each[b] > each[a] { b } else { a };
        HeadDifference {
            layer,
            head,
            distance: distance(rows.iter().map(own)),
            position: (0..each.len()).fold(0, most),
        }
    };
    Ok((0..heads).map(of).collect())
}

/// KL by depth after the last token of each.
fn depth_kl(pool: &ThreadPool, weights: [&Weights; 2], traces: [&Trace; 2]) -> Result<Vec<f64>> {
    let layers = weights[0].network().config.layers as u16;
    let mut sites = vec![Site::Block(0, BlockSite::ResidPre)];
    sites.extend((0..layers).map(|layer| Site::Block(layer, BlockSite::ResidPost)));
    let read = |side: usize| -> Result<Vec<Vec<f64>>> {
        let last = traces[side].ids.len() - 1;
        let mut rows = Vec::new();
        for site in &sites {
            rows.extend_from_slice(required_capture(traces[side], *site)?.part(last));
        }
        let vocabulary = weights[side].network().config.vocabulary;
        let logits = unembed(weights[side], pool, &rows).logits;
        Ok(logits.chunks_exact(vocabulary).map(log_probabilities).collect())
    };
    let [first, second] = [read(0)?, read(1)?];
    Ok(first.iter().zip(&second).map(|(p, q)| kl_divergence(p, q)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_relative_to_the_first() {
        assert_eq!(distance([[&[3.0f32, 4.0][..], &[3.0, 4.0]]].into_iter()), 0.0);
        assert_eq!(distance([[&[3.0f32, 4.0][..], &[0.0, 0.0]]].into_iter()), 1.0);
        assert_eq!(distance([[&[0.0f32][..], &[2.0]]].into_iter()), 2.0);
    }

    #[test]
    fn the_largest_logit_is_found_below_zero_too() {
        assert_eq!(best(&[-3.0, -1.0, -1.0, -2.0]), 1);
        assert_eq!(best(&[-0.5, 2.0, 1.0]), 1);
    }
}
