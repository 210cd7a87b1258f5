//! Memory for passes with edited attention, kept from pass to pass. A program without edits has none of it.

use lookback_kernels::{
    aligned_buffer::AlignedBuffer,
    attend::{self, AttentionParams, EditedRows, SequenceSpan, edits::AttentionEdit},
};
use lookback_model::{Op, Program};

use crate::operations::chunk_rows;

/// What edited attention and the results of heads are computed in.
#[derive(Debug, Default)]
pub(crate) struct EditBuffers {
    /// Scores and weights of the rows that threads work on.
    pub scratch: AlignedBuffer,
    /// For each row and head, which of the held rows it is.
    slots: Vec<u32>,
    /// P and dS of rows with edits.
    held: Vec<f32>,
    /// Rows of which all heads but one are +0, and what a product makes of them.
    pub rows: Vec<f32>,
    pub products: Vec<f32>,
}

impl EditBuffers {
    /// For passes of a program over positions below `positions`.
    pub(crate) fn new(program: &Program, positions: usize, threads: usize) -> Self {
        let scratch = AlignedBuffer::zeros(Self::scratch_len(program, positions, threads));
        Self { scratch, ..Self::default() }
    }

    /// Floats of the scratch.
    pub(crate) fn scratch_len(program: &Program, positions: usize, threads: usize) -> usize {
        let has_edits = program.steps.iter().any(|step| matches!(step.op, Op::AttendEdited(..)));
        if has_edits { attend::edited_scratch(positions, threads) } else { 0 }
    }

    /// Bytes of forward passes of a program of at most so many rows.
    pub(crate) fn bytes(program: &Program, rows: usize, positions: usize, threads: usize) -> usize {
        let of_heads = program.steps.iter().map(|step| match &step.op {
            Op::SplitHeads(projection) | Op::SumHeads(projection) => {
                chunk_rows(&step.op, rows) * projection.linear.inputs
            }
            _ => 0,
        });
        4 * (Self::scratch_len(program, positions, threads) + of_heads.max().unwrap_or(0))
    }

    /// For the backward pass of an attention.
    pub(crate) fn edited_rows<'a>(
        &'a mut self,
        params: &AttentionParams<'_>,
        edits: &'a [AttentionEdit],
        spans: &[SequenceSpan],
        rows: usize,
    ) -> EditedRows<'a> {
        let Self { slots, held, .. } = self;
        slots.resize(if edits.is_empty() { 0 } else { rows * params.heads }, 0);
        held.resize(EditedRows::held_len(params, edits, spans), 0.0);
        EditedRows { edits, slots, held }
    }
}
