//! The operations of one pass in order: what `Plan` counts, `layout` places and `Learn` walks back.

use lookback_model::{Activation, Attend, Head, Index, Linear, Norm, Rotary, WeightId};

/// A handle on the `[rows, width]` that a step made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows {
    /// Which step of the tape made it.
    pub step: usize,
    /// Its rows.
    pub rows: usize,
    /// Its width.
    pub width: usize,
}

impl Rows {
    /// Elements.
    pub fn len(self) -> usize {
        self.rows * self.width
    }

    /// Whether it has no element.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// One operation and what it reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Op {
    /// Rows of a table.
    Embed(WeightId, Index),
    /// A norm.
    Norm(Norm, Rows),
    /// A linear layer.
    Linear(Linear, Rows),
    /// A linear layer, added to what stands in the last handle.
    LinearAdd(Linear, Rows, Rows),
    /// Rotation by positions.
    Rotate(Rotary, Rows),
    /// Attention over queries, keys and values.
    Attend(Attend, [Rows; 3]),
    /// An activation, times a linear branch.
    Gate(Activation, Rows, Option<Rows>),
    /// A sum.
    Add(Rows, Rows),
    /// The rows whose logits are wanted.
    Select(Rows),
    /// The logits.
    Logits(Head, Rows),
    /// The loss; its result is empty.
    Loss(Head, Rows),
}

impl Op {
    /// What it reads, in the order of its arguments.
    pub fn inputs(&self) -> impl Iterator<Item = Rows> + use<> {
        let inputs = match *self {
            Self::Embed(..) => [None, None, None],
            Self::Norm(_, x)
            | Self::Linear(_, x)
            | Self::Rotate(_, x)
            | Self::Select(x)
            | Self::Logits(_, x)
            | Self::Loss(_, x) => [Some(x), None, None],
            Self::LinearAdd(_, x, to) => [Some(x), Some(to), None],
            Self::Attend(_, qkv) => qkv.map(Some),
            Self::Gate(_, pre, linear) => [Some(pre), linear, None],
            Self::Add(x, y) => [Some(x), Some(y), None],
        };
        inputs.into_iter().flatten()
    }

    /// Which of its inputs its backward reads again.
    pub fn read_again(&self) -> impl Iterator<Item = Rows> + use<> {
        let inputs = match *self {
            Self::Norm(_, x) | Self::Linear(_, x) | Self::LinearAdd(_, x, _) => {
                [Some(x), None, None]
            }
            Self::Attend(_, qkv) => qkv.map(Some),
            Self::Gate(_, pre, linear) => [Some(pre), linear, None],
            Self::Embed(..)
            | Self::Rotate(..)
            | Self::Add(..)
            | Self::Select(_)
            | Self::Logits(..)
            | Self::Loss(..) => [None; 3],
        };
        inputs.into_iter().flatten()
    }

    /// Whether its backward reads its result again.
    pub fn reads_result_again(&self) -> bool {
        matches!(self, Self::Attend(..))
    }

    /// Whether its result costs so little that it may be made again.
    pub fn costs_little(&self) -> bool {
        matches!(self, Self::Norm(..) | Self::Gate(..))
    }

    /// Numbers a row that its backward needs beside tensors: a norm's statistics, the log-sum-exp.
    pub fn aside(&self) -> usize {
        match self {
            Self::Norm(how, x) => {
                let of_each = match how.kind {
                    lookback_model::NormKind::Layer => 2,
                    lookback_model::NormKind::Rms => 1,
                };
                x.width / how.width * of_each
            }
            Self::Attend(how, _) => how.heads,
            _ => 0,
        }
    }
}

/// An operation with the handle on its result.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// What is done.
    pub op: Op,
    /// What it makes.
    pub made: Rows,
}

/// The steps of one pass.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tape {
    /// In the order in which they run; step `i` makes the handle whose `step` is `i`.
    pub steps: Vec<Step>,
}

impl Tape {
    /// Appends a step that makes `[rows, width]`.
    pub fn push(&mut self, op: Op, rows: usize, width: usize) -> Rows {
        let made = Rows { step: self.steps.len(), rows, width };
        self.steps.push(Step { op, made });
        made
    }

    /// The residual stream that a layer reads: what its attention is added to.
    pub(crate) fn entering(&self, layer: usize) -> Rows {
        let mut attention = self.steps.iter().filter(|step| matches!(step.op, Op::Attend(..)));
        let attention = attention.nth(layer).map_or(0, |step| step.made.step);
        let added = self.steps[attention..].iter().find_map(|step| match step.op {
            Op::Add(x, y) => Some(if x.step < y.step { x } else { y }),
            Op::LinearAdd(_, _, to) => Some(to),
            _ => None,
        });
        added.unwrap_or(Rows { step: 0, rows: 0, width: 0 })
    }
}
