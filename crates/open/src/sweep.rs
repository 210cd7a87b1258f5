//! `model.sweep(clean, corrupted)` and `model.ablate(ids)`: one change at a time, at every place of a grid.

use lookback_files::{Kind, Refusal, Result, Setting};
use lookback_lens::{
    Ablation, PatchingSweep, SweepGrid, SweepKind, SweepMetric, ablation_bytes, ablation_sweep,
    patching_sweep, sweep_kinds,
};
use lookback_model::TokenId;
use lookback_text::Specials;
use serde::Serialize;

use crate::model::Model;

impl Model {
    /// Puts the activations of a clean prompt into a corrupted one, one place at a time.
    ///
    /// ```no_run
    /// let model = lookback_open::Model::open("model.gguf")?;
    /// let clean = model.encode("The capital of France is")?;
    /// let corrupted = model.encode("The capital of Italy is")?;
    /// let sweep = model.sweep(&clean, &corrupted).over("resid_pre")?;
    /// let sweep = sweep.answer(model.token(" Paris")?).wrong(model.token(" Rome")?);
    /// let report = sweep.report(&mut |_, _| Ok(()))?;
    /// // Where the answer is restored: 0 is the corrupted pass, 1 the clean one.
    /// println!("{:?}", report.grids[0].normalized);
    /// # Ok::<(), lookback_files::Refusal>(())
    /// ```
    pub fn sweep(&self, clean: &[TokenId], corrupted: &[TokenId]) -> SweepQuery {
        let pair = SweepPair {
            clean: clean.to_vec(),
            corrupted: corrupted.to_vec(),
            answer: None,
            wrong: None,
        };
        self.sweep_pairs(vec![pair])
    }

    /// The same over several pairs of prompts, whose metrics are averaged.
    pub fn sweep_pairs(&self, pairs: Vec<SweepPair>) -> SweepQuery {
        SweepQuery {
            model: self.clone(),
            pairs,
            kinds: Vec::new(),
            metric: None,
            patches: true,
            attributes: false,
        }
    }

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
        }
    }
}

/// A clean and a corrupted prompt, and the answers that are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweepPair {
    /// The prompt whose activations are taken.
    pub clean: Vec<TokenId>,
    /// The prompt into which they are put.
    pub corrupted: Vec<TokenId>,
    /// The token that is right after the clean prompt.
    pub answer: Option<TokenId>,
    /// The token that it is compared with.
    pub wrong: Option<TokenId>,
}

/// A sweep that is to be made. [`SweepQuery::report`] does it.
#[derive(Clone, Debug)]
pub struct SweepQuery {
    model: Model,
    pairs: Vec<SweepPair>,
    kinds: Vec<SweepKind>,
    metric: Option<SweepMetric>,
    patches: bool,
    attributes: bool,
}

/// What a sweep found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SweepReport {
    /// What is judged.
    pub metric: SweepMetric,
    /// Pairs of prompts, of whose metrics all numbers are means.
    pub pairs: usize,
    /// The metric of the clean pass.
    pub clean: f64,
    /// The metric of the corrupted pass.
    pub corrupted: f64,
    /// One for each kind.
    pub grids: Vec<SweepGrid>,
}

impl SweepQuery {
    /// Also over this kind, such as `resid_pre`, `z`, `z-by-position` or `everything`.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn over(mut self, kind: &str) -> Result<Self> {
        self.kinds.extend(sweep_kinds(kind)?);
        Ok(self)
    }

    /// Also over the destinations × sources of one head's pattern.
    ///
    /// # Errors
    /// When the model has no such head.
    pub fn over_weights(mut self, layer: usize, head: usize) -> Result<Self> {
        self.kinds.push(SweepKind::destination_source(self.model.config(), layer, head)?);
        Ok(self)
    }

    /// The token that is right, of every pair.
    #[must_use]
    pub fn answer(mut self, id: TokenId) -> Self {
        self.pairs.iter_mut().for_each(|pair| pair.answer = Some(id));
        self
    }

    /// The token that it is compared with, of every pair.
    #[must_use]
    pub fn wrong(mut self, id: TokenId) -> Self {
        self.pairs.iter_mut().for_each(|pair| pair.wrong = Some(id));
        self
    }

    /// What is judged: by default the logit difference of two answers, the log-probability of one, or else KL.
    #[must_use]
    pub fn metric(mut self, metric: SweepMetric) -> Self {
        self.metric = Some(metric);
        self
    }

    /// Also says what one backward pass predicts of each change.
    #[must_use]
    pub fn attribution(mut self) -> Self {
        self.attributes = true;
        self
    }

    /// Says that alone, and makes no pass for each change.
    #[must_use]
    pub fn attribution_alone(mut self) -> Self {
        (self.attributes, self.patches) = (true, false);
        self
    }

    /// Bytes that it takes beside the model, and how many changes it makes.
    pub fn plan(&self) -> (usize, usize) {
        let (weights, threads) = (&self.model.weights, self.model.pool.threads());
        let bytes = self.pairs.iter().map(|pair| self.of_pair(pair).bytes(weights, threads));
        let cells = |pair: &SweepPair| -> usize {
            let shape = |kind: &SweepKind| kind.shape(self.model.config(), pair.corrupted.len());
            self.kinds.iter().map(|kind| shape(kind).iter().product::<usize>()).sum()
        };
        let cells = if self.patches { self.pairs.iter().map(cells).sum() } else { 0 };
        (bytes.max().unwrap_or(0), cells)
    }

    /// Makes it. `each` is called after every change with its number and how many there are.
    ///
    /// # Errors
    /// When prompts of a pair are the same or of different lengths, or pairs of different lengths where positions
    /// are swept over; when the metric needs an answer that is not given; what `each` says.
    pub fn report(&self, each: &mut dyn FnMut(usize, usize) -> Result<()>) -> Result<SweepReport> {
        let Model { weights, pool, .. } = &self.model;
        let (bytes, all) = self.plan();
        self.model.admit("the sweep", bytes)?;
        let metric = self.judged();
        let several = self.pairs.len() > 1;
        let (mut clean, mut corrupted, mut before) = (0.0, 0.0, 0);
        let mut sum: Option<Vec<SweepGrid>> = None;
        for (number, pair) in (1..).zip(&self.pairs) {
            let at_pair = |refusal: Refusal| match several {
                true => refusal.at(format!("pair {number}")),
                false => refusal,
            };
            let given = pair.answer.iter().chain(&pair.wrong).map(|id| id.0);
            self.model.config().check_ids("answer", given).map_err(at_pair)?;
            let sweep = self.of_pair(pair);
            let mut tick = |done, _| each(before + done, all);
            let swept = patching_sweep(weights, pool, &sweep, &mut tick).map_err(at_pair)?;
            (clean, corrupted) = (clean + swept.0, corrupted + swept.1);
            let cells = |grid: &SweepGrid| grid.values.len();
            before += swept.2.iter().map(cells).sum::<usize>();
            match &mut sum {
                None => sum = Some(swept.2),
                Some(sum) => {
                    for (sum, grid) in sum.iter_mut().zip(&swept.2) {
                        same_shape(sum, grid).map_err(at_pair)?;
                        sum.add(grid);
                    }
                }
            }
        }
        let count = self.pairs.len();
        let Some(mut grids) = sum else {
            return Err(Refusal::of(
                Kind::InvalidInput,
                "there is no pair of prompts to sweep over",
            ));
        };
        (clean, corrupted) = (clean / count as f64, corrupted / count as f64);
        grids.iter_mut().for_each(|grid| grid.finish(count, corrupted, Some(clean)));
        Ok(SweepReport { metric, pairs: count, clean, corrupted, grids })
    }

    /// The sweep of one pair.
    fn of_pair<'a>(&'a self, pair: &'a SweepPair) -> PatchingSweep<'a> {
        PatchingSweep {
            clean: &pair.clean,
            corrupted: &pair.corrupted,
            metric: self.judged(),
            answers: [pair.answer, pair.wrong],
            kinds: &self.kinds,
            patches: self.patches,
            attributes: self.attributes,
        }
    }

    /// The metric that is meant.
    fn judged(&self) -> SweepMetric {
        let has = |of: fn(&SweepPair) -> Option<TokenId>| {
            !self.pairs.is_empty() && self.pairs.iter().all(|pair| of(pair).is_some())
        };
        self.metric
            .unwrap_or_else(|| SweepMetric::usual(has(|pair| pair.answer), has(|pair| pair.wrong)))
    }
}

/// Refuses to average grids that do not fit.
fn same_shape(sum: &SweepGrid, grid: &SweepGrid) -> Result<()> {
    if sum.shape == grid.shape {
        return Ok(());
    }
    let what = format!(
        "{}: its grid is {:?} and that of the first pair {:?}; sweep pairs of as many tokens, or over heads",
        grid.kind, grid.shape, sum.shape
    );
    Err(Refusal::of(Kind::InvalidInput, what))
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

    /// Bytes that they take beside the model.
    pub fn bytes(&self) -> usize {
        let of_texts = self.texts.iter().map(Vec::len).max().unwrap_or(0);
        let threads = self.model.pool.threads();
        ablation_bytes(&self.model.weights, self.ids.len(), of_texts, threads)
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
        let (unchanged, mut grids) =
            ablation_sweep(weights, pool, &self.ids, ablation, asked, each)?;
        grids.iter_mut().for_each(|grid| grid.finish(1, unchanged, None));
        Ok(AblationReport { metric, unchanged, grids })
    }
}

/// A line of a file of pairs: `{"clean", "corrupt", "answer", "wrong"}`, texts all.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct PairLine {
    clean: String,
    corrupt: String,
    answer: Option<String>,
    wrong: Option<String>,
}

impl Model {
    /// The pairs of a `.jsonl`: `{"clean": "…", "corrupt": "…", "answer": " …", "wrong": " …"}`, one a line.
    ///
    /// # Errors
    /// When a line is no such object, or an answer is not one token: the line is named.
    pub fn pairs(&self, text: &str) -> Result<Vec<SweepPair>> {
        let mut pairs = Vec::new();
        let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
        for (number, line) in lines {
            let at = |refusal: Refusal| refusal.at(format!("line {number}"));
            let parsed: PairLine = serde_json::from_str(line).map_err(|error| {
                at(Refusal::of(
                    Kind::InvalidInput,
                    format!("no object of clean, corrupt, answer and wrong ({error})"),
                ))
            })?;
            let token = |text: &Option<String>| {
                text.as_deref().map(|text| self.token(text)).transpose().map_err(at)
            };
            pairs.push(SweepPair {
                clean: self.encode(&parsed.clean).map_err(at)?,
                corrupted: self.encode(&parsed.corrupt).map_err(at)?,
                answer: token(&parsed.answer)?,
                wrong: token(&parsed.wrong)?,
            });
        }
        match pairs.is_empty() {
            true => Err(Refusal::of(
                Kind::InvalidInput,
                format!("there is no pair of prompts in it; see {}", Setting("pairs")),
            )),
            false => Ok(pairs),
        }
    }
}
