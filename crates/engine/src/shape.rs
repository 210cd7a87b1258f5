//! What passes a workspace is made for: their shape, and the program and the bounds that follow from it.

use lookback_files::Result;
use lookback_model::{Edits, Network, Op, Program, Site, Step, WeightId, forward};

use crate::{backward_plan::BackwardPlan, fuse::fuse, layout::Bounds, packing::PackingNeed};

/// The largest pass that a workspace is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Logits of at most `logit_rows` of `rows` rows.
    Inference {
        /// Rows of a pass.
        rows: usize,
        /// Rows whose logits are computed; if as many as `rows`, then always all.
        logit_rows: usize,
    },
    /// The logits of all rows, with every site apart.
    Observed {
        /// Rows of a pass.
        rows: usize,
    },
    /// The loss of all rows, forward only.
    Evaluation {
        /// Rows of a pass.
        rows: usize,
        /// Sequences of a pass at most.
        sequences: usize,
    },
    /// The loss of all rows and its gradients.
    Training {
        /// Rows of a pass.
        rows: usize,
        /// Sequences of a pass at most.
        sequences: usize,
    },
}

impl Shape {
    /// Rows of a pass.
    pub fn rows(self) -> usize {
        match self {
            Self::Inference { rows, .. }
            | Self::Observed { rows }
            | Self::Evaluation { rows, .. }
            | Self::Training { rows, .. } => rows,
        }
    }

    /// The network's own pass of this shape.
    pub(crate) fn program(self, network: &Network) -> Program {
        match self {
            Self::Inference { .. } | Self::Observed { .. } => {
                forward::logits(network, self.logit_rows())
            }
            Self::Evaluation { .. } | Self::Training { .. } => forward::loss(network),
        }
    }

    /// The same, changed by edits.
    pub(crate) fn edited_program(self, network: &Network, edits: &Edits) -> Result<Program> {
        match self {
            Self::Inference { .. } | Self::Observed { .. } => {
                edits.logits(network, self.logit_rows())
            }
            Self::Evaluation { .. } | Self::Training { .. } => edits.loss(network),
        }
    }

    fn logit_rows(self) -> forward::Rows {
        match self {
            Self::Inference { rows, logit_rows } if logit_rows < rows => forward::Rows::LogitRows,
            _ => forward::Rows::All,
        }
    }

    /// What passes of a program of this shape are laid out for.
    pub(crate) fn plan(self, mut program: Program) -> Plan {
        let rows = self.rows();
        let bounds = Bounds { rows, logit_rows: rows };
        let plan = |program, bounds| Plan {
            program,
            bounds,
            sequences: None,
            is_trainable: false,
            backward_plan: None,
        };
        let fused = |program| fuse(program, |_| false);
        match self {
            Self::Inference { logit_rows, .. } => plan(fused(program), Bounds { rows, logit_rows }),
            Self::Observed { .. } => {
                program.derive(|_| true);
                plan(program, bounds)
            }
            Self::Evaluation { sequences, .. } => Plan {
                sequences: Some(sequences),
                is_trainable: true,
                ..plan(fused(program), bounds)
            },
            Self::Training { sequences, .. } => {
                let program = fused(program);
                let start = program.steps.last().map(|step| step.outputs[0]);
                let backward_plan =
                    start.map(|start| BackwardPlan::new(&program, start, |_| true, |_| false));
                Plan {
                    sequences: Some(sequences),
                    is_trainable: true,
                    backward_plan,
                    ..plan(program, bounds)
                }
            }
        }
    }
}

/// The largest pass of a backward pass to sites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackwardShape {
    /// Rows of a pass.
    pub rows: usize,
    /// Rows whose logits are computed, where the program computes those of some.
    pub logit_rows: usize,
    /// Whole sequences of a pass at most.
    pub sequences: usize,
}

impl BackwardShape {
    /// What passes back from the value at a site, or from the losses where none is named, are laid out for. None if
    /// the program does not have the site, or has places for edits of single sequences, which go forward only.
    pub(crate) fn plan(
        self,
        network: &Network,
        (mut program, from): (Program, Option<Site>),
        is_trainable: impl Fn(WeightId) -> bool,
        wants: impl Fn(Site) -> bool,
    ) -> Option<Plan> {
        let start = match from {
            Some(site) => program.at(site)?,
            None => *program.steps.last()?.outputs.first()?,
        };
        let is_of_sequence = |step: &Step| match &step.op {
            Op::SequenceEdits(_) => true,
            Op::AttendEdited(_, edits) => edits.is_empty(),
            _ => false,
        };
        if program.steps.iter().any(is_of_sequence) {
            return None;
        }
        // What lies behind the start is not computed.
        program.steps.truncate(program.producer(start)? + 1);
        let program = fuse(program, |site| Some(site) == from || wants(site));
        let backward_plan = BackwardPlan::new(&program, start, &is_trainable, |value| {
            program.sites_of(value).any(&wants)
        });
        Some(Plan {
            program,
            bounds: Bounds { rows: self.rows, logit_rows: self.logit_rows },
            sequences: Some(self.sequences),
            is_trainable: network.ids().any(is_trainable),
            backward_plan: Some(backward_plan),
        })
    }
}

/// What a workspace is laid out for.
pub(crate) struct Plan {
    pub program: Program,
    pub bounds: Bounds,
    /// Sequences of a pass at most, if it keeps no keys.
    pub sequences: Option<usize>,
    /// Whether its weights are held for training, so that the pass packs their panels.
    pub is_trainable: bool,
    pub backward_plan: Option<BackwardPlan>,
}

impl Plan {
    /// Of passes of a program of at most so many rows, with the logits of so many of them, and with every site that
    /// `is_visible` apart.
    pub fn of_program(
        mut program: Program,
        [rows, logit_rows]: [usize; 2],
        is_visible: impl Fn(Site) -> bool,
    ) -> Self {
        program.derive(&is_visible);
        Self {
            program: fuse(program, is_visible),
            bounds: Bounds { rows, logit_rows },
            sequences: None,
            is_trainable: false,
            backward_plan: None,
        }
    }

    pub fn need(&self) -> PackingNeed {
        PackingNeed { forward: self.is_trainable, backward: self.backward_plan.is_some() }
    }
}
