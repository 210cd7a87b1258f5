//! A first plain report of what happened inside, made of a trace: data, to be printed or sent.

use lookback_model::{BlockSite, Network, Site};
use serde::Serialize;

use crate::{capture::Capture, trace::Trace};

/// What a report looks at more closely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportOptions {
    /// The layer whose head and MLP are shown.
    pub layer: usize,
    /// The head whose weights are shown.
    pub head: usize,
    /// Next tokens and neurons that are listed.
    pub top_k: usize,
}

/// The stages of one pass, for the last token where one token is meant.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// `[tokens]`
    pub ids: Vec<u32>,
    /// Length of each token's embedding, `[tokens]`: its row of the table, times the family's factor.
    pub embedding_norms: Vec<f64>,
    /// The layer that is shown.
    pub layer: usize,
    /// The head that is shown.
    pub head: usize,
    /// That head's attention weights, `[queries, keys]`; what is hidden is 0.
    pub pattern: Vec<Vec<f32>>,
    /// How much attention and MLP add to the last token's residual stream, layer by layer.
    pub stream: Vec<BlockNorms>,
    /// The hidden units of that layer's MLP that are furthest from 0 for the last token.
    pub neurons: Vec<NeuronActivation>,
    /// The likeliest next tokens after the last.
    pub next: Vec<NextToken>,
}

/// What a block adds to the last token's residual stream.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BlockNorms {
    /// Which block.
    pub layer: usize,
    /// Length of what enters.
    pub before: f64,
    /// Length of what attention adds.
    pub attention: f64,
    /// Length of what the MLP adds.
    pub mlp: f64,
    /// Length of what leaves.
    pub after: f64,
}

/// A hidden unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct NeuronActivation {
    /// Its index; among those of all experts, one expert's after the other's, in a mixture.
    pub index: usize,
    /// What leaves it.
    pub value: f32,
    /// The expert that it is of, in a mixture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expert: Option<usize>,
}

/// A next token.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct NextToken {
    /// Its id.
    pub id: u32,
    /// Its probability.
    pub probability: f32,
}

/// Reads a report off a trace of all sites.
pub fn report(trace: &Trace, network: &Network, choice: ReportOptions) -> Report {
    let last = trace.ids.len() - 1;
    let ReportOptions { layer, head, top_k } = choice;
    let capture_norm = |capture: Option<&Capture>, token: usize| {
        capture.map_or(0.0, |capture| norm(capture.part(token)))
    };
    let stream = network.layers().map(|layer| {
        let norm = |site| capture_norm(trace.block(layer, site), last);
        BlockNorms {
            layer,
            before: norm(BlockSite::ResidPre),
            attention: norm(BlockSite::AttnOut),
            mlp: norm(BlockSite::MlpOut),
            after: norm(BlockSite::ResidPost),
        }
    });
    let pattern = trace.block(layer, BlockSite::Pattern).map_or(Vec::new(), |capture| {
        capture.part(head).chunks(trace.ids.len()).map(<[f32]>::to_vec).collect()
    });
    let hidden =
        trace.block(layer, BlockSite::MlpPost).map_or(&[][..], |capture| capture.part(last));
    let neurons = top_k_by(hidden, top_k, f32::abs);
    // Of experts, a trace has the units of those that worked on the token alone.
    let experts = trace.block(layer, BlockSite::ExpertIndices);
    let experts = experts.map_or(&[][..], |capture| capture.part(last));
    let each = hidden.len() / experts.len().max(1);
    let activation = |(place, value): (usize, f32)| match experts.get(place / each.max(1)) {
        Some(&expert) => {
            let expert = expert as usize;
            NeuronActivation { index: expert * each + place % each, value, expert: Some(expert) }
        }
        None => NeuronActivation { index: place, value, expert: None },
    };
    let probabilities = trace.at(Site::Probabilities).map_or(&[][..], |capture| capture.part(last));
    let next = top_k_by(probabilities, top_k, |probability| probability);
    Report {
        ids: trace.ids.iter().map(|id| id.0).collect(),
        embedding_norms: (0..=last)
            .map(|token| capture_norm(trace.at(Site::Embed), token))
            .collect(),
        layer,
        head,
        pattern,
        stream: stream.collect(),
        neurons: neurons.into_iter().map(activation).collect(),
        next: next
            .into_iter()
            .map(|(index, probability)| NextToken { id: index as u32, probability })
            .collect(),
    }
}

/// The length of a vector.
pub fn norm(vector: &[f32]) -> f64 {
    f64::sqrt(vector.iter().fold(0.0, |sum, &x| sum + f64::from(x) * f64::from(x)))
}

/// The indices and values that are largest by a measure, the largest first; ties by index.
pub fn top_k_by(values: &[f32], k: usize, measure: impl Fn(f32) -> f32) -> Vec<(usize, f32)> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| measure(values[b]).total_cmp(&measure(values[a])).then(a.cmp(&b)));
    order.truncate(k);
    order.into_iter().map(|index| (index, values[index])).collect()
}
