//! A pass over a batch as a list of steps, recorded once and executed by interpreters.
//!
//! A [`Program`] is data: steps with an operation each, and its input and output values. A value
//! has a width and a kind of rows, never a number of rows: the batch binds them. What `forward` records
//! is the unfused definition of the model; an interpreter may fuse steps whose results no other step reads.

use std::{ops::Range, sync::Arc};

use crate::{
    Activation, Attend, AttentionEdit, Edit, Head, Linear, Norm, Rotary, Routing, Site, WeightId,
};

/// A value of a program: its place in [`Program::values`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueId(pub u32);

impl ValueId {
    /// The place in [`Program::values`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// The type of a value's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElementType {
    /// Numbers.
    F32,
    /// Indices: of tokens, positions, experts.
    U32,
}

/// What a value has a row for. The batch says how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowKind {
    /// Every token of the batch.
    Tokens,
    /// Every token whose logits are computed: those in `Batch::logit_rows`.
    LogitRows,
    /// Every head and query of a segment, with a column for each key. Such a value is made only when
    /// an observer reads it, segment by segment: it has no place in a layout.
    Queries,
}

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    /// Elements of a row.
    pub width: usize,
    /// Their type.
    pub element: ElementType,
    /// What has a row.
    pub rows: RowKind,
}

/// The linear layers of experts that read the same rows.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpertLinears {
    /// Of the first result expert by expert, then of the second; those of a result have one shape.
    pub layers: Vec<Linear>,
    /// Experts of each result.
    pub experts: usize,
    /// How many of them work on a row.
    pub chosen: usize,
}

impl ExpertLinears {
    /// The layers of one result, expert by expert.
    pub fn of_result(&self, result: usize) -> &[Linear] {
        &self.layers[result * self.experts..(result + 1) * self.experts]
    }
}

/// Attention's output projection, head by head: of each the columns that its z meets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OutputProjection {
    /// From all heads back to the residual stream.
    pub linear: Linear,
    /// How many heads enter.
    pub heads: usize,
}

impl OutputProjection {
    /// Width of the results of all heads, side by side.
    pub fn width(&self) -> usize {
        self.heads * self.linear.outputs
    }
}

/// An operation. In brackets: the inputs of its step → its outputs.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Rows of a table. \[indices → x]
    Embed(WeightId),
    /// Every row, or every head of it, brought to a common scale. \[x → y]
    Norm(Norm),
    /// `x · weightᵀ + bias` of one or more layers, a result each. \[x → y …]
    Linear(Vec<Linear>),
    /// `residual + (x · weightᵀ + bias)`: what fusion makes of a linear layer and a sum. \[x, residual → y]
    LinearAdd(Linear),
    /// Every element multiplied with a number. \[x → y]
    Scale(f32),
    /// Every element within ± a number. \[x → y]
    Clamp(f32),
    /// The pairs of every head, rotated by the positions of their rows. \[x → y]
    Rotate(Rotary),
    /// Every row looks at those before it in its sequence. \[q, k, v → z, log-sum-exp of every head's scores]
    Attend(Attend),
    /// The same with some scores or weights changed, by each edit in turn.
    AttendEdited(Attend, Arc<[AttentionEdit]>),
    /// What each head adds to the output of attention, where some of it is changed. \[z → results]
    SplitHeads(OutputProjection),
    /// Attention's output, of the columns of heads whose results are unchanged and of the changed results.
    /// \[z, results, results′ → out]
    SumHeads(OutputProjection),
    /// `activation(pre)`, times the linear branch of gated MLPs. \[pre → post] or \[pre, linear → post]
    Activate(Activation),
    /// `x + y` \[x, y → sum]
    Add,
    /// The experts that work on each row, ascending, and their weights, both `[rows, chosen]`.
    /// \[router logits → weights, indices]
    Route(Routing),
    /// `x · weightᵀ + bias` of the chosen experts of each row, `[rows, chosen, outputs]` of each result, where
    /// x is one row for all of them or a row for each. \[x, indices → y …]
    Experts(ExpertLinears),
    /// The weighted sum of what the chosen experts made of each row. \[y of each, weights → y]
    Combine,
    /// The rows whose logits are computed. \[x of tokens → x of logit rows]
    Select,
    /// \[x → logits]
    Logits(Head),
    /// Cross-entropy of every row's logits, which are never held all at once, against the targets of the
    /// pass. \[x → losses, one a row]
    Loss(Head),
    /// Some elements changed. \[x → x′]
    Edit(Edit),
    /// The same with the edits that each sequence of a batch has at the place of this number. \[x → y]
    SequenceEdits(usize),
    /// The scaled scores of an attention, with its edits, −inf where hidden. \[q → scores]
    Scores(Attend, Arc<[AttentionEdit]>),
    /// The attention pattern, exp(score − log-sum-exp), with the attention's edits. \[q, log-sum-exp → pattern]
    Pattern(Attend, Arc<[AttentionEdit]>),
    /// What each head adds to the output of attention. \[z → results]
    Results(OutputProjection),
    /// Softmax of the logits. \[logits → probabilities]
    Probabilities,
}

impl Op {
    /// Whether its output is only for observers: no other step reads it.
    pub fn is_derived(&self) -> bool {
        match self {
            Self::Scores(..) | Self::Pattern(..) | Self::Results(_) | Self::Probabilities => true,
            Self::Embed(_)
            | Self::Norm(_)
            | Self::Linear(_)
            | Self::LinearAdd(_)
            | Self::Scale(_)
            | Self::Clamp(_)
            | Self::Rotate(_)
            | Self::Attend(_)
            | Self::AttendEdited(..)
            | Self::SplitHeads(_)
            | Self::SumHeads(_)
            | Self::Activate(_)
            | Self::Add
            | Self::Route(_)
            | Self::Experts(_)
            | Self::Combine
            | Self::Select
            | Self::Logits(_)
            | Self::Loss(_)
            | Self::Edit(_)
            | Self::SequenceEdits(_) => false,
        }
    }
}

/// An operation with its inputs and outputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The operation.
    pub op: Op,
    /// In the order of the operation's arguments.
    pub inputs: Vec<ValueId>,
    /// In the order of the operation's results.
    pub outputs: Vec<ValueId>,
}

/// The steps of one pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// In the order in which they run.
    pub steps: Vec<Step>,
    /// The inputs and outputs of all steps. The first two are [`Program::IDS`] and [`Program::POSITIONS`].
    pub values: Vec<Value>,
    /// The sites that can be captured, in the order of a pass. A value may have several names: what one
    /// block leaves is what the next reads.
    pub sites: Vec<(Site, ValueId)>,
}

impl Default for Program {
    fn default() -> Self {
        let indices = Value { width: 1, element: ElementType::U32, rows: RowKind::Tokens };
        Self { steps: Vec::new(), values: vec![indices; 2], sites: Vec::new() }
    }
}

impl Program {
    /// The batch's ids.
    pub const IDS: ValueId = ValueId(0);
    /// The batch's positions.
    pub const POSITIONS: ValueId = ValueId(1);

    /// What a value looks like.
    pub fn value(&self, id: ValueId) -> Value {
        self.values[id.index()]
    }

    /// A new value of numbers.
    pub fn new_value(&mut self, width: usize, rows: RowKind) -> ValueId {
        self.new_value_of(ElementType::F32, width, rows)
    }

    /// A new value.
    pub fn new_value_of(&mut self, element: ElementType, width: usize, rows: RowKind) -> ValueId {
        self.values.push(Value { width, element, rows });
        ValueId(self.values.len() as u32 - 1)
    }

    /// The value at a site, if this program has it.
    pub fn at(&self, site: Site) -> Option<ValueId> {
        self.sites.iter().find(|(named, _)| *named == site).map(|(_, value)| *value)
    }

    /// The sites that a value is at.
    pub fn sites_of(&self, value: ValueId) -> impl Iterator<Item = Site> + '_ {
        self.sites.iter().filter(move |(_, named)| *named == value).map(|(site, _)| *site)
    }

    /// The step whose output a value is; the batch's ids and positions have none.
    pub fn producer(&self, value: ValueId) -> Option<usize> {
        self.steps.iter().position(|step| step.outputs.contains(&value))
    }

    /// Where a pass begins behind a value, and what it reads: of what is made before that step, all that it or a
    /// later one reads, in the order of their ids. It is the first step from whose beginning on all of that has a
    /// name, and before which no other reads the value. The batch's ids and positions are always there. None if
    /// there is no such step.
    pub fn read_behind(&self, value: ValueId) -> Option<(usize, Vec<ValueId>)> {
        let first = self.producer(value)? + 1;
        let passed = |cut: usize| self.steps[first..cut].iter();
        (first..=self.steps.len())
            .take_while(|&cut| passed(cut).all(|step| !step.inputs.contains(&value)))
            .map(|cut| (cut, self.read_from(cut)))
            .find(|(_, reads)| reads.iter().all(|&read| self.sites_of(read).next().is_some()))
    }

    /// What steps from one on read that is made before it, but for the batch's ids and positions.
    fn read_from(&self, first: usize) -> Vec<ValueId> {
        let behind = &self.steps[first..];
        let mut is_known = vec![true; self.values.len()];
        let made = behind.iter().flat_map(|step| &step.outputs);
        made.for_each(|output| is_known[output.index()] = false);
        let reads = behind.iter().flat_map(|step| step.inputs.iter().copied());
        let is_given = |read: &ValueId| *read == Self::IDS || *read == Self::POSITIONS;
        let mut reads: Vec<ValueId> =
            reads.filter(|read| is_known[read.index()] && !is_given(read)).collect();
        reads.sort_unstable();
        reads.dedup();
        reads
    }

    /// Puts an edit behind the step that makes the value at a site: from there on everybody reads, and the
    /// site shows, what was changed. False if this program does not have the site, if nothing could read
    /// the change, if indices stand there, or if the edit does not fit the value's rows.
    pub fn edit(&mut self, site: Site, edit: Edit) -> bool {
        let fits = |width| edit.fits(width);
        self.insert_edit(site, Op::Edit(edit.clone()), fits)
    }

    /// The same of a step that edits what it reads, if it `fits` rows of the width that stands there.
    pub(crate) fn insert_edit(&mut self, site: Site, op: Op, fits: impl Fn(usize) -> bool) -> bool {
        if let Site::Block(layer, crate::BlockSite::Result) = site
            && !self.keeps_results(layer)
        {
            // Results of heads are a value of their own only where they are changed.
            let projection = self.output_projection(layer);
            if !projection.is_some_and(|(_, projection)| fits(projection.width())) {
                return false;
            }
            self.split_results(layer);
        }
        let Some(value) = self.at(site) else { return false };
        let Some(producer) = self.producer(value) else { return false };
        let Value { width, element, rows } = self.value(value);
        if rows == RowKind::Queries || element == ElementType::U32 {
            return false;
        }
        if self.steps[producer].op.is_derived() || !fits(width) {
            return false;
        }
        let edited = self.new_value(width, rows);
        let own = self.own_readers(site, value);
        let readers = own.clone().unwrap_or(producer + 1..self.steps.len());
        for step in &mut self.steps[readers] {
            // What is added to the stream is added to the stream itself.
            if own.is_some() && matches!(step.op, Op::Add) {
                continue;
            }
            // A sum of heads compares the results with those that were made.
            let made = if matches!(step.op, Op::SumHeads(_)) { Some(1) } else { None };
            for (index, read) in step.inputs.iter_mut().enumerate() {
                if *read == value && Some(index) != made {
                    *read = edited;
                }
            }
        }
        let is_renamed = |other: &Site| own.is_none() || *other == site;
        for (other, named) in &mut self.sites {
            if *named == value && is_renamed(other) {
                *named = edited;
            }
        }
        let step = Step { op, inputs: vec![value], outputs: vec![edited] };
        self.steps.insert(producer + 1, step);
        true
    }

    /// Whether an edit of a site would change what one component reads, and not the value for all.
    pub(crate) fn is_read_alone(&self, site: Site) -> bool {
        self.at(site).is_some_and(|value| self.own_readers(site, value).is_some())
    }

    /// The steps of the one component that reads a value by this name, where the value had another name first: what
    /// attention reads of a stream without a norm before it, and what the MLP reads of attention's norm or of the
    /// stream. An edit of such a site changes what that component reads, and nothing else.
    fn own_readers(&self, site: Site, value: ValueId) -> Option<Range<usize>> {
        use crate::BlockSite::{AttnOut, Ln1, Ln2, MlpOut};

        let is_another_first = self.sites_of(value).next().is_some_and(|first| first != site);
        let Site::Block(layer, of_block @ (Ln1 | Ln2)) = site else { return None };
        let behind = |of_block| {
            let value = self.at(Site::Block(layer, of_block))?;
            self.producer(value).map(|producer| producer + 1)
        };
        let first = self.producer(value)? + 1;
        let (attention, mlp) = (behind(AttnOut)?, behind(MlpOut)?);
        let own = if of_block == Ln1 { first..attention } else { first.max(attention)..mlp };
        is_another_first.then_some(own)
    }

    /// Adds the steps whose outputs are only for observers: scores, pattern and results of each attention, and
    /// the probabilities, at the sites that are wanted.
    pub fn derive(&mut self, wants: impl Fn(Site) -> bool) {
        use crate::BlockSite::{Pattern, Scores, Z};

        self.derive_results(&wants);
        let mut at = 0;
        while at < self.steps.len() {
            let Step { op, inputs, outputs } = &self.steps[at];
            let output = outputs[0];
            let derived = match op {
                Op::Attend(attend) | Op::AttendEdited(attend, _) => {
                    let edits: Arc<[AttentionEdit]> = match op {
                        Op::AttendEdited(_, edits) => edits.clone(),
                        _ => Arc::from([]),
                    };
                    let layer = attend.layer as u16;
                    let (q, log_sum_exp) = (inputs[0], outputs[1]);
                    let z = Site::Block(layer, Z);
                    let scores = Op::Scores(*attend, edits.clone());
                    let scores = (Site::Block(layer, Scores), scores, vec![q], z);
                    let pattern = Op::Pattern(*attend, edits);
                    let pattern = (Site::Block(layer, Pattern), pattern, vec![q, log_sum_exp], z);
                    vec![scores, pattern]
                }
                Op::Logits(_) => {
                    vec![(
                        Site::Probabilities,
                        Op::Probabilities,
                        vec![output],
                        Site::Probabilities,
                    )]
                }
                _ => Vec::new(),
            };
            at += 1;
            for (site, op, inputs, before) in derived {
                if !wants(site) {
                    continue;
                }
                let Value { width, rows, .. } = self.value(output);
                let value = match op {
                    Op::Probabilities => self.new_value(width, rows),
                    _ => self.new_value(0, RowKind::Queries),
                };
                let place = self.sites.iter().position(|(named, _)| *named == before);
                self.sites.insert(place.unwrap_or(self.sites.len()), (site, value));
                self.steps.insert(at, Step { op, inputs, outputs: vec![value] });
                at += 1;
            }
        }
    }
}
