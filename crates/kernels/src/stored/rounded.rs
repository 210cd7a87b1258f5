//! Quantised weights times rows rounded to bf16: the whole numbers of a block are exact in bf16.
//!
//! ```text
//! for each block of 32 steps:  sum = +0;  for each pair of it:  sum = dot(pair of x, pair of q, sum)
//!     total = fma(d, sum, total)            from +0;  Q4_1 also has  total = fma(m, ones, total)
//! ```
//! `ones` is the sum with every q one. 1. A block's numbers become a panel of pairs in the first cache, for
//! all rows of a task. 2. Sums of a tile are made while denormals may be flushed, and folded by ordinary
//! arithmetic, in which they count.

use std::{marker::PhantomData, ops::Range};

use super::{
    Panels,
    form::{self, Form, HALVES, Kind, Quantised, STEPS, block_len},
    panel_len,
};
use crate::{
    bf16,
    lanes::{LANES, Lanes, Pairs},
    matmul::{Added, After, BLOCK, PANEL, Shared},
    path::{Kernel, PairKernel, Path},
    team::Team,
    tile::{ByPairs, Left, Out, ROWS, Right, tile},
};

/// Pairs of a block.
const PAIRS: usize = STEPS / 2;

/// y = x · weightᵀ, then + bias, then + residual, for a quantised weight.
///
/// `x`: `[rows, inner / 2]` pairs of [`bf16::round_rows`], `y`: `[rows, outputs]`.
pub fn forward_rounded(
    team: &Team,
    x: &[u32],
    weight: Panels<'_>,
    after: After<'_>,
    y: &mut [f32],
) {
    let Panels { kind, data, outputs, inner } = weight;
    if outputs == 0 || y.is_empty() {
        return;
    }
    assert!(kind.is_quantised() && inner > 0, "a weight without blocks");
    assert!(inner.is_multiple_of(STEPS), "a part of a block");
    let rows = y.len() / outputs;
    assert_eq!(y.len(), rows * outputs, "an output of another shape");
    assert_eq!(x.len(), rows * bf16::pairs(inner), "an input of another shape");
    assert_eq!(data.len(), super::panels_len(kind, outputs, inner), "panels of another shape");
    assert!(after.bias.is_none_or(|bias| bias.len() == outputs), "a bias of another width");
    assert!(after.residual.is_none_or(|to| to.len() == y.len()), "a residual of another shape");
    let left = Left { at: x.as_ptr(), by_row: bf16::pairs(inner), by_step: 1 };
    let out = Out { at: y.as_mut_ptr(), by_row: outputs };
    let (count, size) = (outputs.div_ceil(PANEL), panel_len(kind, inner));
    let shared = Shared((left, out));
    team.run(count * rows.div_ceil(BLOCK), &|task| {
        let Shared((left, out)) = *shared.get();
        let (block, panel) = (task / count, task % count);
        let rows = block * BLOCK..rows.min((block + 1) * BLOCK);
        let columns = panel * PANEL..outputs.min((panel + 1) * PANEL);
        let panel = &data[panel * size..][..size];
        let task = Task { left, panel, rows: rows.clone(), columns: columns.clone(), out };
        match kind {
            Kind::Q8_0 => task.run::<form::Q8_0>(team.path()),
            Kind::Q4_0 => task.run::<form::Q4_0>(team.path()),
            Kind::Q4_1 => task.run::<form::Q4_1>(team.path()),
            Kind::Bf16 | Kind::F16 => unreachable!("halves have no blocks"),
        }
        team.path().run(Added { after, outputs, rows, columns, out });
    });
}

/// Some rows by one panel.
struct Task<'a> {
    left: Left<u32>,
    panel: &'a [u32],
    rows: Range<usize>,
    columns: Range<usize>,
    out: Out,
}

impl Task<'_> {
    fn run<F: Quantised>(self, path: Path) {
        let Self { left, panel, rows, columns, out } = self;
        let mut pairs = [0; PAIRS * PANEL];
        let mut sums = [[0.0; PANEL]; ROWS];
        let mut ones = [[0.0; LANES]; ROWS];
        for (index, block) in panel.chunks_exact(block_len::<F>()).enumerate() {
            path.run_pairs(Whole::<F> { block, to: &mut pairs, form: PhantomData });
            for row in rows.clone().step_by(ROWS) {
                let count = (rows.end - row).min(ROWS);
                // SAFETY: the rows exist, with the pairs of this block.
                let left = unsafe { left.from(row, index * PAIRS) };
                path.run_pairs(Sums { left, pairs: &pairs, count, sums: &mut sums });
                if F::HEAD > HALVES {
                    path.run_pairs(Ones { left, count, ones: &mut ones });
                }
                path.run(Fold::<F> {
                    block,
                    sums: &sums,
                    ones: &ones,
                    is_first: index == 0,
                    rows: row..row + count,
                    columns: columns.clone(),
                    out,
                    form: PhantomData,
                });
            }
        }
    }
}

/// The whole numbers of a block as pairs, `[16, 64]`.
struct Whole<'a, F> {
    block: &'a [u32],
    to: &'a mut [u32; PAIRS * PANEL],
    form: PhantomData<F>,
}

impl<F: Quantised> PairKernel for Whole<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<P: Pairs>(self, on: P) {
        let groups = self.block[F::HEAD..].chunks_exact(F::GROUP);
        for (group, to) in groups.zip(self.to.chunks_exact_mut(F::TOGETHER / 2 * PANEL)) {
            for vector in 0..PANEL / LANES {
                // SAFETY: a group has words for 64 columns.
                let words = unsafe { F::group(on, group.as_ptr(), vector) };
                for (pair, to) in to.chunks_exact_mut(PANEL).enumerate() {
                    let even = F::whole(on, words, 2 * pair);
                    let odd = F::whole(on, words, 2 * pair + 1);
                    on.store_pairs_part(on.join(even, odd), &mut to[vector * LANES..][..LANES]);
                }
            }
        }
    }
}

/// A block's sums of at most six rows, from +0.
struct Sums<'a> {
    left: Left<u32>,
    pairs: &'a [u32; PAIRS * PANEL],
    count: usize,
    sums: &'a mut [[f32; PANEL]; ROWS],
}

impl PairKernel for Sums<'_> {
    type Output = ();

    #[inline(always)]
    fn run<P: Pairs>(self, on: P) {
        let right = Right { at: self.pairs.as_ptr(), by_step: PANEL };
        let out = Out { at: self.sums.as_mut_ptr().cast(), by_row: PANEL };
        // SAFETY: the caller's rows have a block's pairs, the panel has 64 columns of them, and the
        // sums have room for six rows.
        unsafe { tile(ByPairs(on), self.count, PANEL, PAIRS, self.left, right, out, false) };
    }
}

/// A block's sums of at most six rows as if every weight were one, the same in all lanes.
struct Ones<'a> {
    left: Left<u32>,
    count: usize,
    ones: &'a mut [[f32; LANES]; ROWS],
}

/// One and one, sixteen times.
static ONES: [u32; LANES] = [0x3f80_3f80; LANES];

impl PairKernel for Ones<'_> {
    type Output = ();

    #[inline(always)]
    fn run<P: Pairs>(self, on: P) {
        let right = Right { at: ONES.as_ptr(), by_step: 0 };
        let out = Out { at: self.ones.as_mut_ptr().cast(), by_row: LANES };
        // SAFETY: as above; every step reads the same sixteen pairs.
        unsafe { tile(ByPairs(on), self.count, LANES, PAIRS, self.left, right, out, false) };
    }
}

/// Adds a block's sums to the totals, scaled.
struct Fold<'a, F> {
    block: &'a [u32],
    sums: &'a [[f32; PANEL]; ROWS],
    ones: &'a [[f32; LANES]; ROWS],
    is_first: bool,
    rows: Range<usize>,
    columns: Range<usize>,
    out: Out,
    form: PhantomData<F>,
}

impl<F: Form> Kernel for Fold<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, on: L) {
        for ((row, sums), ones) in self.rows.clone().zip(self.sums).zip(self.ones) {
            // SAFETY: the row's columns exist and belong to this task.
            let to = unsafe {
                let at = self.out.from(row, self.columns.start).at;
                std::slice::from_raw_parts_mut(at, self.columns.len())
            };
            for (vector, to) in to.chunks_mut(LANES).enumerate() {
                // SAFETY: a block begins with the halves of 64 columns, once or twice.
                let scale = unsafe { on.halves_at(self.block.as_ptr().add(vector * LANES / 2)) };
                let total = if self.is_first { on.splat(0.0) } else { on.load_some(to) };
                let mut total = on.fma(scale, on.load(&sums[vector * LANES..]), total);
                if F::HEAD > HALVES {
                    let at = &self.block[HALVES + vector * LANES / 2..];
                    // SAFETY: as above.
                    let least = unsafe { on.halves_at(at.as_ptr()) };
                    total = on.fma(least, on.load(ones), total);
                }
                on.store_some(total, to);
            }
        }
    }
}
