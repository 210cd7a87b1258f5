//! Where the weights of a network stand in a file: a walk over it with a family's table of names.

use std::ops::Range;

use super::names::{Layout, Names};
use crate::{Linear, Network, Norm, WeightId};

/// Where a weight stands in a file.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub id: WeightId,
    /// Without the prefix.
    pub name: String,
    /// Which outputs of the stored tensor are this weight's.
    pub rows: Range<usize>,
    /// How many outputs the stored tensor has.
    pub outputs: usize,
    /// `None` of a vector.
    pub inner: Option<usize>,
    pub layout: Layout,
}

impl Place {
    /// The shape that the stored tensor has.
    pub(super) fn shape(&self) -> Vec<usize> {
        match (self.inner, self.layout) {
            (None, _) => vec![self.outputs],
            (Some(inner), Layout::Columns) => vec![inner, self.outputs],
            (Some(inner), Layout::Rows | Layout::Pairs) => vec![self.outputs, inner],
        }
    }
}

impl Names {
    /// Every weight's place, the weights of one tensor side by side.
    pub(super) fn places(&self, network: &Network) -> Vec<Place> {
        let mut places = Places { places: Vec::new() };
        let config = &network.config;
        places.table(network.embed, self.embed, [config.vocabulary, config.width]);
        if let Some(positions) = network.positions {
            places.table(positions, self.positions, [config.context, config.width]);
        }
        for (layer, block) in network.blocks.iter().enumerate() {
            let name = |part: &str| format!("{}.{layer}.{part}", self.block);
            places.norm(&block.ln1, &name(self.ln1));
            let [q, k, v] = &block.qkv;
            if self.qkv[0] == self.qkv[1] {
                places.linears(&[q, k, v], &name(self.qkv[0]), self.matrices);
            } else {
                let layouts = [self.rotated, self.rotated, self.matrices];
                for ((linear, part), layout) in [q, k, v].into_iter().zip(self.qkv).zip(layouts) {
                    places.linears(&[linear], &name(part), layout);
                }
            }
            for (norm, part) in block.head_norms.iter().flatten().zip(self.head_norms) {
                places.norm(norm, &name(part));
            }
            places.linears(&[&block.output], &name(self.output), self.matrices);
            places.norm(&block.ln2, &name(self.ln2));
            if let Some(gate) = &block.mlp.gate {
                places.linears(&[gate], &name(self.gate), self.matrices);
            }
            places.linears(&[&block.mlp.up], &name(self.up), self.matrices);
            places.linears(&[&block.mlp.down], &name(self.down), self.matrices);
        }
        places.norm(&network.ln_final, self.ln_final);
        if !config.tied {
            places.linears(&[&network.head.linear], self.head, Layout::Rows);
        }
        places.places
    }
}

struct Places {
    places: Vec<Place>,
}

impl Places {
    fn table(&mut self, id: WeightId, stem: &str, [outputs, inner]: [usize; 2]) {
        let name = format!("{stem}.weight");
        let layout = Layout::Rows;
        self.places.push(Place { id, name, rows: 0..outputs, outputs, inner: Some(inner), layout });
    }

    fn vector(&mut self, id: WeightId, name: String, outputs: usize) {
        let (rows, inner, layout) = (0..outputs, None, Layout::Rows);
        self.places.push(Place { id, name, rows, outputs, inner, layout });
    }

    fn norm(&mut self, norm: &Norm, stem: &str) {
        self.vector(norm.weight, format!("{stem}.weight"), norm.width);
        if let Some(bias) = norm.bias {
            self.vector(bias, format!("{stem}.bias"), norm.width);
        }
    }

    /// Linears whose outputs stand one after the other in one tensor.
    fn linears(&mut self, linears: &[&Linear], stem: &str, layout: Layout) {
        let outputs = linears.iter().map(|linear| linear.outputs).sum();
        for is_bias in [false, true] {
            let mut first = 0;
            for linear in linears {
                let rows = first..first + linear.outputs;
                first = rows.end;
                let (id, inner, kind) = if is_bias {
                    (linear.bias, None, "bias")
                } else {
                    (Some(linear.weight), Some(linear.inputs), "weight")
                };
                let Some(id) = id else { continue };
                let name = format!("{stem}.{kind}");
                self.places.push(Place { id, name, rows, outputs, inner, layout });
            }
        }
    }
}
