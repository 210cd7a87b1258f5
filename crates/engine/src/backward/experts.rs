//! The gradients of mixtures of experts: of their weighted sum, their products and their router's logits.
//! The choice itself has none.

use lookback_kernels::{
    aligned_buffer,
    experts::{self, ExpertOutputs, Routes, gather_rows, scatter_rows},
    matmul::Accumulate,
};
use lookback_model::{ExpertLinears, Routing, ValueId};

use super::Backward;
use crate::{
    experts::{ExpertBuffers, takes_pairs},
    products::{self, LinearBackward},
};

impl Backward<'_, '_> {
    pub(super) fn route(&mut self, routing: Routing, logits: ValueId, outputs: &[ValueId]) {
        let &[weights, indices] = outputs else { return };
        let mut dlogits = self.pass.buffers.take_gradient(logits);
        let (buffers, len) = (&self.pass.buffers, self.pass.buffers.len(logits));
        let routes = Routes { weights: buffers.get(weights), indices: buffers.indices(indices) };
        // Elsewhere they are not kept.
        let saved_logits = if routing.gradient_reads_logits() { buffers.get(logits) } else { &[] };
        let (dweights, dlogits_rows) = (buffers.gradient(weights), &mut dlogits[..len]);
        experts::route_backward(
            self.pass.pool,
            routing,
            routes,
            saved_logits,
            dweights,
            dlogits_rows,
        );
        self.pass.buffers.put_gradient(logits, dlogits);
    }

    /// From the gradients of what the chosen experts made to those of their weights and of what they read:
    /// over the layers, the last first, and over the experts ascending.
    pub(super) fn experts(
        &mut self,
        linears: &ExpertLinears,
        x: ValueId,
        indices: ValueId,
        outputs: &[ValueId],
        is_first: bool,
    ) {
        let mut dx = self.pass.buffers.take_gradient(x);
        let (len, width) = (self.pass.buffers.len(x), self.pass.buffers.width(x));
        if is_first {
            aligned_buffer::zero_fill(self.pass.pool, &mut dx[..len]);
        }
        let ExpertBuffers { groups, paired, x: x_rows, y: dy_rows, dx: dx_rows } =
            &mut *self.pass.experts;
        let (pool, buffers) = (self.pass.pool, &self.pass.buffers);
        groups.sort(buffers.indices(indices), linears.experts, linears.chosen);
        let has_pairs = takes_pairs(self.pass.weights.compute());
        for (result, output) in outputs.iter().enumerate().rev() {
            if !self.backward_plan.has_gradient(*output) {
                continue;
            }
            for (expert, layer) in linears.of_result(result).iter().enumerate() {
                let group = groups.of(expert);
                if group.slots.is_empty() {
                    continue;
                }
                let group = if has_pairs { paired.pair(group) } else { group };
                let places = group.places(width == layer.inputs);
                let count = places.len();
                let dy = &mut dy_rows[..count * layer.outputs];
                gather_rows(pool, buffers.gradient(*output), layer.outputs, group.slots, dy);
                let [x_rows, dx_rows] =
                    [&mut *x_rows, &mut *dx_rows].map(|rows| &mut rows[..count * layer.inputs]);
                gather_rows(pool, buffers.get(x), layer.inputs, places, x_rows);
                gather_rows(pool, &dx[..len], layer.inputs, places, dx_rows);
                let back = LinearBackward {
                    layer,
                    dy,
                    x: x_rows,
                    start: Accumulate::FromOutput,
                    dx: dx_rows,
                };
                let (operands, scratch) = (&mut *self.pass.operands, &mut *self.pass.scratch);
                products::backward(
                    pool,
                    self.pass.weights,
                    back,
                    operands,
                    scratch,
                    self.gradients,
                );
                scatter_rows(dx_rows, layer.inputs, places, &mut dx[..len]);
            }
        }
        self.pass.buffers.put_gradient(x, dx);
    }

    pub(super) fn combine(&mut self, made: ValueId, weights: ValueId, output: ValueId) {
        let [mut dmade, mut dweights] = [made, weights].map(|x| self.pass.buffers.take_gradient(x));
        let buffers = &self.pass.buffers;
        let (made_len, weights_len) = (buffers.len(made), buffers.len(weights));
        let outputs = ExpertOutputs {
            outputs: buffers.get(made),
            weights: buffers.get(weights),
            chosen: buffers.width(weights),
            width: buffers.width(output),
        };
        experts::combine_backward(
            self.pass.pool,
            outputs,
            buffers.gradient(output),
            &mut dmade[..made_len],
            &mut dweights[..weights_len],
        );
        self.pass.buffers.put_gradient(made, dmade);
        self.pass.buffers.put_gradient(weights, dweights);
    }
}
