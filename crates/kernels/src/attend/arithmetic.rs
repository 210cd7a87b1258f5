//! The arithmetic of attention's products: f32, or pairs of bf16.
//!
//! Kernels of attention are written once over [`Arithmetic`]. For products in bf16, rows are rounded to pairs
//! just before: along their width, or two successive rows together, as the product needs.

use std::ops::Range;

use super::{AttentionParams, Compute, PAGE};
use crate::{
    bf16::{as_pairs_mut, pack_some, pairs, vector},
    isa::Isa,
    lanes::{Kernel, LANES, Lanes, PairKernel, Pairs},
    naive::matmul::Accumulate,
    ragged_tile::{ragged_tile, ragged_tile_of_pairs},
    tile::{Lhs, Operands, OutPtr, ROWS, Rhs, tile, tile_of_pairs},
    transpose::{Rows, Transpose, TransposePairs},
};

/// The width of queries that is rounded at a time.
const MAX_ROUNDED_WIDTH: usize = 128;

/// Scratch for six rows that are rounded to bf16: queries, parts of wider queries, and attention weights.
pub(super) struct RoundedRows {
    pub query: [f32; ROWS * MAX_ROUNDED_WIDTH / 2],
    pub part: [f32; ROWS * MAX_ROUNDED_WIDTH / 2],
    pub weights: [f32; ROWS * PAGE / 2],
}

impl RoundedRows {
    pub(super) const EMPTY: Self = Self {
        query: [0.0; ROWS * MAX_ROUNDED_WIDTH / 2],
        part: [0.0; ROWS * MAX_ROUNDED_WIDTH / 2],
        weights: [0.0; ROWS * PAGE / 2],
    };
}

/// A kernel of attention, written once over both arithmetics.
pub(super) trait Attention {
    fn run<L: Lanes, A: Arithmetic>(self, simd: L, arithmetic: A);
}

/// An attention kernel with the arithmetic of its products.
struct With<K> {
    products: Compute,
    isa: Isa,
    kernel: K,
}

impl<K: Attention> Kernel for With<K> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) {
        match self.products {
            Compute::F32 => self.kernel.run(simd, F32Arithmetic(simd)),
            Compute::Bf16 => self.kernel.run(simd, Bf16Arithmetic(self.isa)),
        }
    }
}

/// Runs an attention kernel with an instruction set.
pub(super) fn run(isa: Isa, params: &AttentionParams<'_>, kernel: impl Attention) {
    isa.run(With { products: params.products, isa, kernel });
}

/// The products of attention: of f32 or of bf16 pairs, with an instruction set.
pub(super) trait Arithmetic: Copy {
    /// A number, or a pair of them.
    type Element: Copy;

    /// [`tile`](tile()), of numbers or pairs.
    ///
    /// # Safety
    /// As [`tile`](tile()).
    unsafe fn tile(
        self,
        rows: usize,
        columns: usize,
        steps: usize,
        operands: Operands<Self::Element>,
    );

    /// [`ragged_tile`], of numbers or pairs.
    ///
    /// # Safety
    /// As [`ragged_tile`].
    unsafe fn ragged_tile(
        self,
        columns: usize,
        ranges: &[Range<usize>],
        operands: Operands<Self::Element>,
    );

    /// A ragged tile of at most six rows that all have the same range.
    ///
    /// # Safety
    /// As [`ragged_tile`], with `range` for each of `rows` rows.
    #[inline(always)]
    unsafe fn ragged_tile_of_range(
        self,
        rows: usize,
        columns: usize,
        range: &Range<usize>,
        operands: Operands<Self::Element>,
    ) {
        let ranges: [Range<usize>; ROWS] = std::array::from_fn(|_| range.clone());
        debug_assert!(rows <= ROWS);
        // SAFETY: the precondition is that of `ragged_tile` for these ranges.
        unsafe { self.ragged_tile(columns, &ranges[..rows], operands) };
    }

    /// Elements of so many numbers.
    fn steps(numbers: usize) -> usize;

    /// Rows, element by element of their width; rounded into `scratch`, `[rows, ⌈width / 2⌉]`.
    fn lhs_along_width(self, rows: Rows<'_>, scratch: &mut [f32]) -> Lhs<Self::Element>;

    /// Element by element over the rows, each of whole rows; rounded into `scratch`, `[⌈rows / 2⌉, width]`.
    fn rhs_across_rows(self, rows: Rows<'_>, scratch: &mut [f32]) -> Rhs<Self::Element>;

    /// At most 64 rows as the columns of a tile, `[elements of the width, 64]`; +0 beyond the last.
    fn transpose(self, rows: Rows<'_>, out: &mut [f32]);

    /// Rows, if one rounding holds all their width.
    #[inline(always)]
    fn lhs_if_narrow(self, query: Rows<'_>, scratch: &mut [f32]) -> Option<Lhs<Self::Element>> {
        (query.width <= MAX_ROUNDED_WIDTH).then(|| self.lhs_along_width(query, scratch))
    }

    /// The products of up to six queries with the first `columns` keys of a tile. `whole` is what
    /// [`Self::lhs_if_narrow`] returned for them.
    ///
    /// # Safety
    /// `keys` are `[elements of the width, 64]`. `out` can be written at the rows of `query` by `columns`
    /// columns, and no other thread accesses those.
    #[inline(always)]
    unsafe fn scores(
        self,
        query: Rows<'_>,
        whole: Option<Lhs<Self::Element>>,
        scratch: &mut [f32],
        keys: &[f32],
        columns: usize,
        out: OutPtr,
    ) {
        let right = Rhs { ptr: keys.as_ptr().cast(), step_stride: PAGE };
        if let Some(a) = whole {
            let steps = Self::steps(query.width);
            let operands = Operands { a, b: right, out, accumulate: Accumulate::FromZero };
            // SAFETY: `a` has the rows and width of `query`, and `keys` as many steps.
            unsafe { self.tile(query.count, columns, steps, operands) };
            return;
        }
        let mut accumulate = Accumulate::FromZero;
        for first in (0..query.width).step_by(MAX_ROUNDED_WIDTH) {
            let width = (query.width - first).min(MAX_ROUNDED_WIDTH);
            let part = Rows::new(query.data, first, query.row_stride, query.count, width);
            let a = self.lhs_along_width(part, scratch);
            let steps = Self::steps(part.width);
            // SAFETY: `a` has this part of the width, and `keys` have these steps.
            unsafe {
                let b = right.offset(Self::steps(first), 0);
                self.tile(query.count, columns, steps, Operands { a, b, out, accumulate });
            }
            accumulate = Accumulate::FromOutput;
        }
    }

    /// The weights of up to six rows.
    #[inline(always)]
    fn weights(self, weights: &[[f32; PAGE]], scratch: &mut [f32]) -> Lhs<Self::Element> {
        let rows = Rows::new(weights.as_flattened(), 0, PAGE, weights.len(), PAGE);
        self.lhs_along_width(rows, scratch)
    }
}

/// Number by number.
#[derive(Clone, Copy)]
struct F32Arithmetic<L>(L);

impl<L: Lanes> Arithmetic for F32Arithmetic<L> {
    type Element = f32;

    #[inline(always)]
    unsafe fn tile(self, rows: usize, columns: usize, steps: usize, operands: Operands) {
        // SAFETY: the precondition is that of `tile`.
        unsafe { tile(self.0, rows, columns, steps, operands) };
    }
    #[inline(always)]
    unsafe fn ragged_tile(self, columns: usize, ranges: &[Range<usize>], operands: Operands) {
        // SAFETY: the precondition is that of `ragged_tile`.
        unsafe { ragged_tile(self.0, columns, ranges, operands) };
    }
    #[inline(always)]
    unsafe fn ragged_tile_of_range(
        self,
        rows: usize,
        columns: usize,
        range: &Range<usize>,
        operands: Operands,
    ) {
        // SAFETY: all rows have the steps of the range, so it is a tile that begins there.
        unsafe {
            let a = operands.a.offset(0, range.start);
            let b = operands.b.offset(range.start, 0);
            tile(self.0, rows, columns, range.len(), Operands { a, b, ..operands });
        }
    }
    #[inline(always)]
    fn steps(numbers: usize) -> usize {
        numbers
    }
    #[inline(always)]
    fn lhs_along_width(self, rows: Rows<'_>, _: &mut [f32]) -> Lhs {
        Lhs { ptr: rows.data.as_ptr(), row_stride: rows.row_stride, step_stride: 1 }
    }
    #[inline(always)]
    fn rhs_across_rows(self, rows: Rows<'_>, _: &mut [f32]) -> Rhs {
        Rhs { ptr: rows.data.as_ptr(), step_stride: rows.row_stride }
    }
    #[inline(always)]
    fn transpose(self, rows: Rows<'_>, out: &mut [f32]) {
        Transpose { rows, out }.run(self.0);
    }
}

/// Pair by pair. The softmax around the products counts denormals, so that each product is a kernel over
/// pairs of its own.
#[derive(Clone, Copy)]
pub(super) struct Bf16Arithmetic(pub Isa);

impl Arithmetic for Bf16Arithmetic {
    type Element = u32;

    #[inline(always)]
    unsafe fn tile(self, rows: usize, columns: usize, steps: usize, operands: Operands<u32>) {
        // SAFETY: the precondition is that of `tile_of_pairs`.
        unsafe { tile_of_pairs(self.0, rows, columns, steps, operands) };
    }
    #[inline(always)]
    unsafe fn ragged_tile(self, columns: usize, ranges: &[Range<usize>], operands: Operands<u32>) {
        // SAFETY: the precondition is that of `ragged_tile_of_pairs`.
        unsafe { ragged_tile_of_pairs(self.0, columns, ranges, operands) };
    }
    #[inline(always)]
    fn steps(numbers: usize) -> usize {
        pairs(numbers)
    }
    #[inline(always)]
    fn lhs_along_width(self, rows: Rows<'_>, scratch: &mut [f32]) -> Lhs<u32> {
        let row_stride = pairs(rows.width);
        let out = as_pairs_mut(&mut scratch[..rows.count * row_stride]);
        let at = out.as_ptr();
        self.0.run_pairs(RoundAlongWidth { rows, out });
        Lhs { ptr: at, row_stride, step_stride: 1 }
    }
    #[inline(always)]
    fn rhs_across_rows(self, rows: Rows<'_>, scratch: &mut [f32]) -> Rhs<u32> {
        let out = as_pairs_mut(&mut scratch[..pairs(rows.count) * rows.width]);
        let at = out.as_ptr();
        self.0.run_pairs(RoundAcrossRows { rows, out });
        Rhs { ptr: at, step_stride: rows.width }
    }
    #[inline(always)]
    fn transpose(self, rows: Rows<'_>, out: &mut [f32]) {
        self.0.run_pairs(TransposePairs { rows, out: as_pairs_mut(out) });
    }
}

struct RoundAlongWidth<'a> {
    rows: Rows<'a>,
    out: &'a mut [u32],
}

impl PairKernel for RoundAlongWidth<'_> {
    type Output = ();

    #[inline(always)]
    fn run<P: Pairs>(self, simd: P) {
        let Self { rows, out } = self;
        for (row, out) in out.chunks_exact_mut(pairs(rows.width)).enumerate() {
            for (x, out) in rows.row(row).chunks(2 * LANES).zip(out.chunks_mut(LANES)) {
                simd.store_pairs_some(pack_some(simd, x), out);
            }
        }
    }
}

struct RoundAcrossRows<'a> {
    rows: Rows<'a>,
    out: &'a mut [u32],
}

impl PairKernel for RoundAcrossRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<P: Pairs>(self, simd: P) {
        let Self { rows, out } = self;
        for (pair, out) in out.chunks_exact_mut(rows.width).enumerate() {
            let even = rows.row(2 * pair);
            let odd = if 2 * pair + 1 < rows.count { rows.row(2 * pair + 1) } else { &[] };
            for (index, out) in out.chunks_mut(LANES).enumerate() {
                let at = index * LANES;
                simd.store_pairs_some(
                    simd.round_to_pairs(vector(simd, even, at), vector(simd, odd, at)),
                    out,
                );
            }
        }
    }
}
