//! A logit, or the difference of two, as the sum of what wrote into the stream. Read `unfolding` next.

use lookback_engine::{ThreadPool, Weights};
use lookback_files::Result;
use lookback_model::{BlockSite, Config, Edits, Site, TokenId};
use serde::{Serialize, Serializer};

use super::{
    component::Component,
    frozen_pass::{FrozenPass, Reading},
    matrix_cache::MatrixCache,
    options::WhyOptions,
    unfolding::Unfolding,
};
use crate::{
    Trace,
    frozen_norm::{FrozenNorm, check_is_sum, logit_before_cap},
    logit_attribution::check_edits,
    ranking::top_k_indices,
    source_contributions::required_capture,
};

/// A logit as a sum.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Why {
    /// After which token of the prompt.
    pub position: usize,
    /// The next token whose logit it is.
    pub target: u32,
    /// The next token whose logit is taken off.
    pub against: Option<u32>,
    /// The logit, or the difference of both, as the engine computed it.
    pub logit: f64,
    /// The same before the cap of the logits: what the parts add up to. Without a cap it is the logit.
    pub before_cap: f64,
    /// The logits' cap, where the family has one.
    pub cap: Option<LogitCap>,
    /// In the order of writing, the biases of the last norm and the head at the end.
    pub parts: Vec<WhyPart>,
    /// Their sum.
    pub sum: f64,
    /// The sum of their absolute values.
    pub absolute: f64,
    /// What they leave of `before_cap`: the rounding of f32, and nothing else.
    pub rounding: f64,
    /// What the last norm multiplies the stream with here, before its gain.
    pub factor: f64,
    /// The strongest neurons of each MLP, where they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub neurons: Vec<MlpNeurons>,
    /// The parts opened, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unfolding: Option<Unfolding>,
}

/// A soft cap of logits: `cap · tanh(logit / cap)`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LogitCap {
    /// The cap.
    pub cap: f64,
    /// What is left of the logit behind it, as a factor; of a difference, of the difference.
    pub factor: f64,
}

/// A part of the sum.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct WhyPart {
    /// What it comes from.
    #[serde(flatten)]
    pub component: Component,
    /// What it adds to the logit.
    pub contribution: f64,
}

/// An MLP's part as the sum of its neurons'.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MlpNeurons {
    /// Which layer.
    pub layer: usize,
    /// Those that add or take most, the strongest first.
    pub neurons: Vec<NeuronPart>,
    /// All others together.
    pub others: f64,
    /// The biases of the down projection and of the norm behind it, and what edits of the MLP's output add.
    pub bias: f64,
}

/// A neuron's part.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct NeuronPart {
    /// Its index; among those of all experts, one expert's after the other's, in a mixture.
    pub index: usize,
    /// What leaves it.
    #[serde(serialize_with = "widened")]
    pub post: f32,
    /// What it adds to the logit.
    pub contribution: f64,
}

/// With the digits of an f64, as every number of the sum.
fn widened<S: Serializer>(number: &f32, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_f64(f64::from(*number))
}

/// The sites that [`why`] reads of a pass with edits.
pub fn why_sites(config: &Config, edits: &Edits, options: &WhyOptions) -> Vec<Site> {
    let mut sites = FrozenPass::sites(config, edits, options);
    sites.push(Site::LnFinal);
    sites
}

/// Takes a logit of a pass apart; `logits` are those after the position, `[vocabulary]`. Of a pass in which attention has
/// no projections, no part can be opened. What is read of the projections is kept in `matrices`, of the same weights.
///
/// # Errors
/// When a site of [`why_sites`] was not traced; when an edit changes the last norm's output or the logits.
pub fn why(
    weights: &Weights,
    pool: &ThreadPool,
    (trace, logits): (&Trace, &[f32]),
    options: &WhyOptions,
    matrices: &MatrixCache,
) -> Result<Why> {
    let WhyOptions { position, target, against, .. } = *options;
    let network = weights.network();
    check_is_sum(network)?;
    check_edits(&trace.edits, position, &[Site::LnFinal, Site::Logits])?;
    let pass = FrozenPass::new(weights, pool, trace, matrices);
    let stream = pass.row(network.blocks.len() - 1, BlockSite::ResidPost, position)?;
    let frozen = FrozenNorm::new(weights, pool, stream);
    let (mut direction, mut bias) = (frozen.residual_direction(target), frozen.bias(target));
    if let Some(other) = against {
        let taken = frozen.residual_direction(other);
        direction.iter_mut().zip(&taken).for_each(|(x, taken)| *x -= taken);
        bias -= frozen.bias(other);
    }
    let writes = pass.writes(position)?;
    let depth = 2 * network.blocks.len();
    let mut parts: Vec<WhyPart> = writes
        .along(&direction, depth)
        .into_iter()
        .map(|(component, contribution)| WhyPart { component, contribution })
        .collect();
    if bias != 0.0 {
        parts.push(WhyPart { component: Component::FinalBias, contribution: bias });
    }
    let sum = parts.iter().fold(0.0, |sum, part| sum + part.contribution);
    let absolute = parts.iter().fold(0.0, |sum, part| sum + part.contribution.abs());

    let difference = |of: &dyn Fn(TokenId) -> f64| of(target) - against.map_or(0.0, of);
    let logit = difference(&|id| f64::from(logits[id.index()]));
    let (before_cap, cap) = match network.head.cap {
        None => (logit, None),
        Some(cap) => {
            let normed = required_capture(trace, Site::LnFinal)?.part(position);
            let before = difference(&|id| logit_before_cap(weights, normed, id));
            let factor = if before == 0.0 { 1.0 } else { logit / before };
            (before, Some(LogitCap { cap: f64::from(cap), factor }))
        }
    };
    let reading = Reading { direction: direction.into(), token: position, depth, bias };
    let neurons = match options.neurons {
        0 => Vec::new(),
        count => network
            .layers()
            .map(|layer| {
                let part = parts.iter().find(|part| part.component == Component::Mlp { layer });
                let whole = part.map_or(0.0, |part| part.contribution);
                mlp_neurons(&pass, &reading, layer, count, whole)
            })
            .collect::<Result<_>>()?,
    };
    let unfolding = options.unfold.map(|unfold| Unfolding::new(&pass, reading, unfold));
    Ok(Why {
        position,
        target: target.0,
        against: against.map(|id| id.0),
        logit,
        before_cap,
        cap,
        parts,
        sum,
        absolute,
        rounding: before_cap - sum,
        factor: frozen.factor(),
        neurons,
        unfolding: unfolding.transpose()?,
    })
}

/// The strongest neurons of an MLP, which adds `whole` to the logit.
fn mlp_neurons(
    pass: &FrozenPass<'_>,
    reading: &Reading,
    layer: usize,
    count: usize,
    whole: f64,
) -> Result<MlpNeurons> {
    let post = pass.row(layer, BlockSite::MlpPost, reading.token)?;
    let change = pass.change(layer, BlockSite::MlpOut, reading.token, reading.direction.len());
    let mut reading = reading.clone();
    if let Some(change) = change {
        let mut direction = reading.direction.to_vec();
        change.leave(&mut direction);
        reading.direction = direction.into();
    }
    let directions = pass.hidden_direction(&reading, layer)?;
    let given: Vec<f64> =
        directions.iter().zip(post).map(|(direction, &post)| direction * f64::from(post)).collect();
    let mixture = pass.network().blocks[layer].mlp.mixture().is_some();
    let indices = match mixture {
        true => pass.row(layer, BlockSite::ExpertIndices, reading.token)?,
        false => &[0.0],
    };
    let each = given.len() / indices.len();
    let strongest = top_k_indices(&given, count, |given| given.abs().to_bits());
    let all = given.iter().fold(0.0, |sum, given| sum + given);
    let neurons: Vec<NeuronPart> = strongest
        .into_iter()
        .map(|at| NeuronPart {
            index: indices[at / each] as usize * each + at % each,
            post: post[at],
            contribution: given[at],
        })
        .collect();
    let named = neurons.iter().fold(0.0, |sum, neuron| sum + neuron.contribution);
    Ok(MlpNeurons { layer, neurons, others: all - named, bias: whole - all })
}
