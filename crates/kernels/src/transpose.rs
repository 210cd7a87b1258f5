//! Transposes rows into the columns of a panel: `[width, 64]`, or pairs of bf16 `[⌈width / 2⌉, 64]`. Weights
//! and keys come as rows, and products read their right-hand matrix as panels.

use crate::{
    bf16::{pack_some, pairs},
    lanes::{Kernel, LANES, Lanes, PairKernel, Pairs},
    tile::COLUMNS,
};

/// Rows of numbers, `row_stride` apart.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    /// From the first row's first number to the last row's last.
    pub data: &'a [f32],
    pub row_stride: usize,
    pub count: usize,
    pub width: usize,
}

impl<'a> Rows<'a> {
    /// The first row begins at `data[first]`.
    #[inline(always)]
    pub(crate) fn new(
        data: &'a [f32],
        first: usize,
        row_stride: usize,
        count: usize,
        width: usize,
    ) -> Self {
        let len = count.checked_sub(1).map_or(0, |last| last * row_stride + width);
        Self { data: &data[first..first + len], row_stride, count, width }
    }

    #[inline(always)]
    pub(crate) fn row(&self, row: usize) -> &'a [f32] {
        &self.data[row * self.row_stride..][..self.width]
    }
}

/// Transposes at most 64 rows; missing columns of the panel are +0.
pub(crate) struct Transpose<'a> {
    pub rows: Rows<'a>,
    pub out: &'a mut [f32],
}

impl Kernel for Transpose<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) {
        let Self { rows, out } = self;
        let out: &mut [u32] = bytemuck::cast_slice_mut(&mut out[..rows.width * COLUMNS]);
        for group in (0..COLUMNS).step_by(LANES) {
            let there = rows.count.saturating_sub(group).min(LANES);
            // A group of sixteen rows is read from where the rows are; of a smaller one, nothing is.
            let whole = if there == LANES { rows.width / 4 * 4 } else { 0 };
            let mut from = [std::ptr::null(); LANES];
            if whole > 0 {
                for (row, from) in from.iter_mut().enumerate() {
                    *from = rows.row(group + row).as_ptr().cast::<u8>();
                }
            }
            for step in (0..whole).step_by(4) {
                let out = &mut out[step * COLUMNS + group..][..3 * COLUMNS + LANES];
                // SAFETY: each of the sixteen rows has four numbers from this step on, because `whole` is at
                // most its width; `out` was sliced to hold sixteen columns of four steps.
                unsafe { simd.transpose_16x4(&from, 4 * step, out.as_mut_ptr(), COLUMNS) };
            }
            for step in whole..rows.width {
                let out = &mut out[step * COLUMNS + group..][..LANES];
                for (row, out) in out.iter_mut().enumerate() {
                    *out = if row < there { rows.row(group + row)[step].to_bits() } else { 0 };
                }
            }
        }
    }
}

/// Transposes at most 64 rows and rounds them to pairs along their width.
pub(crate) struct TransposePairs<'a> {
    pub rows: Rows<'a>,
    pub out: &'a mut [u32],
}

impl PairKernel for TransposePairs<'_> {
    type Output = ();

    #[inline(always)]
    fn run<P: Pairs>(self, simd: P) {
        let Self { rows, out } = self;
        let out = &mut out[..pairs(rows.width) * COLUMNS];
        let mut block = [[0u32; LANES]; LANES];
        for group in (0..COLUMNS).step_by(LANES) {
            if group + LANES > rows.count {
                block = [[0; LANES]; LANES];
            }
            for first in (0..rows.width).step_by(2 * LANES) {
                let end = rows.width.min(first + 2 * LANES);
                for (row, out) in block.iter_mut().enumerate() {
                    if group + row < rows.count {
                        simd.store_pairs_some(
                            pack_some(simd, &rows.row(group + row)[first..end]),
                            out,
                        );
                    }
                }
                let at = first / 2 * COLUMNS + group;
                transpose_16x16(simd, &block, pairs(end - first), &mut out[at..]);
            }
        }
    }
}

/// Transposes the first `steps` columns of a block: each becomes sixteen neighbours in a step of a panel.
#[inline(always)]
fn transpose_16x16<L: Lanes>(
    simd: L,
    block: &[[u32; LANES]; LANES],
    steps: usize,
    out: &mut [u32],
) {
    assert!((steps - 1) * COLUMNS + LANES <= out.len(), "a panel of fewer steps");
    let mut from = [std::ptr::null(); LANES];
    for (from, row) in from.iter_mut().zip(block) {
        *from = row.as_ptr().cast::<u8>();
    }
    let whole = steps / 4 * 4;
    for step in (0..whole).step_by(4) {
        // SAFETY: a row has sixteen words, of which four are read from a step below `whole`; the assertion
        // has `out` hold sixteen columns of the last step.
        unsafe {
            simd.transpose_16x4(&from, 4 * step, out[step * COLUMNS..].as_mut_ptr(), COLUMNS);
        }
    }
    for step in whole..steps {
        for (out, row) in out[step * COLUMNS..].iter_mut().zip(block) {
            *out = row[step];
        }
    }
}
