//! The output projection head by head, where results of heads are changed or shown.

use lookback_model::{OutputProjection, ValueId};

use super::Interpreter;
use crate::head_results::HeadProducts;

impl Interpreter<'_> {
    /// What each head adds.
    pub(super) fn split_heads(&mut self, projection: &OutputProjection, z: ValueId, to: ValueId) {
        self.write(to, |pass, results| {
            let Interpreter { pool, weights, operands, edits, buffers, .. } = pass;
            let mut products = HeadProducts { pool, weights, operands, buffers: edits };
            products.results(projection, buffers.get(z), results);
        });
    }

    /// Attention's output of unchanged heads and changed results.
    pub(super) fn sum_heads(
        &mut self,
        projection: &OutputProjection,
        z: ValueId,
        results: [ValueId; 2],
        to: ValueId,
    ) {
        self.write(to, |pass, out| {
            let Interpreter { pool, weights, operands, edits, buffers, .. } = pass;
            let mut products = HeadProducts { pool, weights, operands, buffers: edits };
            let results = results.map(|results| buffers.get(results));
            products.sum(projection, buffers.get(z), results, out);
        });
    }

    /// The results of heads, to be shown: `[rows, heads, width]`.
    pub(super) fn results(&mut self, projection: &OutputProjection, z: ValueId, to: &mut Vec<f32>) {
        to.clear();
        to.resize(self.buffers.rows(z) * projection.width(), 0.0);
        let Interpreter { pool, weights, operands, edits, buffers, .. } = self;
        let mut products = HeadProducts { pool, weights, operands, buffers: edits };
        products.results(projection, buffers.get(z), to);
    }
}
