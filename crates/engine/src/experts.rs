//! The rows that one expert works on: found, copied together, and where they go back to.
//!
//! A row of a batch and one of its chosen experts make a *slot*: slot `row · chosen + j` is the j-th chosen
//! expert's. What an expert makes of its rows depends on no other row, so slots may be grouped at will.

use lookback_kernels::{aligned_buffer::AlignedBuffer, experts::NO_ROW, thread_pool::ThreadPool};
use lookback_model::{ExpertLinears, Op, Program};

use crate::packed::Compute;

/// The slots of each expert.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    /// Where the slots of each expert begin, and where those of the last end.
    bounds: Vec<usize>,
    /// By expert; of each expert ascending.
    slots: Vec<u32>,
    /// The rows that these are of.
    rows: Vec<u32>,
}

/// The slots of one expert and the rows that they are of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group<'g> {
    pub slots: &'g [u32],
    pub rows: &'g [u32],
}

impl<'g> Group<'g> {
    /// Which rows of a value it has: of one row for all chosen experts, or of one for each.
    pub(crate) fn places(self, is_shared: bool) -> &'g [u32] {
        if is_shared { self.rows } else { self.slots }
    }
}

impl Groups {
    /// Groups the slots of a choice, `[rows, chosen]`.
    pub(crate) fn sort(&mut self, indices: &[u32], experts: usize, chosen: usize) {
        self.bounds.clear();
        self.bounds.resize(experts + 1, 0);
        for &expert in indices {
            self.bounds[expert as usize + 1] += 1;
        }
        for expert in 0..experts {
            self.bounds[expert + 1] += self.bounds[expert];
        }
        for list in [&mut self.slots, &mut self.rows] {
            list.clear();
            list.resize(indices.len(), NO_ROW);
        }
        for (slot, &expert) in indices.iter().enumerate() {
            // The beginning of an expert's slots goes on to their end, which is where the next begin.
            let place = &mut self.bounds[expert as usize];
            self.slots[*place] = slot as u32;
            self.rows[*place] = (slot / chosen) as u32;
            *place += 1;
        }
        self.bounds.rotate_right(1);
        self.bounds[0] = 0;
    }

    /// The slots of an expert.
    pub(crate) fn of(&self, expert: usize) -> Group<'_> {
        let own = self.bounds[expert]..self.bounds[expert + 1];
        Group { slots: &self.slots[own.clone()], rows: &self.rows[own] }
    }
}

/// The slots of one expert, so that rows 2i and 2i + 1 of the pass stand side by side: [`NO_ROW`] stands for
/// the one of them that did not choose the expert.
#[derive(Debug, Default)]
pub(crate) struct PairedGroup {
    slots: Vec<u32>,
    rows: Vec<u32>,
}

impl PairedGroup {
    /// Pairs the rows of a group.
    pub(crate) fn pair(&mut self, group: Group<'_>) -> Group<'_> {
        self.slots.clear();
        self.rows.clear();
        for (&slot, &row) in group.slots.iter().zip(group.rows) {
            let is_odd = row % 2 == 1;
            let pair = self.rows.len().wrapping_sub(2);
            let follows = is_odd && self.rows.get(pair).is_some_and(|even| *even == row - 1);
            if !follows {
                self.slots.extend([NO_ROW; 2]);
                self.rows.extend([NO_ROW; 2]);
            }
            let place = self.rows.len() - 2 + usize::from(is_odd);
            self.slots[place] = slot;
            self.rows[place] = row;
        }
        Group { slots: &self.slots, rows: &self.rows }
    }
}

/// What the products of experts need besides their weights.
#[derive(Debug, Default)]
pub(crate) struct ExpertBuffers {
    pub groups: Groups,
    pub paired: PairedGroup,
    /// Rows that enter an expert, side by side.
    pub x: AlignedBuffer,
    /// Rows that leave it, or their gradients.
    pub y: AlignedBuffer,
    /// Gradients of rows that entered.
    pub dx: AlignedBuffer,
}

/// How many elements each of its parts has.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ExpertLens {
    experts: usize,
    slots: usize,
    rows: usize,
    x: usize,
    y: usize,
    dx: usize,
}

impl ExpertLens {
    /// For passes of a program over at most so many rows.
    pub(crate) fn new(program: &Program, rows: usize, has_backward: bool) -> Self {
        // Pairs of rows may have one row more.
        let rows = rows.next_multiple_of(2);
        let mut lens = Self::default();
        for step in &program.steps {
            let Op::Experts(ExpertLinears { layers, experts, chosen }) = &step.op else { continue };
            let widest =
                |of: fn(&lookback_model::Linear) -> usize| layers.iter().map(of).max().unwrap_or(0);
            lens.experts = lens.experts.max(*experts);
            lens.slots = lens.slots.max(rows * chosen);
            lens.rows = rows;
            lens.x = lens.x.max(rows * widest(|layer| layer.inputs));
            lens.y = lens.y.max(rows * widest(|layer| layer.outputs));
        }
        lens.dx = if has_backward { lens.x } else { 0 };
        lens
    }

    /// Bytes of all of them.
    pub(crate) fn bytes(self) -> usize {
        let Self { experts, slots, rows, x, y, dx } = self;
        let bounds = if experts > 0 { 8 * (experts + 1) } else { 0 };
        bounds + 4 * (2 * slots + 2 * rows + x + y + dx)
    }
}

impl ExpertBuffers {
    /// Takes all of it.
    pub(crate) fn new(lens: ExpertLens) -> Self {
        let ExpertLens { experts, slots, rows, x, y, dx } = lens;
        let list = Vec::with_capacity;
        Self {
            groups: Groups {
                bounds: Vec::with_capacity(if experts > 0 { experts + 1 } else { 0 }),
                slots: list(slots),
                rows: list(slots),
            },
            paired: PairedGroup { slots: list(rows), rows: list(rows) },
            x: AlignedBuffer::zeros(x),
            y: AlignedBuffer::zeros(y),
            dx: AlignedBuffer::zeros(dx),
        }
    }

    /// As [`AlignedBuffer::prefault`].
    pub(crate) fn prefault(&mut self, pool: &ThreadPool) {
        [&mut self.x, &mut self.y, &mut self.dx].into_iter().for_each(|rows| rows.prefault(pool));
    }
}

/// Whether the gradient of a weight takes rows in pairs.
pub(crate) fn takes_pairs(compute: Compute) -> bool {
    compute == Compute::Bf16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_expert_has_its_slots_in_order() {
        let mut groups = Groups::default();
        // Three rows that choose two experts of four.
        groups.sort(&[1, 3, 0, 1, 1, 3], 4, 2);
        let slots: Vec<&[u32]> = (0..4).map(|expert| groups.of(expert).slots).collect();
        assert_eq!(slots, [&[2][..], &[0, 3, 4], &[], &[1, 5]]);
        assert_eq!(groups.of(1).rows, [0, 1, 2]);
        assert_eq!(groups.of(3).places(true), [0, 2]);
        groups.sort(&[], 4, 2);
        assert!((0..4).all(|expert| groups.of(expert).slots.is_empty()));
    }

    #[test]
    fn rows_are_paired_as_they_stand_in_the_pass() {
        let mut paired = PairedGroup::default();
        let rows = [1, 2, 3, 4, 7, 8, 11];
        let slots = rows.map(|row| 3 * row + 1);
        let pairs = paired.pair(Group { slots: &slots, rows: &rows });
        const NONE: u32 = NO_ROW;
        assert_eq!(pairs.rows, [NONE, 1, 2, 3, 4, NONE, NONE, 7, 8, NONE, NONE, 11]);
        assert_eq!(pairs.slots, [NONE, 4, 7, 10, 13, NONE, NONE, 22, 25, NONE, NONE, 34]);
        let whole = [0, 1, 2, 3];
        assert_eq!(paired.pair(Group { slots: &whole, rows: &whole }).rows, whole);
    }
}
