//! The executor that computes nothing: it writes the tape that another will follow.

use lookback_model::{
    Activation, Attend, Batch, Execute, Head, Index, Linear, Loss, Network, Norm, Rotary,
    SequenceId, Site, Targets, TokenId, WeightId, forward,
};

use crate::{
    look::{Look, Peek, View, Watch},
    tape::{Op, Rows, Tape},
};

/// Records shapes only.
#[derive(Debug, Default)]
pub struct Plan {
    tape: Tape,
    selects: bool,
}

/// What a plan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Logits, with fused operations.
    Run,
    /// Logits, with every site apart.
    Look,
    /// A loss, with or without its gradients.
    Loss,
}

/// Bytes, before any is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Weights as they are held, panels included.
    pub weights: usize,
    /// Results of operations, kept ones included, and scratch.
    pub workspace: usize,
    /// Keys and values.
    pub cache: usize,
    /// Gradients and the optimizer's state.
    pub learning: usize,
}

impl Memory {
    /// All of it.
    pub fn total(&self) -> usize {
        self.weights + self.workspace + self.cache + self.learning
    }
}

impl Plan {
    /// The tape of a pass over `rows` tokens of which `wanted` need logits.
    pub fn tape(network: &Network, rows: usize, wanted: usize, purpose: Purpose) -> Tape {
        let ids = vec![TokenId(0); rows];
        let mut batch = Batch::new();
        batch.push(SequenceId(0), 0, &ids);
        batch.wanted.extend(rows - wanted..rows);
        let mut plan = Self { tape: Tape::default(), selects: wanted < rows };
        match purpose {
            Purpose::Run => {
                forward::logits(network, &mut plan, &batch);
            }
            Purpose::Look => {
                forward::logits(network, &mut Look::new(&mut plan, &mut Nobody), &batch);
            }
            Purpose::Loss => {
                let targets = Targets { ids: vec![Targets::NONE; wanted], scale: 1.0, z_loss: 0.0 };
                forward::loss(network, &mut plan, &batch, &targets);
            }
        }
        plan.tape
    }
}

/// Watches nothing.
struct Nobody;

impl Watch for Nobody {
    fn wants(&self, _: Site) -> bool {
        false
    }

    fn see(&mut self, _: Site, _: View<'_>) {}
}

impl Execute for Plan {
    type Rows = Rows;

    fn embed(&mut self, table: WeightId, width: usize, by: Index, batch: &Batch) -> Rows {
        self.tape.push(Op::Embed(table, by), batch.rows(), width)
    }

    fn norm(&mut self, x: Rows, how: &Norm) -> Rows {
        self.tape.push(Op::Norm(*how, x), x.rows, x.width)
    }

    fn linear(&mut self, x: Rows, how: &Linear) -> Rows {
        self.tape.push(Op::Linear(*how, x), x.rows, how.outputs)
    }

    fn rotate(&mut self, x: Rows, how: &Rotary, _: &Batch) -> Rows {
        self.tape.push(Op::Rotate(*how, x), x.rows, x.width)
    }

    fn attend(&mut self, qkv: [Rows; 3], how: &Attend, _: &Batch) -> Rows {
        self.tape.push(Op::Attend(*how, qkv), qkv[0].rows, qkv[0].width)
    }

    fn gate(&mut self, pre: Rows, linear: Option<Rows>, how: Activation) -> Rows {
        self.tape.push(Op::Gate(how, pre, linear), pre.rows, pre.width)
    }

    fn add(&mut self, x: Rows, y: Rows) -> Rows {
        self.tape.push(Op::Add(x, y), x.rows, x.width)
    }

    fn select(&mut self, x: Rows, batch: &Batch) -> Rows {
        if !self.selects {
            return x;
        }
        self.tape.push(Op::Select(x), batch.wanted.len(), x.width)
    }

    fn logits(&mut self, x: Rows, how: &Head) -> Rows {
        self.tape.push(Op::Logits(*how, x), x.rows, how.linear.outputs)
    }

    fn loss(&mut self, x: Rows, how: &Head, _: &Targets) -> Loss {
        self.tape.push(Op::Loss(*how, x), 0, 0);
        Loss::default()
    }

    fn linear_add(&mut self, x: Rows, how: &Linear, to: Rows, _: Site) -> Rows {
        self.tape.push(Op::LinearAdd(*how, x, to), x.rows, how.outputs)
    }
}

impl Peek for Plan {
    fn read(&self, _: Rows, _: &mut dyn FnMut(View<'_>)) {}

    fn attention(
        &self,
        _: Rows,
        _: Rows,
        _: &Attend,
        _: crate::look::Weighing,
        _: &mut dyn FnMut(View<'_>),
    ) {
    }

    fn probabilities(&self, _: Rows, _: &mut dyn FnMut(View<'_>)) {}
}
