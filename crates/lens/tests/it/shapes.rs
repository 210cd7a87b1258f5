//! The engine's random models of each kind, and two more whose norms are layer norms; and what stands between
//! a module's output and the residual stream, by its definition.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use crate::fixture;
use lookback_engine::Weights;
use lookback_model::{
    BlockOrder, Config, Network, Norm, NormKind, NormPlacement, Positions, RotaryConfig, Size,
};

/// Half the distance from 1 to the next float: how much one rounding may err, relatively.
pub const ROUNDING: f64 = f32::EPSILON as f64 / 2.0;

/// All of the engine's; one with layer norms before and after everything, also behind the embedding and its
/// learned positions, and with every factor and bias; one with parallel blocks whose heads are rotated in
/// part, as GPT-NeoX has them; and one with sinks beside biases of values and of attention's output, as gpt-oss
/// has them: where a row's weights add up to less than 1, a bias of the values is no constant.
pub fn networks() -> Vec<Arc<Network>> {
    let size = Size {
        vocabulary: 97,
        width: 48,
        layers: 2,
        heads: 6,
        key_heads: 6,
        hidden: 80,
        context: fixture::CONTEXT,
    };
    let gpt2_with = |change: fn(&mut Config)| Config::gpt2(size).unwrap().with(change).unwrap();
    let more = [
        gpt2_with(|config| {
            config.norm_placement = NormPlacement::Both;
            config.embedding_norm = true;
            config.head_bias = true;
            config.embedding_factor = 3.0;
            config.residual_factor = 0.7;
            config.logit_factor = 0.5;
        }),
        gpt2_with(|config| {
            config.block_order = BlockOrder::Parallel;
            config.positions = Positions::Rotary(RotaryConfig::plain(10_000.0, 4));
            config.head_bias = true;
            config.tied = false;
        }),
    ];
    let gpt_oss = Config::llama(Size { key_heads: 2, ..size }).unwrap().with(|config| {
        config.attention_sinks = true;
        config.attention_bias = true;
        config.output_bias = true;
        config.window = Some(11);
        config.layers_with_window = vec![true, false];
    });
    let more = more.into_iter().chain([gpt_oss.unwrap()]);
    let mut networks = fixture::networks();
    networks.extend(more.map(|config| Arc::new(Network::new(&config))));
    networks
}

/// A weight's values.
pub fn values(weights: &Weights, id: lookback_model::WeightId) -> Vec<f64> {
    let mut values = vec![0.0; weights.network().weight(id).len()];
    weights.read(id, &mut values);
    values.into_iter().map(f64::from).collect()
}

/// What a norm behind a module and the factor of the residual stream make of parts of one output.
pub struct Behind {
    centered: bool,
    /// `[width]`: what each number of a part is multiplied with.
    pub gain: Vec<f64>,
    /// `[width]`: what is added whatever the output is.
    pub bias: Vec<f64>,
    /// The length of the output less its mean, from which its statistic comes; none without a norm.
    length: Option<f64>,
    /// The mean of the output's absolute values.
    mean_size: f64,
}

impl Behind {
    /// The norm's statistics are those of the whole output, `[width]`.
    pub fn new(weights: &Weights, norm: Option<Norm>, factor: f32, output: &[f64]) -> Self {
        let (width, factor) = (output.len(), f64::from(factor));
        let Some(norm) = norm else {
            let (gain, bias) = (vec![factor; width], vec![0.0; width]);
            return Self { centered: false, gain, bias, length: None, mean_size: 0.0 };
        };
        let centered = norm.kind == NormKind::Layer;
        let apart = if centered { less_mean(output) } else { output.to_vec() };
        let square = apart.iter().map(|x| x * x).sum::<f64>();
        let deviation = (square / width as f64 + f64::from(norm.epsilon)).sqrt();
        let gain = values(weights, norm.weight).into_iter().map(|gain| factor * gain / deviation);
        let bias = norm.bias.map_or(vec![0.0; width], |id| values(weights, id));
        Self {
            centered,
            gain: gain.collect(),
            bias: bias.into_iter().map(|bias| factor * bias).collect(),
            length: Some(square.sqrt()),
            mean_size: output.iter().map(|x| x.abs()).sum::<f64>() / width as f64,
        }
    }

    /// What a part of the output becomes.
    pub fn part(&self, part: &[f64]) -> Vec<f64> {
        let part = if self.centered { less_mean(part) } else { part.to_vec() };
        part.iter().zip(&self.gain).map(|(x, gain)| x * gain).collect()
    }

    /// How far f32 may take each number of what is added from the exact one, where it may take those of the
    /// output as far as `apart`.
    ///
    /// A norm's statistic is the inverse length of what is left of the output: it errs relatively by what its
    /// numbers err together, of their length, and by a rounding for each that is summed. A mean errs by the mean
    /// of those errors, and by a rounding for each of its terms. Then some products are rounded, and two sums.
    pub fn bounds(&self, apart: &[f64], added: &[f32]) -> Vec<f64> {
        let width = apart.len() as f64;
        let mean = if self.centered {
            apart.iter().sum::<f64>() / width + (width + 2.0) * ROUNDING * self.mean_size
        } else {
            0.0
        };
        let together = apart.iter().map(|x| (x + mean) * (x + mean)).sum::<f64>().sqrt();
        let statistic =
            self.length.map_or(0.0, |length| together / length + (width + 8.0) * ROUNDING);
        let each = apart.iter().zip(&self.gain).zip(added.iter().zip(&self.bias));
        each.map(|((apart, gain), (&added, bias))| {
            let added = f64::from(added).abs() + bias.abs();
            gain.abs() * (apart + mean) + added * (statistic + 4.0 * ROUNDING)
        })
        .collect()
    }
}

fn less_mean(values: &[f64]) -> Vec<f64> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|x| x - mean).collect()
}
