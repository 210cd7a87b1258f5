//! What a text that is written changes of its passes.

use lookback_files::{Kind, Refusal, Result, Setting};
use lookback_generate::context_window::ContextWindow;
use lookback_lens::{EditTokens, Intervention, InterventionFiles, LocalFiles, NoFiles};
use lookback_model::{Edits, PassVariant};

use super::Generation;
use crate::model::Model;

/// Edits as they are written, and for what they hold.
#[derive(Clone, Debug)]
pub(super) struct Changes {
    interventions: Result<Vec<Intervention>>,
    tokens: EditTokens,
    variant: PassVariant,
    reads_files: bool,
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

impl Generation {
    /// Changes what stands at a site, as it is written: `blocks.3.attn.z[:, 1] = 0`. Where it names tokens,
    /// the text ends with the context at the latest, since its tokens would move.
    #[must_use]
    pub fn intervene(mut self, intervention: &str) -> Self {
        self.changes.interventions = self.changes.interventions.and_then(|mut list| {
            list.push(intervention.parse()?);
            Ok(list)
        });
        self
    }

    /// The same of several.
    #[must_use]
    pub fn interventions(mut self, interventions: Vec<Intervention>) -> Self {
        if let Ok(list) = &mut self.changes.interventions {
            list.extend(interventions);
        }
        self
    }

    /// Makes a variant of each pass, such as one without positions.
    #[must_use]
    pub fn variant(mut self, variant: PassVariant) -> Self {
        self.changes.variant = variant;
        self
    }

    /// For which tokens these changes hold: for all, unless somebody asks for others.
    #[must_use]
    pub fn edit_tokens(mut self, tokens: EditTokens) -> Self {
        self.changes.tokens = tokens;
        self
    }

    /// Reads the files that changes name, which are not read otherwise.
    #[must_use]
    pub fn local_files(mut self) -> Self {
        self.changes.reads_files = true;
        self
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
