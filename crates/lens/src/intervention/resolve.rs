//! From what is written of a change to the edits of a program, for one model and one prompt: which positions
//! and columns are chosen, and with which numbers.

use lookback_engine::{ThreadPool, Weights};
use lookback_files::{Result, Setting, counted};
use lookback_model::{BlockSite, Change, Edit, Edits, PassEdit, Site, Steering, TokenId};
use lookback_text::Tokenizer;

use crate::{
    intervention::{
        columns::{Columns, Numbers, elements, length, mean_numbers, steered, times, unit},
        constants::Constants,
        files::InterventionFiles,
        operation::{
            Bounded, Intervention, Limited, Operation, OtherPrompt, Scaled, Source, Vector,
        },
        prompt_passes::PromptPasses,
        selection::{Axis, Index, Selection, covering, places, refuse},
        vector_files,
    },
    sites::{is_on_demand, shape, sites},
};

/// For which tokens edits hold, where tokens are generated behind a prompt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EditTokens {
    /// For all that their selections choose.
    #[default]
    All,
    /// For those of the prompt among them.
    Prompt,
    /// For those behind the prompt among them.
    Generated,
}

/// What interventions are resolved for.
#[derive(Clone, Copy)]
pub struct Resolver<'a> {
    /// The model's weights, with which constants are computed.
    pub weights: &'a Weights,
    /// The threads that compute them.
    pub pool: &'a ThreadPool,
    /// What reads texts; a model without one takes ids only.
    pub tokenizer: Option<&'a Tokenizer>,
    /// Who reads files that are named.
    pub files: &'a dyn InterventionFiles,
    /// The prompt, to whose end numbers below 0 are counted; none where there are many texts.
    pub prompt: Option<&'a [TokenId]>,
    /// How many tokens the edited sequence has at most.
    pub positions: usize,
    /// For which of them edits hold.
    pub tokens: EditTokens,
    /// The passes over other prompts, each made once.
    pub passes: &'a PromptPasses,
}

impl Resolver<'_> {
    /// The edits that interventions stand for, in their order.
    ///
    /// # Errors
    /// When the model has no such site, head or neuron, the prompt no such token or text, when shapes do not
    /// fit, or when a file cannot be read: one sentence, which begins with the edit.
    pub fn resolve(&self, interventions: &[Intervention]) -> Result<Edits> {
        interventions.iter().for_each(|intervention| self.expect(intervention));
        let mut edits = Vec::new();
        for intervention in interventions {
            let resolved = self.resolved(intervention);
            let resolved = resolved
                .map_err(|refusal| refusal.at(format!("{} {intervention}", Setting("edit"))))?;
            edits.extend(resolved);
        }
        Ok(Edits::new(edits))
    }

    fn resolved(&self, intervention: &Intervention) -> Result<Vec<PassEdit>> {
        let site = intervention.site;
        self.check_site(site)?;
        if let Site::Block(layer, BlockSite::Scores | BlockSite::Pattern) = site {
            let layer = usize::from(layer);
            let edits = self.attention_edits(layer, intervention)?;
            return Ok(edits.into_iter().map(|edit| (layer, edit).into()).collect());
        }
        let edits = self.value_edits(intervention)?;
        Ok(edits.into_iter().map(|edit| (site, edit).into()).collect())
    }

    /// The edits of the rows of a value that an intervention stands for.
    fn value_edits(&self, intervention: &Intervention) -> Result<Vec<Edit>> {
        let Intervention { site, selection, operation } = intervention;
        let columns = self.columns(*site, selection)?;
        let positions = self.positions(selection, Axis::Token)?;
        let each = |change, numbers| elements(change, positions.as_deref(), &columns, numbers);
        let vector = |vector| self.fitted(vector, *site, &columns, positions.as_deref());
        let steered = |steering, vectors: &[Vec<f32>]| {
            steered(steering, positions.as_deref(), &columns, vectors)
        };
        let direction = |of: &Vector| unit(&self.vector(of, *site, &columns)?.values);
        match operation {
            Operation::Set(Source::Number(number)) => each(Change::Set, Numbers::One(*number)),
            Operation::Set(Source::Vector(of)) => each(Change::Set, vector(of)?),
            Operation::Set(Source::Mean) => {
                let Some(prompt) = self.prompt else {
                    return refuse("there is no prompt to take the mean of; name a file of texts");
                };
                let mean = self.constants().mean(*site, prompt)?;
                each(Change::Set, mean_numbers(&columns, &mean))
            }
            Operation::Set(Source::MeanOf { file, start }) => {
                let mean = self.constants().mean_of(*site, file, *start)?;
                each(Change::Set, mean_numbers(&columns, &mean))
            }
            Operation::Set(Source::From { other, selection: stated }) => {
                let places = self.patched_places(positions)?;
                let source = stated.as_ref().unwrap_or(selection);
                let numbers = self.patched(*site, other, source, &places, &columns)?;
                elements(Change::Set, Some(&places), &columns, numbers)
            }
            Operation::Set(Source::Resample { file, seed }) => {
                let places = self.resampled_places(positions);
                let rows = self.constants().resampled(*site, file, *seed, &places)?;
                let rows = rows.iter().map(|row| columns.of_row(row)).collect();
                let numbers = Numbers::Rows(rows);
                elements(Change::Set, Some(&places), &columns, numbers)
            }
            Operation::Scale(factor) => each(Change::Scale, Numbers::One(*factor)),
            Operation::Add(Scaled { factor, vector: of }) => {
                each(Change::Add, times(*factor, vector(of)?))
            }
            Operation::ProjectOut(of) => steered(Steering::ScaleAlong(0.0), &[direction(of)?]),
            Operation::ScaleAlong(Scaled { factor, vector: of }) => {
                steered(Steering::ScaleAlong(*factor), &[direction(of)?])
            }
            Operation::ClampAlong(Bounded { vector: of, min, max }) => {
                let min = min.unwrap_or(f32::NEG_INFINITY);
                let max = max.unwrap_or(f32::INFINITY);
                steered(Steering::ClampAlong { min, max }, &[direction(of)?])
            }
            Operation::NormScaledAdd(Limited { factor, vector: of, max_fraction }) => {
                let of = self.vector(of, *site, &columns)?.values;
                let (factor, limit) = (f64::from(*factor), f64::from(*max_fraction));
                let share = factor.abs() * length(&of);
                let factor = if share > limit { factor * (limit / share) } else { factor };
                let added = of.iter().map(|x| (factor * f64::from(*x)) as f32).collect();
                steered(Steering::AddByNorm, &[added])
            }
            Operation::OrthogonalAdd(Scaled { factor, vector: of }) => {
                let of = self.vector(of, *site, &columns)?.values;
                let added = of.iter().map(|x| factor * x).collect();
                steered(Steering::AddOrthogonal, &[added])
            }
            Operation::Swap { from, to } => {
                let [from, to] = [from, to].map(|of| self.vector(of, *site, &columns));
                let (from, to) = (from?.values, to?.values);
                if from.len() != to.len() {
                    return refuse(format!(
                        "what is swapped has {} numbers, and what takes its place {}",
                        from.len(),
                        to.len()
                    ));
                }
                let (lengths, v) = ([length(&from), length(&to)], unit(&from)?);
                unit(&to)?;
                let apart = from.iter().zip(&to).map(|(from, to)| {
                    (f64::from(*to) / lengths[1] - f64::from(*from) / lengths[0]) as f32
                });
                let apart = apart.collect();
                steered(Steering::Swap, &[v, apart])
            }
            Operation::KeepTop(_) | Operation::Hide => {
                refuse("keys are kept or hidden at attn.scores alone")
            }
        }
    }

    pub(super) fn constants(&self) -> Constants<'_> {
        let Self { weights, pool, tokenizer, files, passes, .. } = *self;
        Constants { weights, pool, tokenizer, files, passes }
    }

    /// Says which passes an intervention will read, so that those that read the same share it. What is wrong with
    /// it, is said when it is resolved.
    fn expect(&self, intervention: &Intervention) {
        let Intervention { site, selection, operation } = intervention;
        let text = |text: &String| self.constants().encode(text).ok();
        let ids: Vec<Vec<TokenId>> = match operation {
            Operation::Set(Source::From { other, .. }) => {
                self.other_ids(other).into_iter().collect()
            }
            Operation::Set(Source::Mean) => {
                self.prompt.map(<[TokenId]>::to_vec).into_iter().collect()
            }
            Operation::Set(Source::MeanOf { file, start }) => {
                self.passes.expect_mean((file.clone(), *start), *site);
                return;
            }
            Operation::Set(Source::Resample { file, seed }) => {
                let places = self.positions(selection, Axis::Token);
                let drawn = places.and_then(|places| {
                    self.constants().drawn_texts(file, *seed, &self.resampled_places(places))
                });
                drawn.unwrap_or_default()
            }
            _ => operation.dir_texts().into_iter().flatten().filter_map(text).collect(),
        };
        ids.into_iter().for_each(|ids| self.passes.expect(ids, *site));
    }

    /// The tokens of another prompt.
    pub(super) fn other_ids(&self, other: &OtherPrompt) -> Result<Vec<TokenId>> {
        match other {
            OtherPrompt::Prompt(text) => self.constants().encode(text),
            OtherPrompt::Ids(ids) => Ok(ids.iter().copied().map(TokenId).collect()),
        }
    }

    /// Refuses a site that the model does not have, or whose values follow from others.
    fn check_site(&self, site: Site) -> Result<()> {
        let config = &self.weights.network().config;
        if let Site::Block(layer, _) = site
            && usize::from(layer) >= config.layers
        {
            let layers = counted(config.layers, "layer");
            return refuse(format!("this model has {layers}, counted from 0"));
        }
        if !sites(config).contains(&site) && !is_on_demand(site) {
            return refuse("this model does not have the site");
        }
        match site {
            Site::Probabilities => refuse("probabilities follow from the logits; edit these"),
            Site::Block(_, BlockSite::ExpertIndices) => {
                refuse("which experts work follows from mlp.router_logits; edit these")
            }
            _ => Ok(()),
        }
    }

    fn columns(&self, site: Site, selection: &Selection) -> Result<Columns> {
        let shape = shape(&self.weights.network().config, site, 1);
        let axes = Axis::of_site(site, shape.len() == 3);
        if let Some(Axis::Expert) = selection.0.keys().find(|axis| !axes.contains(axis)) {
            return refuse("this layer has no experts to choose from");
        }
        let chosen = |place: usize| match selection.of(axes[place]) {
            None => Ok((0..shape[place]).collect()),
            Some(chosen) => {
                let (axis, count) = (axes[place], shape[place]);
                let find = |_: &str| refuse(format!("{} are chosen by number", axis.plural()));
                places(axis, chosen, count, Some(count), find)
            }
        };
        let last = shape.len() - 1;
        Ok(Columns {
            heads: if last == 2 { chosen(1)? } else { vec![0] },
            dimensions: chosen(last)?,
            head_width: shape[last],
            head_axis: (last == 2).then(|| axes[1]),
        })
    }

    /// The chosen positions of an axis; none where all are chosen, however many there will be.
    pub(super) fn positions(
        &self,
        selection: &Selection,
        axis: Axis,
    ) -> Result<Option<Vec<usize>>> {
        let prompt = self.prompt.map(<[TokenId]>::len);
        let all = match (selection.of(axis), self.tokens) {
            (None, EditTokens::All) => return Ok(None),
            (None, _) => (0..self.positions).collect(),
            (Some(chosen), _) => self.tokens_of(axis, chosen, self.prompt, self.positions)?,
        };
        let holds = |position: &usize| match self.tokens {
            EditTokens::All => true,
            EditTokens::Prompt => Some(*position) < prompt,
            EditTokens::Generated => Some(*position) >= prompt,
        };
        let left: Vec<usize> = all.into_iter().filter(holds).collect();
        match (left.is_empty(), self.tokens) {
            (false, _) | (_, EditTokens::All) => Ok(Some(left)),
            (true, EditTokens::Prompt) => refuse("none of its tokens is one of the prompt"),
            // A text of which nothing is generated has none.
            (true, EditTokens::Generated) if selection.of(axis).is_none() => Ok(Some(left)),
            (true, EditTokens::Generated) => refuse("none of its tokens is one that is generated"),
        }
    }

    /// Places of a prompt's tokens, among `count`.
    pub(super) fn tokens_of(
        &self,
        axis: Axis,
        chosen: &[Index],
        prompt: Option<&[TokenId]>,
        count: usize,
    ) -> Result<Vec<usize>> {
        let find = |text: &str| match (prompt, self.tokenizer) {
            (Some(ids), Some(tokenizer)) => {
                let bytes: Vec<&[u8]> = ids.iter().map(|id| tokenizer.bytes_of(*id)).collect();
                covering(text, &bytes)
            }
            (None, _) => refuse(format!("there is no prompt in which {text:?} could stand")),
            (_, None) => refuse("the model has no tokenizer, so choose tokens by number"),
        };
        places(axis, chosen, count, prompt.map(<[TokenId]>::len), find)
    }

    /// The positions that another prompt's rows are written to: of all, those of the prompt.
    pub(super) fn patched_places(&self, positions: Option<Vec<usize>>) -> Result<Vec<usize>> {
        match (positions, self.prompt) {
            (Some(positions), _) => Ok(positions),
            (None, Some(prompt)) => Ok((0..prompt.len()).collect()),
            (None, None) => refuse("there is no prompt that another could be patched into"),
        }
    }

    /// The positions that drawn rows are written to: of all, as many as there may be.
    fn resampled_places(&self, positions: Option<Vec<usize>>) -> Vec<usize> {
        positions.unwrap_or_else(|| (0..self.positions).collect())
    }

    /// The numbers of another prompt, for the chosen rows and columns.
    fn patched(
        &self,
        site: Site,
        other: &OtherPrompt,
        source: &Selection,
        places: &[usize],
        columns: &Columns,
    ) -> Result<Numbers> {
        let ids = self.other_ids(other)?;
        let from = self.columns(site, source)?;
        if [from.heads.len(), from.dimensions.len()]
            != [columns.heads.len(), columns.dimensions.len()]
        {
            let (from, to) = (from.sentence(), columns.sentence());
            return refuse(format!("{from} do not fit where {to} are written"));
        }
        let rows = match source.of(Axis::Token) {
            None => (0..ids.len()).collect(),
            Some(chosen) => self.tokens_of(Axis::Token, chosen, Some(&ids), ids.len())?,
        };
        let captured = self.constants().rows(site, &ids)?;
        let of = |row: &usize| from.of_row(captured.part(*row));
        if let [row] = rows[..] {
            return Ok(Numbers::Columns(of(&row)));
        }
        if rows.len() != places.len() {
            return refuse(format!(
                "{} of the other prompt do not fit where {} are written; choose as many, such as [-1]",
                counted(rows.len(), "token"),
                places.len()
            ));
        }
        Ok(Numbers::Rows(rows.iter().map(of).collect()))
    }

    /// A vector, and what it is called.
    fn vector(&self, of: &Vector, site: Site, columns: &Columns) -> Result<vector_files::Tensor> {
        let flat = |values: Vec<f32>| vector_files::Tensor { shape: vec![values.len()], values };
        match of {
            Vector::Numbers(numbers) => Ok(flat(numbers.clone())),
            Vector::File { file, tensor } => {
                vector_files::read(file, &self.files.bytes(file)?, tensor.as_deref())
            }
            Vector::Dir(texts) => {
                let constants = self.constants();
                let mean = |text: &str| constants.mean(site, &constants.encode(text)?);
                let [left, right] = [mean(&texts[0])?, mean(&texts[1])?];
                let apart = columns.iter().map(|column| (left[column] - right[column]) as f32);
                Ok(flat(apart.collect()))
            }
            Vector::Unit(inner) => Ok(flat(unit(&self.vector(inner, site, columns)?.values)?)),
        }
    }

    /// A vector as numbers of the chosen columns.
    fn fitted(
        &self,
        of: &Vector,
        site: Site,
        columns: &Columns,
        positions: Option<&[usize]>,
    ) -> Result<Numbers> {
        let vector_files::Tensor { shape, values } = self.vector(of, site, columns)?;
        let (all, one) = (columns.count(), columns.dimensions.len());
        let is_rows = positions.is_some_and(|rows| values.len() == rows.len() * all);
        match values.len() {
            1 => Ok(Numbers::One(values[0])),
            len if len == all => Ok(Numbers::Columns(values)),
            len if len == one => Ok(Numbers::Columns(values.repeat(columns.heads.len()))),
            _ if is_rows => {
                Ok(Numbers::Rows(values.chunks_exact(all).map(<[f32]>::to_vec).collect()))
            }
            _ => refuse(format!(
                "a vector of shape {shape:?} does not fit {} that are chosen",
                columns.sentence()
            )),
        }
    }
}
