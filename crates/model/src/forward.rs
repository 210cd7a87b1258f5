//! The one forward pass: a decoder-only transformer, recorded as a program of about a dozen operations.

use lookback_files::Result;

use crate::{
    Activation, Attend, Block, BlockOrder, BlockSite, ElementType, ExpertLinears, FeedForward,
    Head, Linear, Mixture, Mlp, Network, Norm, Op, PassVariant, Program, Rotary, Routing, RowKind,
    Site, Step, Value, ValueId, WeightId,
};

/// Which rows' logits a program computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// Every token's.
    All,
    /// Those that are listed in `Batch::logit_rows`.
    LogitRows,
}

/// The pass from ids to logits.
pub fn logits(network: &Network, rows: Rows) -> Program {
    record_logits(network, rows, PassVariant::default())
}

/// The same of a variant.
///
/// # Errors
/// When the network does not have the variant.
pub fn logits_of_variant(network: &Network, rows: Rows, variant: PassVariant) -> Result<Program> {
    variant.check(network)?;
    Ok(record_logits(network, rows, variant))
}

fn record_logits(network: &Network, rows: Rows, variant: PassVariant) -> Program {
    let mut build = Builder::default();
    let x = record_residual_stream(network, variant, &mut build, rows);
    let logits = build.logits(x, &network.head);
    build.site(Site::Logits, logits);
    build.0
}

/// The pass from ids to the cross-entropy of every token.
pub fn loss(network: &Network) -> Program {
    record_loss(network, PassVariant::default())
}

/// The same of a variant.
///
/// # Errors
/// As of [`logits_of_variant`].
pub fn loss_of_variant(network: &Network, variant: PassVariant) -> Result<Program> {
    variant.check(network)?;
    Ok(record_loss(network, variant))
}

fn record_loss(network: &Network, variant: PassVariant) -> Program {
    let mut build = Builder::default();
    let x = record_residual_stream(network, variant, &mut build, Rows::All);
    build.loss(x, &network.head);
    build.0
}

/// Everything before the logits: the embedding, the blocks, which add to it, and the final norm.
fn record_residual_stream(
    network: &Network,
    variant: PassVariant,
    build: &mut Builder,
    rows: Rows,
) -> ValueId {
    let width = network.config.width;
    let mut x = build.embed(network.embed, network.head.linear.inputs, Program::IDS);
    if let Some([into, _]) = network.projections {
        [x] = build.linear(x, [into]);
    }
    let mut x = build.scale(x, network.config.embedding_factor);
    build.site(Site::Embed, x);
    if let Some(table) = network.positions.filter(|_| !variant.no_position) {
        let positions = build.embed(table, width, Program::POSITIONS);
        build.site(Site::PosEmbed, positions);
        x = build.add(x, positions);
    }
    x = build.maybe_norm(x, network.ln_embed.as_ref());
    for (layer, block) in network.blocks.iter().enumerate() {
        x = record_block(block, layer as u16, variant, build, x);
    }
    if rows == Rows::LogitRows {
        x = build.select(x);
    }
    let mut x = build.norm(x, &network.ln_final);
    build.site(Site::LnFinal, x);
    if let Some([_, out]) = network.projections {
        [x] = build.linear(x, [out]);
    }
    x
}

/// One block: attention moves information between positions, the MLP works on each.
fn record_block(
    block: &Block,
    layer: u16,
    variant: PassVariant,
    build: &mut Builder,
    x: ValueId,
) -> ValueId {
    use BlockSite as B;
    let at = |site| Site::Block(layer, site);

    build.site(at(B::ResidPre), x);
    let normed = build.maybe_norm(x, block.ln1.as_ref());
    build.site(at(B::Ln1), normed);
    let [mut q, mut k, mut v] = if variant.plain_attention {
        // Three values, so that each is a site of its own.
        [(); 3].map(|()| build.copy(normed))
    } else {
        build.linear(normed, block.qkv)
    };
    let is_made = !variant.plain_attention;
    let bound = block.qkv_bound.filter(|_| is_made);
    v = build.clamp(v, bound);
    build.site(at(B::Q), q);
    build.site(at(B::K), k);
    build.site(at(B::V), v);
    if let Some([q_norm, k_norm]) = block.query_key_norms.as_ref().filter(|_| is_made) {
        [q, k] = [build.norm(q, q_norm), build.norm(k, k_norm)];
    }
    [q, k] = [build.clamp(q, bound), build.clamp(k, bound)];
    let is_rotated = is_made && !variant.no_position;
    if let Some(rotary) = block.rotary.as_ref().filter(|_| is_rotated) {
        [q, k] = [build.rotate(q, rotary), build.rotate(k, rotary)];
    }
    build.site(at(B::RotQ), q);
    build.site(at(B::RotK), k);
    let z = build.attend([q, k, v], &variant.attend(&block.attend));
    build.site(at(B::Z), z);
    let [out] = build.linear(z, [block.output]);
    let out = build.maybe_norm(out, block.ln1_post.as_ref());
    let out = build.scale(out, block.residual_factor);
    build.site(at(B::AttnOut), out);
    let entering = x;
    let x = build.add(x, out);
    let x = build.maybe_norm(x, block.ln_resid_mid.as_ref());
    build.site(at(B::ResidMid), x);

    let normed = match block.order {
        BlockOrder::Sequential => build.maybe_norm(x, block.ln2.as_ref()),
        BlockOrder::Parallel => build.maybe_norm(entering, block.ln2.as_ref()),
        BlockOrder::ParallelSharedNorm => normed,
    };
    build.site(at(B::Ln2), normed);
    let out = match &block.mlp {
        FeedForward::Dense(mlp) => record_mlp(mlp, layer, build, normed),
        FeedForward::Mixture(mixture) => record_mixture(mixture, layer, build, normed),
    };
    let out = build.maybe_norm(out, block.ln2_post.as_ref());
    let out = build.scale(out, block.residual_factor);
    build.site(at(B::MlpOut), out);
    let x = build.add(x, out);
    let x = build.maybe_norm(x, block.ln_resid_post.as_ref());
    build.site(at(B::ResidPost), x);
    x
}

/// The MLP: up to the hidden units, through the activation, and down again.
fn record_mlp(mlp: &Mlp, layer: u16, build: &mut Builder, x: ValueId) -> ValueId {
    use BlockSite as B;
    let at = |site| Site::Block(layer, site);

    let (pre, pre_linear) = match mlp.gate {
        Some(gate) => {
            let [pre, pre_linear] = build.linear(x, [gate, mlp.up]);
            (pre, Some(pre_linear))
        }
        None => {
            let [pre] = build.linear(x, [mlp.up]);
            (pre, None)
        }
    };
    build.site(at(B::MlpPre), pre);
    if let Some(pre_linear) = pre_linear {
        build.site(at(B::MlpPreLinear), pre_linear);
    }
    let post = build.activate(pre, pre_linear, mlp.activation);
    build.site(at(B::MlpPost), post);
    let [out] = build.linear(post, [mlp.down]);
    out
}

/// A mixture of experts: the same of those that the router chooses for each token, and their weighted sum.
fn record_mixture(mixture: &Mixture, layer: u16, build: &mut Builder, x: ValueId) -> ValueId {
    use BlockSite as B;
    let at = |site| Site::Block(layer, site);

    let [logits] = build.linear(x, [mixture.router]);
    build.site(at(B::RouterLogits), logits);
    let [weights, indices] = build.route(logits, mixture);
    build.site(at(B::ExpertWeights), weights);
    build.site(at(B::ExpertIndices), indices);
    let activation = mixture.experts[0].activation;
    let (pre, pre_linear) = match mixture.experts[0].gate {
        Some(_) => {
            let branches: [fn(&Mlp) -> Option<Linear>; 2] = [|mlp| mlp.gate, |mlp| Some(mlp.up)];
            let [pre, pre_linear] = build.experts(x, indices, mixture, branches);
            (pre, Some(pre_linear))
        }
        None => {
            let [pre] = build.experts(x, indices, mixture, [|mlp: &Mlp| Some(mlp.up)]);
            (pre, None)
        }
    };
    build.site(at(B::MlpPre), pre);
    if let Some(pre_linear) = pre_linear {
        build.site(at(B::MlpPreLinear), pre_linear);
    }
    let post = build.activate(pre, pre_linear, activation);
    build.site(at(B::MlpPost), post);
    let [outputs] = build.experts(post, indices, mixture, [|mlp: &Mlp| Some(mlp.down)]);
    let width = mixture.router.inputs;
    build.step(Op::Combine, [outputs, weights], width)
}

/// Records steps; each method returns the ids of the values that its step will compute.
#[derive(Debug, Default)]
struct Builder(Program);

impl Builder {
    /// A step that makes one value of this width, with the rows of the first value that it reads.
    fn step(&mut self, op: Op, inputs: impl Into<Vec<ValueId>>, width: usize) -> ValueId {
        let inputs = inputs.into();
        let rows = self.0.value(inputs[0]).rows;
        self.step_of(op, inputs, width, rows)
    }

    fn step_of(
        &mut self,
        op: Op,
        inputs: impl Into<Vec<ValueId>>,
        width: usize,
        rows: RowKind,
    ) -> ValueId {
        let output = self.0.new_value(width, rows);
        self.0.steps.push(Step { op, inputs: inputs.into(), outputs: vec![output] });
        output
    }

    fn width(&self, x: ValueId) -> usize {
        self.0.value(x).width
    }

    fn site(&mut self, site: Site, x: ValueId) {
        self.0.sites.push((site, x));
    }

    fn embed(&mut self, table: WeightId, width: usize, indices: ValueId) -> ValueId {
        self.step(Op::Embed(table), [indices], width)
    }

    fn norm(&mut self, x: ValueId, norm: &Norm) -> ValueId {
        self.step(Op::Norm(*norm), [x], self.width(x))
    }

    /// The same rows where there is no norm.
    fn maybe_norm(&mut self, x: ValueId, norm: Option<&Norm>) -> ValueId {
        norm.map_or(x, |norm| self.norm(x, norm))
    }

    /// The same rows where the factor is 1.
    fn scale(&mut self, x: ValueId, factor: f32) -> ValueId {
        if factor == 1.0 { x } else { self.step(Op::Scale(factor), [x], self.width(x)) }
    }

    /// The same rows where there is no bound.
    fn clamp(&mut self, x: ValueId, bound: Option<f32>) -> ValueId {
        bound.map_or(x, |bound| self.step(Op::Clamp(bound), [x], self.width(x)))
    }

    /// The same rows as another value.
    fn copy(&mut self, x: ValueId) -> ValueId {
        self.step(Op::Scale(1.0), [x], self.width(x))
    }

    /// Several linear layers on the same rows are one step.
    fn linear<const N: usize>(&mut self, x: ValueId, layers: [Linear; N]) -> [ValueId; N] {
        let rows = self.0.value(x).rows;
        let outputs = layers.map(|layer| self.0.new_value(layer.outputs, rows));
        let op = Op::Linear(layers.to_vec());
        self.0.steps.push(Step { op, inputs: vec![x], outputs: outputs.to_vec() });
        outputs
    }

    fn rotate(&mut self, x: ValueId, rotary: &Rotary) -> ValueId {
        self.step(Op::Rotate(rotary.clone()), [x], self.width(x))
    }

    fn attend(&mut self, qkv: [ValueId; 3], attend: &Attend) -> ValueId {
        let Value { width, rows, .. } = self.0.value(qkv[0]);
        let z = self.0.new_value(width, rows);
        let log_sum_exp = self.0.new_value(attend.heads, rows);
        let op = Op::Attend(*attend);
        self.0.steps.push(Step { op, inputs: qkv.to_vec(), outputs: vec![z, log_sum_exp] });
        z
    }

    fn activate(
        &mut self,
        pre: ValueId,
        pre_linear: Option<ValueId>,
        activation: Activation,
    ) -> ValueId {
        let inputs: Vec<ValueId> = [pre].into_iter().chain(pre_linear).collect();
        self.step(Op::Activate(activation), inputs, self.width(pre))
    }

    /// The weights and the indices of the chosen experts.
    fn route(&mut self, logits: ValueId, mixture: &Mixture) -> [ValueId; 2] {
        let Value { width: experts, rows, .. } = self.0.value(logits);
        let (chosen, weighting) = (mixture.chosen, mixture.weighting);
        let outputs = [ElementType::F32, ElementType::U32]
            .map(|element| self.0.new_value_of(element, chosen, rows));
        let op = Op::Route(Routing { experts, chosen, weighting });
        self.0.steps.push(Step { op, inputs: vec![logits], outputs: outputs.to_vec() });
        outputs
    }

    /// The linear layers of the chosen experts, of which `branches` says which.
    fn experts<const N: usize>(
        &mut self,
        x: ValueId,
        indices: ValueId,
        mixture: &Mixture,
        branches: [impl Fn(&Mlp) -> Option<Linear>; N],
    ) -> [ValueId; N] {
        let Mixture { experts, chosen, .. } = mixture;
        let rows = self.0.value(x).rows;
        let mut layers = Vec::with_capacity(N * experts.len());
        let outputs = branches.map(|branch| {
            layers.extend(experts.iter().filter_map(branch));
            let width = layers.last().map_or(0, |layer: &Linear| layer.outputs);
            self.0.new_value(chosen * width, rows)
        });
        let op = Op::Experts(ExpertLinears { layers, experts: experts.len(), chosen: *chosen });
        self.0.steps.push(Step { op, inputs: vec![x, indices], outputs: outputs.to_vec() });
        outputs
    }

    fn add(&mut self, x: ValueId, y: ValueId) -> ValueId {
        self.step(Op::Add, [x, y], self.width(x))
    }

    fn select(&mut self, x: ValueId) -> ValueId {
        self.step_of(Op::Select, [x], self.width(x), RowKind::LogitRows)
    }

    fn logits(&mut self, x: ValueId, head: &Head) -> ValueId {
        self.step(Op::Logits(*head), [x], head.linear.outputs)
    }

    fn loss(&mut self, x: ValueId, head: &Head) -> ValueId {
        self.step(Op::Loss(*head), [x], 1)
    }
}
