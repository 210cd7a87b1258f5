//! Attention, over keys and values in a cache's pages or in pages of the pass's own.

use std::slice;

use lookback_kernels::attend::{self, AttentionParams, SequenceSpan};
use lookback_model::{Attend, AttentionEdit, BoundEdits, SequenceId, ValueId};

use super::{Interpreter, keys::Keys};
use crate::attention::{self, LayerPages};

impl<'a> Interpreter<'a> {
    /// Stores keys and values, and lets every row look at those that it may see. The log-sum-exps are made
    /// only where a step reads them. Without edits of all sequences, each may have its own.
    pub(super) fn attend(
        &mut self,
        config: &Attend,
        edits: Option<&[AttentionEdit]>,
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
            let Some(edits) = edits else { return };
            let scratch = &mut pass.edits.scratch;
            let mut change = |edits: &[AttentionEdit], spans: &[SequenceSpan]| {
                let to = (&mut *z, log_sum_exp.as_deref_mut());
                attend::forward_edited(pass.pool, (&heads, edits), q, spans, pages, scratch, to);
            };
            if !edits.is_empty() {
                return change(edits, pass.spans);
            }
            for (span, segment) in pass.spans.iter().zip(&pass.batch.segments) {
                let own = own_edits(pass.sequence_edits, segment.sequence, config.layer);
                if !own.is_empty() {
                    change(own, slice::from_ref(span));
                }
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

/// The edits that a sequence has of the scores and the pattern of a layer.
pub(super) fn own_edits(
    all: &[(SequenceId, BoundEdits)],
    sequence: SequenceId,
    layer: usize,
) -> &[AttentionEdit] {
    let own = all.iter().find(|(own, _)| *own == sequence);
    own.map_or(&[], |(_, edits)| edits.of_attention(layer))
}
