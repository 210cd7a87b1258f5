//! `model.ablate(ids)`: each head and each MLP taken out, one at a time.

use lookback_files::{Kind, Refusal, Result};
use lookback_lens::{
    Ablation, Intervention, InterventionFiles, SweepGrid, SweepMetric, ablation_bytes,
    ablation_sweep,
};
use lookback_model::{Edits, PassVariant, TokenId};
use lookback_text::Specials;
use serde::Serialize;

use crate::{model::Model, sweep::edits::added};

impl Model {
    /// Takes each head and each MLP out of the passes over a prompt, one at a time.
    ///
    /// ```no_run
    /// let model = lookback_open::Model::open("default")?;
    /// let ids = model.encode("the bird is red. the bird is")?;
    /// let report = model.ablate(&ids).answer(model.token(" red")?).report(&mut |_, _| Ok(()))?;
    /// println!("{} at first, {:?} without each head", report.unchanged, report.grids[0].values);
    /// # Ok::<(), lookback_files::Refusal>(())
    /// ```
    pub fn ablate(&self, ids: &[TokenId]) -> AblationQuery {
        AblationQuery {
            model: self.clone(),
            ids: ids.to_vec(),
            is_zero: false,
            texts: Vec::new(),
            metric: None,
            answers: [None; 2],
            edits: Ok(Edits::default()),
        }
    }
}

/// Ablations that are to be made. [`AblationQuery::report`] does it.
#[derive(Clone, Debug)]
pub struct AblationQuery {
    model: Model,
    ids: Vec<TokenId>,
    is_zero: bool,
    texts: Vec<Vec<TokenId>>,
    metric: Option<SweepMetric>,
    answers: [Option<TokenId>; 2],
    edits: Result<Edits>,
}

/// What ablations found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AblationReport {
    /// What is judged.
    pub metric: SweepMetric,
    /// The metric of the unchanged pass.
    pub unchanged: f64,
    /// Of heads, `[layers, heads]`, and of MLPs, `[layers]`.
    pub grids: Vec<SweepGrid>,
}

impl AblationQuery {
    /// Puts 0 in the place of what is taken out, and not its mean.
    #[must_use]
    pub fn zero(mut self, is_zero: bool) -> Self {
        self.is_zero = is_zero;
        self
    }

    /// Means are those over all tokens of these texts, one a line, and not over the prompt's.
    ///
    /// # Errors
    /// When there is no text in it.
    pub fn mean_of(mut self, texts: &str) -> Result<Self> {
        let context = self.model.config().context;
        for line in texts.lines().filter(|line| !line.trim().is_empty()) {
            let mut ids = self.model.encode_with(line, Specials::Text)?;
            ids.truncate(context);
            self.texts.extend((!ids.is_empty()).then_some(ids));
        }
        match self.texts.is_empty() {
            true => Err(Refusal::of(Kind::InvalidInput, "there is no text in it to take means of")),
            false => Ok(self),
        }
    }

    /// The token that is right.
    #[must_use]
    pub fn answer(mut self, id: TokenId) -> Self {
        self.answers[0] = Some(id);
        self
    }

    /// The token that it is compared with.
    #[must_use]
    pub fn wrong(mut self, id: TokenId) -> Self {
        self.answers[1] = Some(id);
        self
    }

    /// What is judged: by default as of a sweep; KL is then from the unchanged pass.
    #[must_use]
    pub fn metric(mut self, metric: SweepMetric) -> Self {
        self.metric = Some(metric);
        self
    }

    /// All passes have these edits: what is taken out is that of the edited pass. May be called several times.
    #[must_use]
    pub fn interventions(
        mut self,
        interventions: &[Intervention],
        files: &dyn InterventionFiles,
    ) -> Self {
        self.edits =
            self.edits.and_then(|edits| added(&self.model, edits, interventions, files, &self.ids));
        self
    }

    /// All passes are of this variant.
    #[must_use]
    pub fn variant(mut self, variant: PassVariant) -> Self {
        self.edits = self.edits.map(|edits| edits.of_variant(variant));
        self
    }

    /// Bytes that they take beside the model.
    pub fn bytes(&self) -> usize {
        let none = Edits::default();
        let edits = self.edits.as_ref().unwrap_or(&none);
        let of_texts = self.texts.iter().map(Vec::len).max().unwrap_or(0);
        let threads = self.model.pool.threads();
        ablation_bytes(&self.model.weights, (self.ids.len(), edits), of_texts, threads)
    }

    /// Makes them. `each` is called after every one with its number and how many there are.
    ///
    /// # Errors
    /// When the metric needs an answer that is not given; as of a look; what `each` says.
    pub fn report(
        &self,
        each: &mut dyn FnMut(usize, usize) -> Result<()>,
    ) -> Result<AblationReport> {
        let Model { weights, pool, .. } = &self.model;
        self.model.admit("the sweep", self.bytes())?;
        let given = self.answers.iter().flatten().map(|id| id.0);
        self.model.config().check_ids("answer", given)?;
        let [answer, wrong] = self.answers;
        let metric =
            self.metric.unwrap_or_else(|| SweepMetric::usual(answer.is_some(), wrong.is_some()));
        let ablation = if self.is_zero { Ablation::Zero } else { Ablation::Mean(&self.texts) };
        let asked = (metric, self.answers);
        let edits = self.edits.clone()?;
        if edits.names_positions() && !self.texts.is_empty() {
            return Err(Refusal::of(
                Kind::InvalidInput,
                "an edit names tokens of the prompt, which the texts of a mean do not have; edit all tokens, or \
                 take means over the prompt",
            ));
        }
        let (unchanged, mut grids) =
            ablation_sweep(weights, pool, (&self.ids, &edits), ablation, asked, each)?;
        grids.iter_mut().for_each(|grid| grid.finish(1, unchanged, None));
        Ok(AblationReport { metric, unchanged, grids })
    }
}
