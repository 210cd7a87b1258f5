//! `model.sweep(clean, corrupted)`: one change at a time, at every place of a grid, or along every path.

mod ablation;
mod edits;
mod pairs;

use lookback_files::{Kind, Refusal, Result, Setting};
use lookback_lens::{
    Intervention, InterventionFiles, PatchingGrids, PatchingSweep, PathReceivers, PathSenders,
    PathSweep, SweepGrid, SweepKind, SweepMetric, patching_sweep, path_sweep, path_sweep_bytes,
    sweep_kinds,
};
use lookback_model::{Edits, PassVariant, TokenId};
use serde::Serialize;

pub use self::ablation::{AblationQuery, AblationReport};
use self::edits::added;
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
        let edits = pairs.iter().map(|_| Default::default()).collect();
        SweepQuery {
            model: self.clone(),
            pairs,
            kinds: Vec::new(),
            paths: None,
            metric: None,
            patches: true,
            attributes: false,
            edits: Ok(edits),
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
    paths: Option<Paths>,
    /// Of the clean and the corrupted pass of each pair.
    edits: Result<Vec<[Edits; 2]>>,
}

/// The paths that are patched.
#[derive(Clone, Debug)]
struct Paths {
    senders: PathSenders,
    receivers: PathReceivers,
    recomputes_mlps: bool,
}

/// The pass of a sweep that is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangedPass {
    /// The one over the clean prompt, as in path patching.
    Clean,
    /// The one over the corrupted prompt.
    Corrupted,
}

/// What a sweep found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SweepReport {
    /// What is judged.
    pub metric: SweepMetric,
    /// Pairs of prompts, of whose metrics all numbers are means.
    pub pairs: usize,
    /// Which pass is changed; a share of the whole change is 0 there, and 1 in the other one.
    pub changed: ChangedPass,
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

    /// Over the direct paths from each of these senders to all of these receivers, and nothing else: the sender's
    /// output in the **clean** pass is that of the corrupted one, and the receivers alone see it. Between them what
    /// attention and MLPs add is frozen; with `recomputes_mlps` attention alone is.
    ///
    /// ```no_run
    /// let model = lookback_open::Model::open("model.gguf")?;
    /// let clean = model.encode("The capital of France is")?;
    /// let corrupted = model.encode("The capital of Italy is")?;
    /// let sweep = model.sweep(&clean, &corrupted).over_paths("heads", "9.6.q,9.9.q", false)?;
    /// let report = sweep.report(&mut |_, _| Ok(()))?;
    /// println!("{:?}", report.grids[0].values);
    /// # Ok::<(), lookback_files::Refusal>(())
    /// ```
    ///
    /// # Errors
    /// When there is no such sender or receiver.
    pub fn over_paths(
        mut self,
        senders: &str,
        receivers: &str,
        recomputes_mlps: bool,
    ) -> Result<Self> {
        let (senders, receivers) = (senders.parse()?, receivers.parse()?);
        self.paths = Some(Paths { senders, receivers, recomputes_mlps });
        Ok(self)
    }

    /// All passes, clean and corrupted, have these edits; each is resolved for its own prompt. May be called several
    /// times.
    #[must_use]
    pub fn interventions(
        mut self,
        interventions: &[Intervention],
        files: &dyn InterventionFiles,
    ) -> Self {
        if interventions.is_empty() {
            return self;
        }
        let edits = std::mem::replace(&mut self.edits, Ok(Vec::new()));
        let Self { model, pairs, .. } = &self;
        let more = |(pair, [clean, corrupted]): (&SweepPair, [Edits; 2])| {
            let added = |edits, ids| added(model, edits, interventions, files, ids);
            Ok([added(clean, &pair.clean)?, added(corrupted, &pair.corrupted)?])
        };
        self.edits = edits.and_then(|all| pairs.iter().zip(all).map(more).collect());
        self
    }

    /// All passes are of this variant.
    #[must_use]
    pub fn variant(mut self, variant: PassVariant) -> Self {
        for edits in self.edits.iter_mut().flatten().flatten() {
            *edits = std::mem::take(edits).of_variant(variant);
        }
        self
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
        let cells = |pair: &SweepPair| -> usize {
            let (config, tokens) = (self.model.config(), pair.corrupted.len());
            if let Some(paths) = &self.paths {
                return paths.senders.cells(config, tokens);
            }
            let shape = |kind: &SweepKind| kind.shape(config, tokens);
            self.kinds.iter().map(|kind| shape(kind).iter().product::<usize>()).sum()
        };
        let cells = if self.patches { self.pairs.iter().map(cells).sum() } else { 0 };
        let none = Vec::new();
        let edited = self.pairs.iter().zip(self.edits.as_ref().unwrap_or(&none));
        let bytes = edited.map(|(pair, edits)| match self.paths {
            Some(_) => path_sweep_bytes(weights, pair.corrupted.len(), threads),
            None => self.of_pair(pair, edits, self.judged()).bytes(weights, threads),
        });
        (bytes.max().unwrap_or(0), cells)
    }

    /// Makes it. `each` is called after every change with its number and how many there are.
    ///
    /// # Errors
    /// When prompts of a pair are the same or of different lengths, or pairs of different lengths where positions
    /// are swept over; when the metric needs an answer that is not given; what `each` says.
    pub fn report(&self, each: &mut dyn FnMut(usize, usize) -> Result<()>) -> Result<SweepReport> {
        let edits = self.edits.clone()?;
        let (bytes, all) = self.plan();
        self.model.admit("the sweep", bytes)?;
        let metric = self.judged();
        let several = self.pairs.len() > 1;
        let (mut clean, mut corrupted, mut before) = (0.0, 0.0, 0);
        let mut sum: Option<Vec<SweepGrid>> = None;
        for ((number, pair), edits) in (1..).zip(&self.pairs).zip(&edits) {
            let at_pair = |refusal: Refusal| match several {
                true => refusal.at(format!("pair {number}")),
                false => refusal,
            };
            let given = pair.answer.iter().chain(&pair.wrong).map(|id| id.0);
            self.model.config().check_ids("answer", given).map_err(at_pair)?;
            let mut tick = |done, _| each(before + done, all);
            let swept = self.swept((pair, edits), metric, &mut tick).map_err(at_pair)?;
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
        let (changed, [from, to]) = match self.paths {
            None => (ChangedPass::Corrupted, [corrupted, clean]),
            Some(_) => (ChangedPass::Clean, [clean, corrupted]),
        };
        grids.iter_mut().for_each(|grid| grid.finish(count, from, Some(to)));
        Ok(SweepReport { metric, pairs: count, changed, clean, corrupted, grids })
    }

    /// The sweep of one pair.
    fn swept(
        &self,
        (pair, edits): (&SweepPair, &[Edits; 2]),
        metric: SweepMetric,
        each: &mut dyn FnMut(usize, usize) -> Result<()>,
    ) -> Result<PatchingGrids> {
        let Model { weights, pool, .. } = &self.model;
        let Some(Paths { senders, receivers, recomputes_mlps }) = &self.paths else {
            return patching_sweep(weights, pool, &self.of_pair(pair, edits, metric), each);
        };
        if !self.kinds.is_empty() || self.attributes {
            let what =
                "paths are patched by themselves: neither beside other kinds nor by attribution";
            return Err(Refusal::of(Kind::InvalidInput, format!("{}: {what}", Setting("over"))));
        }
        let sweep = PathSweep {
            clean: &pair.clean,
            corrupted: &pair.corrupted,
            metric,
            answers: [pair.answer, pair.wrong],
            senders,
            receivers,
            recomputes_mlps: *recomputes_mlps,
            edits: edits.each_ref(),
        };
        path_sweep(weights, pool, &sweep, each)
    }

    /// The sweep of one pair, but of paths.
    fn of_pair<'a>(
        &'a self,
        pair: &'a SweepPair,
        edits: &'a [Edits; 2],
        metric: SweepMetric,
    ) -> PatchingSweep<'a> {
        PatchingSweep {
            clean: &pair.clean,
            corrupted: &pair.corrupted,
            metric,
            answers: [pair.answer, pair.wrong],
            kinds: &self.kinds,
            patches: self.patches,
            attributes: self.attributes,
            edits: edits.each_ref(),
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
