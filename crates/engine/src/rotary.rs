//! The cosines and sines of a network's rotary embeddings, one table for all layers that share one.

use lookback_kernels::position;
use lookback_model::{Network, Rotary};

/// The table of one rotary embedding: of every position the cosines, then the sines,
/// `[positions, 2, rotary_dim / 2]`.
pub fn rotary_angles(rotary: &Rotary, positions: usize) -> Vec<f32> {
    let Rotary { rotary_dim, frequencies, factor, .. } = rotary;
    let mut table = vec![0.0; positions * rotary_dim];
    position::angles(*rotary_dim, frequencies, 0..positions, &mut table);
    if *factor != 1.0 {
        table.iter_mut().for_each(|number| *number *= factor);
    }
    table
}

/// The tables of a network, by rotary embedding.
#[derive(Debug, Default)]
pub(crate) struct RotaryTables(Vec<(Rotary, Vec<f32>)>);

impl RotaryTables {
    /// For positions up to this many.
    pub(crate) fn new(network: &Network, positions: usize) -> Self {
        let tables = distinct(network).into_iter();
        Self(tables.map(|rotary| (rotary.clone(), rotary_angles(rotary, positions))).collect())
    }

    /// Elements of them all.
    pub(crate) fn elements(network: &Network, positions: usize) -> usize {
        distinct(network).into_iter().map(|rotary| positions * rotary.rotary_dim).sum()
    }

    /// The table of a rotary embedding of the network.
    pub(crate) fn get(&self, rotary: &Rotary) -> &[f32] {
        let found = self.0.iter().find(|(other, _)| other == rotary);
        found.map_or(&[], |(_, table)| table)
    }
}

/// The rotary embeddings of a network, each once.
fn distinct(network: &Network) -> Vec<&Rotary> {
    let mut found: Vec<&Rotary> = Vec::new();
    for rotary in network.blocks.iter().filter_map(|block| block.rotary.as_ref()) {
        if !found.contains(&rotary) {
            found.push(rotary);
        }
    }
    found
}
