//! A pass whose attention is changed: edits of scores and of the pattern, and variants of the pass.

use lookback_engine::{ThreadPool, Weights};
use lookback_files::{Kind, Refusal, Result};
use lookback_model::{AttentionEdit, Edit, PassVariant, Site, TokenId, forward};

use crate::{
    site_filter::SiteFilter,
    trace::{Trace, trace_of_program},
};

/// What is changed in the attention of a pass.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AttentionChanges {
    /// Edits of the scores or of the pattern of a layer, in the order in which they are made.
    pub edits: Vec<(usize, AttentionEdit)>,
    /// What the pass leaves out or replaces.
    pub variant: PassVariant,
}

impl AttentionChanges {
    /// Whether nothing is changed.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty() && self.variant.is_none()
    }
}

/// As [`trace_with_edits`](crate::trace_with_edits()), of a pass whose attention is changed, too. Without a change
/// it is that pass, to the bit.
///
/// # Errors
/// As there; when the model does not have the variant, or an edit does not fit its attention.
pub fn trace_with_attention(
    weights: &Weights,
    pool: &ThreadPool,
    ids: &[TokenId],
    filter: &SiteFilter,
    edits: &[(Site, Edit)],
    changes: &AttentionChanges,
) -> Result<Trace> {
    let AttentionChanges { edits: attention, variant } = changes;
    let rows = forward::Rows::All;
    let mut program = forward::logits_of_variant(weights.network(), rows, *variant)?;
    for (layer, edit) in attention {
        let positions = edit.queries.iter().chain(&edit.keys).flat_map(|list| list.iter());
        if let Some(position) = positions.copied().find(|&at| at as usize >= ids.len()) {
            let what = format!(
                "attention of layer {layer}: there is no position {position} among {} tokens",
                ids.len()
            );
            return Err(Refusal::of(Kind::InvalidSetting, what));
        }
        program.edit_attention(*layer, edit.clone())?;
    }
    trace_of_program(weights, pool, ids, filter, program, edits)
}
