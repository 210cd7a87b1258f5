//! `model.look(ids)` and `model.logits(ids)`: every value of one pass, as it is or with some of them changed.

use std::sync::Arc;

use lookback_files::{Result, counted};
use lookback_lens::{
    Capture, EditTokens, Intervention, InterventionFiles, NoFiles, SiteFilter, Trace, trace_bytes,
    trace_with_edits,
};
use lookback_model::{AttentionEdit, Edit, Edits, PassVariant, Site, TokenId};

use crate::model::Model;

impl Model {
    /// Looks at one pass over some tokens.
    ///
    /// ```no_run
    /// let model = lookback_open::Model::open("model.gguf")?;
    /// let ids = model.encode("the bird is red")?;
    /// let trace = model.look(&ids).sites("blocks.*.attn.pattern,logits").trace()?;
    /// let pattern = trace.named("blocks.0.attn.pattern").unwrap();
    /// assert_eq!(pattern.shape, [model.config().heads, ids.len(), ids.len()]);
    /// # Ok::<(), lookback_files::Refusal>(())
    /// ```
    pub fn look(&self, ids: &[TokenId]) -> Look {
        Look {
            model: self.clone(),
            ids: ids.to_vec(),
            sites: None,
            changes: Vec::new(),
            variant: PassVariant::default(),
        }
    }

    /// The logits after each of some tokens, `[tokens, vocabulary]`: what transformers calls
    /// `model(ids).logits[0]`.
    ///
    /// # Errors
    /// When there are no tokens, or more than the model's context.
    pub fn logits(&self, ids: &[TokenId]) -> Result<Capture> {
        self.look(ids).logits()
    }
}

/// One pass that is to be looked at. [`Look::trace`] makes it.
#[derive(Clone, Debug)]
pub struct Look {
    model: Model,
    ids: Vec<TokenId>,
    sites: Option<String>,
    changes: Vec<Result<Edits>>,
    variant: PassVariant,
}

impl Look {
    /// Keeps these sites alone: names with commas between them, in which `*` stands for anything. Unless
    /// this is called, all are kept.
    #[must_use]
    pub fn sites(mut self, patterns: impl Into<String>) -> Self {
        self.sites = Some(patterns.into());
        self
    }

    /// Changes the values at a site; everything behind it is computed from the changed ones. Several edits
    /// of a site follow each other.
    #[must_use]
    pub fn edit(self, site: Site, edit: Edit) -> Self {
        self.changed(Ok(Edits::new([(site, edit)])))
    }

    /// The same, as it is written: `blocks.3.attn.z[:, 1] = 0`. A file that it names is not read.
    #[must_use]
    pub fn intervene(self, intervention: &str) -> Self {
        match intervention.parse() {
            Ok(intervention) => self.interventions(&[intervention], &NoFiles),
            Err(refusal) => self.changed(Err(refusal)),
        }
    }

    /// The same of several, which may name files.
    #[must_use]
    pub fn interventions(
        self,
        interventions: &[Intervention],
        files: &dyn InterventionFiles,
    ) -> Self {
        let positions = self.ids.len();
        let edits =
            self.model.edits(interventions, files, Some(&self.ids), positions, EditTokens::All);
        self.changed(edits)
    }

    fn changed(mut self, edits: Result<Edits>) -> Self {
        self.changes.push(edits);
        self
    }

    /// Changes scores or weights of a layer's attention. Scores are changed before weights; several edits
    /// of either follow each other.
    #[must_use]
    pub fn edit_attention(self, layer: usize, edit: AttentionEdit) -> Self {
        self.changed(Ok(Edits::new([(layer, edit)])))
    }

    /// Makes a variant of the pass, such as one without a mask.
    #[must_use]
    pub fn variant(mut self, variant: PassVariant) -> Self {
        self.variant = variant;
        self
    }

    /// Makes the pass.
    ///
    /// # Errors
    /// When there are no tokens, or more than the model's context; when the model has no site that a pattern
    /// matches, or an edit does not fit its site; when the memory that it takes is not admitted.
    pub fn trace(&self) -> Result<Trace> {
        let wanted = match &self.sites {
            None => SiteFilter::all(),
            Some(patterns) => SiteFilter::parse(patterns)?,
        };
        wanted.check(self.model.config())?;
        self.pass(&wanted)
    }

    /// Makes the pass, for its logits alone, `[tokens, vocabulary]`.
    ///
    /// # Errors
    /// As [`Look::trace`].
    pub fn logits(&self) -> Result<Capture> {
        let mut trace = self.pass(&SiteFilter::only([Site::Logits]))?;
        let logits = trace.sites.remove(&Site::Logits);
        Ok(logits.map(Arc::unwrap_or_clone).unwrap_or_default())
    }

    fn pass(&self, wanted: &SiteFilter) -> Result<Trace> {
        let Self { model, ids, changes, variant, .. } = self;
        let mut edits = Vec::new();
        for changed in changes {
            edits.extend(changed.clone()?.iter().cloned());
        }
        let edits = Edits::new(edits).of_variant(*variant);
        let bytes = trace_bytes((&model.weights, &edits), ids, wanted, model.pool.threads())?;
        model.admit(&format!("looking at {}", counted(ids.len(), "token")), bytes)?;
        trace_with_edits(&model.weights, &model.pool, ids, wanted, &edits)
    }
}
