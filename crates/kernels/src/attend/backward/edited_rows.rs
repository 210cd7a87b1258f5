//! P and dS of the rows with edits, made before the backward pass through tiles, which then only loads them: what
//! an edit makes of a row may depend on all of its keys.

use super::{AttentionParams, BackwardInputs, SequenceSpan};
use crate::{
    attend::edits::{AttentionEdit, has_row},
    lanes::{Kernel, Lanes},
    naive::attend::backward_row,
    thread_pool::{DisjointSlices, ThreadPool},
};

/// Rows that are worth a thread of their own.
const MIN_PER_THREAD: usize = 8;

/// The edits of an attention, and memory for what they make of rows in the backward pass.
#[derive(Debug)]
pub struct EditedRows<'a> {
    /// In the order in which they are made.
    pub edits: &'a [AttentionEdit],
    /// `[rows, heads]`, or empty without edits.
    pub slots: &'a mut [u32],
    /// [`EditedRows::held_len`] floats.
    pub held: &'a mut [f32],
}

/// Of a row without edits.
const NO_SLOT: u32 = u32::MAX;

/// P and dS of rows with edits.
#[derive(Clone, Copy)]
pub(super) struct HeldRows<'a> {
    /// `[rows, heads]`: which of the held rows one is.
    slots: &'a [u32],
    /// `[held rows, P and dS, stride]`
    held: &'a [f32],
    stride: usize,
}

fn stride(spans: &[SequenceSpan]) -> usize {
    spans.iter().map(|span| span.rows).max().unwrap_or(0)
}

/// Every row of every head that may have edits: its span, its head, and its row in the span.
fn edited<'a>(
    heads: usize,
    edits: &'a [AttentionEdit],
    spans: &'a [SequenceSpan],
) -> impl Iterator<Item = (&'a SequenceSpan, [usize; 2])> {
    let spans = if edits.is_empty() { &[][..] } else { spans };
    spans.iter().flat_map(move |span| {
        let rows = (0..span.rows * heads).map(move |index| [index % heads, index / heads]);
        rows.filter(|[head, row]| has_row(edits, *head, *row)).map(move |place| (span, place))
    })
}

impl<'a> EditedRows<'a> {
    /// Floats that P and dS of the rows with edits take.
    pub fn held_len(
        params: &AttentionParams<'_>,
        edits: &[AttentionEdit],
        spans: &[SequenceSpan],
    ) -> usize {
        2 * edited(params.heads, edits, spans).count() * stride(spans)
    }

    /// Computes them, and overwrites `delta` of their rows, `[rows, heads]`.
    pub(super) fn compute(
        self,
        pool: &ThreadPool,
        params: &AttentionParams<'_>,
        inputs: BackwardInputs<'_>,
        delta: &mut [f32],
    ) -> HeldRows<'a> {
        let Self { edits, slots, held } = self;
        let stride = stride(inputs.spans);
        slots.fill(NO_SLOT);
        let mut count = 0;
        for (span, [head, row]) in edited(params.heads, edits, inputs.spans) {
            slots[(span.first_row + row) * params.heads + head] = count as u32;
            count += 1;
        }
        let rows = DisjointSlices::new(held);
        let delta = DisjointSlices::new(delta);
        pool.for_each_range(count, 1, MIN_PER_THREAD, &|range| {
            let own = edited(params.heads, edits, inputs.spans).enumerate();
            for (slot, (span, place)) in own.skip(range.start).take(range.len()) {
                let [head, row] = place;
                let at = (span.first_row + row) * params.heads + head;
                // SAFETY: each row has a slot and a delta of its own.
                let (held, delta) = unsafe {
                    let first = 2 * slot * stride;
                    (rows.range_mut(first..first + 2 * stride), delta.range_mut(at..at + 1))
                };
                let (p, ds) = held.split_at_mut(stride);
                pool.isa().run(EditedRow { params, inputs, edits, span, place, p, ds, delta });
            }
        });
        HeldRows { slots, held, stride }
    }
}

impl<'a> HeldRows<'a> {
    /// P and dS of a row of a head, if it has edits.
    #[inline(always)]
    pub(super) fn row(&self, at: usize) -> Option<[&'a [f32]; 2]> {
        let slot = *self.slots.get(at).filter(|slot| **slot != NO_SLOT)? as usize;
        let (p, ds) = self.held[2 * slot * self.stride..][..2 * self.stride].split_at(self.stride);
        Some([p, ds])
    }
}

/// One of them.
struct EditedRow<'a> {
    params: &'a AttentionParams<'a>,
    inputs: BackwardInputs<'a>,
    edits: &'a [AttentionEdit],
    span: &'a SequenceSpan,
    place: [usize; 2],
    p: &'a mut [f32],
    ds: &'a mut [f32],
    delta: &'a mut [f32],
}

impl Kernel for EditedRow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let Self { params, inputs, edits, span, place, p, ds, delta } = self;
        delta[0] = backward_row(params, inputs, edits, span, place, p, ds);
    }
}
