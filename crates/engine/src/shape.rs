//! What passes a workspace is made for: their shape, and the program and the bounds that follow from it.

use lookback_files::Result;
use lookback_model::{Edits, Network, Program, forward};

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
    pub fn need(&self) -> PackingNeed {
        PackingNeed { forward: self.is_trainable, backward: self.backward_plan.is_some() }
    }
}
