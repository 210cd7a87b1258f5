//! The neurons of an MLP: which are most active at a token, and which logits each raises and lowers.
//!
//! A unit's row of the down projection is what it writes into the stream when it is 1, behind the norm and
//! the factor that some families have there (see `post_norm`). Through the last norm, frozen at this token (see `frozen_norm`), and the head, that is what it adds to every
//! logit directly; what later layers make of it is left out. Of what edits take from the MLP's output or from the
//! stream behind it, a unit writes so much less.

use lookback_engine::{ThreadPool, Weights};
use lookback_files::{Kind, Refusal, Result};
use lookback_model::{BlockSite, Config, Network, Site, TokenId};
use serde::Serialize;

use crate::{
    frozen_norm::{FrozenNorm, check_is_sum, dot},
    logit_attribution::{check_edits, not_captured},
    post_norm::PostNorm,
    ranking::top_k_indices,
    row_change::{RowChange, stream_behind},
    trace::Trace,
};

/// What neurons are ordered by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NeuronOrder {
    /// How far the unit is from 0.
    #[default]
    Activation,
    /// The length of what it writes into the stream.
    WriteNorm,
    /// How far it moves the logit of one token.
    LogitEffect,
}

/// Which neurons to list, and for which token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeuronQuery {
    /// Which block.
    pub layer: usize,
    /// Which token of the prompt.
    pub token: usize,
    /// The next token whose logit is taken apart.
    pub target: TokenId,
    /// What units are chosen by.
    pub order: NeuronOrder,
    /// Units that are listed.
    pub units: usize,
    /// Tokens that are listed of each, up and down.
    pub tokens: usize,
}

/// A neuron and its effects on logits.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NeuronEffects {
    /// Its index; among those of all experts, one expert's after the other's, in a mixture.
    pub index: usize,
    /// Where it stands among those that worked on the token: in its row of `mlp.post`.
    pub place: usize,
    /// What enters the activation.
    pub pre: f32,
    /// What the activation's result is multiplied with, in a gated MLP.
    pub linear: Option<f32>,
    /// What leaves it.
    pub post: f32,
    /// Whether an edit changes what leaves it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_edited: bool,
    /// Length of what it writes into the stream.
    pub written: f64,
    /// What it moves the logit asked for, when it is 1 and as it is.
    #[serde(rename = "of")]
    pub target: LogitEffect,
    /// The mean over all tokens: an effect that all share changes no probability.
    pub average: LogitEffect,
    /// The tokens whose logits it raises most as it is, the most raised first.
    pub up: Vec<LogitEffect>,
    /// Those that it lowers most.
    pub down: Vec<LogitEffect>,
}

/// The effect of a neuron on a logit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LogitEffect {
    /// The token whose logit it is; none of an average.
    pub id: Option<u32>,
    /// What the unit adds when it is 1.
    pub effect: f64,
    /// What it adds as it is: `effect` times what leaves the unit.
    pub contribution: f64,
}

/// The sites that [`neuron_effects`] reads.
pub fn neuron_sites(config: &Config, layer: usize) -> Vec<Site> {
    let at = |site| Site::Block(layer as u16, site);
    let last = Site::Block(config.layers as u16 - 1, BlockSite::ResidPost);
    let mut sites = vec![at(BlockSite::MlpPre), at(BlockSite::MlpPost), last];
    sites.extend(config.gated.then_some(at(BlockSite::MlpPreLinear)));
    if config.layer_mixture(layer).is_some() {
        sites.extend([at(BlockSite::ExpertWeights), at(BlockSite::ExpertIndices)]);
    }
    sites
}

/// The neurons of a layer at a token, in the order asked for.
pub fn neuron_effects(
    weights: &Weights,
    pool: &ThreadPool,
    trace: &Trace,
    query: NeuronQuery,
) -> Result<Vec<NeuronEffects>> {
    let NeuronQuery { layer, token, target, order: order_by, .. } = query;
    let network = weights.network();
    check_is_sum(network)?;
    check_edits(&trace.edits, token, &[Site::LnFinal, Site::Logits])?;
    let left = left_of_output(network, trace, layer, token)?;
    let row = |site: Site| {
        let capture = trace.at(site).ok_or_else(|| not_captured(site))?;
        Ok(capture.part(token))
    };
    let at = |site| Site::Block(layer as u16, site);
    let post: &[f32] = row(at(BlockSite::MlpPost))?;
    let pre: &[f32] = row(at(BlockSite::MlpPre))?;
    let linear: Option<&[f32]> = match network.config.gated {
        true => Some(row(at(BlockSite::MlpPreLinear))?),
        false => None,
    };
    // The MLPs that worked on the token, each with its index and its weight.
    let mlps = network.blocks[layer].mlp.mlps();
    let worked: Vec<(usize, f64)> = match network.blocks[layer].mlp.mixture() {
        Some(_) => {
            let weights = row(at(BlockSite::ExpertWeights))?.iter().map(|&w| f64::from(w));
            row(at(BlockSite::ExpertIndices))?.iter().map(|&at| at as usize).zip(weights).collect()
        }
        None => vec![(0, 1.0)],
    };
    let (each, width) = (mlps[0].down.inputs, mlps[0].down.outputs);
    let hidden = worked.len() * each;
    let last = Site::Block(network.layers().end as u16 - 1, BlockSite::ResidPost);
    let frozen = FrozenNorm::new(weights, pool, row(last)?);

    // The down projection is stored by what it writes to: a unit's row is a column of it. What an expert
    // writes is weighted.
    let mut matrix = vec![0.0; width * hidden];
    let mut own = vec![0.0; width * each];
    for (slot, &(mlp, weight)) in worked.iter().enumerate() {
        weights.read(mlps[mlp].down.weight, &mut own);
        for (row, own) in matrix.chunks_exact_mut(hidden).zip(own.chunks_exact(each)) {
            for (to, own) in row[slot * each..].iter_mut().zip(own) {
                *to = weight * f64::from(*own);
            }
        }
    }
    // What the MLP makes at this token, whose statistics the norm behind it has.
    let mut output: Vec<f64> = matrix.chunks_exact(hidden).map(|row| dot(row, post)).collect();
    for &(mlp, weight) in &worked {
        let bias = mlps[mlp].down.bias.map_or(&[][..], |id| weights.rows(id));
        output.iter_mut().zip(bias).for_each(|(sum, &bias)| *sum += weight * f64::from(bias));
    }
    let block = &network.blocks[layer];
    PostNorm::new(weights, block.ln2_post.as_ref(), block.residual_factor, &output)
        .apply_to_columns(&mut matrix, hidden);
    if let Some(left) = left {
        let rows = matrix.chunks_exact_mut(hidden).zip(&left);
        rows.for_each(|(row, left)| row.iter_mut().for_each(|weight| *weight *= left));
    }
    let edited = RowChange::new(&trace.edits, at(BlockSite::MlpPost), token, hidden);
    let is_edited =
        |unit: usize| edited.as_ref().is_some_and(|change| change.is_steered || change.is_at(unit));
    let residual_direction = frozen.residual_direction(target);
    let (mut squares, mut effects) = (vec![0.0; hidden], vec![0.0; hidden]);
    for (row, residual_direction) in matrix.chunks_exact(hidden).zip(&residual_direction) {
        for ((&weight, square), effect) in row.iter().zip(&mut squares).zip(&mut effects) {
            *square += weight * weight;
            *effect += weight * residual_direction;
        }
    }
    let written = |unit: usize| f64::from(post[unit]).abs() * f64::sqrt(squares[unit]);
    let measure = |unit: usize| match order_by {
        NeuronOrder::Activation => f64::from(post[unit]).abs(),
        NeuronOrder::WriteNorm => written(unit),
        NeuronOrder::LogitEffect => (f64::from(post[unit]) * effects[unit]).abs(),
    };
    let mut order: Vec<usize> = (0..hidden).collect();
    order.sort_by(|&a, &b| measure(b).total_cmp(&measure(a)).then(a.cmp(&b)));
    order.truncate(query.units);

    let column = |unit: usize| matrix.chunks_exact(hidden).map(|row| row[unit]).collect();
    let columns: Vec<Vec<f64>> = order.iter().map(|&unit| column(unit)).collect();
    let on_all = frozen.logit_effects(&columns);
    let units = order.iter().zip(&on_all).map(|(&unit, on_all)| {
        let leaves = f64::from(post[unit]);
        let push = |id: Option<u32>, effect: f64| LogitEffect {
            id,
            effect,
            contribution: leaves * effect,
        };
        let list = |direction: f64| {
            let tokens = top_k_indices(on_all, query.tokens, |effect| {
                order_key(direction * leaves * effect)
            });
            tokens.into_iter().map(|id| push(Some(id as u32), on_all[id])).collect()
        };
        let average = on_all.iter().fold(0.0, |sum, effect| sum + effect) / on_all.len() as f64;
        NeuronEffects {
            index: worked[unit / each].0 * each + unit % each,
            place: unit,
            pre: pre[unit],
            linear: linear.map(|linear| linear[unit]),
            post: post[unit],
            is_edited: is_edited(unit),
            written: written(unit),
            target: push(Some(target.0), effects[unit]),
            average: push(None, average),
            up: list(1.0),
            down: list(-1.0),
        }
    });
    Ok(units.collect())
}

/// What edits leave of each column of what the MLP writes into the stream, on its way to the last norm: none where
/// they leave all of it.
fn left_of_output(
    network: &Network,
    trace: &Trace,
    layer: usize,
    token: usize,
) -> Result<Option<Vec<f64>>> {
    let width = network.config.width;
    let mut sites = vec![Site::Block(layer as u16, BlockSite::MlpOut)];
    sites.extend(stream_behind(layer));
    for behind in layer + 1..network.blocks.len() {
        sites.push(Site::Block(behind as u16, BlockSite::ResidMid));
        sites.extend(stream_behind(behind));
    }
    let mut left: Option<Vec<f64>> = None;
    for site in sites {
        let Some(change) = RowChange::new(&trace.edits, site, token, width) else { continue };
        if change.is_steered {
            return Err(not_told(site, token));
        }
        change.leave(left.get_or_insert_with(|| vec![1.0; width]));
    }
    Ok(left)
}

/// Refuses an edit behind which it cannot be told what a unit adds to a logit.
fn not_told(site: Site, token: usize) -> Refusal {
    Refusal::of(
        Kind::InvalidSetting,
        format!(
            "{site}: behind the edit of it at token {token}, what a unit adds to a logit cannot be told from what \
             others do; take the edit off to see the units"
        ),
    )
}

/// A whole number whose order is that of [`f64::total_cmp`].
fn order_key(number: f64) -> i64 {
    let bits = number.to_bits().cast_signed();
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}
