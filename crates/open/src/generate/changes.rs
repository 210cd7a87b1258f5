//! What a text that is written changes of its passes.

use lookback_files::{Kind, Refusal, Result, Setting};
use lookback_generate::context_window::ContextWindow;
use lookback_lens::{EditTokens, Intervention, InterventionFiles, LocalFiles, NoFiles};
use lookback_model::{Edits, PassVariant};

use crate::model::Model;

/// Edits as they are written, and for what they hold.
#[derive(Clone, Debug)]
pub(super) struct Changes {
    pub interventions: Result<Vec<Intervention>>,
    /// For which tokens they hold.
    pub tokens: EditTokens,
    pub variant: PassVariant,
    /// Whether files that they name are read.
    pub reads_files: bool,
}

impl Default for Changes {
    fn default() -> Self {
        Self {
            interventions: Ok(Vec::new()),
            tokens: EditTokens::All,
            variant: PassVariant::default(),
            reads_files: false,
        }
    }
}

impl Changes {
    /// The edits of this window's text, and how many tokens are written at most under them.
    pub(super) fn edits(
        &self,
        model: &Model,
        window: &ContextWindow,
        context: usize,
        tokens: usize,
    ) -> Result<(Edits, usize)> {
        let files: &dyn InterventionFiles = if self.reads_files { &LocalFiles } else { &NoFiles };
        let (list, prompt) = (self.interventions.clone()?, window.visible_ids());
        let positions = context.min(prompt.len().saturating_add(tokens));
        let edits = model.edits(&list, files, Some(&prompt), positions, self.tokens)?;
        let edits = edits.of_variant(self.variant);
        if !edits.names_positions() {
            return Ok((edits, tokens));
        }
        if window.discarded() > 0 {
            return Err(Refusal::of(
                Kind::ContextLength,
                format!(
                    "{}: tokens are named of a prompt of {}, and {context} are read at once; shorten it",
                    Setting("edit"),
                    window.ids().len()
                ),
            ));
        }
        // The last token that is written is read by nobody.
        Ok((edits, tokens.min(context - prompt.len() + 1)))
    }
}
