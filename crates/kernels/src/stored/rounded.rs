//! Quantised weights times rows rounded to bf16: the whole numbers of a block are exact in bf16.
//!
//! ```text
//! for each block of 32 steps:  sum = +0;  for each pair of it:  sum = dot(pair of x, pair of q, sum)
//!     total = fma(d, sum, total)            from +0;  Q4_1 also has  total = fma(m, ones, total)
//! ```
//! `ones` is the sum with every q one, which [`ones`] makes once for all weights that multiply x.
//! 1. Sums of a block and totals stand side by side in registers, so a tile is half as high as one that
//!    only sums, and folds once a block.
//! 2. A few rows read the panel once and form pairs in registers. More rows first form some blocks of
//!    pairs in the first cache, and their totals wait in the outputs meanwhile, which is exact.
//! 3. Denormals count in folds, and dots may be flushing them meanwhile: [`Pairs::fold`] sees to it.

mod tile;

use std::{marker::PhantomData, ops::Range};

use super::{
    AHEAD, Panels, StorageType,
    form::{self, Quantised, STEPS, block_len},
    panel_len,
};
use crate::{
    bf16,
    lanes::{LANES, PairKernel, Pairs},
    matmul::{Added, After, BLOCK, PANEL, Shared, Tasks},
    team::{Pieces, Team},
    tile::{Out, prefetch},
};
use tile::{Rows, Tile, high};

/// Pairs of a block.
const PAIRS: usize = STEPS / 2;
/// Rows up to which pairs are formed in registers.
const FEW: usize = 3;
/// Blocks whose pairs are formed at a time for more rows.
const DEPTH: usize = 4;

/// Sums of every block of rows as if every weight were one: `[rows, inner / 32]`.
///
/// `x`: `[rows, inner / 2]` pairs of [`bf16::round_rows`].
pub fn ones(team: &Team, x: &[u32], to: &mut [f32]) {
    assert_eq!(x.len(), to.len() * PAIRS, "room of another shape");
    let len = to.len();
    let to = Pieces::new(to);
    team.split(len, LANES, 1 << 11, &|blocks| {
        let x = &x[blocks.start * PAIRS..blocks.end * PAIRS];
        // SAFETY: each range is cut once.
        let to = unsafe { to.piece(blocks) };
        team.path().run_pairs(Ones { x, to });
    });
}

struct Ones<'a> {
    x: &'a [u32],
    to: &'a mut [f32],
}

impl PairKernel for Ones<'_> {
    type Output = ();

    /// Lanes are blocks, turned in the first cache.
    #[inline(always)]
    fn run<P: Pairs>(self, on: P) {
        let one = on.splat_pair(0x3f80_3f80);
        for (x, to) in self.x.chunks(LANES * PAIRS).zip(self.to.chunks_mut(LANES)) {
            let mut turned = [[0; LANES]; PAIRS];
            for (block, x) in x.chunks_exact(PAIRS).enumerate() {
                for (turned, &x) in turned.iter_mut().zip(x) {
                    turned[block] = x;
                }
            }
            let mut sum = on.splat(0.0);
            for pairs in &turned {
                sum = on.dot(on.load_pairs_part(pairs), one, sum);
            }
            on.store_some(sum, to);
        }
    }
}

/// y = x · weightᵀ, then + bias, then + residual, for a quantised weight.
///
/// `x`: `[rows, inner / 2]` pairs of [`bf16::round_rows`], `ones`: what [`ones`] makes of them, or
/// nothing if no [least number](StorageType::has_least) is stored, `y`: `[rows, outputs]`.
pub fn forward_rounded(
    team: &Team,
    x: &[u32],
    ones: &[f32],
    weight: Panels<'_>,
    after: After<'_>,
    y: &mut [f32],
) {
    let Panels { storage, data, outputs, inner } = weight;
    if outputs == 0 || y.is_empty() {
        return;
    }
    assert!(storage.is_quantised() && inner > 0, "a weight without blocks");
    assert!(inner.is_multiple_of(STEPS), "a part of a block");
    let rows = y.len() / outputs;
    assert_eq!(y.len(), rows * outputs, "an output of another shape");
    assert_eq!(x.len(), rows * bf16::pairs(inner), "an input of another shape");
    let sums = if storage.has_least() { rows * inner / STEPS } else { 0 };
    assert_eq!(ones.len(), sums, "sums of another shape");
    assert_eq!(data.len(), super::panels_len(storage, outputs, inner), "panels of another shape");
    assert!(after.bias.is_none_or(|bias| bias.len() == outputs), "a bias of another width");
    assert!(after.residual.is_none_or(|to| to.len() == y.len()), "a residual of another shape");
    let x = Rows { pairs: x.as_ptr(), ones: ones.as_ptr(), blocks: inner / STEPS };
    let out = Out { at: y.as_mut_ptr(), by_row: outputs };
    let (size, tasks) = (panel_len(storage, inner), Tasks::of(rows, outputs));
    let shared = Shared((x, out));
    team.run(tasks.count(), &|task| {
        let Shared((x, out)) = *shared.get();
        let (block, panel) = tasks.of_number(task);
        let rows = block * BLOCK..rows.min((block + 1) * BLOCK);
        let columns = panel * PANEL..outputs.min((panel + 1) * PANEL);
        let panel = &data[panel * size..][..size];
        let task = Task { x, panel, rows: rows.clone(), columns: columns.clone(), out };
        let path = team.path();
        match storage {
            StorageType::Q8_0 => path.run_pairs(Product::<form::Q8_0> { task, form: PhantomData }),
            StorageType::Q4_0 => path.run_pairs(Product::<form::Q4_0> { task, form: PhantomData }),
            StorageType::Q4_1 => path.run_pairs(Product::<form::Q4_1> { task, form: PhantomData }),
            StorageType::F32 | StorageType::F16 | StorageType::Bf16 | StorageType::Q6K => {
                unreachable!("{storage:?} has no blocks in panels")
            }
        }
        // Outside the kernel over pairs, because here denormals count.
        path.run(Added { after, outputs, rows, columns, out });
    });
}

/// Some rows by one panel.
struct Task<'a> {
    x: Rows,
    panel: &'a [u32],
    rows: Range<usize>,
    columns: Range<usize>,
    out: Out,
}

struct Product<'a, F> {
    task: Task<'a>,
    form: PhantomData<F>,
}

impl<F: Quantised> PairKernel for Product<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<P: Pairs>(self, on: P) {
        let Task { x, panel, rows, columns, out } = self.task;
        let mut pairs = [0; DEPTH * PAIRS * PANEL];
        let is_formed = rows.len() > FEW;
        let depth = if is_formed { DEPTH } else { x.blocks };
        let most = if is_formed { high::<P>() } else { FEW };
        for (index, panel) in panel.chunks(depth * block_len::<F>()).enumerate() {
            let blocks = panel.len() / block_len::<F>();
            if is_formed {
                form_pairs::<P, F>(on, panel, &mut pairs);
            }
            // Tiles of nearly the same height: a low one waits for its chains.
            let mut row = rows.start;
            for tiles in (1..=rows.len().div_ceil(most)).rev() {
                let count = (rows.end - row).div_ceil(tiles);
                let tile = Tile {
                    x: x.from(row, index * depth),
                    panel: panel.as_ptr(),
                    pairs: is_formed.then_some(pairs.as_ptr()),
                    blocks,
                    columns: columns.len(),
                    // SAFETY: these outputs exist.
                    out: unsafe { out.from(row, columns.start) },
                    goes_on: index > 0,
                };
                // SAFETY: the rows have these blocks, so has the panel, and the outputs belong to
                // this task.
                unsafe { tile.of_rows::<P, F>(on, count) };
                row += count;
            }
        }
    }
}

/// The pairs of some blocks, `[blocks, 16, 64]`.
#[inline(always)]
fn form_pairs<P: Pairs, F: Quantised>(on: P, panel: &[u32], to: &mut [u32]) {
    let blocks = panel.chunks_exact(block_len::<F>());
    for (block, to) in blocks.zip(to.chunks_exact_mut(PAIRS * PANEL)) {
        let groups = block[F::HEAD..].chunks_exact(F::GROUP);
        for (group, to) in groups.zip(to.chunks_exact_mut(F::TOGETHER / 2 * PANEL)) {
            for line in (0..F::GROUP).step_by(16) {
                prefetch(group.as_ptr().wrapping_add(AHEAD + line).cast());
            }
            for vector in 0..PANEL / LANES {
                // SAFETY: a group has words for 64 columns.
                let words = unsafe { F::group(on, group.as_ptr(), vector) };
                for (pair, to) in to.chunks_exact_mut(PANEL).enumerate() {
                    let joined = F::whole_pair(on, words, pair);
                    let to = &mut to[vector * LANES..][..LANES];
                    // SAFETY: there is room for sixteen.
                    unsafe { on.store_pairs_at(joined, to.as_mut_ptr()) };
                }
            }
        }
    }
}
