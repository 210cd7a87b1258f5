//! The gradient of a weight: the matrix product whose steps are the rows of a batch.
//!
//! ```text
//! dw[o][k] = chain over rows of dy[row][o] · x[row][k],  from what stands there
//! ```
//! 1. Both matrices lie as the tile wants them, one step a row, but far apart: a tile would touch a
//!    page and a few sets of the cache each step. So each task copies its own columns of 128 rows into
//!    scratch, where they lie close together. Copying once for all tasks is slower: lines
//!    that another core has just written are dear.
//! 2. A task is a rectangle of outputs by inner columns, cut so that all threads end together and the
//!    copies cost least. Each thread has scratch of its own and takes the next rectangle.
//! 3. Rows are asked for 16 ahead while they are copied, for no prefetcher follows such strides.

use std::{
    ops::Range,
    sync::atomic::{AtomicUsize, Ordering},
};

use super::{PANEL, Shared};
use crate::{
    lanes::{LANES, Lanes},
    path::Kernel,
    team::{Pieces, Team},
    tile::{Left, Out, ROWS, Right, prefetch, tile},
};

/// Rows of the batch that are copied at a time.
const DEPTH: usize = 128;
/// Outputs that lie side by side in a copy of `dy`: whole tiles, and few enough to share lines.
const GROUP: usize = 96;
/// Outputs and inner columns together of the largest task. The larger it is, the fewer copies are
/// made: with 2048 the products of Zen 5 reach 85 % of the limit, with 1024 77 %, with 576 71 %,
/// although the copies then fill a whole second cache.
const LARGEST: usize = 2048;
/// How many rows ahead memory is asked for.
const AHEAD: usize = 16;

/// Floats of scratch that [`weight_gradient`] needs.
pub fn weight_gradient_scratch(_: usize, outputs: usize, inner: usize, threads: usize) -> usize {
    let both = outputs.next_multiple_of(GROUP) + inner.next_multiple_of(PANEL);
    threads.max(1) * DEPTH * both.min(LARGEST)
}

/// dweight = dweight + dyᵀ · x: each chain goes on over rows ascending.
///
/// `dy`: `[rows, outputs]`, `x`: `[rows, inner]`, `dweight`: `[outputs, inner]`.
pub fn weight_gradient(
    team: &Team,
    dy: &[f32],
    x: &[f32],
    outputs: usize,
    inner: usize,
    scratch: &mut [f32],
    dweight: &mut [f32],
) {
    if outputs == 0 || inner == 0 || dy.is_empty() {
        return;
    }
    let rows = dy.len() / outputs;
    assert_eq!(dy.len(), rows * outputs, "a gradient of another shape");
    assert_eq!(x.len(), rows * inner, "an input of another shape");
    assert_eq!(dweight.len(), outputs * inner, "a weight of another shape");
    let cut = Cut::of(outputs, inner, team.threads());
    let own = DEPTH * (cut.outputs.next_multiple_of(GROUP) + cut.inner);
    let scratch = Pieces::new(scratch);
    let out = Shared(Out { at: dweight.as_mut_ptr(), by_row: inner });
    let across = inner.div_ceil(cut.inner);
    let tasks = outputs.div_ceil(cut.outputs) * across;
    let next = AtomicUsize::new(0);
    let threads = team.threads().min(tasks);
    team.run(threads, &|thread| {
        // SAFETY: each thread has scratch of its own.
        let scratch = unsafe { scratch.piece(thread * own..(thread + 1) * own) };
        loop {
            let task = next.fetch_add(1, Ordering::Relaxed);
            if task >= tasks {
                break;
            }
            let (first, first_k) = (task / across * cut.outputs, task % across * cut.inner);
            team.path().run(Rectangle {
                dy,
                x,
                shape: [rows, outputs, inner],
                outputs: first..outputs.min(first + cut.outputs),
                inner: first_k..inner.min(first_k + cut.inner),
                scratch: &mut *scratch,
                out: out.get().0,
            });
        }
    });
}

/// How large a task is.
#[derive(Clone, Copy)]
struct Cut {
    /// Whole tiles.
    outputs: usize,
    /// Whole panels.
    inner: usize,
}

impl Cut {
    /// The cheapest: multiply-adds, and copies that weigh about as many as stand here.
    fn of(outputs: usize, inner: usize, threads: usize) -> Self {
        const COPY: usize = 80;
        let mut best = (usize::MAX, Self { outputs: ROWS, inner: PANEL });
        for down in 1..=outputs.div_ceil(ROWS).min(32) {
            let height = outputs.div_ceil(down).next_multiple_of(ROWS);
            for across in 1..=inner.div_ceil(PANEL) {
                let width = inner.div_ceil(across).next_multiple_of(PANEL);
                let fits = height.next_multiple_of(GROUP) + width <= LARGEST;
                if !fits && (down < 32 || across < inner.div_ceil(PANEL)) {
                    continue;
                }
                let tasks = outputs.div_ceil(height) * inner.div_ceil(width);
                let cost = tasks.div_ceil(threads) * (height * width + COPY * (height + width));
                if cost < best.0 {
                    best = (cost, Self { outputs: height, inner: width });
                }
            }
        }
        best.1
    }
}

/// One task.
struct Rectangle<'a> {
    dy: &'a [f32],
    x: &'a [f32],
    /// Rows, outputs, inner of the whole.
    shape: [usize; 3],
    outputs: Range<usize>,
    inner: Range<usize>,
    scratch: &'a mut [f32],
    out: Out,
}

impl Kernel for Rectangle<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, on: L) {
        let Self { dy, x, shape: [rows, all_outputs, all_inner], outputs, inner, scratch, out } =
            self;
        let height = outputs.len();
        let (dy_copy, x_copy) = scratch.split_at_mut(DEPTH * height.next_multiple_of(GROUP));
        for first in (0..rows).step_by(DEPTH) {
            let own = first..rows.min(first + DEPTH);
            let depth = own.len();
            copy(on, dy, all_outputs, own.clone(), outputs.clone(), GROUP, dy_copy);
            copy(on, x, all_inner, own, inner.clone(), PANEL, x_copy);
            for k in (0..inner.len()).step_by(PANEL) {
                let columns = (inner.len() - k).min(PANEL);
                let b = Right { at: x_copy[DEPTH * k..].as_ptr(), by_step: PANEL };
                for o in (0..height).step_by(ROWS) {
                    let count = (height - o).min(ROWS);
                    let at = o / GROUP * GROUP * DEPTH + o % GROUP;
                    let a = Left { at: dy_copy[at..].as_ptr(), by_row: 1, by_step: GROUP };
                    // SAFETY: the copies hold `depth` steps of these outputs and columns, the
                    // outputs exist and belong to this task.
                    unsafe {
                        let out = out.from(outputs.start + o, inner.start + k);
                        tile(on, count, columns, depth, a, b, out, true);
                    }
                }
            }
        }
    }
}

/// Copies columns of some rows into groups of `group` columns, `[groups, 128, group]`. What lies
/// beyond the columns in the last group is not written, and tiles do not read it.
#[inline(always)]
fn copy<L: Lanes>(
    on: L,
    from: &[f32],
    width: usize,
    rows: Range<usize>,
    columns: Range<usize>,
    group: usize,
    to: &mut [f32],
) {
    for (step, row) in rows.enumerate() {
        let from_row = &from[row * width..][columns.clone()];
        let ahead = from.as_ptr().wrapping_add((row + AHEAD) * width + columns.start);
        for (index, part) in from_row.chunks(group).enumerate() {
            let to = &mut to[(index * DEPTH + step) * group..][..part.len()];
            for (vector, (to, part)) in to.chunks_mut(LANES).zip(part.chunks(LANES)).enumerate() {
                prefetch(ahead.wrapping_add(index * group + vector * LANES));
                on.store_some(on.load_some(part), to);
            }
        }
    }
}
