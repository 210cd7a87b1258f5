//! `model.diff(ids)`: two passes side by side.

use lookback_files::{Kind, Refusal, Result};
use lookback_lens::{
    Intervention, InterventionFiles, PassDifferences, Trace, pass_difference_sites,
    pass_differences,
};
use lookback_model::{PassVariant, TokenId};

use crate::{look::Look, model::Model};

impl Model {
    /// Compares the pass over some tokens with another: over other tokens, of another model, or with edits.
    ///
    /// ```no_run
    /// let model = lookback_open::Model::open("default")?;
    /// let ids = model.encode("the bird is red. the bird is")?;
    /// let found = model.diff(&ids).intervene("blocks.1.attn.z[:, 1] = 0").report()?;
    /// println!("{:.4} nats after the last token", found.last.kl);
    /// # Ok::<(), lookback_files::Refusal>(())
    /// ```
    pub fn diff(&self, ids: &[TokenId]) -> DiffQuery {
        let other = self.look(ids);
        DiffQuery { model: self.clone(), ids: ids.to_vec(), other: self.clone(), look: other }
    }
}

/// Two passes that are to be compared. [`DiffQuery::report`] does it.
#[derive(Clone, Debug)]
pub struct DiffQuery {
    model: Model,
    ids: Vec<TokenId>,
    other: Model,
    look: Look,
}

impl DiffQuery {
    /// The second pass is one of this model, over these tokens. Call it before others.
    ///
    /// # Errors
    /// When the two do not have the same tokens.
    pub fn with(mut self, other: &Model, ids: &[TokenId]) -> Result<Self> {
        check_vocabularies(&self.model, other)?;
        (self.other, self.look) = (other.clone(), other.look(ids));
        Ok(self)
    }

    /// The second pass has this edit.
    #[must_use]
    pub fn intervene(mut self, intervention: &str) -> Self {
        self.look = self.look.intervene(intervention);
        self
    }

    /// The same of several, which may name files.
    #[must_use]
    pub fn interventions(
        mut self,
        interventions: &[Intervention],
        files: &dyn InterventionFiles,
    ) -> Self {
        self.look = self.look.interventions(interventions, files);
        self
    }

    /// The second pass is a variant of it. Call it behind [`DiffQuery::with`].
    #[must_use]
    pub fn variant(mut self, variant: PassVariant) -> Self {
        self.look = self.look.variant(variant);
        self
    }

    /// Makes both passes and compares them.
    ///
    /// # Errors
    /// As of a look.
    pub fn report(&self) -> Result<PassDifferences> {
        let sites = |model: &Model| {
            let sites = pass_difference_sites(model.config());
            sites.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
        };
        let first: Trace = self.model.look(&self.ids).sites(sites(&self.model)).trace()?;
        let second: Trace = self.look.clone().sites(sites(&self.other)).trace()?;
        let weights = [&*self.model.weights, &*self.other.weights];
        pass_differences(&self.model.pool, weights, [&first, &second])
    }
}

/// Refuses models whose tokens are not the same.
fn check_vocabularies(model: &Model, other: &Model) -> Result<()> {
    let refused = |what: String| Err(Refusal::of(Kind::InvalidInput, what));
    let [own, others] = [model, other].map(|model| model.config().vocabulary);
    if own != others {
        return refused(format!(
            "the models have {own} and {others} tokens; only those with the same tokenizer can be compared"
        ));
    }
    if let (Ok(first), Ok(second)) = (model.tokenizer(), other.tokenizer()) {
        let known = first.vocabulary().min(second.vocabulary()) as u32;
        let is_other = |id: &TokenId| first.bytes_of(*id) != second.bytes_of(*id);
        if let Some(id) = (0..known).map(TokenId).find(is_other) {
            return refused(format!(
                "token {} is {} in one model and {} in the other; only those with the same tokenizer can be \
                 compared",
                id.0,
                first.quoted(id),
                second.quoted(id)
            ));
        }
    }
    Ok(())
}
