//! Layer norm and RMS norm, forward and backward.
//!
//! ```text
//! layer: mean = Σx / n;  variance = Σ(x − mean)² / n;  y = (x − mean) / √(variance + ε) · w + b
//! rms:   y = x / √(Σx² / n + ε) · w
//! ```
//! 1. Rows are split among threads; in the backward, dx by rows and the weights' gradients by columns,
//!    so that each of these runs over rows in ascending order.
//! 2. Where each head has weights of its own, a thread takes all heads of a token.

use std::ops::Range;

use crate::{
    lanes::{Kernel, LANES, Lanes},
    sums::{row_dot, row_sum},
    thread_pool::{DisjointSlices, ThreadPool},
};

/// Elements that are worth a thread of their own.
const MIN_PER_THREAD: usize = 16 * 1024;

/// A norm's weights, `[width]`, and its epsilon. Where each head has weights of its own they are `[heads, width]`,
/// and row i takes those of head i mod heads.
#[derive(Clone, Copy, Debug)]
pub struct NormParams<'a> {
    /// Elements of a row.
    pub width: usize,
    /// What each normalised element is multiplied with.
    pub weight: &'a [f32],
    /// What is added last; an RMS norm has none.
    pub bias: Option<&'a [f32]>,
    /// What keeps the deviation of a constant row from being zero.
    pub epsilon: f32,
}

impl NormParams<'_> {
    /// How many heads have weights of their own; 1 where all rows share theirs.
    pub fn heads(&self) -> usize {
        self.weight.len() / self.width
    }
}

/// What a norm's backward pass adds to.
#[derive(Debug)]
pub struct NormGradients<'a> {
    /// `[rows, width]`
    pub dx: &'a mut [f32],
    /// As the weight; its sums run over rows.
    pub dweight: &'a mut [f32],
    /// Likewise.
    pub dbias: Option<&'a mut [f32]>,
}

/// y = (x − mean) / deviation · weight + bias.
///
/// `x`, `y`: `[rows, width]`; `statistics`: `[rows, 2]`, mean and 1 / deviation.
pub fn layer(
    pool: &ThreadPool,
    params: NormParams<'_>,
    x: &[f32],
    y: &mut [f32],
    statistics: Option<&mut [f32]>,
) {
    forward(pool, LayerOrRms { params, centered: true }, x, y, statistics);
}

/// y = x / root mean square · weight. `statistics`: `[rows]`, 1 / root mean square.
pub fn rms(
    pool: &ThreadPool,
    params: NormParams<'_>,
    x: &[f32],
    y: &mut [f32],
    statistics: Option<&mut [f32]>,
) {
    forward(pool, LayerOrRms { params, centered: false }, x, y, statistics);
}

/// The gradients of [`layer`], from its `x` and `statistics` and the gradient `dy` of its `y`.
pub fn layer_backward(
    pool: &ThreadPool,
    params: NormParams<'_>,
    dy: &[f32],
    x: &[f32],
    statistics: &[f32],
    gradients: NormGradients<'_>,
) {
    backward(pool, LayerOrRms { params, centered: true }, dy, x, statistics, gradients);
}

/// The gradients of [`rms`], likewise.
pub fn rms_backward(
    pool: &ThreadPool,
    params: NormParams<'_>,
    dy: &[f32],
    x: &[f32],
    statistics: &[f32],
    gradients: NormGradients<'_>,
) {
    backward(pool, LayerOrRms { params, centered: false }, dy, x, statistics, gradients);
}

/// A layer norm, or an RMS norm.
#[derive(Clone, Copy)]
struct LayerOrRms<'a> {
    params: NormParams<'a>,
    /// Whether the mean is subtracted.
    centered: bool,
}

impl LayerOrRms<'_> {
    fn width(&self) -> usize {
        self.params.width
    }

    /// Where the weights of a row begin.
    fn first_weight(&self, row: usize) -> usize {
        row % self.params.heads() * self.params.width
    }

    /// Statistics of a row.
    fn statistics(&self) -> usize {
        if self.centered { 2 } else { 1 }
    }
}

fn forward(
    pool: &ThreadPool,
    norm: LayerOrRms<'_>,
    x: &[f32],
    y: &mut [f32],
    statistics: Option<&mut [f32]>,
) {
    assert_eq!(x.len(), y.len(), "an output of another shape");
    let width = norm.width();
    let rows = x.len() / width;
    let y = DisjointSlices::new(y);
    let statistics = statistics.map(DisjointSlices::new);
    pool.for_each_range(rows, norm.params.heads(), MIN_PER_THREAD / width, &|range| {
        let elements = range.start * width..range.end * width;
        // SAFETY: each range of rows is cut once.
        let (y, statistics) = unsafe {
            let range = range.start * norm.statistics()..range.end * norm.statistics();
            (y.range_mut(elements.clone()), statistics.as_ref().map(|to| to.range_mut(range)))
        };
        pool.isa().run(Forward { norm, x: &x[elements], y, statistics });
    });
}

struct Forward<'a> {
    norm: LayerOrRms<'a>,
    x: &'a [f32],
    y: &'a mut [f32],
    statistics: Option<&'a mut [f32]>,
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self, simd: L) {
        let LayerOrRms { params, centered } = self.norm;
        let (epsilon, width) = (params.epsilon, self.norm.width());
        let rows = self.x.chunks_exact(width).zip(self.y.chunks_exact_mut(width));
        for (index, (x, y)) in rows.enumerate() {
            let first_weight = self.norm.first_weight(index);
            let weight = &params.weight[first_weight..][..width];
            let bias = params.bias.map(|bias| &bias[first_weight..][..width]);
            let mean = if centered { row_sum(simd, x) / width as f32 } else { 0.0 };
            let squares = if centered {
                sum_of_squared_deviations(simd, x, mean)
            } else {
                row_dot(simd, x, x)
            };
            let factor = 1.0 / (squares / width as f32 + epsilon).sqrt();
            let (mean_all, factor_all) = (simd.splat(mean), simd.splat(factor));
            for first in (0..width).step_by(LANES) {
                let end = width.min(first + LANES);
                let x = simd.load_some(&x[first..end]);
                let x = if centered { simd.sub(x, mean_all) } else { x };
                let normal = simd.mul(x, factor_all);
                let w = simd.load_some(&weight[first..end]);
                let value = match bias {
                    Some(bias) => simd.fma(normal, w, simd.load_some(&bias[first..end])),
                    None => simd.mul(normal, w),
                };
                simd.store_some(value, &mut y[first..end]);
            }
            match &mut self.statistics {
                Some(to) if centered => {
                    to[2 * index] = mean;
                    to[2 * index + 1] = factor;
                }
                Some(to) => to[index] = factor,
                None => {}
            }
        }
    }
}

/// Σ(x − mean)²
#[inline(always)]
fn sum_of_squared_deviations<L: Lanes>(simd: L, x: &[f32], mean: f32) -> f32 {
    let mean = simd.splat(mean);
    let mut sum = simd.splat(0.0);
    for x in x.chunks(LANES) {
        let deviations = first_lanes(simd, simd.sub(simd.load_some(x), mean), x.len());
        sum = simd.fma(deviations, deviations, sum);
    }
    simd.sum_tree(sum)
}

/// The first `count` lanes; +0 in the others.
#[inline(always)]
fn first_lanes<L: Lanes>(simd: L, x: L::F32, count: usize) -> L::F32 {
    if count >= LANES {
        return x;
    }
    let mut lanes = simd.to_array(x);
    lanes[count..].fill(0.0);
    simd.from_array(lanes)
}

fn backward(
    pool: &ThreadPool,
    norm: LayerOrRms<'_>,
    dy: &[f32],
    x: &[f32],
    statistics: &[f32],
    gradients: NormGradients<'_>,
) {
    let NormGradients { dx, dweight, dbias } = gradients;
    let width = norm.width();
    let rows = x.len() / width;
    let dx = DisjointSlices::new(dx);
    pool.for_each_range(rows, norm.params.heads(), MIN_PER_THREAD / width, &|rows| {
        let elements = rows.start * width..rows.end * width;
        // SAFETY: each range of rows is cut once.
        let dx = unsafe { dx.range_mut(elements.clone()) };
        let statistics = &statistics[rows.start * norm.statistics()..];
        let (dy, x) = (&dy[elements.clone()], &x[elements]);
        pool.isa().run(Backward { norm, dy, x, statistics, dx });
    });
    let dweight = DisjointSlices::new(dweight);
    let dbias = dbias.map(DisjointSlices::new);
    pool.for_each_range(width, LANES, (MIN_PER_THREAD / rows.max(1)).max(LANES), &|columns| {
        for head in 0..norm.params.heads() {
            let own = head * width + columns.start..head * width + columns.end;
            // SAFETY: each range of columns is cut once, and those of different heads lie apart.
            let (dweight, dbias) = unsafe {
                (dweight.range_mut(own.clone()), dbias.as_ref().map(|to| to.range_mut(own.clone())))
            };
            let columns = columns.clone();
            pool.isa().run(Weights { norm, head, dy, x, statistics, columns, dweight, dbias });
        }
    });
}

/// dx of some rows.
struct Backward<'a> {
    norm: LayerOrRms<'a>,
    dy: &'a [f32],
    x: &'a [f32],
    statistics: &'a [f32],
    dx: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) {
        let LayerOrRms { params, centered } = self.norm;
        let width = self.norm.width();
        let n = width as f32;
        for (index, dx) in self.dx.chunks_exact_mut(width).enumerate() {
            let (x, dy) = (&self.x[index * width..][..width], &self.dy[index * width..][..width]);
            let (mean, factor) = mean_and_factor(self.statistics, index, centered);
            let (mean_all, factor_all) = (simd.splat(mean), simd.splat(factor));
            let weight = &params.weight[self.norm.first_weight(index)..][..width];
            let row: Row<'_, L> =
                Row { x, dy, weight, mean: centered.then_some(mean_all), factor: factor_all };
            let (mut sum, mut products) = (simd.splat(0.0), simd.splat(0.0));
            for first in (0..width).step_by(LANES) {
                let (normal, inner, end) = row.at(simd, first);
                sum = simd.add(sum, inner);
                // Beyond the end `inner` is +0 and `normal` is not; their product is no part.
                let normal = first_lanes(simd, normal, end - first);
                products = simd.fma(inner, normal, products);
            }
            let mean_inner = simd.splat(simd.sum_tree(sum) / n);
            let minus_product = simd.splat(-(simd.sum_tree(products) / n));
            for first in (0..width).step_by(LANES) {
                let (normal, inner, end) = row.at(simd, first);
                let inner = if centered { simd.sub(inner, mean_inner) } else { inner };
                let value = simd.mul(factor_all, simd.fma(normal, minus_product, inner));
                let dx = &mut dx[first..end];
                simd.store_some(simd.add(simd.load_some(dx), value), dx);
            }
        }
    }
}

/// The backward pass of a row.
struct Row<'a, L: Lanes> {
    x: &'a [f32],
    dy: &'a [f32],
    weight: &'a [f32],
    mean: Option<L::F32>,
    factor: L::F32,
}

impl<L: Lanes> Row<'_, L> {
    /// Normalised x and weighted dy of the lanes from `first` on, and where they end.
    #[inline(always)]
    fn at(&self, simd: L, first: usize) -> (L::F32, L::F32, usize) {
        let end = self.x.len().min(first + LANES);
        let x = simd.load_some(&self.x[first..end]);
        let x = match self.mean {
            Some(mean) => simd.sub(x, mean),
            None => x,
        };
        let (dy, weight) =
            (simd.load_some(&self.dy[first..end]), simd.load_some(&self.weight[first..end]));
        (simd.mul(x, self.factor), simd.mul(dy, weight), end)
    }
}

/// A row's mean (0 of an RMS norm) and factor.
#[inline(always)]
fn mean_and_factor(statistics: &[f32], row: usize, centered: bool) -> (f32, f32) {
    if centered { (statistics[2 * row], statistics[2 * row + 1]) } else { (0.0, statistics[row]) }
}

/// The weights' gradients of some columns, of one head where each has weights of its own.
struct Weights<'a> {
    norm: LayerOrRms<'a>,
    head: usize,
    dy: &'a [f32],
    x: &'a [f32],
    statistics: &'a [f32],
    columns: Range<usize>,
    dweight: &'a mut [f32],
    dbias: Option<&'a mut [f32]>,
}

impl Kernel for Weights<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self, simd: L) {
        let (width, centered) = (self.norm.width(), self.norm.centered);
        let rows = self.x.len() / width;
        for first in self.columns.clone().step_by(LANES) {
            let end = self.columns.end.min(first + LANES);
            let own = first - self.columns.start..end - self.columns.start;
            let mut weight = simd.load_some(&self.dweight[own.clone()]);
            let mut bias = self.dbias.as_ref().map(|to| simd.load_some(&to[own.clone()]));
            for row in (self.head..rows).step_by(self.norm.params.heads()) {
                let at = row * width + first..row * width + end;
                let (mean, factor) = mean_and_factor(self.statistics, row, centered);
                let x = simd.load_some(&self.x[at.clone()]);
                let x = if centered { simd.sub(x, simd.splat(mean)) } else { x };
                let dy = simd.load_some(&self.dy[at]);
                weight = simd.fma(dy, simd.mul(x, simd.splat(factor)), weight);
                bias = bias.map(|bias| simd.add(bias, dy));
            }
            simd.store_some(weight, &mut self.dweight[own.clone()]);
            if let (Some(to), Some(bias)) = (&mut self.dbias, bias) {
                simd.store_some(bias, &mut to[own]);
            }
        }
    }
}
