//! A pass with its patterns, the scales of its norms and its choice of experts held fixed: linear from stream
//! to stream but for the activations of MLPs, so that a direction can be followed backwards.
//!
//! ```text
//! through head h, from token t to source s:  direction_s = A[h, t, s] · ln1ᵀ W_Vᵀ W_Oᵀ ln1_postᵀ direction_t
//! through an MLP, by its slope at the token: direction   = ln2ᵀ (W_gateᵀ ∂pre + W_upᵀ ∂linear) W_downᵀ ln2_postᵀ direction
//! ```
//! All is f64 over the engine's own weights, patterns, values and streams. Read `unfolding` next.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, sync::Arc};

use lookback_engine::{ThreadPool, Weights, activation_slopes};
use lookback_files::Result;
use lookback_model::{
    BlockOrder, BlockSite, Config, Edits, Linear, Mlp, Network, Norm, Site, WeightId,
};

use super::{
    known_pass::KNOWN_SITES,
    matrix_cache::MatrixCache,
    options::WhyOptions,
    pattern_rows::PatternRows,
    writes::{Writes, add_to, product, wide},
};
use crate::{
    Trace,
    frozen_norm::dot,
    logit_attribution::stream_begins,
    post_norm::PostNorm,
    row_change::{RowChange, is_changed},
    source_contributions::{head_slice, is_visible, key_head, required_capture},
};

/// Bytes of the matrices of MLPs that are kept for one question.
const MAX_KEPT: usize = 512 << 20;

/// A direction in the residual stream at a place: what is read there is its product with the stream.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    /// `[width]`
    pub direction: Rc<Vec<f64>>,
    pub token: usize,
    /// What stands in the stream: see [`Writes`].
    pub depth: usize,
    /// What is read whatever the stream holds.
    pub bias: f64,
}

/// A pass held fixed.
pub(super) struct FrozenPass<'a> {
    weights: &'a Weights,
    pool: &'a ThreadPool,
    trace: &'a Trace,
    patterns: PatternRows<'a>,
    writes: RefCell<BTreeMap<usize, Rc<Writes>>>,
    /// The projections of values and of what attention gives, which all questions read.
    projections: &'a MatrixCache,
    /// The matrices of MLPs, for this question alone: there is much more of them.
    of_mlps: MatrixCache,
}

impl<'a> FrozenPass<'a> {
    /// The sites that are read for the sum, and for what else is asked.
    pub fn sites(config: &Config, edits: &Edits, options: &WhyOptions) -> Vec<Site> {
        use BlockSite as B;
        let mut sites = stream_begins(config, edits.variant());
        for layer in 0..config.layers {
            let mut block = vec![B::Z, B::MlpOut];
            if !edits.is_empty() {
                block.extend([B::ResidPre, B::AttnOut, B::ResidMid, B::ResidPost]);
            }
            block.extend((layer + 1 == config.layers).then_some(B::ResidPost));
            if options.unfold.is_some() {
                block.extend(KNOWN_SITES);
                // Without a mask no token goes on behind others.
                block.extend(edits.variant().no_mask.then_some(B::Pattern));
            }
            // Of many tokens what stands in MLPs is most of a pass.
            let opens_mlps = options.unfold.is_some_and(|unfold| unfold.through_mlps);
            if opens_mlps {
                block.extend([B::ResidMid, B::MlpPre]);
                block.extend(config.gated.then_some(B::MlpPreLinear));
            }
            if opens_mlps || options.neurons > 0 {
                block.push(B::MlpPost);
                let is_mixture = config.layer_mixture(layer).is_some();
                block.extend(
                    [B::ExpertWeights, B::ExpertIndices].into_iter().filter(|_| is_mixture),
                );
            }
            sites.extend(block.into_iter().map(|site| Site::Block(layer as u16, site)));
        }
        sites
    }

    /// Of a pass that was traced. Projections of its attention are kept for others.
    pub fn new(
        weights: &'a Weights,
        pool: &'a ThreadPool,
        trace: &'a Trace,
        projections: &'a MatrixCache,
    ) -> Self {
        let (writes, of_mlps) = (RefCell::default(), MatrixCache::new(MAX_KEPT));
        let patterns = PatternRows::new(weights, pool, trace);
        Self { weights, pool, trace, patterns, writes, projections, of_mlps }
    }

    /// What edits do to the row of a token at a site of a block.
    pub fn change(
        &self,
        layer: usize,
        site: BlockSite,
        token: usize,
        width: usize,
    ) -> Option<RowChange> {
        RowChange::new(&self.trace.edits, Site::Block(layer as u16, site), token, width)
    }

    /// Whether edits change what stands between what one of these sites reads and what it makes of it at a token,
    /// so that what it made is not followed further back.
    fn is_cut(&self, layer: usize, sites: &[BlockSite], token: usize) -> bool {
        let is_at = |site: &BlockSite| {
            is_changed(&self.trace.edits, Site::Block(layer as u16, *site), token)
        };
        sites.iter().any(is_at)
    }

    /// Whether a head's part is what its sources give, through the output projection.
    pub fn opens_head(&self, layer: usize, token: usize) -> bool {
        !self.is_cut(layer, &[BlockSite::Result, BlockSite::AttnOut], token)
    }

    /// Whether a source's value is what the projection made of its stream.
    pub fn opens_source(&self, layer: usize, source: usize) -> bool {
        !self.is_cut(layer, &[BlockSite::Ln1, BlockSite::V], source)
    }

    /// Whether an MLP's part is what it made of what it read.
    pub fn opens_mlp(&self, layer: usize, token: usize) -> bool {
        use BlockSite as B;
        let within = [B::Ln2, B::RouterLogits, B::ExpertWeights, B::MlpPre, B::MlpPreLinear];
        let cut = self.is_cut(layer, &within, token);
        !cut && !self.is_cut(layer, &[B::MlpPost, B::MlpOut], token)
    }

    pub fn network(&self) -> &'a Network {
        self.weights.network()
    }

    /// What was written into a token's stream.
    pub fn writes(&self, token: usize) -> Result<Rc<Writes>> {
        if let Some(writes) = self.writes.borrow().get(&token) {
            return Ok(writes.clone());
        }
        let from = (self.weights, self.projections);
        let writes = Rc::new(Writes::new(from, self.pool, self.trace, token)?);
        self.writes.borrow_mut().insert(token, writes.clone());
        Ok(writes)
    }

    /// A direction behind a head's output projection, in its z: `[head_dim]`.
    pub fn z_direction(&self, reading: &Reading, layer: usize, head: usize) -> Result<Vec<f64>> {
        let block = &self.network().blocks[layer];
        let mut direction = reading.direction.to_vec();
        let matrix = self.projection(block.output.weight);
        let inner = block.output.inputs;
        if let Some(norm) = &block.ln1_post {
            let z = wide(self.row(layer, BlockSite::Z, reading.token)?);
            let mut output: Vec<f64> = matrix.chunks_exact(inner).map(|row| dot(&z, row)).collect();
            self.bias(&block.output).iter().for_each(|bias| add_to(&mut output, bias));
            let behind = PostNorm::new(self.weights, Some(norm), block.residual_factor, &output);
            direction = behind.pull_back(&direction);
        } else {
            let factor = f64::from(block.residual_factor);
            direction.iter_mut().for_each(|x| *x *= factor);
        }
        let head_dim = block.attend.head_dim;
        let mut in_z = vec![0.0; head_dim];
        for (row, x) in matrix.chunks_exact(inner).zip(&direction) {
            add_scaled(&mut in_z, *x, &row[head * head_dim..(head + 1) * head_dim]);
        }
        Ok(in_z)
    }

    /// What each visible source gives along a direction in a head's z: weight × value.
    pub fn sources(
        &self,
        [layer, head, token]: [usize; 3],
        in_z: &[f64],
    ) -> Result<Vec<(usize, f64)>> {
        let attend = &self.trace.edits.variant().attend(&self.network().blocks[layer].attend);
        let v = required_capture(self.trace, Site::Block(layer as u16, BlockSite::V))?;
        let weights = self.patterns.row(layer, head, token)?;
        let is_seen = |source: &usize| is_visible(attend, token, *source);
        let visible = (0..weights.len()).filter(is_seen);
        let given = visible.map(|source| {
            let value = head_slice(v, source, key_head(attend, head), attend.head_dim);
            (source, f64::from(weights[source]) * dot(in_z, value))
        });
        Ok(given.collect())
    }

    /// A direction in a head's z, in the stream of one source token, weighted.
    pub fn source_reading(
        &self,
        [layer, head, token]: [usize; 3],
        source: usize,
        in_z: &[f64],
    ) -> Result<Reading> {
        let block = &self.network().blocks[layer];
        let attend = &block.attend;
        let weight = f64::from(self.patterns.row(layer, head, token)?[source]);
        let values = &block.qkv[2];
        let rows = key_head(attend, head) * attend.head_dim;
        let matrix = self.projection(values.weight);
        let mut normed = vec![0.0; values.inputs];
        let head_rows = matrix.chunks_exact(values.inputs).skip(rows);
        let biases = values.bias.map(|id| &self.weights.rows(id)[rows..rows + attend.head_dim]);
        let value = &self.row(layer, BlockSite::V, source)?[rows..rows + attend.head_dim];
        let mut bias = 0.0;
        for (dimension, (row, x)) in head_rows.zip(in_z).enumerate() {
            // A value at its bound is the bound, whatever the stream holds.
            if block.qkv_bound.is_some_and(|bound| value[dimension].abs() >= bound) {
                bias += weight * x * f64::from(value[dimension]);
                continue;
            }
            add_scaled(&mut normed, weight * x, row);
            bias += weight * x * biases.map_or(0.0, |biases| f64::from(biases[dimension]));
        }
        let stream = self.row(layer, BlockSite::ResidPre, source)?;
        let mut reading = self.before_norm(block.ln1.as_ref(), normed, stream);
        (reading.token, reading.depth) = (source, 2 * layer);
        reading.bias += bias;
        Ok(reading)
    }

    /// A direction behind an MLP, in the stream that it reads, by its slope at the token. The bias is what
    /// its tangent leaves out, so that `reading · stream + bias` is what the MLP adds.
    pub fn mlp_reading(&self, reading: &Reading, layer: usize, added: f64) -> Result<Reading> {
        let block = &self.network().blocks[layer];
        let token = reading.token;
        let worked = self.worked(layer, token)?;
        let hidden = self.hidden_direction(reading, layer)?;
        let pre = self.row(layer, BlockSite::MlpPre, token)?;
        let linear = match self.network().config.gated {
            true => Some(self.row(layer, BlockSite::MlpPreLinear, token)?),
            false => None,
        };
        let each = worked[0].0.down.inputs;
        let mut normed = vec![0.0; worked[0].0.up.inputs];
        let kind = worked[0].0.activation;
        let slopes = activation_slopes(kind, pre, linear);
        for (slot, (mlp, _)) in worked.iter().enumerate() {
            let units = slot * each..(slot + 1) * each;
            let into = mlp.gate.as_ref().unwrap_or(&mlp.up);
            self.pull_units(into, &hidden[units.clone()], &slopes.pre[units.clone()], &mut normed);
            if let (Some(_), Some(slopes)) = (&mlp.gate, &slopes.linear) {
                self.pull_units(&mlp.up, &hidden[units.clone()], &slopes[units], &mut normed);
            }
        }
        let (norm, site, depth) = match block.order {
            BlockOrder::Sequential => (&block.ln2, BlockSite::ResidMid, 2 * layer + 1),
            BlockOrder::Parallel => (&block.ln2, BlockSite::ResidPre, 2 * layer),
            BlockOrder::ParallelSharedNorm => (&block.ln1, BlockSite::ResidPre, 2 * layer),
        };
        let stream = self.row(layer, site, token)?;
        let mut through = self.before_norm(norm.as_ref(), normed, stream);
        (through.token, through.depth) = (token, depth);
        through.bias = added - dot(&through.direction, stream);
        Ok(through)
    }

    /// A direction behind an MLP, in its units at the token, `[units]`: of a mixture those of the chosen
    /// experts, weighted.
    pub fn hidden_direction(&self, reading: &Reading, layer: usize) -> Result<Vec<f64>> {
        let block = &self.network().blocks[layer];
        let token = reading.token;
        let worked = self.worked(layer, token)?;
        let each = worked[0].0.down.inputs;
        let behind = match &block.ln2_post {
            None => PostNorm::new(self.weights, None, block.residual_factor, &reading.direction),
            norm => {
                let post = wide(self.row(layer, BlockSite::MlpPost, token)?);
                let mut output = vec![0.0; reading.direction.len()];
                for ((mlp, weight), post) in worked.iter().zip(post.chunks_exact(each)) {
                    let matrix = self.matrix_of_mlp(mlp.down.weight);
                    let rows = output.iter_mut().zip(matrix.chunks_exact(each));
                    rows.for_each(|(sum, row)| *sum += weight * dot(post, row));
                    let bias = self.bias(&mlp.down);
                    let bias = bias.iter().flatten();
                    output.iter_mut().zip(bias).for_each(|(sum, bias)| *sum += weight * bias);
                }
                PostNorm::new(self.weights, norm.as_ref(), block.residual_factor, &output)
            }
        };
        let direction = behind.pull_back(&reading.direction);
        let mut hidden = vec![0.0; each * worked.len()];
        for ((mlp, weight), hidden) in worked.iter().zip(hidden.chunks_exact_mut(each)) {
            let matrix = self.matrix_of_mlp(mlp.down.weight);
            for (row, x) in matrix.chunks_exact(each).zip(&direction) {
                add_scaled(hidden, weight * x, row);
            }
        }
        Ok(hidden)
    }

    /// The MLPs that worked on a token, each with its weight.
    pub fn worked(&self, layer: usize, token: usize) -> Result<Vec<(&'a Mlp, f64)>> {
        let mlp = &self.network().blocks[layer].mlp;
        if mlp.mixture().is_none() {
            return Ok(mlp.mlps().iter().map(|mlp| (mlp, 1.0)).collect());
        }
        let indices = self.row(layer, BlockSite::ExpertIndices, token)?;
        let weights = self.row(layer, BlockSite::ExpertWeights, token)?;
        let chosen = indices.iter().zip(weights);
        Ok(chosen.map(|(&at, &weight)| (&mlp.mlps()[at as usize], f64::from(weight))).collect())
    }

    /// A row of a site of a block.
    pub fn row(&self, layer: usize, site: BlockSite, token: usize) -> Result<&'a [f32]> {
        Ok(required_capture(self.trace, Site::Block(layer as u16, site))?.part(token))
    }

    /// Adds the directions of units, through their slopes, in what the layer reads.
    fn pull_units(&self, layer: &Linear, hidden: &[f64], slopes: &[f32], sum: &mut [f64]) {
        let matrix = self.matrix_of_mlp(layer.weight);
        let rows = matrix.chunks_exact(layer.inputs);
        for (row, (x, &slope)) in rows.zip(hidden.iter().zip(slopes)) {
            add_scaled(sum, x * f64::from(slope), row);
        }
    }

    /// A direction behind a norm, before it, with the norm as it was for this stream.
    fn before_norm(&self, norm: Option<&Norm>, direction: Vec<f64>, stream: &[f32]) -> Reading {
        let (token, depth) = (0, 0);
        let Some(norm) = norm else {
            return Reading { direction: Rc::new(direction), token, depth, bias: 0.0 };
        };
        let frozen = PostNorm::new(self.weights, Some(norm), 1.0, &wide(stream));
        let bias = frozen.bias.as_ref().map_or(0.0, |bias| product(&direction, bias));
        Reading { direction: Rc::new(frozen.pull_back(&direction)), token, depth, bias }
    }

    fn bias(&self, linear: &Linear) -> Option<Vec<f64>> {
        linear.bias.map(|id| wide(self.weights.rows(id)))
    }

    fn projection(&self, id: WeightId) -> Arc<Vec<f32>> {
        self.projections.matrix(self.weights, id)
    }

    fn matrix_of_mlp(&self, id: WeightId) -> Arc<Vec<f32>> {
        self.of_mlps.matrix(self.weights, id)
    }
}

/// sum += factor · row
fn add_scaled(sum: &mut [f64], factor: f64, row: &[f32]) {
    sum.iter_mut().zip(row).for_each(|(sum, &x)| *sum += factor * f64::from(x));
}
