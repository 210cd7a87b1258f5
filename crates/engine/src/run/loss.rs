//! The loss of a pass: logits are made some rows at a time, so that a whole batch's never stand together.

use lookback_kernels::{cap, loss, sums};
use lookback_model::{Head, Loss, Targets};

use super::Run;
use crate::{products, tape::Rows, workspace::LOSS_ROWS};

impl Run<'_> {
    /// Rows of logits in chunks: each with its losses, its first row, and its log-softmax gradient.
    pub(crate) fn loss_in_chunks(
        &mut self,
        x: Rows,
        how: &Head,
        targets: &Targets,
        want: loss::Want,
        mut each: impl FnMut(&mut Self, std::ops::Range<usize>, &[f32]),
    ) -> Loss {
        let logits = std::mem::take(&mut self.logits);
        let outputs = how.linear.outputs;
        for first in (0..x.rows).step_by(LOSS_ROWS) {
            let rows = first..x.rows.min(first + LOSS_ROWS);
            let chunk = &mut logits[..rows.len() * outputs];
            let entering = &self.buffers.get(x)[rows.start * x.width..rows.end * x.width];
            let (team, factors) = (self.team, &mut *self.factors);
            products::forward(
                team,
                self.weights,
                &how.linear,
                entering,
                None,
                factors,
                None,
                chunk,
            );
            let gradient = want != loss::Want::Loss;
            if let Some(most) = how.cap {
                cap::forward(team, most, chunk);
                if gradient {
                    self.capped[..chunk.len()].copy_from_slice(chunk);
                }
            }
            loss::cross_entropy(
                self.team,
                chunk,
                outputs,
                &targets.ids[rows.clone()],
                targets.scale,
                &mut self.losses[rows.clone()],
                match want {
                    loss::Want::Gradient if targets.z_loss != 0.0 => {
                        loss::Want::Pulled(targets.z_loss)
                    }
                    want => want,
                },
            );
            if let (Some(most), true) = (how.cap, gradient) {
                cap::backward(self.team, most, &self.capped[..chunk.len()], chunk);
            }
            each(self, rows, chunk);
        }
        self.logits = logits;
        let counted = targets.ids.iter().filter(|&&id| id != Targets::NONE).count();
        Loss { total: sums::sum(self.team, &self.losses[..x.rows], self.blocks), rows: counted }
    }
}
