//! Matrix products with weights in the format of their file: half precision and quantised blocks, which are
//! dequantised in registers.
//!
//! ```text
//! y[row][o] = chain over k of x[row][k] · value(w[o][k]),  then + bias[o],  then + residual[row][o]
//! ```
//! Decoding a token reads every weight once, so memory bandwidth is its limit, and fewer bytes are faster.
//! `value` is the number that ggml makes of a stored weight, rounded at most once. It is multiplied in f32 as
//! in `matmul`: a stored weight gives the same bits as its copy in f32. Types without panels
//! ([`StorageType::has_panels`]) are converted to f32 before they are multiplied.
//! 1. Panels have 64 columns as in `matmul`, in blocks of 32 or 256 steps, and sub-blocks that share a scale. A
//!    sub-block has groups of steps: as many steps as fit a 32-bit word for each column.
//! 2. For up to four rows, the panel is read once, and each value is made in registers. For more rows, the
//!    values of 128 steps are made first, into the L1 cache, from where the tiles read them as f32.
//! 3. The gradient of an input is that of `matmul`, from panels whose values are made a square at a time.
//! 4. Prefetches go some kilobytes ahead, because making the values is too slow for the hardware prefetcher.

mod block_format;
mod forward;
mod input_gradient;
mod pack;
mod rounded;

use std::{marker::PhantomData, ops::Range};

use crate::{
    isa::Isa,
    lanes::{Kernel, LANES, Lanes},
    matmul::PANEL,
    tile::prefetch,
};
use block_format::{BlockFormat, block_len, block_steps, sub_block_len, with_format};
use forward::vectors_at_once;

pub use crate::naive::stored::StorageType;
pub use forward::{forward, forward_several};
pub use input_gradient::input_gradient;
pub use pack::{InfiniteScale, pack};
pub use rounded::{block_sums, forward_rounded};

/// For more rows, the values of so many steps are made at a time.
const DEPTH: usize = 128;
/// The prefetch distance, in 32-bit words.
const AHEAD: usize = 2048;

/// Words of a packed matrix, of a type that [has panels](StorageType::has_panels).
pub fn panels_len(storage: StorageType, outputs: usize, inner: usize) -> usize {
    outputs.div_ceil(PANEL) * panel_len(storage, inner)
}

fn panel_len(storage: StorageType, inner: usize) -> usize {
    with_format!(storage, F => inner.div_ceil(block_steps::<F>()) * block_len::<F>())
}

/// A packed matrix; missing columns are zeros.
#[derive(Clone, Copy, Debug)]
pub struct Panels<'a> {
    /// How its numbers are stored.
    pub storage: StorageType,
    /// [`panels_len`] words.
    pub data: &'a [u32],
    /// Rows of the weight, columns of the panels.
    pub outputs: usize,
    /// Columns of the weight, steps of the panels.
    pub inner: usize,
}

/// Converts one row of the weight, an output, to f32.
pub fn read_row(panels: Panels<'_>, output: usize, row: &mut [f32]) {
    let Panels { storage, data, inner, .. } = panels;
    let (size, row) = (panel_len(storage, inner), &mut row[..inner]);
    let (panel, column) = (&data[output / PANEL * size..][..size], output % PANEL);
    with_format!(storage, F => {
        Isa::detect().run(WidenedColumn::<F> { panel, column, to: row, format: PhantomData });
    });
}

/// Converts a column of a panel to f32: sixteen columns, of which one is kept.
struct WidenedColumn<'a, F> {
    panel: &'a [u32],
    column: usize,
    to: &'a mut [f32],
    format: PhantomData<F>,
}

impl<F: BlockFormat> Kernel for WidenedColumn<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) {
        let Self { panel, column, to, .. } = self;
        let (vector, lane) = (column / LANES, column % LANES);
        let mut values = [0.0; MAX_STEPS * LANES];
        for (n, to) in to.chunks_mut(F::STEPS).enumerate() {
            let values = &mut values[..to.len() * LANES];
            widen_sub_block::<L, F>(simd, panel, n, vector, values, LANES);
            for (to, values) in to.iter_mut().zip(values.chunks_exact(LANES)) {
                *to = values[lane];
            }
        }
    }
}

/// Converts successive rows of the weight to f32, `[outputs, inner]`: whole panels at a time, where
/// [`read_row`] would read a panel once for each of its columns.
pub fn read_rows(isa: Isa, panels: Panels<'_>, outputs: Range<usize>, rows: &mut [f32]) {
    let Panels { storage, data, inner, .. } = panels;
    assert!(outputs.end <= panels.outputs, "rows that the weight does not have");
    assert_eq!(rows.len(), outputs.len() * inner, "rows of another shape");
    if inner == 0 {
        return;
    }
    let size = panel_len(storage, inner);
    let (mut output, mut to) = (outputs.start, rows);
    while output < outputs.end {
        let count = (PANEL - output % PANEL).min(outputs.end - output);
        let (own, rest) = to.split_at_mut(count * inner);
        if count == PANEL {
            let panel = &data[output / PANEL * size..][..size];
            with_format!(storage, F => isa.run(WidenedPanel::<F> { panel, inner, to: own, format: PhantomData }));
        } else {
            for (row, own) in own.chunks_exact_mut(inner).enumerate() {
                read_row(panels, output + row, own);
            }
        }
        (output, to) = (output + count, rest);
    }
}

/// Converts a panel to f32 and transposes it to rows, `[64, inner]`.
struct WidenedPanel<'a, F> {
    panel: &'a [u32],
    inner: usize,
    to: &'a mut [f32],
    format: PhantomData<F>,
}

impl<F: BlockFormat> Kernel for WidenedPanel<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) {
        let Self { panel, inner, to, .. } = self;
        let mut values = [0.0; DEPTH * PANEL];
        for from in (0..inner).step_by(DEPTH) {
            let depth = (inner - from).min(DEPTH);
            let values = &mut values[..depth * PANEL];
            widen::<L, F>(simd, panel, from, values);
            let whole = depth / LANES * LANES;
            for step in (0..whole).step_by(LANES) {
                let mut places = [std::ptr::null(); LANES];
                for (place, values) in places.iter_mut().zip(values[step * PANEL..].chunks(PANEL)) {
                    *place = values.as_ptr().cast::<u8>();
                }
                for column in (0..PANEL).step_by(4) {
                    let to = &mut to[column * inner + from + step..][..3 * inner + LANES];
                    // SAFETY: `values` has 64 columns of sixteen steps from `step` on; `to` was sliced to hold
                    // sixteen numbers of four rows.
                    unsafe {
                        simd.transpose_16x4(&places, 4 * column, to.as_mut_ptr().cast(), inner)
                    };
                }
            }
            for (step, values) in values.chunks(PANEL).enumerate().skip(whole) {
                for (column, &value) in values.iter().enumerate() {
                    to[column * inner + from + step] = value;
                }
            }
        }
    }
}

/// Prefetches what lies [`AHEAD`] of these words of 64 columns: the share of V vectors from the `first` on.
#[inline(always)]
fn prefetch_ahead<const V: usize>(at: *const u32, words: usize, first: usize) {
    for line in (0..words * V / 4).step_by(16) {
        prefetch(at.wrapping_add(AHEAD + first * words / 4 + line).cast());
    }
}

/// Makes the f32 values of some steps, from the beginning of a sub-block on: `[steps, 64]`.
#[inline(always)]
fn widen<L: Lanes, F: BlockFormat>(simd: L, panel: &[u32], from: usize, to: &mut [f32]) {
    for (n, to) in to.chunks_mut(F::STEPS * PANEL).enumerate() {
        for vector in 0..PANEL / LANES {
            let to = &mut to[vector * LANES..];
            widen_sub_block::<L, F>(simd, panel, from / F::STEPS + n, vector, to, PANEL);
        }
    }
}

/// Steps of the longest sub-block.
const MAX_STEPS: usize = 32;

/// Makes the values of the nth sixteen columns of a sub-block, or of its first steps; each step is `stride` behind the
/// one before it.
#[inline(always)]
fn widen_sub_block<L: Lanes, F: BlockFormat>(
    simd: L,
    panel: &[u32],
    sub_block: usize,
    vector: usize,
    to: &mut [f32],
    stride: usize,
) {
    let block = &panel[sub_block / F::SUB_BLOCKS * block_len::<F>()..][..block_len::<F>()];
    let at = F::HEAD_WORDS + sub_block % F::SUB_BLOCKS * sub_block_len::<F>();
    // SAFETY: the block was sliced, and has the scales and groups of 64 columns.
    unsafe {
        let head = F::head(simd, block.as_ptr(), vector);
        let mut at = block.as_ptr().add(at);
        let scales = F::scales(simd, head, at, vector);
        at = at.add(F::SCALE_WORDS);
        let steps = to.len().div_ceil(stride).min(F::STEPS);
        for first in (0..steps).step_by(F::GROUP_STEPS) {
            let mut group = F::group(simd, at, vector);
            for first in (first..first + F::GROUP_STEPS).step_by(F::FRONT_STEPS) {
                for n in 0..F::FRONT_STEPS {
                    // A loop of a constant length, so that the place at the front is one, too.
                    if first + n < steps {
                        simd.store(
                            F::value(simd, scales, group, n),
                            &mut to[(first + n) * stride..],
                        );
                    }
                }
                group = F::next(simd, group);
            }
            at = at.add(F::GROUP_WORDS);
        }
    }
}
