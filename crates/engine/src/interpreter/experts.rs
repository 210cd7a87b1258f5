//! Mixtures of experts: the choice for each row, and the products of each expert with the rows that chose it.

use lookback_kernels::{
    aligned_buffer::AlignedBuffer,
    bf16::as_pairs_mut,
    experts::{self, ExpertOutputs, gather_rows, scatter_rows},
};
use lookback_model::{ExpertLinears, Routing, ValueId};

use super::Interpreter;
use crate::{
    experts::ExpertBuffers,
    products::{self, Input},
};

/// Results of one step: two branches of a gated MLP.
const MAX_RESULTS: usize = 2;

impl Interpreter<'_> {
    /// The experts of each row, and their weights.
    pub(super) fn route(&mut self, routing: Routing, logits: ValueId, makes: &[ValueId]) {
        let &[weights, indices] = makes else { return };
        let lens = [weights, indices].map(|made| self.buffers.len(made));
        let mut taken = [weights, indices].map(|made| self.buffers.take(made));
        let [of_weights, of_indices] = &mut taken;
        experts::route(
            self.pool,
            routing,
            self.buffers.get(logits),
            &mut of_weights[..lens[0]],
            &mut as_pairs_mut(of_indices)[..lens[1]],
        );
        for (made, buffer) in [weights, indices].into_iter().zip(taken) {
            self.buffers.put(made, buffer);
        }
    }

    /// The results of linear layers of the chosen experts. An expert that no row chose is not read.
    pub(super) fn experts(
        &mut self,
        linears: &ExpertLinears,
        x: ValueId,
        indices: ValueId,
        makes: &[ValueId],
    ) {
        debug_assert!(makes.len() <= MAX_RESULTS, "results of more branches than an MLP has");
        let mut taken: [AlignedBuffer; MAX_RESULTS] = Default::default();
        for (taken, made) in taken.iter_mut().zip(makes) {
            *taken = self.buffers.take(*made);
        }
        let Self { pool, weights, buffers, operands, experts: rows_of, .. } = self;
        let ExpertBuffers { groups, x: gathered, y: made_rows, .. } = &mut **rows_of;
        let entering = buffers.get(x);
        groups.sort(buffers.indices(indices), linears.experts, linears.chosen);
        for expert in 0..linears.experts {
            let group = groups.of(expert);
            let count = group.slots.len();
            if count == 0 {
                continue;
            }
            let inputs = linears.layers[expert].inputs;
            let places = group.places(buffers.width(x) == inputs);
            let x_rows = match places {
                // One row stands together already.
                &[place] => &entering[place as usize * inputs..][..inputs],
                places => {
                    let rows = &mut gathered[..count * inputs];
                    gather_rows(pool, entering, inputs, places, rows);
                    &*rows
                }
            };
            for (result, taken) in taken.iter_mut().enumerate().take(makes.len()) {
                let layer = &linears.of_result(result)[expert];
                let outputs = layer.outputs;
                let mut multiply = |y: &mut [f32]| {
                    let input = Input { x: x_rows, value: None };
                    products::forward(pool, weights, layer, input, operands, None, y);
                };
                match group.slots {
                    &[slot] => multiply(&mut taken[slot as usize * outputs..][..outputs]),
                    slots => {
                        let rows = &mut made_rows[..count * outputs];
                        multiply(rows);
                        scatter_rows(rows, outputs, slots, taken);
                    }
                }
            }
        }
        for (made, buffer) in makes.iter().zip(taken) {
            self.buffers.put(*made, buffer);
        }
    }

    /// The weighted sum of what the chosen experts made of each row.
    pub(super) fn combine(&mut self, outputs: ValueId, weights: ValueId, sum: ValueId) {
        self.write(sum, |pass, y| {
            let chosen = pass.buffers.width(weights);
            let width = pass.buffers.width(sum);
            let (outputs, weights) = (pass.buffers.get(outputs), pass.buffers.get(weights));
            let made = ExpertOutputs { outputs, weights, chosen, width };
            experts::combine(pass.pool, made, y);
        });
    }
}
