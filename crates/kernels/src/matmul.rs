//! Matrix products and their two gradients, in packed panels of 64 columns.
//!
//! ```text
//! y[row][o]  = chain over k of x[row][k] · w[o][k],  then + bias[o],  then + residual[row][o]
//! dx[row][k] = chain over o of dy[row][o] · w[o][k]
//! dw[o][k]   = chain over rows of dy[row][o] · x[row][k],  from what stands there
//! ```
//! 1. The right-hand matrix is packed into panels of 64 columns, step by step, so that the innermost
//!    loop reads it in a line. A weight is packed once for the way forward and once for the way back,
//!    however many products read it; the gradient of a weight copies its right-hand side into scratch.
//! 2. Steps go in blocks of 128, so that a panel's block stays in the first cache; between blocks the
//!    sums stand in the output, from where the chain goes on.
//! 3. A task is a block of rows by one panel, and writes outputs of its own.

pub(crate) mod weight;
mod work;

use std::ops::Range;

use crate::{
    lanes::{Kernel, Lanes},
    team::{Pieces, Team},
    tile::{COLUMNS, Left, Multiply, Out, ROWS, Right, tile},
    turn::{Rows, Turn},
};

pub use crate::naive::matmul::{After, Start};
pub use weight::{weight_gradient, weight_gradient_scratch};
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
pub fn pack(team: &Team, weight: &[f32], outputs: usize, inner: usize, panels: &mut [f32]) {
    let panels = &mut panels[..panels_len(outputs, inner)];
    let count = outputs.div_ceil(PANEL);
    let size = PANEL * inner;
    let to = Pieces::new(panels);
    team.run(count, &|panel| {
        // SAFETY: each task has a panel of its own.
        let to = unsafe { to.piece(panel * size..(panel + 1) * size) };
        let first = panel * PANEL;
        let columns = (outputs - first).min(PANEL);
        let rows = Rows::new(weight, first * inner, inner, columns, inner);
        team.path().run(Turn { rows, to });
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
pub fn pack_across(team: &Team, weight: &[f32], outputs: usize, inner: usize, panels: &mut [f32]) {
    let (from, steps, columns) = (&weight[..outputs * inner], outputs, inner);
    let to = Pieces::new(&mut panels[..panels_len(inner, outputs)]);
    let count = columns.div_ceil(PANEL);
    let pieces = steps.div_ceil(DEPTH);
    team.run(count * pieces, &|task| {
        let (panel, piece) = (task / pieces, task % pieces);
        let rows = piece * DEPTH..steps.min((piece + 1) * DEPTH);
        let at = |step: usize| (panel * steps + step) * PANEL;
        // SAFETY: each task has steps of a panel of its own.
        let to = unsafe { to.piece(at(rows.start)..at(rows.end)) };
        let width = (columns - panel * PANEL).min(PANEL);
        for (to, step) in to.chunks_exact_mut(PANEL).zip(rows) {
            to[..width].copy_from_slice(&from[step * columns + panel * PANEL..][..width]);
            to[width..].fill(0.0);
        }
    });
}

/// A product with panels: every task a block of rows by one panel.
struct Product<'a> {
    left: Left,
    panels: Panels<'a>,
    rows: Range<usize>,
    panel: usize,
    start: Start,
    after: After<'a>,
    out: Out,
}

impl Kernel for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, on: L) {
        let Self { left, panels, rows, panel, start, after, out } = self;
        let (outputs, inner) = (panels.outputs, panels.inner);
        let columns = panel * PANEL..outputs.min((panel + 1) * PANEL);
        let data = &panels.data[panel * PANEL * inner..][..PANEL * inner];
        // SAFETY: rows, steps and columns lie inside the matrices that the caller of this kernel
        // measured, and the outputs belong to this task.
        unsafe { chains(on, left, data, rows.clone(), columns.clone(), start, out) };
        Added { after, outputs, rows, columns, out }.run(on);
    }
}

/// What is added to the sums of one task.
pub(crate) struct Added<'a> {
    pub after: After<'a>,
    /// Of the whole.
    pub outputs: usize,
    pub rows: Range<usize>,
    pub columns: Range<usize>,
    pub out: Out,
}

impl Kernel for Added<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, on: L) {
        let Self { after: After { bias, residual }, outputs, rows, columns, out } = self;
        if bias.is_none() && residual.is_none() {
            return;
        }
        for row in rows {
            // SAFETY: the row's columns exist and belong to this task.
            let to = unsafe {
                std::slice::from_raw_parts_mut(out.from(row, columns.start).at, columns.len())
            };
            if let Some(bias) = bias {
                add_to(on, &bias[columns.clone()], to);
            }
            if let Some(residual) = residual {
                add_to(on, &residual[row * outputs..][columns.clone()], to);
            }
        }
    }
}

#[inline(always)]
fn add_to<L: Lanes>(on: L, what: &[f32], to: &mut [f32]) {
    for (to, what) in to.chunks_mut(16).zip(what.chunks(16)) {
        on.store_some(on.add(on.load_some(to), on.load_some(what)), to);
    }
}

/// The chains of some rows over one panel, block of steps by block.
///
/// # Safety
/// The rows of `left` and the columns of `out` exist, and no other thread touches these outputs.
#[inline(always)]
pub(crate) unsafe fn chains<M: Multiply>(
    on: M,
    left: Left<M::Element>,
    panel: &[M::Element],
    rows: Range<usize>,
    columns: Range<usize>,
    start: Start,
    out: Out,
) {
    let steps = panel.len() / PANEL;
    let right = Right { at: panel.as_ptr(), by_step: PANEL };
    let mut from = 0;
    loop {
        let depth = (steps - from).min(DEPTH);
        for row in rows.clone().step_by(ROWS) {
            let count = (rows.end - row).min(ROWS);
            // SAFETY: the caller's promise, and the steps lie inside the panel.
            unsafe {
                let out = out.from(row, columns.start);
                let goes_on = from > 0 || start == Start::Existing;
                let (a, b) = (left.from(row, from), right.from(from, 0));
                tile(on, count, columns.len(), depth, a, b, out, goes_on);
            }
        }
        from += depth;
        if from == steps {
            break;
        }
    }
}

/// Pointers that tasks use for elements of their own.
pub(crate) struct Shared<T>(pub(crate) T);

/// What is made of pointers to numbers alone.
///
/// # Safety
/// Several threads may have it: whatever it leads to but through pointers to `f32` or packed numbers is
/// `Sync`, and through those, tasks read what no other task writes and write outputs that no other task
/// touches.
pub(crate) unsafe trait Pointers: Copy {}

// SAFETY: one pointer to what a task reads, and strides.
unsafe impl<E: Copy + Sync> Pointers for Left<E> {}
// SAFETY: one pointer to where a task writes its own outputs, and a stride.
unsafe impl Pointers for Out {}
// SAFETY: both are.
unsafe impl<A: Pointers, B: Pointers> Pointers for (A, B) {}
// SAFETY: a `Work` is a `Left`, an `Out`, and references to numbers that nobody writes meanwhile.
unsafe impl Pointers for &[Work<'_>] {}

impl<T> Shared<T> {
    /// By method, so that a closure captures the whole and not the pointers in it.
    pub(crate) fn get(&self) -> &Self {
        self
    }
}

// SAFETY: what `Pointers` promises.
unsafe impl<T: Pointers> Sync for Shared<T> {}

/// y = x · weightᵀ, then + bias, then + residual.
///
/// `x`: `[rows, inner]`, `y`: `[rows, outputs]`.
pub fn forward(team: &Team, x: &[f32], weight: Panels<'_>, after: After<'_>, y: &mut [f32]) {
    if weight.outputs == 0 || y.is_empty() {
        return;
    }
    let rows = y.len() / weight.outputs;
    assert_eq!(x.len(), rows * weight.inner, "an input of another shape");
    let left = Left { at: x.as_ptr(), by_row: weight.inner, by_step: 1 };
    run_all(team, &[Work::new(rows, left, weight, Start::Zero, after, y)]);
}

/// Several products of the same rows, as one piece of work: y = x · weightᵀ, then + bias.
///
/// `x`: `[rows, inner]`, each of `y`: `[rows, outputs]`.
pub fn forward_several<const N: usize>(
    team: &Team,
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
        let left = Left { at: x.as_ptr(), by_row: weight.inner, by_step: 1 };
        Work::new(rows, left, weight, Start::Zero, After { bias, residual: None }, y)
    });
    run_all(team, &work);
}

/// dx = dy · weight: each a chain over outputs ascending.
///
/// `dy`: `[rows, width]`, whose columns from `first` on are the outputs of `weight`, of [`pack_across`];
/// `dx`: `[rows, inner]`. A weight may so be packed in parts, each of which goes on where the one before
/// it ended: to the same bits, since a chain stands in `dx` between its parts.
pub fn input_gradient(
    team: &Team,
    dy: &[f32],
    first: usize,
    weight: Panels<'_>,
    start: Start,
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
    let left = Left { at: dy[first..].as_ptr(), by_row: width, by_step: 1 };
    run_all(team, &[Work::new(rows, left, weight, start, After::default(), dx)]);
}

/// dbias = dbias + dy, over rows ascending.
pub fn bias_gradient(team: &Team, dy: &[f32], outputs: usize, dbias: &mut [f32]) {
    let pieces = Pieces::new(dbias);
    team.split(outputs, 16, 256, &|own| {
        // SAFETY: each range is cut once.
        let sums = unsafe { pieces.piece(own.clone()) };
        for dy in dy.chunks_exact(outputs) {
            for (sum, dy) in sums.iter_mut().zip(&dy[own.clone()]) {
                *sum += dy;
            }
        }
    });
}
