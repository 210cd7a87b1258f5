//! Results of a pass by handle. A result is taken out of its slot while it is written, so that the
//! compiler sees that no operation reads what it writes.

use lookback_kernels::room::Room;

use crate::{layout::Layout, tape::Rows};

/// What stands in each slot.
#[derive(Debug)]
pub(crate) struct Buffers<'a> {
    slots: &'a mut [Room],
    layout: &'a Layout,
    holds: &'a mut [Holds],
    /// Whether what is made again is read where it stands then.
    is_back: bool,
}

/// What a slot holds, so that reading one that was used again is noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Holds {
    #[default]
    Nothing,
    Result(usize),
    Gradient(usize),
}

impl<'a> Buffers<'a> {
    /// Over slots that a layout describes.
    pub(crate) fn new(slots: &'a mut [Room], holds: &'a mut [Holds], layout: &'a Layout) -> Self {
        Self { slots, layout, holds, is_back: false }
    }

    /// From here on the pass goes back.
    pub(crate) fn turn_back(&mut self) {
        self.is_back = true;
    }

    /// Whether a result has to be made again before the backward of this step may read it.
    pub(crate) fn is_made_again(&self, x: Rows, by: usize) -> bool {
        self.layout.again[x.step].is_some_and(|again| again.by == by)
    }

    /// Where a result stands.
    fn slot(&self, x: Rows) -> usize {
        let again = if self.is_back { self.layout.again[x.step] } else { None };
        again.map_or(self.layout.results[x.step], |again| again.slot)
    }

    /// A result that stands.
    pub(crate) fn get(&self, x: Rows) -> &[f32] {
        let slot = self.slot(x);
        debug_assert_eq!(self.holds[slot], Holds::Result(x.step), "used again too early");
        &self.slots[slot][..x.len()]
    }

    /// Takes the place of a result out, to be written and [put](Self::put) back.
    pub(crate) fn take(&mut self, x: Rows) -> Room {
        let slot = self.slot(x);
        std::mem::take(&mut self.slots[slot])
    }

    /// Puts a written result into its place.
    pub(crate) fn put(&mut self, x: Rows, buffer: Room) {
        let slot = self.slot(x);
        self.slots[slot] = buffer;
        self.holds[slot] = Holds::Result(x.step);
    }

    /// A gradient that stands.
    pub(crate) fn gradient(&self, x: Rows) -> &[f32] {
        let slot = self.layout.gradients[x.step];
        debug_assert_eq!(self.holds[slot], Holds::Gradient(x.step), "used again too early");
        &self.slots[slot][..x.len()]
    }

    /// Takes the place of a gradient out.
    pub(crate) fn take_gradient(&mut self, x: Rows) -> Room {
        std::mem::take(&mut self.slots[self.layout.gradients[x.step]])
    }

    /// Puts a gradient into its place.
    pub(crate) fn put_gradient(&mut self, x: Rows, buffer: Room) {
        let slot = self.layout.gradients[x.step];
        self.slots[slot] = buffer;
        self.holds[slot] = Holds::Gradient(x.step);
    }

    /// Whether a result's gradient has its place in the same slot as another's.
    pub(crate) fn shares_gradient(&self, x: Rows, y: Rows) -> bool {
        self.layout.gradients[x.step] == self.layout.gradients[y.step]
    }

    /// Says that the gradient of `from`, which stands, is now the gradient of `to`.
    pub(crate) fn pass_gradient_on(&mut self, from: Rows, to: Rows) {
        debug_assert!(self.shares_gradient(from, to));
        let slot = self.layout.gradients[to.step];
        self.holds[slot] = Holds::Gradient(to.step);
    }
}
