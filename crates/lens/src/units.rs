//! The hidden units of an MLP: which are most active for a token, and which next tokens each pushes.
//!
//! A unit's row of the down projection is what it writes into the stream when it is 1. Through the
//! last norm, held still at this token (see `frozen`), and the head, that is what it adds to every
//! logit directly; what later layers make of it is left out.

use lookback_engine::{ThreadPool, Weights};
use lookback_files::Result;
use lookback_model::{BlockSite, Config, Site, TokenId};
use serde::Serialize;

use crate::{frozen::Frozen, ranking::largest, stream::missing, trace::Trace};

/// What the most active units are chosen by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// How far the unit is from 0.
    #[default]
    Activation,
    /// The length of what it writes into the stream.
    Written,
    /// How far it moves the logit of one token.
    Pushed,
}

/// A layer and token whose units are looked at, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Which block.
    pub layer: usize,
    /// Which token of the prompt.
    pub token: usize,
    /// The next token whose logit is taken apart.
    pub of: TokenId,
    /// What units are chosen by.
    pub by: By,
    /// Units that are listed.
    pub units: usize,
    /// Tokens that are listed of each, up and down.
    pub tokens: usize,
}

/// A hidden unit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unit {
    /// Its index.
    pub index: usize,
    /// What enters the activation.
    pub pre: f32,
    /// What the activation's result is multiplied with, in a gated MLP.
    pub linear: Option<f32>,
    /// What leaves it.
    pub post: f32,
    /// Length of what it writes into the stream.
    pub written: f64,
    /// What it moves the logit asked for, when it is 1 and as it is.
    pub of: Push,
    /// The same of all tokens on average: a push that all share changes no probability.
    pub average: Push,
    /// The tokens whose logits it raises most as it is, the most raised first.
    pub up: Vec<Push>,
    /// Those that it lowers most.
    pub down: Vec<Push>,
}

/// What a unit does to a logit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Push {
    /// The token whose logit it is; none of an average.
    pub id: Option<u32>,
    /// What the unit adds when it is 1.
    pub effect: f64,
    /// What it adds as it is: `effect` times what leaves the unit.
    pub contribution: f64,
}

/// The sites that [`units`] reads.
pub fn units_sites(config: &Config, layer: usize) -> Vec<Site> {
    let at = |site| Site::Block(layer as u16, site);
    let last = Site::Block(config.layers as u16 - 1, BlockSite::ResidPost);
    let mut sites = vec![at(BlockSite::MlpPre), at(BlockSite::MlpPost), last];
    sites.extend(config.gated.then_some(at(BlockSite::MlpPreLinear)));
    sites
}

/// The most active units of a layer for a token, the most active first.
pub fn units(
    weights: &Weights,
    pool: &ThreadPool,
    trace: &Trace,
    asked: Asked,
) -> Result<Vec<Unit>> {
    let Asked { layer, token, of, by, .. } = asked;
    let network = weights.network();
    let down = &network.blocks[layer].mlp.down;
    let (hidden, width) = (down.inputs, down.outputs);
    let row = |site: Site| {
        let seen = trace.at(site).ok_or_else(|| missing(site))?;
        Ok(seen.part(token))
    };
    let at = |site| Site::Block(layer as u16, site);
    let post: &[f32] = row(at(BlockSite::MlpPost))?;
    let pre: &[f32] = row(at(BlockSite::MlpPre))?;
    let linear: Option<&[f32]> = match network.blocks[layer].mlp.gate {
        Some(_) => Some(row(at(BlockSite::MlpPreLinear))?),
        None => None,
    };
    let last = Site::Block(network.layers().end as u16 - 1, BlockSite::ResidPost);
    let frozen = Frozen::at(weights, pool, row(last)?)?;

    // The down projection is stored by what it writes to: a unit's row is a column of it.
    let mut matrix = vec![0.0; width * hidden];
    weights.read(down.weight, &mut matrix);
    let towards = frozen.towards(of);
    let (mut squares, mut effects) = (vec![0.0; hidden], vec![0.0; hidden]);
    for (row, towards) in matrix.chunks_exact(hidden).zip(&towards) {
        for ((&weight, square), effect) in row.iter().zip(&mut squares).zip(&mut effects) {
            let weight = f64::from(weight);
            *square += weight * weight;
            *effect += weight * towards;
        }
    }
    let written = |unit: usize| f64::from(post[unit]).abs() * f64::sqrt(squares[unit]);
    let measure = |unit: usize| match by {
        By::Activation => f64::from(post[unit]).abs(),
        By::Written => written(unit),
        By::Pushed => (f64::from(post[unit]) * effects[unit]).abs(),
    };
    let mut order: Vec<usize> = (0..hidden).collect();
    order.sort_by(|&a, &b| measure(b).total_cmp(&measure(a)).then(a.cmp(&b)));
    order.truncate(asked.units);

    let column =
        |unit: usize| matrix.chunks_exact(hidden).map(|row| f64::from(row[unit])).collect();
    let columns: Vec<Vec<f64>> = order.iter().map(|&unit| column(unit)).collect();
    let on_all = frozen.effects(&columns);
    let units = order.iter().zip(&on_all).map(|(&unit, on_all)| {
        let leaves = f64::from(post[unit]);
        let push =
            |id: Option<u32>, effect: f64| Push { id, effect, contribution: leaves * effect };
        let list = |direction: f64| {
            let most =
                largest(on_all, asked.tokens, |effect| order_key(direction * leaves * effect));
            most.into_iter().map(|id| push(Some(id as u32), on_all[id])).collect()
        };
        let average = on_all.iter().fold(0.0, |sum, effect| sum + effect) / on_all.len() as f64;
        Unit {
            index: unit,
            pre: pre[unit],
            linear: linear.map(|linear| linear[unit]),
            post: post[unit],
            written: written(unit),
            of: push(Some(of.0), effects[unit]),
            average: push(None, average),
            up: list(1.0),
            down: list(-1.0),
        }
    });
    Ok(units.collect())
}

/// A whole number whose order is that of [`f64::total_cmp`].
fn order_key(number: f64) -> i64 {
    let bits = number.to_bits().cast_signed();
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}
