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
//! 1. Panels have 64 columns as in `matmul`, in blocks of 32 steps. A block has the scales of its 64 columns,
//!    and then groups of steps: as many steps as fit a 32-bit word for each column.
//! 2. For up to four rows, the panel is read once, and each value is made in registers. For more rows, the
//!    values of 128 steps are made first, into the L1 cache, from where the tiles read them as f32.
//! 3. The gradient of an input is that of `matmul`, from panels whose values are made a square at a time.
//! 4. Prefetches go some kilobytes ahead, because making the values is too slow for the hardware prefetcher.

mod block_format;
mod input_gradient;
mod pack;
mod rounded;

use std::{marker::PhantomData, ops::Range};

use crate::{
    isa::Isa,
    lanes::{Kernel, LANES, Lanes},
    matmul::{Accumulate, ApplyEpilogue, BLOCK, Epilogue, PANEL, Shared, panel_product},
    thread_pool::ThreadPool,
    tile::{Lhs, OutPtr, prefetch},
};
use block_format::{BlockFormat, STEPS, block_len, with_format};

pub use crate::naive::stored::StorageType;
pub use input_gradient::input_gradient;
pub use pack::pack;
pub use rounded::{block_sums, forward_rounded};

/// Up to so many rows, values are made in registers.
const MAX_STREAMED_ROWS: usize = 4;
/// For more rows, the values of so many steps are made at a time.
const DEPTH: usize = 128;
/// The prefetch distance, in 32-bit words.
const AHEAD: usize = 2048;

/// Words of a packed matrix, of a type that [has panels](StorageType::has_panels).
pub fn panels_len(storage: StorageType, outputs: usize, inner: usize) -> usize {
    outputs.div_ceil(PANEL) * panel_len(storage, inner)
}

fn panel_len(storage: StorageType, inner: usize) -> usize {
    inner.div_ceil(STEPS) * with_format!(storage, F => block_len::<F>())
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
        let blocks = panel.chunks_exact(block_len::<F>());
        for (block, to) in blocks.zip(to.chunks_mut(STEPS)) {
            // SAFETY: `chunks_exact` gives whole blocks, which have the scales and groups of 64 columns.
            unsafe {
                let scales = F::scales(simd, block.as_ptr(), vector);
                let mut at = block.as_ptr().add(F::SCALE_WORDS);
                for to in to.chunks_mut(F::GROUP_STEPS) {
                    let group = F::group(simd, at, vector);
                    for (n, to) in to.iter_mut().enumerate() {
                        *to = simd.to_array(F::value(simd, scales, group, n))[lane];
                    }
                    at = at.add(F::GROUP_WORDS);
                }
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

/// y = x · weightᵀ, then + bias, then + residual.
///
/// `x`: `[rows, inner]`, `y`: `[rows, outputs]`.
pub fn forward(
    pool: &ThreadPool,
    x: &[f32],
    weight: Panels<'_>,
    epilogue: Epilogue<'_>,
    y: &mut [f32],
) {
    let Panels { storage, data, outputs, inner } = weight;
    if outputs == 0 || y.is_empty() {
        return;
    }
    let rows = y.len() / outputs;
    assert_eq!(y.len(), rows * outputs, "an output of another shape");
    assert_eq!(x.len(), rows * inner, "an input of another shape");
    assert_eq!(data.len(), panels_len(storage, outputs, inner), "panels of another shape");
    assert!(epilogue.bias.is_none_or(|bias| bias.len() == outputs), "a bias of another width");
    assert!(epilogue.residual.is_none_or(|to| to.len() == y.len()), "a residual of another shape");
    let left = Lhs { ptr: x.as_ptr(), row_stride: inner, step_stride: 1 };
    let out = OutPtr { ptr: y.as_mut_ptr(), row_stride: outputs };
    let (count, size) = (outputs.div_ceil(PANEL), panel_len(storage, inner));
    let shared = Shared((left, out));
    pool.for_each_task(count * rows.div_ceil(BLOCK), &|task| {
        let Shared((left, out)) = *shared.get();
        let (block, panel) = (task / count, task % count);
        let rows = block * BLOCK..rows.min((block + 1) * BLOCK);
        let columns = panel * PANEL..outputs.min((panel + 1) * PANEL);
        let panel = &data[panel * size..][..size];
        with_format!(storage, F => pool.isa().run(Product::<F> {
            left, panel, inner, rows: rows.clone(), columns: columns.clone(), out, format: PhantomData,
        }));
        pool.isa().run(ApplyEpilogue { epilogue, outputs, rows, columns, out });
    });
}

/// The chains of one task: some rows by one panel.
struct Product<'a, F> {
    left: Lhs,
    panel: &'a [u32],
    inner: usize,
    rows: Range<usize>,
    columns: Range<usize>,
    out: OutPtr,
    format: PhantomData<F>,
}

impl<F: BlockFormat> Kernel for Product<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) {
        let Self { left, panel, inner, rows, columns, out, .. } = self;
        let whole = if rows.len() <= MAX_STREAMED_ROWS { inner / STEPS * STEPS } else { 0 };
        // SAFETY: `forward` asserted the shapes of the matrices, in which these rows, steps and columns lie;
        // no other task has these outputs.
        unsafe {
            let (a, to) = (left.offset(rows.start, 0), out.offset(rows.start, columns.start));
            let blocks = whole / STEPS;
            let streamed = if blocks > 0 { rows.len() } else { 0 };
            match streamed {
                1 => stream::<L, F, 1>(simd, a, panel, blocks, columns.len(), to),
                2 => stream::<L, F, 2>(simd, a, panel, blocks, columns.len(), to),
                3 => stream::<L, F, 3>(simd, a, panel, blocks, columns.len(), to),
                4 => stream::<L, F, 4>(simd, a, panel, blocks, columns.len(), to),
                _ => {}
            }
        }
        if whole < inner || inner == 0 {
            let mut values = [0.0; DEPTH * PANEL];
            let mut from = whole;
            loop {
                let depth = (inner - from).min(DEPTH);
                let values = &mut values[..depth * PANEL];
                widen::<L, F>(simd, panel, from, values);
                let accumulate =
                    if from > 0 { Accumulate::FromOutput } else { Accumulate::FromZero };
                // SAFETY: as above; `values` is a panel of the steps from `from` on.
                unsafe {
                    let left = left.offset(0, from);
                    panel_product(
                        simd,
                        left,
                        values,
                        rows.clone(),
                        columns.clone(),
                        accumulate,
                        out,
                    );
                }
                from += depth;
                if from >= inner {
                    break;
                }
            }
        }
    }
}

/// Whole blocks of steps for R rows, with values made in registers, as many vectors at once as registers allow.
///
/// # Safety
/// `a` can be read at R rows by `blocks · 32` steps. `out` can be written at R rows by `columns` columns, and no
/// other thread accesses those.
#[inline(always)]
unsafe fn stream<L: Lanes, F: BlockFormat, const R: usize>(
    simd: L,
    a: Lhs,
    panel: &[u32],
    blocks: usize,
    columns: usize,
    out: OutPtr,
) {
    debug_assert!(columns <= PANEL && panel.len() >= blocks * block_len::<F>());
    // SAFETY: `column_vectors` has the same preconditions, and all vectors are of this panel.
    unsafe {
        match vectors_at_once::<L, F>(R) {
            4 => column_vectors::<L, F, R, 4>(simd, a, panel, blocks, 0, columns, out),
            2 => {
                for vector in (0..columns.div_ceil(LANES)).step_by(2) {
                    column_vectors::<L, F, R, 2>(simd, a, panel, blocks, vector, columns, out);
                }
            }
            _ => {
                for vector in 0..columns.div_ceil(LANES) {
                    column_vectors::<L, F, R, 1>(simd, a, panel, blocks, vector, columns, out);
                }
            }
        }
    }
}

/// Vectors of a panel that are computed together. Four are all of a panel, which is then read in the order of
/// memory. With only sixteen registers this makes sums spill, which is still faster where rows are few and
/// values are cheap to make: for one row of bytes on Zen 3, four vectors read 16 GB/s and one vector 5; for
/// nibbles it is 3 and 4.
#[inline(always)]
const fn vectors_at_once<L: Lanes, F: BlockFormat>(rows: usize) -> usize {
    match (L::VECTORS_PER_ROW, F::GROUP_STEPS, rows) {
        (4, _, _) | (_, 1 | 2, 1 | 2) | (_, 4, 1) => 4,
        (_, 1 | 2, _) => 2,
        _ => 1,
    }
}

/// Whole blocks of steps for R rows by V vectors of columns, from the `first` vector on.
///
/// # Safety
/// As [`stream`]; `first + V` is at most 4.
#[inline(always)]
unsafe fn column_vectors<L: Lanes, F: BlockFormat, const R: usize, const V: usize>(
    simd: L,
    a: Lhs,
    panel: &[u32],
    blocks: usize,
    first: usize,
    columns: usize,
    out: OutPtr,
) {
    let mut sums = [[simd.splat(0.0); V]; R];
    let mut a_at = a.ptr;
    for block in panel.chunks_exact(block_len::<F>()).take(blocks) {
        // SAFETY: `chunks_exact` gives whole blocks, which have the scales and groups of 64 columns; `a` has
        // every step of these blocks in each row.
        unsafe {
            // Loops rather than `array::from_fn`: its closure may be compiled as another function, without
            // the instruction set of this one.
            let mut scales = [F::scales(simd, block.as_ptr(), first); V];
            for (v, scales) in scales.iter_mut().enumerate().skip(1) {
                *scales = F::scales(simd, block.as_ptr(), first + v);
            }
            let mut at = block.as_ptr().add(F::SCALE_WORDS);
            for _ in 0..STEPS / F::GROUP_STEPS {
                let mut groups = [F::group(simd, at, first); V];
                for (v, group) in groups.iter_mut().enumerate().skip(1) {
                    *group = F::group(simd, at, first + v);
                }
                let own = AHEAD + first * F::GROUP_WORDS / 4;
                for line in (0..F::GROUP_WORDS * V / 4).step_by(16) {
                    prefetch(at.wrapping_add(own + line).cast());
                }
                for n in 0..F::GROUP_STEPS {
                    let mut values = [simd.splat(0.0); V];
                    for ((value, scales), group) in values.iter_mut().zip(scales).zip(groups) {
                        *value = F::value(simd, scales, group, n);
                    }
                    for (r, sums) in sums.iter_mut().enumerate() {
                        let left = simd.splat(*a_at.add(r * a.row_stride));
                        for (sum, value) in sums.iter_mut().zip(values) {
                            *sum = simd.fma(left, value, *sum);
                        }
                    }
                    a_at = a_at.wrapping_add(1);
                }
                at = at.wrapping_add(F::GROUP_WORDS);
            }
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        for (v, &sum) in sums.iter().enumerate() {
            let column = (first + v) * LANES;
            if column < columns {
                let width = (columns - column).min(LANES);
                // SAFETY: row r of the outputs exists, with `columns` columns.
                let to = unsafe {
                    let at = out.ptr.add(r * out.row_stride + column);
                    std::slice::from_raw_parts_mut(at, width)
                };
                simd.store_some(sum, to);
            }
        }
    }
}

/// Makes the f32 values of some steps, from the beginning of a block on: `[steps, 64]`.
#[inline(always)]
fn widen<L: Lanes, F: BlockFormat>(simd: L, panel: &[u32], from: usize, to: &mut [f32]) {
    let blocks = panel.chunks_exact(block_len::<F>()).skip(from / STEPS);
    for (block, to) in blocks.zip(to.chunks_mut(STEPS * PANEL)) {
        for vector in 0..PANEL / LANES {
            // SAFETY: `chunks_exact` gives whole blocks, which have the scales and groups of 64 columns.
            unsafe {
                let scales = F::scales(simd, block.as_ptr(), vector);
                let mut at = block.as_ptr().add(F::SCALE_WORDS);
                for to in to.chunks_mut(F::GROUP_STEPS * PANEL) {
                    let group = F::group(simd, at, vector);
                    for (n, to) in to.chunks_exact_mut(PANEL).enumerate() {
                        simd.store(F::value(simd, scales, group, n), &mut to[vector * LANES..]);
                    }
                    at = at.add(F::GROUP_WORDS);
                }
            }
        }
    }
}
