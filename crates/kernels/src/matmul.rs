//! Matrix products and their two gradients, in packed panels of 64 columns.
//!
//! ```text
//! y[row][o]  = chain over k of x[row][k] · w[o][k],  then + bias[o],  then + residual[row][o]
//! dx[row][k] = chain over o of dy[row][o] · w[o][k]
//! dw[o][k]   = chain over rows of dy[row][o] · x[row][k],  from what stands there
//! ```
//! 1. The right-hand matrix is packed into panels of 64 columns, step by step, so that the innermost
//!    loop reads it in a line. A weight is packed once for the forward pass and once for the backward pass,
//!    however many products read it; the gradient of a weight copies its right-hand side into scratch.
//! 2. Steps go in blocks of 128, so that a panel's block stays in the first cache; between blocks the
//!    sums stand in the output, from where the chain goes on.
//! 3. A task is a block of rows by one panel, and writes outputs of its own.
//! 4. `input_gradient.rs` has the gradient of an input from the panels of the forward pass.

pub(crate) mod input_gradient;
pub(crate) mod weight;
mod work;

use std::ops::Range;

use crate::{
    lanes::{Kernel, Lanes},
    thread_pool::{DisjointSlices, ThreadPool},
    tile::{COLUMNS, Lhs, Multiply, Operands, OutPtr, ROWS, Rhs, tile},
    transpose::{Rows, Transpose},
};

pub use crate::naive::matmul::{Accumulate, Epilogue};
pub use input_gradient::input_gradient_of_forward_panels;
pub use weight::{TaskShape, weight_gradient, weight_gradient_scratch};
pub(crate) use work::Tasks;
use work::{Work, run_all};

/// Columns of a panel.
pub const PANEL: usize = COLUMNS;
/// Steps whose part of a panel stays in the first cache.
const DEPTH: usize = 128;
/// Rows of a task, a multiple of a tile's.
pub(crate) const BLOCK: usize = 96;

/// Floats of a packed matrix.
pub fn panels_len(outputs: usize, inner: usize) -> usize {
    outputs.next_multiple_of(PANEL) * inner
}

/// A packed matrix: `[⌈outputs / 64⌉, inner, 64]`, missing columns +0.
#[derive(Clone, Copy, Debug, Default)]
pub struct Panels<'a> {
    /// [`panels_len`] floats.
    pub data: &'a [f32],
    /// Rows of the weight, columns of the panels.
    pub outputs: usize,
    /// Columns of the weight, steps of the panels.
    pub inner: usize,
}

/// Packs a weight `[outputs, inner]`.
pub fn pack(pool: &ThreadPool, weight: &[f32], outputs: usize, inner: usize, panels: &mut [f32]) {
    let panels = &mut panels[..panels_len(outputs, inner)];
    let count = outputs.div_ceil(PANEL);
    let size = PANEL * inner;
    let to = DisjointSlices::new(panels);
    pool.for_each_task(count, &|panel| {
        // SAFETY: each task has a panel of its own.
        let to = unsafe { to.range_mut(panel * size..(panel + 1) * size) };
        let first = panel * PANEL;
        let columns = (outputs - first).min(PANEL);
        let rows = Rows::new(weight, first * inner, inner, columns, inner);
        pool.isa().run(Transpose { rows, out: to });
    });
}

/// Writes a packed weight as `[outputs, inner]`.
pub fn unpack(panels: Panels<'_>, weight: &mut [f32]) {
    let Panels { data, outputs, inner } = panels;
    for output in 0..outputs {
        let panel = &data[output / PANEL * PANEL * inner..];
        for k in 0..inner {
            weight[output * inner + k] = panel[k * PANEL + output % PANEL];
        }
    }
}

/// Packs a weight `[outputs, inner]` for [`input_gradient`]: panels of `inner` columns, whose steps are
/// the outputs. The columns of a panel already lie side by side.
pub fn pack_transposed(
    pool: &ThreadPool,
    weight: &[f32],
    outputs: usize,
    inner: usize,
    panels: &mut [f32],
) {
    let (from, steps, columns) = (&weight[..outputs * inner], outputs, inner);
    let to = DisjointSlices::new(&mut panels[..panels_len(inner, outputs)]);
    let count = columns.div_ceil(PANEL);
    let pieces = steps.div_ceil(DEPTH);
    pool.for_each_task(count * pieces, &|task| {
        let (panel, piece) = (task / pieces, task % pieces);
        let rows = piece * DEPTH..steps.min((piece + 1) * DEPTH);
        let at = |step: usize| (panel * steps + step) * PANEL;
        // SAFETY: each task has steps of a panel of its own.
        let to = unsafe { to.range_mut(at(rows.start)..at(rows.end)) };
        let width = (columns - panel * PANEL).min(PANEL);
        for (to, step) in to.chunks_exact_mut(PANEL).zip(rows) {
            to[..width].copy_from_slice(&from[step * columns + panel * PANEL..][..width]);
            to[width..].fill(0.0);
        }
    });
}

/// A product with panels: every task a block of rows by one panel.
struct Product<'a> {
    left: Lhs,
    panels: Panels<'a>,
    rows: Range<usize>,
    panel: usize,
    accumulate: Accumulate,
    epilogue: Epilogue<'a>,
    out: OutPtr,
}

impl Kernel for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) {
        let Self { left, panels, rows, panel, accumulate, epilogue, out } = self;
        let (outputs, inner) = (panels.outputs, panels.inner);
        let columns = panel * PANEL..outputs.min((panel + 1) * PANEL);
        let data = &panels.data[panel * PANEL * inner..][..PANEL * inner];
        // SAFETY: `Work::new` asserted the shapes of the matrices, in which these rows, steps and columns lie;
        // no other task has these outputs.
        unsafe { panel_product(simd, left, data, rows.clone(), columns.clone(), accumulate, out) };
        ApplyEpilogue { epilogue, outputs, rows, columns, out }.run(simd);
    }
}

/// The kernel that adds an epilogue to the outputs of one task.
pub(crate) struct ApplyEpilogue<'a> {
    pub epilogue: Epilogue<'a>,
    /// Of the whole.
    pub outputs: usize,
    pub rows: Range<usize>,
    pub columns: Range<usize>,
    pub out: OutPtr,
}

impl Kernel for ApplyEpilogue<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) {
        let Self { epilogue: Epilogue { bias, residual }, outputs, rows, columns, out } = self;
        if bias.is_none() && residual.is_none() {
            return;
        }
        for row in rows {
            // SAFETY: the output has this row and these columns, and no other task has them.
            let to = unsafe {
                std::slice::from_raw_parts_mut(out.offset(row, columns.start).ptr, columns.len())
            };
            if let Some(bias) = bias {
                add_to(simd, &bias[columns.clone()], to);
            }
            if let Some(residual) = residual {
                add_to(simd, &residual[row * outputs..][columns.clone()], to);
            }
        }
    }
}

#[inline(always)]
fn add_to<L: Lanes>(simd: L, term: &[f32], to: &mut [f32]) {
    for (to, term) in to.chunks_mut(16).zip(term.chunks(16)) {
        simd.store_some(simd.add(simd.load_some(to), simd.load_some(term)), to);
    }
}

/// The products of some rows with one panel, one block of steps after the other.
///
/// # Safety
/// `left` can be read at `rows` by the steps of the panel. `out` can be read and written at `rows` by
/// `columns`, and no other thread accesses those.
#[inline(always)]
pub(crate) unsafe fn panel_product<M: Multiply>(
    simd: M,
    left: Lhs<M::Element>,
    panel: &[M::Element],
    rows: Range<usize>,
    columns: Range<usize>,
    accumulate: Accumulate,
    out: OutPtr,
) {
    let steps = panel.len() / PANEL;
    let right = Rhs { ptr: panel.as_ptr(), step_stride: PANEL };
    let mut from = 0;
    loop {
        let depth = (steps - from).min(DEPTH);
        for row in rows.clone().step_by(ROWS) {
            let count = (rows.end - row).min(ROWS);
            // SAFETY: the rows and columns are those of the precondition, and the steps are of the panel.
            unsafe {
                let out = out.offset(row, columns.start);
                let accumulate = if from > 0 { Accumulate::FromOutput } else { accumulate };
                let (a, b) = (left.offset(row, from), right.offset(from, 0));
                tile(simd, count, columns.len(), depth, Operands { a, b, out, accumulate });
            }
        }
        from += depth;
        if from == steps {
            break;
        }
    }
}

/// Pointers that are shared with tasks, each of which uses them for elements of its own.
pub(crate) struct Shared<T>(pub(crate) T);

/// A type that may be shared among threads although it has pointers to numbers.
///
/// # Safety
/// Everything in it but the pointers is `Sync`. Through its pointers, a task reads only numbers that no other
/// task writes, and writes only outputs that no other task accesses.
pub(crate) unsafe trait Pointers: Copy {}

// SAFETY: one pointer to what a task reads, and strides.
unsafe impl<E: Copy + Sync> Pointers for Lhs<E> {}
// SAFETY: one pointer to where a task writes its own outputs, and a stride.
unsafe impl Pointers for OutPtr {}
// SAFETY: both are.
unsafe impl<A: Pointers, B: Pointers> Pointers for (A, B) {}
// SAFETY: a `Work` is an `Lhs`, an `OutPtr`, and references to numbers that no task writes.
unsafe impl Pointers for &[Work<'_>] {}

impl<T> Shared<T> {
    /// By method, so that a closure captures the whole and not the pointers in it.
    pub(crate) fn get(&self) -> &Self {
        self
    }
}

// SAFETY: the condition of `Pointers` is what sharing needs.
unsafe impl<T: Pointers> Sync for Shared<T> {}

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
    if weight.outputs == 0 || y.is_empty() {
        return;
    }
    let rows = y.len() / weight.outputs;
    assert_eq!(x.len(), rows * weight.inner, "an input of another shape");
    let left = Lhs { ptr: x.as_ptr(), row_stride: weight.inner, step_stride: 1 };
    run_all(pool, &[Work::new(rows, left, weight, Accumulate::FromZero, epilogue, y)]);
}

/// Several products of the same rows, as one piece of work: y = x · weightᵀ, then + bias.
///
/// `x`: `[rows, inner]`, each of `y`: `[rows, outputs]`.
pub fn forward_several<const N: usize>(
    pool: &ThreadPool,
    x: &[f32],
    weights: [Panels<'_>; N],
    biases: [Option<&[f32]>; N],
    y: [&mut [f32]; N],
) {
    let (mut biases, mut y) = (biases.into_iter(), y.into_iter());
    let work = weights.map(|weight| {
        let (bias, y) = (biases.next().flatten(), y.next().unwrap_or_default());
        let rows = y.len() / weight.outputs.max(1);
        let is_as_wide = weight.outputs == 0 || x.len() == rows * weight.inner;
        assert!(is_as_wide, "an input of another shape");
        let left = Lhs { ptr: x.as_ptr(), row_stride: weight.inner, step_stride: 1 };
        Work::new(rows, left, weight, Accumulate::FromZero, Epilogue { bias, residual: None }, y)
    });
    run_all(pool, &work);
}

/// dx = dy · weight: each a chain over outputs ascending.
///
/// `dy`: `[rows, width]`, whose columns from `first` on are the outputs of `weight`, of [`pack_transposed`];
/// `dx`: `[rows, inner]`. A weight may so be packed in parts, each of which goes on where the one before
/// it ended: to the same bits, since a chain stands in `dx` between its parts.
pub fn input_gradient(
    pool: &ThreadPool,
    dy: &[f32],
    first: usize,
    weight: Panels<'_>,
    accumulate: Accumulate,
    dx: &mut [f32],
) {
    let Panels { outputs: inner, inner: outputs, .. } = weight;
    if inner == 0 || dx.is_empty() {
        return;
    }
    let rows = dx.len() / inner;
    let width = dy.len() / rows;
    assert_eq!(dy.len(), rows * width, "a gradient of another shape");
    assert!(first + outputs <= width, "a gradient of fewer outputs");
    let left = Lhs { ptr: dy[first..].as_ptr(), row_stride: width, step_stride: 1 };
    run_all(pool, &[Work::new(rows, left, weight, accumulate, Epilogue::default(), dx)]);
}

/// dbias = dbias + dy, over rows ascending.
pub fn bias_gradient(pool: &ThreadPool, dy: &[f32], outputs: usize, dbias: &mut [f32]) {
    let pieces = DisjointSlices::new(dbias);
    pool.for_each_range(outputs, 16, 256, &|own| {
        // SAFETY: each range is cut once.
        let sums = unsafe { pieces.range_mut(own.clone()) };
        for dy in dy.chunks_exact(outputs) {
            for (sum, dy) in sums.iter_mut().zip(&dy[own.clone()]) {
                *sum += dy;
            }
        }
    });
}
