//! Back through the output projection head by head.

use lookback_model::{OutputProjection, ValueId};

use super::Backward;
use crate::head_results::{HeadProducts, sum_backward};

impl Backward<'_, '_> {
    /// The gradients of z and of the weight, from those of the heads' results.
    pub(super) fn split_heads(
        &mut self,
        projection: &OutputProjection,
        z: ValueId,
        results: ValueId,
        is_first: bool,
    ) {
        let mut dz = self.pass.buffers.take_gradient(z);
        let len = self.pass.buffers.len(z);
        let pass = &mut self.pass;
        let (entering, dresults) = (pass.buffers.get(z), pass.buffers.gradient(results));
        let mut products = HeadProducts {
            pool: pass.pool,
            weights: pass.weights,
            operands: &mut *pass.operands,
            buffers: &mut *pass.edits,
        };
        let to = (is_first, &mut dz[..len]);
        let scratch = &mut *pass.scratch;
        products.results_backward(projection, entering, dresults, scratch, self.gradients, to);
        self.pass.buffers.put_gradient(z, dz);
    }

    /// The gradients of the changed results and of the bias.
    pub(super) fn sum_heads(
        &mut self,
        projection: &OutputProjection,
        changed: ValueId,
        out: ValueId,
    ) {
        let mut dchanged = self.pass.buffers.take_gradient(changed);
        let len = self.pass.buffers.len(changed);
        let dout = self.pass.buffers.gradient(out);
        sum_backward(self.pass.pool, projection, dout, &mut dchanged[..len], self.gradients);
        self.pass.buffers.put_gradient(changed, dchanged);
    }
}
