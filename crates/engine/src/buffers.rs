//! Values of a pass by their ids. A value is taken out of its slot while it is written, so that the
//! compiler checks that no operation reads what it writes.

use lookback_kernels::{aligned_buffer::AlignedBuffer, bf16::as_pairs};
use lookback_model::{Batch, ElementType, Program, RowKind, ValueId};

use crate::layout::{Layout, NO_SLOT};

/// What stands in each slot.
#[derive(Debug)]
pub(crate) struct Buffers<'a> {
    slots: &'a mut [AlignedBuffer],
    layout: &'a Layout,
    contents: &'a mut [Content],
    program: &'a Program,
    rows: usize,
    logit_rows: usize,
    /// Whether what is recomputed is read where it stands then.
    is_backward: bool,
}

/// What a slot holds, so that reading one that was used again is noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Content {
    #[default]
    Nothing,
    Value(ValueId),
    Gradient(ValueId),
}

impl<'a> Buffers<'a> {
    /// Over slots that a layout describes, for the rows of a batch.
    pub(crate) fn new(
        slots: &'a mut [AlignedBuffer],
        contents: &'a mut [Content],
        layout: &'a Layout,
        program: &'a Program,
        batch: &Batch,
    ) -> Self {
        let (rows, logit_rows) = (batch.rows(), batch.logit_rows.len());
        Self { slots, layout, contents, program, rows, logit_rows, is_backward: false }
    }

    /// From here on steps are those of the backward pass.
    pub(crate) fn start_backward(&mut self) {
        self.is_backward = true;
    }

    /// Rows of a value in this batch.
    pub(crate) fn rows(&self, x: ValueId) -> usize {
        match self.program.value(x).rows {
            RowKind::Tokens => self.rows,
            RowKind::LogitRows => self.logit_rows,
            RowKind::Queries => 0,
        }
    }

    /// Elements of a row.
    pub(crate) fn width(&self, x: ValueId) -> usize {
        self.program.value(x).width
    }

    /// Elements of a value in this batch.
    pub(crate) fn len(&self, x: ValueId) -> usize {
        self.rows(x) * self.width(x)
    }

    /// Whether a value has a place: one that no step reads has none.
    pub(crate) fn has_slot(&self, x: ValueId) -> bool {
        self.layout.values[x.index()] != NO_SLOT
    }

    /// Whether a value has to be recomputed before the backward of this step may read it.
    pub(crate) fn is_recomputed(&self, x: ValueId, reader: usize) -> bool {
        self.layout.recomputed[x.index()].is_some_and(|recomputed| recomputed.reader == reader)
    }

    /// Where a value stands.
    fn slot(&self, x: ValueId) -> usize {
        let recomputed = if self.is_backward { self.layout.recomputed[x.index()] } else { None };
        recomputed.map_or(self.layout.values[x.index()], |recomputed| recomputed.slot)
    }

    /// A value that was computed.
    pub(crate) fn get(&self, x: ValueId) -> &[f32] {
        let slot = self.slot(x);
        debug_assert_eq!(self.contents[slot], Content::Value(x), "used again too early");
        &self.slots[slot][..self.len(x)]
    }

    /// Indices that were computed.
    pub(crate) fn indices(&self, x: ValueId) -> &[u32] {
        debug_assert_eq!(self.program.value(x).element, ElementType::U32, "numbers");
        as_pairs(self.get(x))
    }

    /// Takes the place of a value out, to be written and [put](Self::put) back.
    pub(crate) fn take(&mut self, x: ValueId) -> AlignedBuffer {
        let slot = self.slot(x);
        std::mem::take(&mut self.slots[slot])
    }

    /// Puts a written value into its place.
    pub(crate) fn put(&mut self, x: ValueId, buffer: AlignedBuffer) {
        let slot = self.slot(x);
        self.slots[slot] = buffer;
        self.contents[slot] = Content::Value(x);
    }

    /// A gradient that was computed.
    pub(crate) fn gradient(&self, x: ValueId) -> &[f32] {
        let slot = self.layout.gradients[x.index()];
        debug_assert_eq!(self.contents[slot], Content::Gradient(x), "used again too early");
        &self.slots[slot][..self.len(x)]
    }

    /// Takes the place of a gradient out.
    pub(crate) fn take_gradient(&mut self, x: ValueId) -> AlignedBuffer {
        std::mem::take(&mut self.slots[self.layout.gradients[x.index()]])
    }

    /// Puts a gradient into its place.
    pub(crate) fn put_gradient(&mut self, x: ValueId, buffer: AlignedBuffer) {
        let slot = self.layout.gradients[x.index()];
        self.slots[slot] = buffer;
        self.contents[slot] = Content::Gradient(x);
    }

    /// Records that the gradient of `source` is now the gradient of `target`, in the same slot.
    pub(crate) fn move_gradient(&mut self, source: ValueId, target: ValueId) {
        let slot = self.layout.gradients[target.index()];
        debug_assert_eq!(self.layout.gradients[source.index()], slot);
        self.contents[slot] = Content::Gradient(target);
    }
}
