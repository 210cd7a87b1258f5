//! `model.sweep(clean, corrupted)`: one change at a time, at every place of a grid, or along every path.

mod ablation;
mod edits;
mod grid_sums;
mod pairs;

use lookback_files::{Kind, Refusal, Result, Setting};
use lookback_lens::{
    AttributionPasses, Intervention, InterventionFiles, PatchingGrids, PatchingSweep,
    PathReceivers, PathSenders, PathSweep, SweepGrid, SweepKind, SweepMetric, attribution_batches,
    attribution_bytes, patching_sweep, path_sweep, path_sweep_bytes, sweep_kinds,
};
use lookback_model::{Edits, PassVariant, TokenId};
use serde::Serialize;

pub use self::ablation::{AblationQuery, AblationReport};
pub use grid_sums::ChangedPass;

use self::{edits::added, grid_sums::GridSums};
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
        let sweeps = self.sweeps(self.edits.as_deref().unwrap_or(&[]));
        let bytes = match self.paths {
            Some(_) => {
                let of_pair =
                    |pair: &SweepPair| path_sweep_bytes(weights, pair.corrupted.len(), threads);
                self.pairs.iter().map(of_pair).max()
            }
            None if self.attributes && !self.patches => {
                Some(attribution_bytes(weights, &sweeps, threads))
            }
            None => distinct(&sweeps).map(|sweep| sweep.bytes(weights, threads)).max(),
        };
        (bytes.unwrap_or(0), cells)
    }

    /// Makes it. `each` is called after every change with its number and how many there are; where changes are only
    /// predicted, after every batch of pairs with how many of them are done.
    ///
    /// # Errors
    /// When prompts of a pair are the same or of different lengths, or pairs of different lengths where positions
    /// are swept over; when the metric needs an answer that is not given; what `each` says.
    pub fn report(&self, each: &mut dyn FnMut(usize, usize) -> Result<()>) -> Result<SweepReport> {
        let edits = self.edits.clone()?;
        let (bytes, all) = self.plan();
        self.model.admit("the sweep", bytes)?;
        for (place, pair) in self.pairs.iter().enumerate() {
            let given = pair.answer.iter().chain(&pair.wrong).map(|id| id.0);
            let checked = self.model.config().check_ids("answer", given);
            checked.map_err(|refusal| self.at_pair(place, refusal))?;
        }
        let mut sums = GridSums::default();
        if self.attributes && !self.patches && self.paths.is_none() {
            self.attributed(&edits, &mut sums, each)?;
        } else {
            let mut before = 0;
            for (place, (pair, edits)) in self.pairs.iter().zip(&edits).enumerate() {
                let mut tick = |done, _| each(before + done, all);
                let swept = self.swept((pair, edits), &mut tick);
                let swept = swept.map_err(|refusal| self.at_pair(place, refusal))?;
                before += swept.2.iter().map(|grid| grid.values.len()).sum::<usize>();
                sums.add(swept).map_err(|refusal| self.at_pair(place, refusal))?;
            }
        }
        let changed = match self.paths {
            None => ChangedPass::Corrupted,
            Some(_) => ChangedPass::Clean,
        };
        let (clean, corrupted, grids) = sums.means(changed)?;
        let (metric, pairs) = (self.judged(), self.pairs.len());
        Ok(SweepReport { metric, pairs, changed, clean, corrupted, grids })
    }

    /// What is predicted of all pairs, several in one pass.
    fn attributed(
        &self,
        edits: &[[Edits; 2]],
        sums: &mut GridSums,
        each: &mut dyn FnMut(usize, usize) -> Result<()>,
    ) -> Result<()> {
        let Model { weights, pool, .. } = &self.model;
        let sweeps = self.sweeps(edits);
        let mut passes = AttributionPasses::new(weights, pool, &sweeps);
        for batch in attribution_batches(&sweeps) {
            let first = batch.start;
            let grids = passes.grids(&sweeps[batch.clone()]);
            let grids = grids.map_err(|(place, refusal)| self.at_pair(first + place, refusal))?;
            for (place, grids) in batch.clone().zip(grids) {
                sums.add(grids).map_err(|refusal| self.at_pair(place, refusal))?;
            }
            each(batch.end, sweeps.len())?;
        }
        Ok(())
    }

    /// What is refused of one pair among several says of which.
    fn at_pair(&self, place: usize, refusal: Refusal) -> Refusal {
        match self.pairs.len() {
            0 | 1 => refusal,
            _ => refusal.at(format!("pair {}", place + 1)),
        }
    }

    /// The sweep of one pair.
    fn swept(
        &self,
        (pair, edits): (&SweepPair, &[Edits; 2]),
        each: &mut dyn FnMut(usize, usize) -> Result<()>,
    ) -> Result<PatchingGrids> {
        let metric = self.judged();
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

    /// The sweeps of all pairs, but of paths.
    fn sweeps<'a>(&'a self, edits: &'a [[Edits; 2]]) -> Vec<PatchingSweep<'a>> {
        let metric = self.judged();
        let pairs = self.pairs.iter().zip(edits);
        pairs.map(|(pair, edits)| self.of_pair(pair, edits, metric)).collect()
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

/// Sweeps that take other memory than the one before them.
fn distinct<'s, 'a>(
    sweeps: &'s [PatchingSweep<'a>],
) -> impl Iterator<Item = &'s PatchingSweep<'a>> {
    let takes = |sweep: &PatchingSweep<'a>| (sweep.corrupted.len(), sweep.edits);
    let is_new = move |at: &usize| *at == 0 || takes(&sweeps[*at]) != takes(&sweeps[*at - 1]);
    (0..sweeps.len()).filter(is_new).map(|at| &sweeps[at])
}
