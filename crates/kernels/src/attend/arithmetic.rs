//! How attention multiplies: numbers by numbers, or pairs of bf16 by pairs.
//!
//! Kernels of attention are written once over [`Arithmetic`]. Where products are in bf16, rows are rounded
//! just before them, along their width or two rows together, as the product wants its pairs.

use std::ops::Range;

use super::{Compute, Heads, PAGE};
use crate::{
    bf16::{as_pairs_mut, pack_some, pairs, vector},
    lanes::{Kernel, LANES, Lanes, PairKernel, Pairs},
    path::Path,
    stairs::{staircase, staircase_of_pairs},
    tile::{Left, Out, ROWS, Right, tile, tile_of_pairs},
    turn::{Rows, Turn, TurnPairs},
};

/// Numbers of a query's width that are rounded at a time.
const WIDEST: usize = 128;

/// Room for six rounded rows: queries, parts of wider ones, and weights.
pub(super) struct Six {
    pub query: [f32; ROWS * WIDEST / 2],
    pub part: [f32; ROWS * WIDEST / 2],
    pub weights: [f32; ROWS * PAGE / 2],
}

impl Six {
    pub(super) const EMPTY: Self = Self {
        query: [0.0; ROWS * WIDEST / 2],
        part: [0.0; ROWS * WIDEST / 2],
        weights: [0.0; ROWS * PAGE / 2],
    };
}

/// A kernel of attention, written once over both arithmetics.
pub(super) trait Attention {
    fn run<L: Lanes, A: Arithmetic>(self, on: L, by: A);
}

/// Such a kernel with the arithmetic that its products have.
struct With<K> {
    products: Compute,
    path: Path,
    kernel: K,
}

impl<K: Attention> Kernel for With<K> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, on: L) {
        match self.products {
            Compute::F32 => self.kernel.run(on, ByNumbers(on)),
            Compute::Bf16 => self.kernel.run(on, ByPairs(self.path)),
        }
    }
}

/// Runs such a kernel with these instructions.
pub(super) fn run(path: Path, how: &Heads, kernel: impl Attention) {
    path.run(With { products: how.products, path, kernel });
}

/// What products multiply, and with which instructions.
pub(super) trait Arithmetic: Copy {
    /// A number, or a pair of them.
    type Element: Copy;

    /// `tile`, of numbers or pairs.
    ///
    /// # Safety
    /// As there.
    #[allow(clippy::too_many_arguments, reason = "three matrices and the shape of a tile")]
    unsafe fn tile(
        self,
        rows: usize,
        columns: usize,
        steps: usize,
        a: Left<Self::Element>,
        b: Right<Self::Element>,
        out: Out,
        goes_on: bool,
    );

    /// `staircase`, of numbers or pairs.
    ///
    /// # Safety
    /// As there.
    unsafe fn staircase(
        self,
        columns: usize,
        ranges: &[Range<usize>],
        a: Left<Self::Element>,
        b: Right<Self::Element>,
        out: Out,
        goes_on: bool,
    );

    /// A staircase of at most six rows that all have the same range.
    ///
    /// # Safety
    /// As `staircase`.
    #[inline(always)]
    unsafe fn stair(
        self,
        rows: usize,
        columns: usize,
        range: &Range<usize>,
        a: Left<Self::Element>,
        b: Right<Self::Element>,
        out: Out,
    ) {
        let ranges: [Range<usize>; ROWS] = std::array::from_fn(|_| range.clone());
        // SAFETY: the caller's promise.
        unsafe { self.staircase(columns, &ranges[..rows], a, b, out, false) };
    }

    /// Elements of so many numbers.
    fn steps(numbers: usize) -> usize;

    /// Rows, element by element of their width; rounded into `room`, `[rows, ⌈width / 2⌉]`.
    fn along(self, rows: Rows<'_>, room: &mut [f32]) -> Left<Self::Element>;

    /// Element by element over the rows, each of whole rows; rounded into `room`, `[⌈rows / 2⌉, width]`.
    fn across(self, rows: Rows<'_>, room: &mut [f32]) -> Right<Self::Element>;

    /// At most 64 rows as the columns of a tile, `[elements of the width, 64]`; +0 beyond the last.
    fn turn(self, rows: Rows<'_>, to: &mut [f32]);

    /// Rows, if one rounding holds all their width.
    #[inline(always)]
    fn whole(self, query: Rows<'_>, room: &mut [f32]) -> Option<Left<Self::Element>> {
        (query.width <= WIDEST).then(|| self.along(query, room))
    }

    /// The products of up to six queries with the first `columns` keys of a tile: `whole` as it was made
    /// of the same queries.
    ///
    /// # Safety
    /// The keys are `[elements of the width, 64]`, and the outputs exist and are nobody else's.
    #[inline(always)]
    unsafe fn scores(
        self,
        query: Rows<'_>,
        whole: Option<Left<Self::Element>>,
        room: &mut [f32],
        keys: &[f32],
        columns: usize,
        out: Out,
    ) {
        let right = Right { at: keys.as_ptr().cast(), by_step: PAGE };
        if let Some(left) = whole {
            let steps = Self::steps(query.width);
            // SAFETY: the caller's promise.
            unsafe { self.tile(query.count, columns, steps, left, right, out, false) };
            return;
        }
        for first in (0..query.width).step_by(WIDEST) {
            let width = (query.width - first).min(WIDEST);
            let part = Rows::new(query.of, first, query.by_row, query.count, width);
            let left = self.along(part, room);
            let steps = Self::steps(part.width);
            // SAFETY: the caller's promise; these steps are some of the keys'.
            unsafe {
                let right = right.from(Self::steps(first), 0);
                self.tile(query.count, columns, steps, left, right, out, first > 0);
            }
        }
    }

    /// The weights of up to six rows.
    #[inline(always)]
    fn weights(self, weights: &[[f32; PAGE]], room: &mut [f32]) -> Left<Self::Element> {
        let rows = Rows::new(weights.as_flattened(), 0, PAGE, weights.len(), PAGE);
        self.along(rows, room)
    }
}

/// Number by number.
#[derive(Clone, Copy)]
struct ByNumbers<L>(L);

impl<L: Lanes> Arithmetic for ByNumbers<L> {
    type Element = f32;

    #[inline(always)]
    unsafe fn tile(
        self,
        rows: usize,
        columns: usize,
        steps: usize,
        a: Left,
        b: Right,
        out: Out,
        goes_on: bool,
    ) {
        // SAFETY: the caller's promise.
        unsafe { tile(self.0, rows, columns, steps, a, b, out, goes_on) };
    }
    #[inline(always)]
    unsafe fn staircase(
        self,
        columns: usize,
        ranges: &[Range<usize>],
        a: Left,
        b: Right,
        out: Out,
        goes_on: bool,
    ) {
        // SAFETY: the caller's promise.
        unsafe { staircase(self.0, columns, ranges, a, b, out, goes_on) };
    }
    #[inline(always)]
    unsafe fn stair(
        self,
        rows: usize,
        columns: usize,
        range: &Range<usize>,
        a: Left,
        b: Right,
        out: Out,
    ) {
        // SAFETY: the caller's promise.
        unsafe {
            let (a, b) = (a.from(0, range.start), b.from(range.start, 0));
            tile(self.0, rows, columns, range.len(), a, b, out, false);
        }
    }
    #[inline(always)]
    fn steps(numbers: usize) -> usize {
        numbers
    }
    #[inline(always)]
    fn along(self, rows: Rows<'_>, _: &mut [f32]) -> Left {
        Left { at: rows.of.as_ptr(), by_row: rows.by_row, by_step: 1 }
    }
    #[inline(always)]
    fn across(self, rows: Rows<'_>, _: &mut [f32]) -> Right {
        Right { at: rows.of.as_ptr(), by_step: rows.by_row }
    }
    #[inline(always)]
    fn turn(self, rows: Rows<'_>, to: &mut [f32]) {
        Turn { rows, to }.run(self.0);
    }
}

/// Pair by pair. The softmax around the products counts denormals, so that each product is a kernel over
/// pairs of its own.
#[derive(Clone, Copy)]
pub(super) struct ByPairs(pub Path);

impl Arithmetic for ByPairs {
    type Element = u32;

    #[inline(always)]
    unsafe fn tile(
        self,
        rows: usize,
        columns: usize,
        steps: usize,
        a: Left<u32>,
        b: Right<u32>,
        out: Out,
        goes_on: bool,
    ) {
        // SAFETY: the caller's promise.
        unsafe { tile_of_pairs(self.0, rows, columns, steps, a, b, out, goes_on) };
    }
    #[inline(always)]
    unsafe fn staircase(
        self,
        columns: usize,
        ranges: &[Range<usize>],
        a: Left<u32>,
        b: Right<u32>,
        out: Out,
        goes_on: bool,
    ) {
        // SAFETY: the caller's promise.
        unsafe { staircase_of_pairs(self.0, columns, ranges, a, b, out, goes_on) };
    }
    #[inline(always)]
    fn steps(numbers: usize) -> usize {
        pairs(numbers)
    }
    #[inline(always)]
    fn along(self, rows: Rows<'_>, room: &mut [f32]) -> Left<u32> {
        let by_row = pairs(rows.width);
        let to = as_pairs_mut(&mut room[..rows.count * by_row]);
        let at = to.as_ptr();
        self.0.run_pairs(Along { rows, to });
        Left { at, by_row, by_step: 1 }
    }
    #[inline(always)]
    fn across(self, rows: Rows<'_>, room: &mut [f32]) -> Right<u32> {
        let to = as_pairs_mut(&mut room[..pairs(rows.count) * rows.width]);
        let at = to.as_ptr();
        self.0.run_pairs(Across { rows, to });
        Right { at, by_step: rows.width }
    }
    #[inline(always)]
    fn turn(self, rows: Rows<'_>, to: &mut [f32]) {
        self.0.run_pairs(TurnPairs { rows, to: as_pairs_mut(to) });
    }
}

struct Along<'a> {
    rows: Rows<'a>,
    to: &'a mut [u32],
}

impl PairKernel for Along<'_> {
    type Output = ();

    #[inline(always)]
    fn run<P: Pairs>(self, on: P) {
        let Self { rows, to } = self;
        for (row, to) in to.chunks_exact_mut(pairs(rows.width)).enumerate() {
            for (x, to) in rows.row(row).chunks(2 * LANES).zip(to.chunks_mut(LANES)) {
                on.store_pairs_some(pack_some(on, x), to);
            }
        }
    }
}

struct Across<'a> {
    rows: Rows<'a>,
    to: &'a mut [u32],
}

impl PairKernel for Across<'_> {
    type Output = ();

    #[inline(always)]
    fn run<P: Pairs>(self, on: P) {
        let Self { rows, to } = self;
        for (pair, to) in to.chunks_exact_mut(rows.width).enumerate() {
            let even = rows.row(2 * pair);
            let odd = if 2 * pair + 1 < rows.count { rows.row(2 * pair + 1) } else { &[] };
            for (index, to) in to.chunks_mut(LANES).enumerate() {
                let at = index * LANES;
                on.store_pairs_some(on.join(vector(on, even, at), vector(on, odd, at)), to);
            }
        }
    }
}
