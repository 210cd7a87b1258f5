//! Attention, over keys and values in a cache's pages or in pages of the pass's own.

use lookback_kernels::attend::{self, AttentionParams};
use lookback_model::{Attend, AttentionEdit, ValueId};

use super::{Interpreter, keys::Keys};
use crate::attention::{self, LayerPages};

impl<'a> Interpreter<'a> {
    /// Stores keys and values, and lets every row look at those that it may see. The log-sum-exps are made
    /// only where a step reads them.
    pub(super) fn attend(
        &mut self,
        config: &Attend,
        edits: &[AttentionEdit],
        [q, k, v]: [ValueId; 3],
        z: ValueId,
        log_sum_exp: ValueId,
    ) {
        let mut saved = self.buffers.has_slot(log_sum_exp).then(|| self.buffers.take(log_sum_exp));
        let len = self.buffers.len(log_sum_exp);
        self.write(z, |pass, z| {
            let (heads, place) = (pass.heads(config), pass.layer_pages(config));
            let [q, k, v] = [q, k, v].map(|x| pass.buffers.get(x));
            let storage = match &mut pass.keys {
                Keys::Cache(cache) => cache.storage_mut(),
                Keys::Scratch(pages) => pages,
            };
            let pages = place.pages_mut(storage, pass.table);
            attend::store(pass.pool, &heads, k, v, pass.spans, pages);
            let pages = place.pages(storage, pass.table);
            let mut log_sum_exp = saved.as_mut().map(|saved| &mut saved[..len]);
            let sums = log_sum_exp.as_deref_mut();
            attend::forward(pass.pool, &heads, q, pass.spans, pages, z, sums);
            if !edits.is_empty() {
                let (pool, spans, scratch) = (pass.pool, pass.spans, &mut pass.edits.scratch);
                let (edited, to) = ((&heads, edits), (z, log_sum_exp));
                attend::forward_edited(pool, edited, q, spans, pages, scratch, to);
            }
        });
        if let Some(saved) = saved {
            self.buffers.put(log_sum_exp, saved);
        }
    }

    /// An attention's parameters, with products in this pass's precision.
    pub(crate) fn heads(&self, config: &Attend) -> AttentionParams<'a> {
        let weights = self.weights;
        let sinks = config.sinks.map(|sinks| weights.rows(sinks));
        AttentionParams { sinks, ..attention::heads(config, weights.compute()) }
    }

    /// The pages that an attention of this layer reads.
    pub(super) fn layer_pages(&self, config: &Attend) -> LayerPages {
        match &self.keys {
            Keys::Cache(cache) => cache.layer_pages(config.layer),
            Keys::Scratch(_) => {
                let half = attend::keys_len(&self.heads(config));
                LayerPages { stride: 2 * half, keys_at: 0, values_at: half }
            }
        }
    }
}
