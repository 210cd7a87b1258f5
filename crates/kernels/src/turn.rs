//! Rows as the columns of a panel: `[width, 64]`, or as pairs of bf16 `[⌈width / 2⌉, 64]`. What products
//! load as their right side lies so, and weights and keys come as rows.

use crate::{
    bf16::{pack_some, pairs},
    lanes::{Kernel, LANES, Lanes, PairKernel, Pairs},
    tile::COLUMNS,
};

/// Some rows of numbers, `by_row` apart.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    /// From the first row's first number to the last row's last.
    pub of: &'a [f32],
    pub by_row: usize,
    pub count: usize,
    pub width: usize,
}

impl<'a> Rows<'a> {
    /// The first stands at `first`.
    #[inline(always)]
    pub(crate) fn new(
        of: &'a [f32],
        first: usize,
        by_row: usize,
        count: usize,
        width: usize,
    ) -> Self {
        let len = count.checked_sub(1).map_or(0, |last| last * by_row + width);
        Self { of: &of[first..first + len], by_row, count, width }
    }

    #[inline(always)]
    pub(crate) fn row(&self, row: usize) -> &'a [f32] {
        &self.of[row * self.by_row..][..self.width]
    }
}

/// At most 64 rows as they are; +0 beyond the last.
pub(crate) struct Turn<'a> {
    pub rows: Rows<'a>,
    pub to: &'a mut [f32],
}

impl Kernel for Turn<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, on: L) {
        let Self { rows, to } = self;
        let to: &mut [u32] = bytemuck::cast_slice_mut(&mut to[..rows.width * COLUMNS]);
        for group in (0..COLUMNS).step_by(LANES) {
            let there = rows.count.saturating_sub(group).min(LANES);
            // Whole groups are read where they stand.
            let whole = if there == LANES { rows.width / 4 * 4 } else { 0 };
            let mut from = [std::ptr::null(); LANES];
            if whole > 0 {
                for (row, from) in from.iter_mut().enumerate() {
                    *from = rows.row(group + row).as_ptr().cast::<u8>();
                }
            }
            for step in (0..whole).step_by(4) {
                let to = &mut to[step * COLUMNS + group..][..3 * COLUMNS + LANES];
                // SAFETY: four numbers of each row from this step on, and sixteen places of four steps.
                unsafe { on.turn(&from, 4 * step, to.as_mut_ptr(), COLUMNS) };
            }
            for step in whole..rows.width {
                let to = &mut to[step * COLUMNS + group..][..LANES];
                for (row, to) in to.iter_mut().enumerate() {
                    *to = if row < there { rows.row(group + row)[step].to_bits() } else { 0 };
                }
            }
        }
    }
}

/// The same, rounded to pairs.
pub(crate) struct TurnPairs<'a> {
    pub rows: Rows<'a>,
    pub to: &'a mut [u32],
}

impl PairKernel for TurnPairs<'_> {
    type Output = ();

    #[inline(always)]
    fn run<P: Pairs>(self, on: P) {
        let Self { rows, to } = self;
        let to = &mut to[..pairs(rows.width) * COLUMNS];
        let mut block = [[0u32; LANES]; LANES];
        for group in (0..COLUMNS).step_by(LANES) {
            if group + LANES > rows.count {
                block = [[0; LANES]; LANES];
            }
            for first in (0..rows.width).step_by(2 * LANES) {
                let end = rows.width.min(first + 2 * LANES);
                for (row, to) in block.iter_mut().enumerate() {
                    if group + row < rows.count {
                        on.store_pairs_some(pack_some(on, &rows.row(group + row)[first..end]), to);
                    }
                }
                let at = first / 2 * COLUMNS + group;
                turn_block(on, &block, pairs(end - first), &mut to[at..]);
            }
        }
    }
}

/// The first `steps` columns of a block, each to sixteen places of a step of a panel.
#[inline(always)]
fn turn_block<L: Lanes>(on: L, block: &[[u32; LANES]; LANES], steps: usize, to: &mut [u32]) {
    assert!((steps - 1) * COLUMNS + LANES <= to.len(), "a panel of fewer steps");
    let mut from = [std::ptr::null(); LANES];
    for (from, row) in from.iter_mut().zip(block) {
        *from = row.as_ptr().cast::<u8>();
    }
    let whole = steps / 4 * 4;
    for step in (0..whole).step_by(4) {
        // SAFETY: four words of each row from this step on, and sixteen places of as many steps.
        unsafe {
            on.turn(&from, 4 * step, to[step * COLUMNS..].as_mut_ptr(), COLUMNS);
        }
    }
    for step in whole..steps {
        for (to, row) in to[step * COLUMNS..].iter_mut().zip(block) {
            *to = row[step];
        }
    }
}
