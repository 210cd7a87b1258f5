//! The gradient of an input, from the panels that the forward pass reads: no other copy of the weight is packed.
//!
//! ```text
//! dx[row][k] = chain over o of dy[row][o] · w[o][k],  from +0 or from what stands there
//! ```
//! 1. A panel has 64 outputs side by side, and here outputs are the steps. So a task transposes a square of 64
//!    outputs by its columns at a time, into the first cache, and multiplies all its rows with it there.
//! 2. A task has columns of `dx` of its own and goes over all outputs; between squares its sums stand in `dx`.
//! 3. The columns of a task are as many as a thread's share, so that it reads long stretches of each panel one after the
//!    other, as the hardware prefetcher expects.
//!
//! The weight is read once for each block of rows, so this is for weights that run. Those that learn are packed for
//! both directions anyway; see [`pack_transposed`](super::pack_transposed).

use std::ops::Range;

use super::{
    Accumulate, BLOCK, PANEL, Panels, Shared, panel_product, panels_len,
    work::MIN_PARALLEL_MULTIPLY_ADDS,
};
use crate::{
    isa::Isa,
    lanes::{Kernel, LANES, Lanes},
    thread_pool::ThreadPool,
    tile::{Lhs, OutPtr},
};

/// A multiple of which the columns of a strip begin at: steps of a block of a stored weight.
const BLOCK_COLUMNS: usize = 32;

/// A weight in panels of the forward pass.
pub(crate) trait ForwardPanels: Copy + Sync {
    /// The numbers of some steps of a panel, `[steps, 64]`: where they stand, or made in `widened`. Steps begin at a
    /// multiple of 32 and are at most 64.
    fn square<'v, L: Lanes>(
        &'v self,
        simd: L,
        panel: usize,
        steps: Range<usize>,
        widened: &'v mut [f32; PANEL * PANEL],
    ) -> &'v [f32];
}

impl ForwardPanels for Panels<'_> {
    #[inline(always)]
    fn square<'v, L: Lanes>(
        &'v self,
        _: L,
        panel: usize,
        steps: Range<usize>,
        _: &'v mut [f32; PANEL * PANEL],
    ) -> &'v [f32] {
        let first = panel * self.inner;
        &self.data[(first + steps.start) * PANEL..(first + steps.end) * PANEL]
    }
}

/// The shape of a weight: rows of it, and columns.
#[derive(Clone, Copy)]
pub(crate) struct WeightShape {
    pub outputs: usize,
    pub inner: usize,
}

/// As [`input_gradient`](super::input_gradient), of a weight packed by [`pack`](super::pack), all of it.
pub fn input_gradient_of_forward_panels(
    pool: &ThreadPool,
    dy: &[f32],
    weight: Panels<'_>,
    accumulate: Accumulate,
    dx: &mut [f32],
) {
    let Panels { data, outputs, inner } = weight;
    assert_eq!(data.len(), panels_len(outputs, inner), "panels of another shape");
    let run = |isa: Isa, task: Task| isa.run(Strip { panels: weight, task });
    for_each_strip(pool, dy, WeightShape { outputs, inner }, accumulate, dx, &run);
}

/// Shares out blocks of rows by strips of columns of `dx`, `[rows, inner]`; `dy` is `[rows, outputs]`.
pub(crate) fn for_each_strip(
    pool: &ThreadPool,
    dy: &[f32],
    WeightShape { outputs, inner }: WeightShape,
    accumulate: Accumulate,
    dx: &mut [f32],
    run: &(impl Fn(Isa, Task) + Sync),
) {
    if inner == 0 || dx.is_empty() {
        return;
    }
    let rows = dx.len() / inner;
    assert_eq!(dx.len(), rows * inner, "a gradient of another shape");
    assert_eq!(dy.len(), rows * outputs, "a gradient of another shape");
    let left = Lhs { ptr: dy.as_ptr(), row_stride: outputs, step_stride: 1 };
    let out = OutPtr { ptr: dx.as_mut_ptr(), row_stride: inner };
    let blocks = rows.div_ceil(BLOCK);
    let width = inner.div_ceil(pool.threads()).next_multiple_of(BLOCK_COLUMNS).max(PANEL);
    let strips = inner.div_ceil(width);
    let shared = Shared((left, out));
    let run = |task: usize| {
        let Shared((left, out)) = *shared.get();
        let (block, strip) = (task / strips, task % strips);
        let rows = block * BLOCK..rows.min((block + 1) * BLOCK);
        let columns = strip * width..inner.min((strip + 1) * width);
        run(pool.isa(), Task { left, outputs, rows, columns, accumulate, out });
    };
    if rows * outputs * inner < MIN_PARALLEL_MULTIPLY_ADDS {
        (0..blocks * strips).for_each(run);
    } else {
        pool.for_each_task(blocks * strips, &run);
    }
}

/// Some rows by some columns of `dx`, which no other task has.
pub(crate) struct Task {
    left: Lhs,
    outputs: usize,
    rows: Range<usize>,
    columns: Range<usize>,
    accumulate: Accumulate,
    out: OutPtr,
}

/// The chains of one task.
pub(crate) struct Strip<P> {
    pub panels: P,
    pub task: Task,
}

impl<P: ForwardPanels> Kernel for Strip<P> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) {
        let Self { panels, task: Task { left, outputs, rows, columns, mut accumulate, out } } =
            self;
        let mut widened = [0.0; PANEL * PANEL];
        let mut square = [0.0; PANEL * PANEL];
        let mut first = 0;
        loop {
            let steps = (outputs - first).min(PANEL);
            for column in columns.clone().step_by(PANEL) {
                let columns = column..columns.end.min(column + PANEL);
                if steps > 0 {
                    let numbers = panels.square(simd, first / PANEL, columns.clone(), &mut widened);
                    transpose(simd, numbers, &mut square);
                }
                // SAFETY: `for_each_strip` asserted the shapes of the matrices, in which these rows, outputs and
                // columns lie; no other task has these columns of these rows.
                unsafe {
                    let (left, panel) = (left.offset(0, first), &square[..steps * PANEL]);
                    panel_product(simd, left, panel, rows.clone(), columns, accumulate, out);
                }
            }
            accumulate = Accumulate::FromOutput;
            first += steps;
            if first == outputs {
                break;
            }
        }
    }
}

/// Transposes `[columns, 64]` to `[64, 64]`, of which only so many columns are written.
#[inline(always)]
fn transpose<L: Lanes>(simd: L, numbers: &[f32], to: &mut [f32; PANEL * PANEL]) {
    let columns = numbers.len() / PANEL;
    let whole = columns / LANES * LANES;
    for column in (0..whole).step_by(LANES) {
        let mut places = [std::ptr::null(); LANES];
        for (place, numbers) in places.iter_mut().zip(numbers[column * PANEL..].chunks(PANEL)) {
            *place = numbers.as_ptr().cast::<u8>();
        }
        for output in (0..PANEL).step_by(4) {
            let to = &mut to[output * PANEL + column..][..3 * PANEL + LANES];
            // SAFETY: each of the sixteen columns has 64 numbers, of which four are read from `output` on; `to` was
            // sliced to hold sixteen numbers of four rows.
            unsafe { simd.transpose_16x4(&places, 4 * output, to.as_mut_ptr().cast(), PANEL) };
        }
    }
    for (column, numbers) in numbers.chunks(PANEL).enumerate().skip(whole) {
        for (output, &number) in numbers.iter().enumerate() {
            to[output * PANEL + column] = number;
        }
    }
}
