//! Matrix products and their two gradients, in packed panels of 64 columns.
//!
//! ```text
//! y[row][o]  = chain over k of x[row][k] · w[o][k],  then + bias[o],  then + residual[row][o]
//! dx[row][k] = chain over o of dy[row][o] · w[o][k]
//! dw[o][k]   = chain over rows of dy[row][o] · x[row][k],  from what stands there
//! ```
//! 1. The right-hand matrix is packed into panels of 64 columns, step by step, so that the innermost
//!    loop reads it in a line. Forward weights are packed once; the gradients copy their right-hand
//!    side into scratch, which already has its columns side by side.
//! 2. Steps go in blocks of 128, so that a panel's block stays in the first cache; between blocks the
//!    sums stand in the output, from where the chain goes on.
//! 3. A task is a block of rows by one panel, and writes outputs of its own.

mod weight;

use std::ops::Range;

use crate::{
    lanes::Lanes,
    path::Kernel,
    team::{Pieces, Team},
    tile::{COLUMNS, Left, Out, ROWS, Right, tile},
};

pub use weight::{weight_gradient, weight_gradient_scratch};

/// Columns of a panel.
pub const PANEL: usize = COLUMNS;
/// Steps whose part of a panel stays in the first cache.
const DEPTH: usize = 128;
/// Rows of a task, a multiple of a tile's.
const BLOCK: usize = 96;

/// Floats of a packed matrix.
pub fn panels_len(outputs: usize, inner: usize) -> usize {
    outputs.next_multiple_of(PANEL) * inner
}

/// A packed matrix: `[⌈outputs / 64⌉, inner, 64]`, missing columns +0.
#[derive(Clone, Copy, Debug)]
pub struct Panels<'a> {
    /// [`panels_len`] floats.
    pub data: &'a [f32],
    /// Rows of the weight, columns of the panels.
    pub outputs: usize,
    /// Columns of the weight, steps of the panels.
    pub inner: usize,
}

/// What is added to a product, in this order.
#[derive(Clone, Copy, Debug, Default)]
pub struct After<'a> {
    /// `[outputs]`
    pub bias: Option<&'a [f32]>,
    /// `[rows, outputs]`
    pub residual: Option<&'a [f32]>,
}

/// Where a chain begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At +0.
    Zero,
    /// At what stands in the output.
    Existing,
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
        for k_block in (0..inner).step_by(16) {
            let ks = k_block..inner.min(k_block + 16);
            for column in 0..PANEL {
                if column >= columns {
                    ks.clone().for_each(|k| to[k * PANEL + column] = 0.0);
                    continue;
                }
                let row = &weight[(first + column) * inner..][..inner];
                for k in ks.clone() {
                    to[k * PANEL + column] = row[k];
                }
            }
        }
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

/// Packs a matrix whose columns already lie side by side: `[steps, columns]` to panels.
fn pack_columns(team: &Team, from: &[f32], steps: usize, columns: usize, panels: &mut [f32]) {
    let to = Pieces::new(panels);
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
        let steps = panels.inner;
        let columns = (panels.outputs - panel * PANEL).min(PANEL);
        let data = &panels.data[panel * PANEL * steps..][..PANEL * steps];
        let right = Right { at: data.as_ptr(), by_step: PANEL };
        let mut from = 0;
        loop {
            let depth = (steps - from).min(DEPTH);
            let is_last = from + depth == steps;
            for row in rows.clone().step_by(ROWS) {
                let count = (rows.end - row).min(ROWS);
                // SAFETY: rows, steps and columns lie inside the matrices that the caller of this
                // kernel measured, and the outputs belong to this task.
                unsafe {
                    let out = out.from(row, panel * PANEL);
                    let goes_on = from > 0 || start == Start::Existing;
                    let (a, b) = (left.from(row, from), right.from(from, 0));
                    tile(on, count, columns, depth, a, b, out, goes_on);
                    if is_last {
                        for r in 0..count {
                            let to =
                                std::slice::from_raw_parts_mut(out.at.add(r * out.by_row), columns);
                            add_after(on, &after, panels.outputs, row + r, panel * PANEL, to);
                        }
                    }
                }
            }
            from += depth;
            if is_last {
                break;
            }
        }
    }
}

/// Adds bias, then residual, to a row's columns of one panel.
#[inline(always)]
fn add_after<L: Lanes>(
    on: L,
    after: &After<'_>,
    outputs: usize,
    row: usize,
    first: usize,
    to: &mut [f32],
) {
    let mut add = |what: &[f32]| {
        for (to, what) in to.chunks_mut(16).zip(what.chunks(16)) {
            on.store_some(on.add(on.load_some(to), on.load_some(what)), to);
        }
    };
    let columns = first..first + COLUMNS.min(outputs - first);
    if let Some(bias) = after.bias {
        add(&bias[columns.clone()]);
    }
    if let Some(residual) = after.residual {
        add(&residual[row * outputs..][columns]);
    }
}

/// Runs a product's tasks. `left` has `rows` rows of `panels.inner` steps, `y` is `[rows, outputs]`.
fn product(
    team: &Team,
    rows: usize,
    left: Left,
    panels: Panels<'_>,
    start: Start,
    after: After<'_>,
    y: &mut [f32],
) {
    let Panels { data, outputs, inner } = panels;
    assert_eq!(data.len(), panels_len(outputs, inner), "panels of another shape");
    assert_eq!(y.len(), rows * outputs, "an output of another shape");
    assert!(after.bias.is_none_or(|bias| bias.len() == outputs), "a bias of another width");
    assert!(after.residual.is_none_or(|to| to.len() == y.len()), "a residual of another shape");
    let out = Out { at: y.as_mut_ptr(), by_row: outputs };
    let count = outputs.div_ceil(PANEL);
    let blocks = rows.div_ceil(BLOCK);
    let shared = Shared((left, out));
    team.run(count * blocks, &|task| {
        let Shared((left, out)) = *shared.get();
        let (block, panel) = (task / count, task % count);
        let rows = block * BLOCK..rows.min((block + 1) * BLOCK);
        team.path().run(Product { left, panels, rows, panel, start, after, out });
    });
}

/// Pointers that tasks use for elements of their own.
struct Shared<T>(T);

impl<T> Shared<T> {
    /// By method, so that a closure captures the whole and not the pointers in it.
    fn get(&self) -> &Self {
        self
    }
}

// SAFETY: tasks read what nobody writes, and write outputs that no other task touches.
unsafe impl<T> Sync for Shared<T> {}

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
    product(team, rows, left, weight, Start::Zero, after, y);
}

/// Floats of scratch that [`input_gradient`] needs.
pub fn input_gradient_scratch(_: usize, outputs: usize, inner: usize, _: usize) -> usize {
    panels_len(inner, outputs)
}

/// dx = dy · weight: each a chain over outputs ascending.
///
/// `dy`: `[rows, outputs]`, `weight`: `[outputs, inner]`, `dx`: `[rows, inner]`.
#[allow(clippy::too_many_arguments, reason = "three matrices with their shape, start and scratch")]
pub fn input_gradient(
    team: &Team,
    dy: &[f32],
    weight: &[f32],
    outputs: usize,
    inner: usize,
    start: Start,
    scratch: &mut [f32],
    dx: &mut [f32],
) {
    if inner == 0 || dx.is_empty() {
        return;
    }
    let rows = dx.len() / inner;
    assert_eq!(dy.len(), rows * outputs, "a gradient of another shape");
    let data = &mut scratch[..panels_len(inner, outputs)];
    pack_columns(team, &weight[..outputs * inner], outputs, inner, data);
    let left = Left { at: dy.as_ptr(), by_row: outputs, by_step: 1 };
    let panels = Panels { data, outputs: inner, inner: outputs };
    product(team, rows, left, panels, start, After::default(), dx);
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
