//! Products of rows of f32 with stored weights, as tasks of a block of rows by a panel. Read `stored.rs` first.

use std::{marker::PhantomData, ops::Range};

use super::{
    DEPTH, Panels, StorageType,
    block_format::{self, BlockFormat, block_len, block_steps, with_format},
    panel_len, panels_len, prefetch_ahead, widen,
};
use crate::{
    isa::Isa,
    lanes::{Kernel, LANES, Lanes},
    matmul::{Accumulate, ApplyEpilogue, BLOCK, Epilogue, PANEL, Pointers, Shared, panel_product},
    thread_pool::ThreadPool,
    tile::{Lhs, OutPtr},
};

/// Up to so many rows, values are made in registers.
const MAX_STREAMED_ROWS: usize = 4;

/// y = x · weightᵀ, then + bias, then + residual.
///
/// `x`: `[rows, inner]`, `y`: `[rows, outputs]`.
pub fn forward(
    pool: &ThreadPool,
    x: &[f32],
    weight: Panels<'_>,
    epilogue: Epilogue<'_>,
    y: &mut [f32],
) {
    if weight.outputs > 0 && !y.is_empty() {
        run_all(pool, &[Work::new(x, weight, epilogue, y)]);
    }
}

/// Several products of the same rows, as one piece of work: y = x · weightᵀ, then + bias.
///
/// `x`: `[rows, inner]`, each of `y`: `[rows, outputs]`.
pub fn forward_several<const N: usize>(
    pool: &ThreadPool,
    x: &[f32],
    weights: [Panels<'_>; N],
    biases: [Option<&[f32]>; N],
    y: [&mut [f32]; N],
) {
    let (mut biases, mut y) = (biases.into_iter(), y.into_iter());
    let work = weights.map(|weight| {
        let (bias, y) = (biases.next().flatten(), y.next().unwrap_or_default());
        Work::new(x, weight, Epilogue { bias, residual: None }, y)
    });
    run_all(pool, &work);
}

/// A product whose shapes agree, to be run task by task: all panels of a block of rows, then those of the next.
#[derive(Clone, Copy)]
struct Work<'a> {
    rows: usize,
    left: Lhs,
    weight: Panels<'a>,
    epilogue: Epilogue<'a>,
    out: OutPtr,
}

// SAFETY: a `Work` is an `Lhs`, an `OutPtr`, and references to numbers that no task writes.
unsafe impl Pointers for &[Work<'_>] {}

impl<'a> Work<'a> {
    /// `y`, `[rows, outputs]`, is not touched meanwhile.
    fn new(x: &[f32], weight: Panels<'a>, epilogue: Epilogue<'a>, y: &mut [f32]) -> Self {
        let Panels { storage, data, outputs, inner } = weight;
        let rows = y.len() / outputs.max(1);
        assert_eq!(y.len(), rows * outputs, "an output of another shape");
        assert!(outputs == 0 || x.len() == rows * inner, "an input of another shape");
        assert_eq!(data.len(), panels_len(storage, outputs, inner), "panels of another shape");
        assert!(epilogue.bias.is_none_or(|bias| bias.len() == outputs), "a bias of another width");
        assert!(
            epilogue.residual.is_none_or(|to| to.len() == y.len()),
            "a residual of another shape"
        );
        let left = Lhs { ptr: x.as_ptr(), row_stride: inner, step_stride: 1 };
        let out = OutPtr { ptr: y.as_mut_ptr(), row_stride: outputs };
        Self { rows, left, weight, epilogue, out }
    }

    fn tasks(&self) -> usize {
        self.weight.outputs.div_ceil(PANEL) * self.rows.div_ceil(BLOCK)
    }

    fn run(&self, isa: Isa, task: usize) {
        let Self { rows, left, weight, epilogue, out } = *self;
        let Panels { storage, data, outputs, inner } = weight;
        let (count, size) = (outputs.div_ceil(PANEL), panel_len(storage, inner));
        let (block, panel) = (task / count, task % count);
        let rows = block * BLOCK..rows.min((block + 1) * BLOCK);
        let columns = panel * PANEL..outputs.min((panel + 1) * PANEL);
        let panel = &data[panel * size..][..size];
        with_format!(storage, F => isa.run(Product::<F> {
            left, panel, inner, rows: rows.clone(), columns: columns.clone(), out, format: PhantomData,
        }));
        isa.run(ApplyEpilogue { epilogue, outputs, rows, columns, out });
    }
}

/// Runs products that do not read what another writes.
fn run_all(pool: &ThreadPool, all: &[Work<'_>]) {
    let shared = Shared(all);
    pool.for_each_task(all.iter().map(Work::tasks).sum(), &|mut task| {
        let Shared(all) = *shared.get();
        for work in all {
            if task < work.tasks() {
                return work.run(pool.isa(), task);
            }
            task -= work.tasks();
        }
    });
}

/// The chains of one task: some rows by one panel.
struct Product<'a, F> {
    left: Lhs,
    panel: &'a [u32],
    inner: usize,
    rows: Range<usize>,
    columns: Range<usize>,
    out: OutPtr,
    format: PhantomData<F>,
}

impl<F: BlockFormat> Kernel for Product<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) {
        let Self { left, panel, inner, rows, columns, out, .. } = self;
        let steps = block_steps::<F>();
        let whole = if rows.len() <= MAX_STREAMED_ROWS { inner / steps * steps } else { 0 };
        // SAFETY: `Work::new` asserted the shapes of the matrices, in which these rows, steps and columns lie;
        // no other task has these outputs.
        unsafe {
            let (a, to) = (left.offset(rows.start, 0), out.offset(rows.start, columns.start));
            let blocks = whole / steps;
            let streamed = if blocks > 0 { rows.len() } else { 0 };
            match streamed {
                1 => stream::<L, F, 1>(simd, a, panel, blocks, columns.len(), to),
                2 => stream::<L, F, 2>(simd, a, panel, blocks, columns.len(), to),
                3 => stream::<L, F, 3>(simd, a, panel, blocks, columns.len(), to),
                4 => stream::<L, F, 4>(simd, a, panel, blocks, columns.len(), to),
                _ => {}
            }
        }
        if whole < inner || inner == 0 {
            let mut values = [0.0; DEPTH * PANEL];
            let mut from = whole;
            loop {
                let depth = (inner - from).min(DEPTH);
                let values = &mut values[..depth * PANEL];
                widen::<L, F>(simd, panel, from, values);
                let accumulate =
                    if from > 0 { Accumulate::FromOutput } else { Accumulate::FromZero };
                // SAFETY: as above; `values` is a panel of the steps from `from` on.
                unsafe {
                    let left = left.offset(0, from);
                    panel_product(
                        simd,
                        left,
                        values,
                        rows.clone(),
                        columns.clone(),
                        accumulate,
                        out,
                    );
                }
                from += depth;
                if from >= inner {
                    break;
                }
            }
        }
    }
}

/// Whole blocks of steps for R rows, with values made in registers, as many vectors at once as registers allow.
///
/// # Safety
/// `a` can be read at R rows by `blocks` blocks of steps. `out` can be written at R rows by `columns` columns, and no
/// other thread accesses those.
#[inline(always)]
unsafe fn stream<L: Lanes, F: BlockFormat, const R: usize>(
    simd: L,
    a: Lhs,
    panel: &[u32],
    blocks: usize,
    columns: usize,
    out: OutPtr,
) {
    debug_assert!(columns <= PANEL && panel.len() >= blocks * block_len::<F>());
    // SAFETY: `column_vectors` has the same preconditions, and all vectors are of this panel.
    unsafe {
        match vectors_at_once::<L, F>(R) {
            4 => column_vectors::<L, F, R, 4>(simd, a, panel, blocks, 0, columns, out),
            2 => {
                for vector in (0..columns.div_ceil(LANES)).step_by(2) {
                    column_vectors::<L, F, R, 2>(simd, a, panel, blocks, vector, columns, out);
                }
            }
            _ => {
                for vector in 0..columns.div_ceil(LANES) {
                    column_vectors::<L, F, R, 1>(simd, a, panel, blocks, vector, columns, out);
                }
            }
        }
    }
}

/// Vectors of a panel that are computed together. Four are all of a panel, which is then read in the order of
/// memory. With only sixteen registers this makes sums spill, which is still faster where rows are few and
/// values are cheap to make: for one row of bytes on Zen 3, four vectors read 16 GB/s and one vector 5; for
/// nibbles it is 3 and 4.
#[inline(always)]
pub(super) const fn vectors_at_once<L: Lanes, F: BlockFormat>(rows: usize) -> usize {
    match (L::VECTORS_PER_ROW, F::GROUP_STEPS, rows) {
        (4, _, _) | (_, 1 | 2, 1 | 2) | (_, 4, 1) => 4,
        (_, 1 | 2, _) => 2,
        _ => 1,
    }
}

/// Whole blocks of steps for R rows by V vectors of columns, from the `first` vector on.
///
/// # Safety
/// As [`stream`]; `first + V` is at most 4.
#[inline(always)]
unsafe fn column_vectors<L: Lanes, F: BlockFormat, const R: usize, const V: usize>(
    simd: L,
    a: Lhs,
    panel: &[u32],
    blocks: usize,
    first: usize,
    columns: usize,
    out: OutPtr,
) {
    let mut sums = [[simd.splat(0.0); V]; R];
    let mut a_at = a.ptr;
    for block in panel.chunks_exact(block_len::<F>()).take(blocks) {
        // SAFETY: `chunks_exact` gives whole blocks, which have the halves, scales and groups of 64 columns; `a` has
        // every step of these blocks in each row.
        unsafe {
            // Loops rather than `array::from_fn`: its closure may be compiled as another function, without
            // the instruction set of this one.
            let mut at = block.as_ptr();
            let mut heads = [F::head(simd, at, first); V];
            for (v, head) in heads.iter_mut().enumerate().skip(1) {
                *head = F::head(simd, at, first + v);
            }
            prefetch_ahead::<V>(at, F::HEAD_WORDS, first);
            at = at.add(F::HEAD_WORDS);
            for _ in 0..F::SUB_BLOCKS {
                let mut scales = [F::scales(simd, heads[0], at, first); V];
                for (v, scales) in scales.iter_mut().enumerate().skip(1) {
                    *scales = F::scales(simd, heads[v], at, first + v);
                }
                prefetch_ahead::<V>(at, F::SCALE_WORDS, first);
                at = at.add(F::SCALE_WORDS);
                for _ in 0..F::STEPS / F::GROUP_STEPS {
                    let mut groups = [F::group(simd, at, first); V];
                    for (v, group) in groups.iter_mut().enumerate().skip(1) {
                        *group = F::group(simd, at, first + v);
                    }
                    prefetch_ahead::<V>(at, F::GROUP_WORDS, first);
                    for _ in 0..F::GROUP_STEPS / F::FRONT_STEPS {
                        for n in 0..F::FRONT_STEPS {
                            let mut values = [simd.splat(0.0); V];
                            for ((value, scales), group) in
                                values.iter_mut().zip(scales).zip(groups)
                            {
                                *value = F::value(simd, scales, group, n);
                            }
                            for (r, sums) in sums.iter_mut().enumerate() {
                                let left = simd.splat(*a_at.add(r * a.row_stride));
                                for (sum, value) in sums.iter_mut().zip(values) {
                                    *sum = simd.fma(left, value, *sum);
                                }
                            }
                            a_at = a_at.wrapping_add(1);
                        }
                        for group in &mut groups {
                            *group = F::next(simd, *group);
                        }
                    }
                    at = at.wrapping_add(F::GROUP_WORDS);
                }
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
                    let at = out.ptr.add(r * out.row_stride + column);
                    std::slice::from_raw_parts_mut(at, width)
                };
                simd.store_some(sum, to);
            }
        }
    }
}
