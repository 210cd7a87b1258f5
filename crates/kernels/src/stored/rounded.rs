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

use std::{marker::PhantomData, ops::Range};

use super::{
    AHEAD, Panels, beside,
    form::{self, HALVES, Kind, Quantised, STEPS, block_len},
    panel_len,
};
use crate::{
    bf16,
    lanes::{LANES, Lanes, Pairs},
    matmul::{Added, After, BLOCK, PANEL, Shared, Tasks},
    path::PairKernel,
    team::{Pieces, Team},
    tile::{Out, prefetch},
};

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
/// nothing if no [least number](Kind::has_least) is stored, `y`: `[rows, outputs]`.
pub fn forward_rounded(
    team: &Team,
    x: &[u32],
    ones: &[f32],
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
    let sums = if kind.has_least() { rows * inner / STEPS } else { 0 };
    assert_eq!(ones.len(), sums, "sums of another shape");
    assert_eq!(data.len(), super::panels_len(kind, outputs, inner), "panels of another shape");
    assert!(after.bias.is_none_or(|bias| bias.len() == outputs), "a bias of another width");
    assert!(after.residual.is_none_or(|to| to.len() == y.len()), "a residual of another shape");
    let x = Rows { pairs: x.as_ptr(), ones: ones.as_ptr(), blocks: inner / STEPS };
    let out = Out { at: y.as_mut_ptr(), by_row: outputs };
    let (size, tasks) = (panel_len(kind, inner), Tasks::of(rows, outputs));
    let shared = Shared((x, out));
    team.run(tasks.count(), &|task| {
        let Shared((x, out)) = *shared.get();
        let (block, panel) = tasks.of_number(task);
        let rows = block * BLOCK..rows.min((block + 1) * BLOCK);
        let columns = panel * PANEL..outputs.min((panel + 1) * PANEL);
        let panel = &data[panel * size..][..size];
        let task = Task { x, panel, rows: rows.clone(), columns: columns.clone(), out };
        let path = team.path();
        match kind {
            Kind::Q8_0 => path.run_pairs(Product::<form::Q8_0> { task, form: PhantomData }),
            Kind::Q4_0 => path.run_pairs(Product::<form::Q4_0> { task, form: PhantomData }),
            Kind::Q4_1 => path.run_pairs(Product::<form::Q4_1> { task, form: PhantomData }),
            Kind::Bf16 | Kind::F16 => unreachable!("halves have no blocks"),
        }
        // Outside the kernel over pairs, because here denormals count.
        path.run(Added { after, outputs, rows, columns, out });
    });
}

/// Rows of pairs, with their sums where a weight needs them.
#[derive(Clone, Copy)]
struct Rows {
    pairs: *const u32,
    ones: *const f32,
    /// Of a row.
    blocks: usize,
}

impl Rows {
    /// The same from a row and a block on.
    #[inline(always)]
    fn from(self, row: usize, block: usize) -> Self {
        let at = row * self.blocks + block;
        // The sums may be missing, and are not read then.
        Self {
            pairs: self.pairs.wrapping_add(at * PAIRS),
            ones: self.ones.wrapping_add(at),
            ..self
        }
    }
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
                    let joined = whole_pair::<P, F>(on, words, pair);
                    let to = &mut to[vector * LANES..][..LANES];
                    // SAFETY: there is room for sixteen.
                    unsafe { on.store_pairs_at(joined, to.as_mut_ptr()) };
                }
            }
        }
    }
}

/// The whole numbers of the nth pair of a group.
#[inline(always)]
fn whole_pair<P: Pairs, F: Quantised>(on: P, words: F::Group<P>, pair: usize) -> P::Pair {
    on.join_exact(F::whole(on, words, 2 * pair), F::whole(on, words, 2 * pair + 1))
}

/// Rows of a tile whose pairs are formed: its sums and totals fill the registers, where there are
/// thirty-two of a whole vector.
#[inline(always)]
const fn high<L: Lanes>() -> usize {
    if L::WIDE == 4 { 3 } else { 6 }
}

/// Some rows by a panel's columns, over successive blocks.
#[derive(Clone, Copy)]
struct Tile {
    x: Rows,
    /// A block begins here.
    panel: *const u32,
    /// The pairs of these blocks, if they are formed.
    pairs: Option<*const u32>,
    blocks: usize,
    columns: usize,
    out: Out,
    goes_on: bool,
}

impl Tile {
    /// # Safety
    /// The rows and the panel have these blocks, the outputs exist, and nobody else touches them.
    #[inline(always)]
    unsafe fn of_rows<P: Pairs, F: Quantised>(self, on: P, rows: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            match (self.pairs, rows) {
                (None, 1) => self.formed_beside::<P, F, 1>(on),
                (None, 2) => self.formed_beside::<P, F, 2>(on),
                (None, 3) => self.formed_beside::<P, F, 3>(on),
                (Some(_), _) if P::WIDE == 4 => match rows {
                    1 => self.vectors::<P, F, 1, 4, true>(on, 0),
                    2 => self.vectors::<P, F, 2, 4, true>(on, 0),
                    3 => self.vectors::<P, F, 3, 4, true>(on, 0),
                    _ => unreachable!("a tile of too many rows"),
                },
                (Some(_), 1) => self.vector_by_vector::<P, F, 1>(on),
                (Some(_), 2) => self.vector_by_vector::<P, F, 2>(on),
                (Some(_), 3) => self.vector_by_vector::<P, F, 3>(on),
                (Some(_), 4) => self.vector_by_vector::<P, F, 4>(on),
                (Some(_), 5) => self.vector_by_vector::<P, F, 5>(on),
                (Some(_), 6) => self.vector_by_vector::<P, F, 6>(on),
                _ => unreachable!("a tile of too many rows"),
            }
        }
    }

    #[inline(always)]
    unsafe fn formed_beside<P: Pairs, F: Quantised, const R: usize>(self, on: P) {
        // SAFETY: the caller's promise.
        unsafe {
            if beside::<P, F>(R) == 4 {
                self.vectors::<P, F, R, 4, false>(on, 0);
            } else {
                for vector in 0..self.columns.div_ceil(LANES) {
                    self.vectors::<P, F, R, 1, false>(on, vector);
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn vector_by_vector<P: Pairs, F: Quantised, const R: usize>(self, on: P) {
        for vector in 0..self.columns.div_ceil(LANES) {
            // SAFETY: the caller's promise.
            unsafe { self.vectors::<P, F, R, 1, true>(on, vector) };
        }
    }

    /// R rows by V vectors from the `first` on.
    #[inline(always)]
    unsafe fn vectors<
        P: Pairs,
        F: Quantised,
        const R: usize,
        const V: usize,
        const FORMED: bool,
    >(
        self,
        on: P,
        first: usize,
    ) {
        let mut totals = [[on.splat(0.0); V]; R];
        if self.goes_on {
            for (r, totals) in totals.iter_mut().enumerate() {
                for (v, total) in totals.iter_mut().enumerate() {
                    // SAFETY: the caller's promise.
                    *total = on.load_some(unsafe { self.out_of(r, first + v) });
                }
            }
        }
        let (mut x, mut block) = (self.x, self.panel);
        let mut formed = self.pairs.unwrap_or(block).wrapping_add(first * LANES);
        for _ in 0..self.blocks {
            let mut sums = [[on.splat(0.0); V]; R];
            // SAFETY: a block has the halves and groups of 64 columns, its pairs stand where they are
            // formed, and each row has sixteen pairs of it.
            unsafe {
                if FORMED {
                    for pair in 0..PAIRS {
                        let at = formed.add(pair * PANEL);
                        let mut right = [on.load_pairs_at(at); V];
                        for (v, right) in right.iter_mut().enumerate().skip(1) {
                            *right = on.load_pairs_at(at.add(v * LANES));
                        }
                        dots(on, x, pair, right, &mut sums);
                    }
                    formed = formed.wrapping_add(PAIRS * PANEL);
                } else {
                    let mut at = block.add(F::HEAD);
                    for group in 0..STEPS / F::TOGETHER {
                        let mut words = [F::group(on, at, first); V];
                        for (v, words) in words.iter_mut().enumerate().skip(1) {
                            *words = F::group(on, at, first + v);
                        }
                        let own = AHEAD + first * F::GROUP / 4;
                        for line in (0..F::GROUP * V / 4).step_by(16) {
                            prefetch(at.wrapping_add(own + line).cast());
                        }
                        for pair in 0..F::TOGETHER / 2 {
                            let mut right = [whole_pair::<P, F>(on, words[0], pair); V];
                            for (right, &words) in right.iter_mut().zip(&words).skip(1) {
                                *right = whole_pair::<P, F>(on, words, pair);
                            }
                            dots(on, x, group * F::TOGETHER / 2 + pair, right, &mut sums);
                        }
                        at = at.add(F::GROUP);
                    }
                }
                on.fold(halves(on, block, first), sums, &mut totals);
                if F::HEAD > HALVES {
                    let mut ones = [[on.splat(0.0); V]; R];
                    for (r, ones) in ones.iter_mut().enumerate() {
                        *ones = [on.splat(*x.ones.add(r * x.blocks)); V];
                    }
                    on.fold(halves(on, block.add(HALVES), first), ones, &mut totals);
                }
            }
            x = x.from(0, 1);
            block = block.wrapping_add(block_len::<F>());
        }
        for (r, totals) in totals.iter().enumerate() {
            for (v, &total) in totals.iter().enumerate() {
                // SAFETY: the caller's promise.
                on.store_some(total, unsafe { self.out_of(r, first + v) });
            }
        }
    }

    /// At most sixteen outputs of a row.
    #[inline(always)]
    #[allow(clippy::mut_from_ref, reason = "what it points to is cut so that nobody else has it")]
    unsafe fn out_of(&self, row: usize, vector: usize) -> &mut [f32] {
        let columns = vector * LANES..self.columns.min((vector + 1) * LANES);
        // SAFETY: the caller's promise; where no column is left, the slice is empty.
        unsafe {
            let at = self.out.at.wrapping_add(row * self.out.by_row + columns.start);
            std::slice::from_raw_parts_mut(at, columns.len())
        }
    }
}

/// One pair of every row by V vectors of pairs.
///
/// # Safety
/// Each row has this pair.
#[inline(always)]
unsafe fn dots<P: Pairs, const R: usize, const V: usize>(
    on: P,
    x: Rows,
    pair: usize,
    right: [P::Pair; V],
    sums: &mut [[P::F32; V]; R],
) {
    for (r, sums) in sums.iter_mut().enumerate() {
        // SAFETY: the caller's promise.
        let left = on.splat_pair(unsafe { *x.pairs.add(r * x.blocks * PAIRS + pair) });
        for (sum, right) in sums.iter_mut().zip(right) {
            *sum = on.dot(left, right, *sum);
        }
    }
}

/// The halves of a block for V vectors from the `first` on.
///
/// # Safety
/// Those of 64 columns are readable.
#[inline(always)]
unsafe fn halves<L: Lanes, const V: usize>(on: L, at: *const u32, first: usize) -> [L::F32; V] {
    // SAFETY: the caller's promise.
    unsafe {
        let mut halves = [on.halves_at(at.add(first * LANES / 2)); V];
        for (v, half) in halves.iter_mut().enumerate().skip(1) {
            *half = on.halves_at(at.add((first + v) * LANES / 2));
        }
        halves
    }
}
