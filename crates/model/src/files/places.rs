//! Where the weights of a network stand in a file: a walk over it with a family's table of names.

use super::names::{ExpertLayout, ExpertNames, FusedQkv, Layout, Names};
use crate::{
    Block, BlockOrder, FeedForward, Linear, Mixture, Mlp, Network, Norm, NormPlacement, WeightId,
};

/// Where a weight stands in a file.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub id: WeightId,
    /// Without the prefix.
    pub name: String,
    /// Which outputs of the stored tensor are this weight's.
    pub rows: Rows,
    /// Which row of the weight it is, where each stands in a tensor of its own.
    pub row: Option<usize>,
    /// How many outputs the stored tensor has.
    pub outputs: usize,
    /// How many matrices the stored tensor is a stack of, one for each expert, if it is one.
    pub stacked: Option<usize>,
    /// `None` of a vector.
    pub inner: Option<usize>,
    /// Whether it is stored as `[inner, outputs]`.
    pub is_transposed: bool,
    /// Whether it is stored less 1.
    pub is_less_one: bool,
}

/// Which rows of a stored tensor are those of a weight, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rows {
    /// How many there are.
    pub len: usize,
    /// The first of them.
    pub first: usize,
    /// Rows that stand side by side.
    pub together: usize,
    /// From the first of these to the first of the next.
    pub stride: usize,
    /// Where neighbours are rotated together: dimensions of a head, and those of them that are rotated.
    pub pairs: Option<[usize; 2]>,
}

impl Rows {
    /// Rows that all stand side by side.
    fn side_by_side(first: usize, len: usize) -> Self {
        Self { len, first, together: len.max(1), stride: len, pairs: None }
    }

    /// The stored row of a row of the weight.
    pub fn stored(&self, row: usize) -> usize {
        let row = match self.pairs {
            Some([head_dim, rotary_dim]) if row % head_dim < rotary_dim => {
                let (head, dim, half) = (row / head_dim, row % head_dim, rotary_dim / 2);
                head * head_dim + 2 * (dim % half) + dim / half
            }
            _ => row,
        };
        self.first + row / self.together * self.stride + row % self.together
    }

    /// Whether they stand side by side, in their order.
    pub fn are_contiguous(&self) -> bool {
        self.pairs.is_none() && self.together >= self.len
    }
}

impl Place {
    /// The shape that the stored tensor has.
    pub fn shape(&self) -> Vec<usize> {
        let mut shape = match (self.inner, self.is_transposed) {
            (None, _) => vec![self.outputs],
            (Some(inner), true) => vec![inner, self.outputs],
            (Some(inner), false) => vec![self.outputs, inner],
        };
        if let Some(stacked) = self.stacked {
            let outputs = if self.is_transposed { 1 } else { 0 };
            shape[outputs] /= stacked;
            shape.insert(0, stacked);
        }
        shape
    }

    /// Outputs of one of the matrices that the stored tensor is a stack of.
    pub fn outputs_of_one(&self) -> usize {
        self.outputs / self.stacked.unwrap_or(1)
    }

    /// Elements of the stored tensor.
    pub fn stored_elements(&self) -> usize {
        self.outputs * self.inner.unwrap_or(1)
    }
}

impl Names {
    /// The place of every weight that files hold, the weights of one tensor side by side.
    pub(super) fn places(&self, network: &Network) -> Vec<Place> {
        let config = &network.config;
        let mut places = Places {
            places: Vec::new(),
            is_less_one: self.norms_less_one,
            has_norm_weights: config.has_norm_weights,
        };
        places.table(network.embed, self.embed, network.weight(network.embed).shape, 0);
        for (linear, name) in network.projections.iter().flatten().zip(self.projections) {
            places.linears(&[linear], name, Layout::Rows);
        }
        if let Some(positions) = network.positions {
            let shape = [config.context, config.width];
            places.table(positions, self.positions, shape, self.rows_before_positions);
        }
        places.norm(network.ln_embed.as_ref(), self.ln_embed);
        for (layer, block) in network.blocks.iter().enumerate() {
            let name = |part: &str| format!("{}.{layer}.{part}", self.block);
            let [ln1, ln2] = match self.parallel_norms {
                Some(norms) if block.order == BlockOrder::Parallel => norms,
                _ => [self.ln1, self.ln2],
            };
            places.norm(block.ln1.as_ref(), &name(ln1));
            places.qkv(self, block, &name);
            for (norm, part) in block.query_key_norms.iter().flatten().zip(self.query_key_norms) {
                places.query_key_norm(norm, &name(part), self.head_norms);
            }
            places.linears(&[&block.output], &name(self.output), self.matrices);
            if let Some(sinks) = block.attend.sinks {
                places.vector(sinks, name(self.sinks), block.attend.heads, false);
            }
            places.norm(block.ln1_post.as_ref(), &name(self.ln1_post));
            places.norm(block.ln_resid_mid.as_ref(), &name(ln1));
            places.norm(block.ln2.as_ref(), &name(ln2));
            match &block.mlp {
                FeedForward::Dense(mlp) => places.mlp(mlp, self, &name),
                FeedForward::Mixture(mixture) => {
                    places.mixture(mixture, &self.experts, &name, self.matrices);
                }
            }
            places.norm(block.ln2_post.as_ref(), &name(self.ln2_post));
            places.norm(block.ln_resid_post.as_ref(), &name(ln2));
        }
        let last = format!("{}.{}.{}", self.block, config.layers - 1, self.ln2);
        let is_on_stream = config.norm_placement == NormPlacement::Stream;
        places.norm(Some(&network.ln_final), if is_on_stream { &last } else { self.ln_final });
        let head = &network.head.linear;
        if config.tied {
            places.bias(head, self.head);
        } else {
            places.linears(&[head], self.head, Layout::Rows);
        }
        places.places
    }
}

/// One of the linear layers of an expert.
type Branch = fn(&Mlp) -> Option<&Linear>;

struct Places {
    places: Vec<Place>,
    is_less_one: bool,
    has_norm_weights: bool,
}

impl Places {
    fn table(&mut self, id: WeightId, stem: &str, [len, inner]: [usize; 2], before: usize) {
        self.places.push(Place {
            id,
            name: format!("{stem}.weight"),
            rows: Rows::side_by_side(before, len),
            row: None,
            outputs: before + len,
            inner: Some(inner),
            stacked: None,
            is_transposed: false,
            is_less_one: false,
        });
    }

    fn vector(&mut self, id: WeightId, name: String, len: usize, is_less_one: bool) {
        self.places.push(Place {
            id,
            name,
            rows: Rows::side_by_side(0, len),
            row: None,
            outputs: len,
            inner: None,
            stacked: None,
            is_transposed: false,
            is_less_one,
        });
    }

    fn norm(&mut self, norm: Option<&Norm>, stem: &str) {
        let Some(norm) = norm.filter(|_| self.has_norm_weights) else { return };
        self.vector(norm.weight, format!("{stem}.weight"), norm.width, self.is_less_one);
        if let Some(bias) = norm.bias {
            self.vector(bias, format!("{stem}.bias"), norm.width, false);
        }
    }

    /// A norm of queries or keys, whose heads may have weights of their own.
    fn query_key_norm(&mut self, norm: &Norm, stem: &str, head_norms: &str) {
        let Some(heads) = norm.heads else { return self.norm(Some(norm), stem) };
        if head_norms.is_empty() {
            return self.table(norm.weight, stem, [heads, norm.width], 0);
        }
        for head in 0..heads {
            let name = format!("{stem}.{head_norms}.{head}.weight");
            self.vector(norm.weight, name, norm.width, self.is_less_one);
            self.places.last_mut().expect("it was put there").row = Some(head);
        }
    }

    fn bias(&mut self, linear: &Linear, stem: &str) {
        if let Some(bias) = linear.bias {
            self.vector(bias, format!("{stem}.bias"), linear.outputs, false);
        }
    }

    fn qkv(&mut self, names: &Names, block: &Block, name: &impl Fn(&str) -> String) {
        let [q, k, v] = &block.qkv;
        let head_dim = block.attend.head_dim;
        let rotary_dim = block.rotary.as_ref().map_or(head_dim, |rotary| rotary.rotary_dim);
        let pairs = (names.rotated == Layout::Pairs).then_some([head_dim, rotary_dim]);
        if names.qkv[0] != names.qkv[1] {
            for ((linear, part), pairs) in
                [q, k, v].into_iter().zip(names.qkv).zip([pairs, pairs, None])
            {
                let rows = Rows { pairs, ..Rows::side_by_side(0, linear.outputs) };
                self.parts(&[(linear, rows)], &name(part), names.matrices);
            }
            return;
        }
        let stem = name(names.qkv[0]);
        match names.fused_qkv {
            FusedQkv::Parts => {
                let mut first = 0;
                let parts = [(q, pairs), (k, pairs), (v, None)].map(|(linear, pairs)| {
                    let rows = Rows { pairs, ..Rows::side_by_side(first, linear.outputs) };
                    first += linear.outputs;
                    (linear, rows)
                });
                self.parts(&parts, &stem, names.matrices);
            }
            FusedQkv::KeyHeads => {
                let group = block.attend.heads / block.attend.key_heads * head_dim;
                let stride = group + 2 * head_dim;
                let rows = |linear: &Linear, first: usize, together: usize| Rows {
                    len: linear.outputs,
                    first,
                    together,
                    stride,
                    pairs: None,
                };
                let parts = [
                    (q, rows(q, 0, group)),
                    (k, rows(k, group, head_dim)),
                    (v, rows(v, group + head_dim, head_dim)),
                ];
                self.parts(&parts, &stem, names.matrices);
            }
        }
    }

    /// Linears whose outputs stand one after the other in one tensor.
    fn linears(&mut self, linears: &[&Linear], stem: &str, layout: Layout) {
        let mut first = 0;
        let parts: Vec<(&Linear, Rows)> = linears
            .iter()
            .map(|linear| {
                let rows = Rows::side_by_side(first, linear.outputs);
                first += linear.outputs;
                (*linear, rows)
            })
            .collect();
        self.parts(&parts, stem, layout);
    }

    /// Linears whose outputs are rows of one tensor.
    fn parts(&mut self, parts: &[(&Linear, Rows)], stem: &str, layout: Layout) {
        let outputs = parts.iter().map(|(linear, _)| linear.outputs).sum();
        for is_bias in [false, true] {
            for (linear, rows) in parts {
                let (id, inner, kind) = if is_bias {
                    (linear.bias, None, "bias")
                } else {
                    (Some(linear.weight), Some(linear.inputs), "weight")
                };
                let Some(id) = id else { continue };
                self.places.push(Place {
                    id,
                    name: format!("{stem}.{kind}"),
                    rows: *rows,
                    row: None,
                    outputs,
                    inner,
                    stacked: None,
                    is_transposed: layout == Layout::Columns && !is_bias,
                    is_less_one: false,
                });
            }
        }
    }

    fn mlp(&mut self, mlp: &Mlp, names: &Names, name: &impl Fn(&str) -> String) {
        match &mlp.gate {
            Some(gate) if names.gate == names.up => {
                self.linears(&[gate, &mlp.up], &name(names.up), names.matrices);
            }
            gate => {
                if let Some(gate) = gate {
                    self.linears(&[gate], &name(names.gate), names.matrices);
                }
                self.linears(&[&mlp.up], &name(names.up), names.matrices);
            }
        }
        self.linears(&[&mlp.down], &name(names.down), names.matrices);
    }

    /// The router, and the experts each in tensors of its own or all in one stack.
    fn mixture(
        &mut self,
        mixture: &Mixture,
        names: &ExpertNames,
        name: &impl Fn(&str) -> String,
        layout: Layout,
    ) {
        self.linears(&[&mixture.router], &name(names.router), Layout::Rows);
        if let ExpertLayout::StackedRows | ExpertLayout::StackedColumns = names.layout {
            let branches = mixture.experts.iter().map(|mlp| mlp.gate.iter().chain([&mlp.up]));
            let branches: Vec<Vec<&Linear>> = branches.map(Iterator::collect).collect();
            self.fused_stack(&branches, &name(names.up), names.layout);
            let down: Vec<_> = mixture.experts.iter().map(|mlp| vec![&mlp.down]).collect();
            self.fused_stack(&down, &name(names.down), names.layout);
            return;
        }
        let branches: [(&str, Branch); 3] = [
            (names.gate, |mlp| mlp.gate.as_ref()),
            (names.up, |mlp| Some(&mlp.up)),
            (names.down, |mlp| Some(&mlp.down)),
        ];
        for (part, branch) in branches {
            let linears: Vec<&Linear> = mixture.experts.iter().filter_map(branch).collect();
            if names.layout == ExpertLayout::Stacked {
                let first = self.places.len();
                self.linears(&linears, &name(part), layout);
                for place in &mut self.places[first..] {
                    place.stacked = Some(linears.len());
                }
            } else {
                for (expert, linear) in linears.into_iter().enumerate() {
                    let stem = name(&format!("{}.{expert}.{part}", names.experts));
                    self.linears(&[linear], &stem, layout);
                }
            }
        }
    }

    /// The linears of all experts in one tensor: of an expert with two, their outputs one after the other in rows,
    /// alternating in columns.
    fn fused_stack(&mut self, experts: &[Vec<&Linear>], stem: &str, layout: ExpertLayout) {
        let of_one: usize = experts[0].iter().map(|linear| linear.outputs).sum();
        let are_columns = layout == ExpertLayout::StackedColumns;
        for is_bias in [false, true] {
            for (expert, linears) in experts.iter().enumerate() {
                for (branch, linear) in linears.iter().enumerate() {
                    let (id, inner, name) = if is_bias {
                        (linear.bias, None, format!("{stem}_bias"))
                    } else {
                        (Some(linear.weight), Some(linear.inputs), stem.to_owned())
                    };
                    let Some(id) = id else { continue };
                    let (first, len) = (expert * of_one, linear.outputs);
                    let rows = if are_columns && linears.len() > 1 {
                        let stride = linears.len();
                        Rows { len, first: first + branch, together: 1, stride, pairs: None }
                    } else {
                        Rows::side_by_side(first + branch * len, len)
                    };
                    self.places.push(Place {
                        id,
                        name,
                        rows,
                        row: None,
                        outputs: experts.len() * of_one,
                        inner,
                        stacked: Some(experts.len()),
                        is_transposed: are_columns && !is_bias,
                        is_less_one: false,
                    });
                }
            }
        }
    }
}
