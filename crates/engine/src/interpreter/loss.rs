//! The loss of a pass: logits are made some rows at a time, so that a whole batch's never stand together.

use std::ops::Range;

use lookback_kernels::{aligned_buffer::AlignedBuffer, cap, loss, scale, sums};
use lookback_model::{Head, Loss, Targets, ValueId};

use super::Interpreter;
use crate::{
    operations::LOSS_ROWS,
    products::{self, Input},
};

/// Buffers for the logits of some rows.
#[derive(Debug)]
pub(super) struct Chunk<'a> {
    pub logits: &'a mut AlignedBuffer,
    /// Under their cap, which the gradient needs.
    pub capped: &'a mut [f32],
    /// Totals of blocks of losses.
    pub blocks: &'a mut [f64],
}

impl Interpreter<'_> {
    /// The losses of all rows.
    pub(super) fn losses(&mut self, head: &Head, x: ValueId, made: ValueId, targets: &Targets) {
        self.losses_in_chunks(head, x, made, targets, loss::LossMode::LossOnly, |_, _, _| {});
    }

    /// The losses of all rows, made in chunks: `each` is given the rows of one and the gradient of its
    /// logits.
    pub(crate) fn losses_in_chunks(
        &mut self,
        head: &Head,
        x: ValueId,
        made: ValueId,
        targets: &Targets,
        mode: loss::LossMode,
        mut each: impl FnMut(&mut Self, Range<usize>, &[f32]),
    ) {
        let mut logits = std::mem::take(self.chunk.logits);
        let mut losses = self.buffers.take(made);
        let (rows, width) = (self.buffers.rows(x), self.buffers.width(x));
        let outputs = head.linear.outputs;
        for first in (0..rows).step_by(LOSS_ROWS) {
            let rows = first..rows.min(first + LOSS_ROWS);
            let chunk = &mut logits[..rows.len() * outputs];
            let entering = &self.buffers.get(x)[rows.start * width..rows.end * width];
            let input = Input { x: entering, value: None };
            let (pool, weights, operands) = (self.pool, self.weights, &mut *self.operands);
            products::forward(pool, weights, &head.linear, input, operands, None, chunk);
            let gradient = mode != loss::LossMode::LossOnly;
            products::bound_logits(pool, head, chunk);
            if head.cap.is_some() && gradient {
                self.chunk.capped[..chunk.len()].copy_from_slice(chunk);
            }
            loss::cross_entropy(
                pool,
                chunk,
                outputs,
                &targets.ids[rows.clone()],
                targets.scale,
                &mut losses[rows.clone()],
                match mode {
                    loss::LossMode::Gradient if targets.z_loss != 0.0 => {
                        loss::LossMode::GradientWithZLoss(targets.z_loss)
                    }
                    mode => mode,
                },
            );
            if let (Some(cap), true) = (head.cap, gradient) {
                cap::backward(pool, cap, &self.chunk.capped[..chunk.len()], chunk);
            }
            if head.factor != 1.0 && gradient {
                scale::scale_in_place(pool, head.factor, chunk);
            }
            each(self, rows, chunk);
        }
        *self.chunk.logits = logits;
        self.buffers.put(made, losses);
    }

    /// What a pass with targets reports.
    pub(crate) fn loss(&mut self, losses: ValueId, targets: &Targets) -> Loss {
        let rows = targets.ids.iter().filter(|&&id| id != Targets::NONE).count();
        let losses = self.buffers.get(losses);
        Loss { total: sums::sum(self.pool, losses, self.chunk.blocks), rows }
    }
}
