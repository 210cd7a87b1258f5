//! What is changed of all passes of a sweep.

use lookback_files::Result;
use lookback_lens::{EditTokens, Intervention, InterventionFiles};
use lookback_model::{Edits, TokenId};

use crate::model::Model;

/// Edits of a pass over a prompt, and behind them those that interventions stand for there.
pub(super) fn added(
    model: &Model,
    edits: Edits,
    interventions: &[Intervention],
    files: &dyn InterventionFiles,
    ids: &[TokenId],
) -> Result<Edits> {
    let more = model.edits(interventions, files, Some(ids), ids.len(), EditTokens::All)?;
    let variant = edits.variant();
    Ok(Edits::new(edits.iter().chain(more.iter()).cloned()).of_variant(variant))
}
