//! The gradient of a weight: the matrix product whose steps are the rows of a batch.
//!
//! ```text
//! dw[o][k] = chain over rows of dy[row][o] · x[row][k],  from what stands there
//! ```
//! 1. Both matrices have the layout that the tile reads, one step a row, but their rows are far apart: a tile would touch a
//!    page and a few sets of the cache each step. So each task copies its own columns of 128 rows into
//!    scratch, where they lie close together. Copying once for all tasks is slower: lines
//!    that another core has just written are dear.
//! 2. A task is a rectangle of outputs by inner columns, cut so that all threads end together and the
//!    copies cost least. Each thread has scratch of its own and takes the next rectangle.
//! 3. Rows are asked for 16 ahead while they are copied, for no prefetcher follows such strides.

use std::ops::Range;

use super::{Accumulate, PANEL, Shared};
use crate::{
    lanes::{Kernel, LANES, Lanes},
    thread_pool::{DisjointSlices, ThreadPool},
    tile::{Lhs, Multiply, Operands, OutPtr, ROWS, Rhs, prefetch, tile},
};

/// Rows of the batch that are copied at a time.
const DEPTH: usize = 128;
/// Outputs that lie side by side in a copy of `dy`: whole tiles, and few enough to share lines.
const GROUP: usize = 96;
/// Outputs and inner columns together of the largest task. The larger it is, the fewer copies are
/// made: with 2048 the products of Zen 5 reach 85 % of the limit, with 1024 77 %, with 576 71 %,
/// although the copies then fill a whole second cache.
const MAX_TASK_SIZE: usize = 2048;
/// How many rows ahead memory is asked for.
pub(crate) const AHEAD: usize = 16;

/// Floats of scratch that [`weight_gradient`] needs.
pub fn weight_gradient_scratch(_: usize, outputs: usize, inner: usize, threads: usize) -> usize {
    let both = outputs.next_multiple_of(GROUP) + inner.next_multiple_of(PANEL);
    threads.max(1) * DEPTH * both.min(MAX_TASK_SIZE)
}

/// dweight = dweight + dyᵀ · x: each chain goes on over rows ascending.
///
/// `dy`: `[rows, outputs]`, `x`: `[rows, inner]`, `dweight`: `[outputs, inner]`.
pub fn weight_gradient(
    pool: &ThreadPool,
    dy: &[f32],
    x: &[f32],
    outputs: usize,
    inner: usize,
    scratch: &mut [f32],
    dweight: &mut [f32],
) {
    rectangles(pool, dy, x, [outputs, inner], scratch, dweight, &|rectangle| {
        pool.isa().run(rectangle);
    });
}

/// Cuts a weight gradient into rectangles and hands each to `run`, on all threads.
pub(crate) fn rectangles<E: Copy + Send>(
    pool: &ThreadPool,
    dy: &[f32],
    x: &[f32],
    [outputs, inner]: [usize; 2],
    scratch: &mut [E],
    dweight: &mut [f32],
    run: &(dyn Fn(Rectangle<'_, E>) + Sync),
) {
    if outputs == 0 || inner == 0 || dy.is_empty() {
        return;
    }
    let rows = dy.len() / outputs;
    assert_eq!(dy.len(), rows * outputs, "a gradient of another shape");
    assert_eq!(x.len(), rows * inner, "an input of another shape");
    assert_eq!(dweight.len(), outputs * inner, "a weight of another shape");
    let task_shape = TaskShape::cheapest(outputs, inner, pool.threads());
    let own = task_shape.scratch_len();
    let scratch = DisjointSlices::new(scratch);
    let out = Shared(OutPtr { ptr: dweight.as_mut_ptr(), row_stride: inner });
    let across = inner.div_ceil(task_shape.inner);
    let tasks = outputs.div_ceil(task_shape.outputs) * across;
    pool.for_each_task_on_thread(tasks, &|thread, task| {
        // SAFETY: each thread has scratch of its own.
        let scratch = unsafe { scratch.range_mut(thread * own..(thread + 1) * own) };
        let (first, first_k) =
            (task / across * task_shape.outputs, task % across * task_shape.inner);
        run(Rectangle {
            dy,
            x,
            shape: [rows, outputs, inner],
            outputs: first..outputs.min(first + task_shape.outputs),
            inner: first_k..inner.min(first_k + task_shape.inner),
            scratch,
            out: out.get().0,
        });
    });
}

/// How large a task of a weight gradient is.
#[derive(Clone, Copy)]
pub struct TaskShape {
    /// Outputs, in whole tiles.
    pub outputs: usize,
    /// Inner columns, in whole panels.
    pub inner: usize,
}

/// Outputs of the tallest task: beside one panel of inner columns they fill [`MAX_TASK_SIZE`].
const MAX_TASK_OUTPUTS: usize = (MAX_TASK_SIZE - PANEL) / GROUP * GROUP;

impl TaskShape {
    /// The cheapest: multiply-adds, and copies that weigh about as many as stand here. Whatever the
    /// shape, its copies are no larger than `MAX_TASK_SIZE`, which the scratch is sized by.
    pub fn cheapest(outputs: usize, inner: usize, threads: usize) -> Self {
        const COPY: usize = 80;
        let mut best = (usize::MAX, Self { outputs: ROWS, inner: PANEL });
        let fewest = outputs.div_ceil(MAX_TASK_OUTPUTS);
        for down in fewest..=outputs.div_ceil(ROWS).min(32.max(fewest + 4)) {
            let height = outputs.div_ceil(down).next_multiple_of(ROWS);
            for across in 1..=inner.div_ceil(PANEL) {
                let width = inner.div_ceil(across).next_multiple_of(PANEL);
                if height.next_multiple_of(GROUP) + width > MAX_TASK_SIZE {
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

    /// Floats of scratch that a thread needs for the copies of a task.
    pub fn scratch_len(self) -> usize {
        DEPTH * (self.outputs.next_multiple_of(GROUP) + self.inner)
    }
}

/// One task, whose copies hold f32 or pairs.
pub(crate) struct Rectangle<'a, E> {
    dy: &'a [f32],
    x: &'a [f32],
    /// Rows, outputs, inner of the whole.
    shape: [usize; 3],
    outputs: Range<usize>,
    inner: Range<usize>,
    scratch: &'a mut [E],
    out: OutPtr,
}

impl Kernel for Rectangle<'_, f32> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) {
        self.multiply(simd);
    }
}

/// Columns of some rows that are to be copied into groups of `group` columns.
pub(crate) struct Strip<'a> {
    pub from: &'a [f32],
    /// Of the whole matrix.
    pub width: usize,
    pub rows: Range<usize>,
    pub columns: Range<usize>,
    pub group: usize,
}

impl Strip<'_> {
    /// One row of the strip.
    #[inline(always)]
    pub(crate) fn row(&self, row: usize) -> &[f32] {
        &self.from[row * self.width..][self.columns.clone()]
    }

    /// What will be read soon, [`AHEAD`] rows below.
    #[inline(always)]
    pub(crate) fn ahead(&self, row: usize) -> *const f32 {
        self.from.as_ptr().wrapping_add((row + AHEAD) * self.width + self.columns.start)
    }

    /// Where a vector of columns of a step stands in the copy, `[groups, 128, group]`.
    #[inline(always)]
    pub(crate) fn place(&self, step: usize, column: usize) -> usize {
        (column / self.group * DEPTH + step) * self.group + column % self.group
    }
}

impl<E: Copy> Rectangle<'_, E> {
    /// All chains of the rectangle. What lies beyond the columns in the last group of a copy is not
    /// written, and tiles do not read it.
    #[inline(always)]
    pub(crate) fn multiply<M: CopySteps<Element = E>>(self, simd: M) {
        let Self { dy, x, shape: [rows, all_outputs, all_inner], outputs, inner, scratch, out } =
            self;
        let (height, accumulate) = (outputs.len(), Accumulate::FromOutput);
        let (dy_copy, x_copy) = scratch.split_at_mut(DEPTH * height.next_multiple_of(GROUP));
        for first in (0..rows).step_by(M::ROWS * DEPTH) {
            let rows = first..rows.min(first + M::ROWS * DEPTH);
            let depth = rows.len().div_ceil(M::ROWS);
            let columns = outputs.clone();
            let strip =
                Strip { from: dy, width: all_outputs, rows: rows.clone(), columns, group: GROUP };
            simd.copy(&strip, dy_copy);
            let columns = inner.clone();
            simd.copy(&Strip { from: x, width: all_inner, rows, columns, group: PANEL }, x_copy);
            for k in (0..inner.len()).step_by(PANEL) {
                let columns = (inner.len() - k).min(PANEL);
                let b = Rhs { ptr: x_copy[DEPTH * k..].as_ptr(), step_stride: PANEL };
                for o in (0..height).step_by(ROWS) {
                    let count = (height - o).min(ROWS);
                    let at = o / GROUP * GROUP * DEPTH + o % GROUP;
                    let a = Lhs { ptr: dy_copy[at..].as_ptr(), row_stride: 1, step_stride: GROUP };
                    // SAFETY: the copies have `depth` steps of these rows and columns; the gradient has these
                    // outputs, and no other task has them.
                    unsafe {
                        let out = out.offset(outputs.start + o, inner.start + k);
                        tile(simd, count, columns, depth, Operands { a, b, out, accumulate });
                    }
                }
            }
        }
    }
}

/// How rows become the steps of a product.
pub(crate) trait CopySteps: Multiply {
    /// Rows of a step.
    const ROWS: usize;
    /// Writes the steps of a strip.
    fn copy(self, strip: &Strip<'_>, out: &mut [Self::Element]);
}

/// As they stand.
impl<L: Lanes> CopySteps for L {
    const ROWS: usize = 1;

    #[inline(always)]
    fn copy(self, strip: &Strip<'_>, out: &mut [f32]) {
        for (step, row) in strip.rows.clone().enumerate() {
            let ahead = strip.ahead(row);
            for (vector, part) in strip.row(row).chunks(LANES).enumerate() {
                let column = vector * LANES;
                prefetch(ahead.wrapping_add(column));
                let at = strip.place(step, column);
                self.store_some(self.load_some(part), &mut out[at..at + part.len()]);
            }
        }
    }
}
