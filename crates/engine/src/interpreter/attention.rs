//! Attention, over keys and values in a cache's pages or in pages of the pass's own.

use lookback_kernels::attend::{self, AttentionParams};
use lookback_model::{Attend, ValueId};

use super::{Interpreter, keys::Keys};
use crate::attention::{self, LayerPages};

impl Interpreter<'_> {
    /// Stores keys and values, and lets every row look at those that it may see. The log-sum-exps are made
    /// only where somebody reads them.
    pub(super) fn attend(
        &mut self,
        how: &Attend,
        [q, k, v]: [ValueId; 3],
        z: ValueId,
        log_sum_exp: ValueId,
    ) {
        let mut kept =
            self.buffers.is_laid_out(log_sum_exp).then(|| self.buffers.take(log_sum_exp));
        let len = self.buffers.len(log_sum_exp);
        self.write(z, |pass, z| {
            let (heads, place) = (pass.heads(how), pass.layer_pages(how));
            let [q, k, v] = [q, k, v].map(|x| pass.buffers.get(x));
            let storage = match &mut pass.keys {
                Keys::Cache(cache) => cache.storage_mut(),
                Keys::Scratch(pages) => pages,
            };
            let pages = place.over_mut(storage, pass.table);
            attend::store(pass.pool, &heads, k, v, pass.spans, pages);
            let pages = place.over(storage, pass.table);
            let log_sum_exp = kept.as_mut().map(|kept| &mut kept[..len]);
            attend::forward(pass.pool, &heads, q, pass.spans, pages, z, log_sum_exp);
        });
        if let Some(kept) = kept {
            self.buffers.put(log_sum_exp, kept);
        }
    }

    /// An attention's shape, with products in this pass's precision.
    pub(crate) fn heads(&self, how: &Attend) -> AttentionParams {
        attention::heads(how, self.weights.compute())
    }

    /// The pages that an attention of this layer reads.
    pub(super) fn layer_pages(&self, how: &Attend) -> LayerPages {
        match &self.keys {
            Keys::Cache(cache) => cache.place(how.layer),
            Keys::Scratch(_) => {
                let half = attend::keys_len(&self.heads(how));
                LayerPages { stride: 2 * half, keys_at: 0, values_at: half }
            }
        }
    }
}
