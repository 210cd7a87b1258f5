//! Matrix products of numbers rounded to bf16, with sums in f32: `matmul` in half the memory and, where
//! the processor multiplies pairs, more than its speed.
//!
//! ```text
//! y[row][o]  = chain over pairs of k of dot(x[row][pair], w[o][pair]),  then + bias[o],  then + residual[row][o]
//! dx[row][k] = chain over pairs of o of dot(dy[row][pair], w[pair][k])
//! dw[o][k]   = chain over pairs of rows of dot(dy[pair][o], x[pair][k]),  from what stands there
//! ```
//! 1. Pairs begin at even places, and an odd end pairs with +0, so that no cut changes a pair. The dot is
//!    that of [`lanes::Pairs`](crate::lanes::Pairs).
//! 2. What is broadcast lies as rows of pairs, rounded once for all products that read it; what is
//!    loaded lies in panels of 64 columns, one pair a step. Both tile as f32 do, in the same blocks.
//! 3. A weight has two packings, since its two products pair it along two dimensions. For the way back
//!    it may be packed in parts of whole pairs: a chain goes on from one to the next.
//! 4. The weight's gradient rounds while it copies, from f32.
//! 5. Bias and residual are added after the chains in f32, where denormals count.

mod pack;
mod pairs;

use std::ops::Range;

use crate::{
    lanes::{LANES, PairKernel, Pairs},
    matmul::{
        Added, After, BLOCK, PANEL, Shared, Start, Tasks, chains,
        weight::{Rectangle, Steps, Strip, rectangles},
    },
    team::Team,
    tile::{ByPairs, Left, Out, prefetch},
};

pub use crate::matmul::weight_gradient_scratch;
pub use pack::{pack, pack_across, round_rows};
pub use pairs::{as_pairs, as_pairs_mut, pairs};
pub(crate) use pairs::{pack_some, vector};

/// Pairs of a packed matrix of `outputs` columns with `inner` numbers each.
pub fn panels_len(outputs: usize, inner: usize) -> usize {
    outputs.next_multiple_of(PANEL) * pairs(inner)
}

/// A packed matrix: `[⌈outputs / 64⌉, ⌈inner / 2⌉, 64]` pairs, missing columns +0.
#[derive(Clone, Copy, Debug)]
pub struct Panels<'a> {
    /// [`panels_len`] pairs.
    pub data: &'a [u32],
    /// Columns.
    pub outputs: usize,
    /// Numbers of a column.
    pub inner: usize,
}

/// y = x · weightᵀ, then + bias, then + residual.
///
/// `x`: `[rows, ⌈inner / 2⌉]` pairs of [`round_rows`], `weight` of [`pack`], `y`: `[rows, outputs]`.
pub fn forward(team: &Team, x: &[u32], weight: Panels<'_>, after: After<'_>, y: &mut [f32]) {
    product(team, x, weight, Start::Zero, after, y);
}

/// dx = dy · weight: each a chain over pairs of outputs ascending.
///
/// `dy`: `[rows, ⌈outputs / 2⌉]` pairs of [`round_rows`], `weight` of [`pack_across`], `dx`:
/// `[rows, inner]`.
pub fn input_gradient(team: &Team, dy: &[u32], weight: Panels<'_>, start: Start, dx: &mut [f32]) {
    product(team, dy, weight, start, After::default(), dx);
}

fn product(
    team: &Team,
    x: &[u32],
    panels: Panels<'_>,
    start: Start,
    after: After<'_>,
    y: &mut [f32],
) {
    let Panels { data, outputs, inner } = panels;
    if outputs == 0 || y.is_empty() {
        return;
    }
    let rows = y.len() / outputs;
    assert_eq!(y.len(), rows * outputs, "an output of another shape");
    assert_eq!(x.len(), rows * pairs(inner), "an input of another shape");
    assert_eq!(data.len(), panels_len(outputs, inner), "panels of another shape");
    assert!(after.bias.is_none_or(|bias| bias.len() == outputs), "a bias of another width");
    assert!(after.residual.is_none_or(|to| to.len() == y.len()), "a residual of another shape");
    let left = Left { at: x.as_ptr(), by_row: pairs(inner), by_step: 1 };
    let out = Out { at: y.as_mut_ptr(), by_row: outputs };
    let tasks = Tasks::of(rows, outputs);
    let shared = Shared((left, out));
    team.run(tasks.count(), &|task| {
        let Shared((left, out)) = *shared.get();
        let (block, panel) = tasks.of_number(task);
        let rows = block * BLOCK..rows.min((block + 1) * BLOCK);
        let columns = panel * PANEL..outputs.min((panel + 1) * PANEL);
        let data = &data[panel * PANEL * pairs(inner)..][..PANEL * pairs(inner)];
        let (of, to) = (rows.clone(), columns.clone());
        team.path().run_pairs(Product { left, data, rows: of, columns: to, start, out });
        // Outside the kernel over pairs, because here denormals count.
        team.path().run(Added { after, outputs, rows, columns, out });
    });
}

/// The chains of one task: some rows by one panel.
struct Product<'a> {
    left: Left<u32>,
    data: &'a [u32],
    rows: Range<usize>,
    columns: Range<usize>,
    start: Start,
    out: Out,
}

impl PairKernel for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn run<P: Pairs>(self, on: P) {
        let Self { left, data, rows, columns, start, out } = self;
        // SAFETY: rows, steps and columns lie inside the matrices that `product` measured, and the
        // outputs belong to this task.
        unsafe { chains(ByPairs(on), left, data, rows, columns, start, out) };
    }
}

/// dweight = dweight + dyᵀ · x: each chain goes on over pairs of rows ascending. Whoever cuts the rows
/// into several calls cuts at even rows.
///
/// `dy`: `[rows, outputs]`, `x`: `[rows, inner]`, `dweight`: `[outputs, inner]`; as many pairs of
/// scratch as [`weight_gradient_scratch`] says.
pub fn weight_gradient(
    team: &Team,
    dy: &[f32],
    x: &[f32],
    outputs: usize,
    inner: usize,
    scratch: &mut [u32],
    dweight: &mut [f32],
) {
    let run = |rectangle: Rectangle<'_, u32>| team.path().run_pairs(rectangle);
    rectangles(team, dy, x, outputs, inner, scratch, dweight, &run);
}

impl PairKernel for Rectangle<'_, u32> {
    type Output = ();

    #[inline(always)]
    fn run<P: Pairs>(self, on: P) {
        self.multiply(ByPairs(on));
    }
}

impl<P: Pairs> Steps for ByPairs<P> {
    const ROWS: usize = 2;

    /// Joins each row with the next, rounded; the last of an odd number with +0.
    #[inline(always)]
    fn copy(self, strip: &Strip<'_>, to: &mut [u32]) {
        let Self(on) = self;
        for (step, row) in strip.rows.clone().step_by(2).enumerate() {
            let (even, ahead) = (strip.row(row), strip.ahead(row));
            let odd = if row + 1 < strip.rows.end { strip.row(row + 1) } else { &[] };
            for column in (0..even.len()).step_by(LANES) {
                prefetch(ahead.wrapping_add(column));
                prefetch(ahead.wrapping_add(strip.width + column));
                let joined = on.join(vector(on, even, column), vector(on, odd, column));
                let at = strip.place(step, column);
                let width = (even.len() - column).min(LANES);
                on.store_pairs_some(joined, &mut to[at..at + width]);
            }
        }
    }
}
