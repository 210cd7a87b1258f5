//! From f32 to pairs: rows for what is broadcast, panels for what is loaded.

use std::ops::Range;

use super::pairs::{pack_some, pairs, vector};
use crate::{
    lanes::{LANES, PairKernel, Pairs},
    matmul::PANEL,
    team::{Pieces, Team},
    turn::{Rows, TurnPairs},
};

/// Numbers that are worth a thread of their own.
const LEAST: usize = 32 * 1024;

/// Rounds some columns of `[rows, width]` to `[rows, ⌈columns / 2⌉]` pairs.
pub fn round_rows(team: &Team, x: &[f32], width: usize, columns: Range<usize>, to: &mut [u32]) {
    let rows = x.len() / width.max(1);
    let pairs = pairs(columns.len());
    assert_eq!(to.len(), rows * pairs, "room of another shape");
    let to = Pieces::new(to);
    team.split(rows, 1, LEAST.div_ceil(columns.len().max(1)), &|rows| {
        // SAFETY: each range of rows is cut once.
        let to = unsafe { to.piece(rows.start * pairs..rows.end * pairs) };
        let x = &x[rows.start * width..rows.end * width];
        team.path().run_pairs(RoundRows { x, width, columns: columns.clone(), to });
    });
}

struct RoundRows<'a> {
    x: &'a [f32],
    width: usize,
    columns: Range<usize>,
    to: &'a mut [u32],
}

impl PairKernel for RoundRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<P: Pairs>(self, on: P) {
        let Self { x, width, columns, to } = self;
        let rows = x.chunks_exact(width);
        for (x, to) in rows.zip(to.chunks_exact_mut(pairs(columns.len()))) {
            for (x, to) in x[columns.clone()].chunks(2 * LANES).zip(to.chunks_mut(LANES)) {
                on.store_pairs_some(pack_some(on, x), to);
            }
        }
    }
}

/// Packs a weight `[outputs, inner]` for products with x: columns are outputs, pairs lie along inner.
pub fn pack(team: &Team, weight: &[f32], outputs: usize, inner: usize, panels: &mut [u32]) {
    panels_of(team, outputs, inner, panels, &|columns, to| {
        let rows = Rows::new(weight, columns.start * inner, inner, columns.len(), inner);
        team.path().run_pairs(TurnPairs { rows, to });
    });
}

/// Packs a weight `[outputs, inner]` for products with dy: columns are inner, pairs lie along outputs.
pub fn pack_across(team: &Team, weight: &[f32], outputs: usize, inner: usize, panels: &mut [u32]) {
    panels_of(team, inner, outputs, panels, &|columns, to| {
        team.path().run_pairs(PackAcross { weight, outputs, inner, columns, to });
    });
}

/// Hands out the panels, each with the columns that it is to hold.
fn panels_of(
    team: &Team,
    columns: usize,
    steps: usize,
    panels: &mut [u32],
    each: &(dyn Fn(Range<usize>, &mut [u32]) + Sync),
) {
    let panels = &mut panels[..super::panels_len(columns, steps)];
    let size = PANEL * pairs(steps);
    let to = Pieces::new(panels);
    team.run(columns.div_ceil(PANEL), &|panel| {
        // SAFETY: each task has a panel of its own.
        let to = unsafe { to.piece(panel * size..(panel + 1) * size) };
        each(panel * PANEL..columns.min((panel + 1) * PANEL), to);
    });
}

struct PackAcross<'a> {
    weight: &'a [f32],
    outputs: usize,
    inner: usize,
    columns: Range<usize>,
    to: &'a mut [u32],
}

impl PairKernel for PackAcross<'_> {
    type Output = ();

    #[inline(always)]
    fn run<P: Pairs>(self, on: P) {
        let Self { weight, outputs, inner, columns, to } = self;
        let row = |output: usize| &weight[output * inner..][columns.clone()];
        for (output, to) in (0..outputs).step_by(2).zip(to.chunks_exact_mut(PANEL)) {
            let even = row(output);
            let odd = if output + 1 < outputs { row(output + 1) } else { &[] };
            for (index, to) in to.chunks_exact_mut(LANES).enumerate() {
                let at = index * LANES;
                on.store_pairs_some(on.join(vector(on, even, at), vector(on, odd, at)), to);
            }
        }
    }
}
