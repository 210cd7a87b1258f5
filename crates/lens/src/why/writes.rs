//! What is written into one token's residual stream, component by component, in f64.

use lookback_engine::{ThreadPool, Weights};
use lookback_files::Result;
use lookback_model::{BlockSite, Site};

use super::{component::Component, matrix_cache::MatrixCache};
use crate::{
    Trace,
    frozen_norm::dot,
    logit_attribution::stream_begins,
    post_norm::PostNorm,
    ranges::in_ranges,
    row_change::{RowChange, is_changed, stream_behind},
    source_contributions::required_capture,
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
        (weights, projections): (&Weights, &MatrixCache),
        pool: &ThreadPool,
        trace: &Trace,
        token: usize,
    ) -> Result<Self> {
        let network = weights.network();
        let row = |site| -> Result<&[f32]> { Ok(required_capture(trace, site)?.part(token)) };
        let mut writes =
            Self { components: Vec::new(), vectors: Vec::new(), width: network.config.width };
        for site in stream_begins(&network.config, trace.edits.variant()) {
            let component = match site {
                Site::PosEmbed => Component::Position,
                _ => Component::Embedding,
            };
            writes.push(0, component, wide(row(site)?));
        }
        let first = Site::Block(0, BlockSite::ResidPre);
        let begins = writes.vectors.chunks_exact(writes.width).collect::<Vec<_>>();
        let begins = begins.into_iter().fold(vec![0.0f32; writes.width], |sum, vector| {
            sum.iter().zip(vector).map(|(x, y)| x + *y as f32).collect()
        });
        if is_changed(&trace.edits, first, token) {
            writes.push_edit(0, first, row(first)?, &begins);
        }
        let layers = in_ranges(pool, network.blocks.len(), 1, |range| {
            attention_writes((weights, projections), trace, range.start, token)
        });
        for (layer, written) in layers.into_iter().enumerate() {
            for (component, vector) in written? {
                writes.push(2 * layer + 1, component, vector);
            }
            let at = |site| Site::Block(layer as u16, site);
            // What the engine adds, in its own order.
            let sum = |to: BlockSite, added: BlockSite| -> Result<Vec<f32>> {
                let (to, added) = (row(at(to))?, row(at(added))?);
                Ok(to.iter().zip(added).map(|(x, y)| x + y).collect())
            };
            let mid = at(BlockSite::ResidMid);
            if is_changed(&trace.edits, mid, token) {
                let made = sum(BlockSite::ResidPre, BlockSite::AttnOut)?;
                writes.push_edit(2 * layer + 1, mid, row(mid)?, &made);
            }
            let added = wide(row(at(BlockSite::MlpOut))?);
            writes.push(2 * layer + 2, Component::Mlp { layer }, added);
            if stream_behind(layer).into_iter().any(|site| is_changed(&trace.edits, site, token)) {
                let post = at(BlockSite::ResidPost);
                let made = sum(BlockSite::ResidMid, BlockSite::MlpOut)?;
                writes.push_edit(2 * layer + 2, post, row(post)?, &made);
            }
        }
        Ok(writes)
    }

    fn push(&mut self, depth: usize, component: Component, vector: Vec<f64>) {
        self.components.push((depth, component));
        self.vectors.extend(vector);
    }

    /// What edits made of the stream: what stands there less what was made. Nothing where both are the same.
    fn push_edit(&mut self, depth: usize, site: Site, stands: &[f32], made: &[f32]) {
        let added = stands.iter().zip(made).map(|(x, made)| f64::from(*x) - f64::from(*made));
        let added: Vec<f64> = added.collect();
        if added.iter().any(|x| *x != 0.0) {
            self.push(depth, Component::Edit { site }, added);
        }
    }

    /// What each of those that stand there at a depth adds along a direction.
    pub fn along(&self, direction: &[f64], depth: usize) -> Vec<(Component, f64)> {
        let written = self.components.iter().zip(self.vectors.chunks_exact(self.width));
        let there = written.filter(|((from, _), _)| *from <= depth);
        there.map(|((_, component), vector)| (*component, product(direction, vector))).collect()
    }
}

/// What each head of a layer adds to a token's stream, the biases, and what edits of either add.
fn attention_writes(
    (weights, projections): (&Weights, &MatrixCache),
    trace: &Trace,
    layer: usize,
    token: usize,
) -> Result<Vec<(Component, Vec<f64>)>> {
    let block = &weights.network().blocks[layer];
    let at = |site| Site::Block(layer as u16, site);
    let z = wide(required_capture(trace, at(BlockSite::Z))?.part(token));
    let width = block.output.outputs;
    let change = |site, width| RowChange::new(&trace.edits, at(site), token, width);
    let results = change(BlockSite::Result, block.attend.heads * width);
    let out = change(BlockSite::AttnOut, width);
    let (inner, head_dim) = (block.output.inputs, block.attend.head_dim);
    let matrix = projections.matrix(weights, block.output.weight);
    let mut heads = vec![Vec::with_capacity(block.output.outputs); block.attend.heads];
    for row in matrix.chunks_exact(inner) {
        let of_heads = row.chunks_exact(head_dim).zip(z.chunks_exact(head_dim));
        for (result, (row, z)) in heads.iter_mut().zip(of_heads) {
            result.push(dot(z, row));
        }
    }
    let mut added = vec![0.0; width];
    if let Some(change) = &results {
        let rows = change.factors.chunks_exact(width).zip(change.added.chunks_exact(width));
        for (result, (factors, more)) in heads.iter_mut().zip(rows) {
            result.iter_mut().zip(factors).for_each(|(x, factor)| *x *= factor);
            add_to(&mut added, more);
        }
    }
    let bias = block.output.bias.map(|id| wide(weights.rows(id)));
    let mut output = added;
    heads.iter().chain(&bias).for_each(|part| add_to(&mut output, part));
    let behind = PostNorm::new(weights, block.ln1_post.as_ref(), block.residual_factor, &output);
    heads.iter_mut().for_each(|result| {
        behind.apply(result);
        out.iter().for_each(|change| change.leave(result));
    });
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
    written.extend(together.map(|mut bias| {
        out.iter().for_each(|change| change.leave(&mut bias));
        (Component::AttentionBias { layer }, bias)
    }));
    if [results, out].iter().flatten().any(RowChange::adds) {
        let mut left = wide(required_capture(trace, at(BlockSite::AttnOut))?.part(token));
        for (_, vector) in &written {
            left.iter_mut().zip(vector).for_each(|(left, x)| *left -= x);
        }
        written.push((Component::Edit { site: at(BlockSite::AttnOut) }, left));
    }
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
