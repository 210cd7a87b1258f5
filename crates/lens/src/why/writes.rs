//! What is written into one token's residual stream, component by component, in f64.

use lookback_engine::{ThreadPool, Weights};
use lookback_files::Result;
use lookback_model::{BlockSite, PassVariant, Site};

use super::component::Component;
use crate::{
    Trace, frozen_norm::dot, logit_attribution::stream_begins, post_norm::PostNorm,
    ranges::in_ranges, source_contributions::required_capture,
};

/// What was written into a token's stream, in the order of writing.
#[derive(Debug)]
pub(super) struct Writes {
    /// Each with the depth from which on it stands there: twice the layer, one more behind its attention and
    /// two more behind its MLP.
    components: Vec<(usize, Component)>,
    /// `[components, width]`
    vectors: Vec<f64>,
    width: usize,
}

impl Writes {
    /// Of a token of a pass whose `Z`, `MlpOut` and beginnings of the stream were captured.
    pub fn new(
        (weights, variant): (&Weights, PassVariant),
        pool: &ThreadPool,
        trace: &Trace,
        token: usize,
    ) -> Result<Self> {
        let network = weights.network();
        let mut writes =
            Self { components: Vec::new(), vectors: Vec::new(), width: network.config.width };
        for site in stream_begins(&network.config, variant) {
            let component = match site {
                Site::PosEmbed => Component::Position,
                _ => Component::Embedding,
            };
            writes.push(0, component, wide(required_capture(trace, site)?.part(token)));
        }
        let layers = in_ranges(pool, network.blocks.len(), 1, |range| {
            attention_writes(weights, trace, range.start, token)
        });
        for (layer, written) in layers.into_iter().enumerate() {
            for (component, vector) in written? {
                writes.push(2 * layer + 1, component, vector);
            }
            let site = Site::Block(layer as u16, BlockSite::MlpOut);
            let added = wide(required_capture(trace, site)?.part(token));
            writes.push(2 * layer + 2, Component::Mlp { layer }, added);
        }
        Ok(writes)
    }

    fn push(&mut self, depth: usize, component: Component, vector: Vec<f64>) {
        self.components.push((depth, component));
        self.vectors.extend(vector);
    }

    /// What each of those that stand there at a depth adds along a direction.
    pub fn along(&self, direction: &[f64], depth: usize) -> Vec<(Component, f64)> {
        let written = self.components.iter().zip(self.vectors.chunks_exact(self.width));
        let there = written.filter(|((from, _), _)| *from <= depth);
        there.map(|((_, component), vector)| (*component, product(direction, vector))).collect()
    }
}

/// What each head of a layer adds to a token's stream, and the biases.
fn attention_writes(
    weights: &Weights,
    trace: &Trace,
    layer: usize,
    token: usize,
) -> Result<Vec<(Component, Vec<f64>)>> {
    let block = &weights.network().blocks[layer];
    let site = Site::Block(layer as u16, BlockSite::Z);
    let z = wide(required_capture(trace, site)?.part(token));
    let (inner, head_dim) = (block.output.inputs, block.attend.head_dim);
    let mut matrix = vec![0.0; block.output.outputs * inner];
    weights.read(block.output.weight, &mut matrix);
    let mut heads = vec![Vec::with_capacity(block.output.outputs); block.attend.heads];
    for row in matrix.chunks_exact(inner) {
        let of_heads = row.chunks_exact(head_dim).zip(z.chunks_exact(head_dim));
        for (result, (row, z)) in heads.iter_mut().zip(of_heads) {
            result.push(dot(z, row));
        }
    }
    let bias = block.output.bias.map(|id| wide(weights.rows(id)));
    let mut output = vec![0.0; block.output.outputs];
    heads.iter().chain(&bias).for_each(|part| add_to(&mut output, part));
    let behind = PostNorm::new(weights, block.ln1_post.as_ref(), block.residual_factor, &output);
    heads.iter_mut().for_each(|result| behind.apply(result));
    let head = |(head, result)| (Component::Head { layer, head }, result);
    let mut written: Vec<_> = heads.into_iter().enumerate().map(head).collect();
    let bias = bias.map(|mut bias| {
        behind.apply(&mut bias);
        bias
    });
    let together = [bias, behind.bias].into_iter().flatten().reduce(|mut a, b| {
        add_to(&mut a, &b);
        a
    });
    written.extend(together.map(|bias| (Component::AttentionBias { layer }, bias)));
    Ok(written)
}

pub(super) fn wide(row: &[f32]) -> Vec<f64> {
    row.iter().copied().map(f64::from).collect()
}

pub(super) fn add_to(sum: &mut [f64], vector: &[f64]) {
    sum.iter_mut().zip(vector).for_each(|(sum, x)| *sum += x);
}

/// Σ a·b, four chains side by side.
pub(crate) fn product(a: &[f64], b: &[f64]) -> f64 {
    let mut chains = [0.0; 4];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<4>(), b.as_chunks::<4>());
    for (a, b) in a.iter().zip(b) {
        chains.iter_mut().zip(a.iter().zip(b)).for_each(|(chain, (a, b))| *chain += a * b);
    }
    let rest = a_rest.iter().zip(b_rest).fold(0.0, |sum, (a, b)| sum + a * b);
    chains[0] + chains[1] + (chains[2] + chains[3]) + rest
}
