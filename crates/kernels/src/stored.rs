//! Matrix products with weights as files store them: halves and quantised blocks, widened in registers.
//!
//! ```text
//! y[row][o] = chain over k of x[row][k] · value(w[o][k]),  then + bias[o],  then + residual[row][o]
//! ```
//! A token that is decoded reads every weight once, so memory is its limit, and what is stored in fewer
//! bytes is read sooner. `value` is the number that ggml makes of a stored weight, rounded at most once,
//! and enters the ordinary chain: a stored weight gives the bits of its copy in f32. Types that have no panels
//! ([`StorageType::has_panels`]) are widened before they are multiplied.
//! 1. Panels of 64 columns as in `matmul`, in blocks of 32 steps: first the scales of the 64 columns, then
//!    groups of as many steps as one 32-bit lane holds of its column.
//! 2. A few rows read the panel once and form each value in registers. More rows first form 128 steps in
//!    the first cache, where their tiles read them as f32.
//! 3. Memory is asked for some kilobytes ahead, since forming leaves the prefetchers behind.

mod form;
mod pack;
mod rounded;

use std::{marker::PhantomData, ops::Range};

use crate::{
    lanes::{Kernel, LANES, Lanes},
    matmul::{Added, After, BLOCK, PANEL, Shared, Start, chains},
    path::Path,
    team::Team,
    tile::{Left, Out, prefetch},
};
use form::{Form, STEPS, block_len, with_form};

pub use crate::naive::stored::StorageType;
pub use pack::pack;
pub use rounded::{forward_rounded, ones};

/// Rows up to which values are formed in registers.
const FEW: usize = 4;
/// Steps whose values are formed at a time for more rows.
const DEPTH: usize = 128;
/// How far ahead memory is asked for, in 32-bit words.
const AHEAD: usize = 2048;

/// Words of a packed matrix, of a type that [has panels](StorageType::has_panels).
pub fn panels_len(storage: StorageType, outputs: usize, inner: usize) -> usize {
    outputs.div_ceil(PANEL) * panel_len(storage, inner)
}

fn panel_len(storage: StorageType, inner: usize) -> usize {
    inner.div_ceil(STEPS) * with_form!(storage, F => block_len::<F>())
}

/// A packed matrix; missing columns are zeros.
#[derive(Clone, Copy, Debug)]
pub struct Panels<'a> {
    /// How its numbers are stored.
    pub storage: StorageType,
    /// [`panels_len`] words.
    pub data: &'a [u32],
    /// Rows of the weight, columns of the panels.
    pub outputs: usize,
    /// Columns of the weight, steps of the panels.
    pub inner: usize,
}

/// Widens one row of the weight, an output.
pub fn read_row(panels: Panels<'_>, output: usize, to: &mut [f32]) {
    let Panels { storage, data, inner, .. } = panels;
    let size = panel_len(storage, inner);
    let panel = &data[output / PANEL * size..][..size];
    for (k, to) in to[..inner].iter_mut().enumerate() {
        *to = with_form!(storage, F => F::number(panel, k, output % PANEL));
    }
}

/// Widens rows of the weight that stand side by side, `[outputs, inner]`: whole panels at a time, where
/// [`read_row`] would go through a panel once for each of its columns.
pub fn read_rows(path: Path, panels: Panels<'_>, outputs: Range<usize>, to: &mut [f32]) {
    let Panels { storage, data, inner, .. } = panels;
    assert!(outputs.end <= panels.outputs, "rows that the weight does not have");
    assert_eq!(to.len(), outputs.len() * inner, "rows of another shape");
    if inner == 0 {
        return;
    }
    let size = panel_len(storage, inner);
    let (mut output, mut to) = (outputs.start, to);
    while output < outputs.end {
        let count = (PANEL - output % PANEL).min(outputs.end - output);
        let (own, rest) = to.split_at_mut(count * inner);
        if count == PANEL {
            let panel = &data[output / PANEL * size..][..size];
            with_form!(storage, F => path.run(Whole::<F> { panel, inner, to: own, form: PhantomData }));
        } else {
            for (row, own) in own.chunks_exact_mut(inner).enumerate() {
                read_row(panels, output + row, own);
            }
        }
        (output, to) = (output + count, rest);
    }
}

/// A panel whose columns become rows, `[64, inner]`.
struct Whole<'a, F> {
    panel: &'a [u32],
    inner: usize,
    to: &'a mut [f32],
    form: PhantomData<F>,
}

impl<F: Form> Kernel for Whole<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, on: L) {
        let Self { panel, inner, to, .. } = self;
        let mut values = [0.0; DEPTH * PANEL];
        for from in (0..inner).step_by(DEPTH) {
            let depth = (inner - from).min(DEPTH);
            let values = &mut values[..depth * PANEL];
            widen::<L, F>(on, panel, from, values);
            let whole = depth / LANES * LANES;
            for step in (0..whole).step_by(LANES) {
                let mut places = [std::ptr::null(); LANES];
                for (place, values) in places.iter_mut().zip(values[step * PANEL..].chunks(PANEL)) {
                    *place = values.as_ptr().cast::<u8>();
                }
                for column in (0..PANEL).step_by(4) {
                    let to = &mut to[column * inner + from + step..][..3 * inner + LANES];
                    // SAFETY: four columns of sixteen steps are there, and sixteen places of four rows.
                    unsafe { on.turn(&places, 4 * column, to.as_mut_ptr().cast(), inner) };
                }
            }
            for (step, values) in values.chunks(PANEL).enumerate().skip(whole) {
                for (column, &value) in values.iter().enumerate() {
                    to[column * inner + from + step] = value;
                }
            }
        }
    }
}

/// y = x · weightᵀ, then + bias, then + residual.
///
/// `x`: `[rows, inner]`, `y`: `[rows, outputs]`.
pub fn forward(team: &Team, x: &[f32], weight: Panels<'_>, after: After<'_>, y: &mut [f32]) {
    let Panels { storage, data, outputs, inner } = weight;
    if outputs == 0 || y.is_empty() {
        return;
    }
    let rows = y.len() / outputs;
    assert_eq!(y.len(), rows * outputs, "an output of another shape");
    assert_eq!(x.len(), rows * inner, "an input of another shape");
    assert_eq!(data.len(), panels_len(storage, outputs, inner), "panels of another shape");
    assert!(after.bias.is_none_or(|bias| bias.len() == outputs), "a bias of another width");
    assert!(after.residual.is_none_or(|to| to.len() == y.len()), "a residual of another shape");
    let left = Left { at: x.as_ptr(), by_row: inner, by_step: 1 };
    let out = Out { at: y.as_mut_ptr(), by_row: outputs };
    let (count, size) = (outputs.div_ceil(PANEL), panel_len(storage, inner));
    let shared = Shared((left, out));
    team.run(count * rows.div_ceil(BLOCK), &|task| {
        let Shared((left, out)) = *shared.get();
        let (block, panel) = (task / count, task % count);
        let rows = block * BLOCK..rows.min((block + 1) * BLOCK);
        let columns = panel * PANEL..outputs.min((panel + 1) * PANEL);
        let panel = &data[panel * size..][..size];
        with_form!(storage, F => team.path().run(Product::<F> {
            left, panel, inner, rows: rows.clone(), columns: columns.clone(), out, form: PhantomData,
        }));
        team.path().run(Added { after, outputs, rows, columns, out });
    });
}

/// The chains of one task: some rows by one panel.
struct Product<'a, F> {
    left: Left,
    panel: &'a [u32],
    inner: usize,
    rows: Range<usize>,
    columns: Range<usize>,
    out: Out,
    form: PhantomData<F>,
}

impl<F: Form> Kernel for Product<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, on: L) {
        let Self { left, panel, inner, rows, columns, out, .. } = self;
        let whole = if rows.len() <= FEW { inner / STEPS * STEPS } else { 0 };
        // SAFETY: rows, steps and columns lie inside the matrices that `forward` measured, and the
        // outputs belong to this task.
        unsafe {
            let (a, to) = (left.from(rows.start, 0), out.from(rows.start, columns.start));
            let blocks = whole / STEPS;
            let streamed = if blocks > 0 { rows.len() } else { 0 };
            match streamed {
                1 => stream::<L, F, 1>(on, a, panel, blocks, columns.len(), to),
                2 => stream::<L, F, 2>(on, a, panel, blocks, columns.len(), to),
                3 => stream::<L, F, 3>(on, a, panel, blocks, columns.len(), to),
                4 => stream::<L, F, 4>(on, a, panel, blocks, columns.len(), to),
                _ => {}
            }
        }
        if whole < inner || inner == 0 {
            let mut values = [0.0; DEPTH * PANEL];
            let mut from = whole;
            loop {
                let depth = (inner - from).min(DEPTH);
                let values = &mut values[..depth * PANEL];
                widen::<L, F>(on, panel, from, values);
                let start = if from > 0 { Start::Existing } else { Start::Zero };
                // SAFETY: as above; `values` holds the steps from here on.
                unsafe {
                    let left = left.from(0, from);
                    chains(on, left, values, rows.clone(), columns.clone(), start, out);
                }
                from += depth;
                if from >= inner {
                    break;
                }
            }
        }
    }
}

/// Whole blocks of steps for R rows, their values formed in registers, as many vectors at once as
/// there are registers for.
///
/// # Safety
/// The rows exist, and the outputs belong to this task.
#[inline(always)]
unsafe fn stream<L: Lanes, F: Form, const R: usize>(
    on: L,
    a: Left,
    panel: &[u32],
    blocks: usize,
    columns: usize,
    out: Out,
) {
    // SAFETY: the caller's promise, for parts of the same matrices.
    unsafe {
        match beside::<L, F>(R) {
            4 => vectors::<L, F, R, 4>(on, a, panel, blocks, 0, columns, out),
            2 => {
                for vector in (0..columns.div_ceil(LANES)).step_by(2) {
                    vectors::<L, F, R, 2>(on, a, panel, blocks, vector, columns, out);
                }
            }
            _ => {
                for vector in 0..columns.div_ceil(LANES) {
                    vectors::<L, F, R, 1>(on, a, panel, blocks, vector, columns, out);
                }
            }
        }
    }
}

/// Vectors of a panel that are gone through at once: all four, wherever that is faster, because a panel is
/// then read from its beginning to its end. With sixteen registers, few rows and values that are
/// soon formed let sums spill rather; for one row of bytes on Zen 3 four read 16 GB/s and one 5, and
/// for nibbles 3 and 4.
#[inline(always)]
const fn beside<L: Lanes, F: Form>(rows: usize) -> usize {
    match (L::WIDE, F::TOGETHER, rows) {
        (4, _, _) | (_, 1 | 2, 1 | 2) | (_, 4, 1) => 4,
        (_, 1 | 2, _) => 2,
        _ => 1,
    }
}

#[inline(always)]
unsafe fn vectors<L: Lanes, F: Form, const R: usize, const V: usize>(
    on: L,
    a: Left,
    panel: &[u32],
    blocks: usize,
    first: usize,
    columns: usize,
    out: Out,
) {
    let mut sums = [[on.splat(0.0); V]; R];
    let mut a_at = a.at;
    for block in panel.chunks_exact(block_len::<F>()).take(blocks) {
        // SAFETY: a block has the heads and groups of 64 columns.
        unsafe {
            // Loops and no closures: those of `array::from_fn` may be compiled apart from this function,
            // without the instructions of its path.
            let mut heads = [F::head(on, block.as_ptr(), first); V];
            for (v, head) in heads.iter_mut().enumerate().skip(1) {
                *head = F::head(on, block.as_ptr(), first + v);
            }
            let mut at = block.as_ptr().add(F::HEAD);
            for _ in 0..STEPS / F::TOGETHER {
                let mut groups = [F::group(on, at, first); V];
                for (v, group) in groups.iter_mut().enumerate().skip(1) {
                    *group = F::group(on, at, first + v);
                }
                let own = AHEAD + first * F::GROUP / 4;
                for line in (0..F::GROUP * V / 4).step_by(16) {
                    prefetch(at.wrapping_add(own + line).cast());
                }
                for n in 0..F::TOGETHER {
                    let mut values = [on.splat(0.0); V];
                    for ((value, head), group) in values.iter_mut().zip(heads).zip(groups) {
                        *value = F::value(on, head, group, n);
                    }
                    for (r, sums) in sums.iter_mut().enumerate() {
                        let left = on.splat(*a_at.add(r * a.by_row));
                        for (sum, value) in sums.iter_mut().zip(values) {
                            *sum = on.fma(left, value, *sum);
                        }
                    }
                    a_at = a_at.wrapping_add(1);
                }
                at = at.wrapping_add(F::GROUP);
            }
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        for (v, &sum) in sums.iter().enumerate() {
            let column = (first + v) * LANES;
            if column < columns {
                let width = (columns - column).min(LANES);
                // SAFETY: row r of the outputs exists, with `columns` columns.
                let to = unsafe {
                    let at = out.at.add(r * out.by_row + column);
                    std::slice::from_raw_parts_mut(at, width)
                };
                on.store_some(sum, to);
            }
        }
    }
}

/// Forms the values of some steps from a whole block on, `[steps, 64]`.
#[inline(always)]
fn widen<L: Lanes, F: Form>(on: L, panel: &[u32], from: usize, to: &mut [f32]) {
    let blocks = panel.chunks_exact(block_len::<F>()).skip(from / STEPS);
    for (block, to) in blocks.zip(to.chunks_mut(STEPS * PANEL)) {
        for vector in 0..PANEL / LANES {
            // SAFETY: a block has the heads and groups of 64 columns.
            unsafe {
                let head = F::head(on, block.as_ptr(), vector);
                let mut at = block.as_ptr().add(F::HEAD);
                for to in to.chunks_mut(F::TOGETHER * PANEL) {
                    let group = F::group(on, at, vector);
                    for (n, to) in to.chunks_exact_mut(PANEL).enumerate() {
                        on.store(F::value(on, head, group, n), &mut to[vector * LANES..]);
                    }
                    at = at.add(F::GROUP);
                }
            }
        }
    }
}
