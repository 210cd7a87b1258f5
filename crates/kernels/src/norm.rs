//! Layer norm and RMS norm, forward and backward.
//!
//! ```text
//! layer: mean = Σx / n;  variance = Σ(x − mean)² / n;  y = (x − mean) / √(variance + ε) · w + b
//! rms:   y = x / √(Σx² / n + ε) · w
//! ```
//! 1. Rows are split among threads; in the backward, dx by rows and the weights' gradients by columns,
//!    so that each of these runs over rows in ascending order.

use std::ops::Range;

use crate::{
    lanes::{Kernel, LANES, Lanes},
    sums::{row_dot, row_sum},
    thread_pool::{DisjointSlices, ThreadPool},
};

/// Elements that are worth a thread of their own.
const MIN_PER_THREAD: usize = 16 * 1024;

/// y = (x − mean) / deviation · weight + bias.
///
/// `x`, `y`: `[rows, width]`; `statistics`: `[rows, 2]`, mean and 1 / deviation.
#[allow(clippy::too_many_arguments, reason = "a norm's weights and what its backward needs")]
pub fn layer(
    pool: &ThreadPool,
    x: &[f32],
    width: usize,
    weight: &[f32],
    bias: Option<&[f32]>,
    epsilon: f32,
    y: &mut [f32],
    statistics: Option<&mut [f32]>,
) {
    let params = NormParams { width, weight, bias, epsilon, centered: true };
    forward(pool, params, x, y, statistics);
}

/// y = x / root mean square · weight. `statistics`: `[rows]`, 1 / root mean square.
pub fn rms(
    pool: &ThreadPool,
    x: &[f32],
    width: usize,
    weight: &[f32],
    epsilon: f32,
    y: &mut [f32],
    statistics: Option<&mut [f32]>,
) {
    let params = NormParams { width, weight, bias: None, epsilon, centered: false };
    forward(pool, params, x, y, statistics);
}

/// The gradients of [`layer`]: `dx` is added to, `dweight` and `dbias` go on over rows.
#[allow(clippy::too_many_arguments, reason = "a backward reads all that its forward read and made")]
pub fn layer_backward(
    pool: &ThreadPool,
    dy: &[f32],
    x: &[f32],
    width: usize,
    weight: &[f32],
    statistics: &[f32],
    dx: &mut [f32],
    dweight: &mut [f32],
    dbias: Option<&mut [f32]>,
) {
    let params = NormParams { width, weight, bias: None, epsilon: 0.0, centered: true };
    backward(pool, params, dy, x, statistics, dx, dweight, dbias);
}

/// The gradients of [`rms`]: `dx` is added to, `dweight` goes on over rows.
#[allow(clippy::too_many_arguments, reason = "a backward reads all that its forward read and made")]
pub fn rms_backward(
    pool: &ThreadPool,
    dy: &[f32],
    x: &[f32],
    width: usize,
    weight: &[f32],
    statistics: &[f32],
    dx: &mut [f32],
    dweight: &mut [f32],
) {
    let params = NormParams { width, weight, bias: None, epsilon: 0.0, centered: false };
    backward(pool, params, dy, x, statistics, dx, dweight, None);
}

/// A norm's shape and weights.
#[derive(Clone, Copy)]
struct NormParams<'a> {
    width: usize,
    weight: &'a [f32],
    bias: Option<&'a [f32]>,
    epsilon: f32,
    /// Whether the mean is subtracted.
    centered: bool,
}

impl NormParams<'_> {
    /// Statistics of a row.
    fn statistics(&self) -> usize {
        if self.centered { 2 } else { 1 }
    }
}

fn forward(
    pool: &ThreadPool,
    params: NormParams<'_>,
    x: &[f32],
    y: &mut [f32],
    statistics: Option<&mut [f32]>,
) {
    assert_eq!(x.len(), y.len(), "an output of another shape");
    let rows = x.len() / params.width;
    let y = DisjointSlices::new(y);
    let statistics = statistics.map(DisjointSlices::new);
    pool.for_each_range(rows, 1, MIN_PER_THREAD / params.width, &|range| {
        let elements = range.start * params.width..range.end * params.width;
        // SAFETY: each range of rows is cut once.
        let (y, statistics) = unsafe {
            let range = range.start * params.statistics()..range.end * params.statistics();
            (y.range_mut(elements.clone()), statistics.as_ref().map(|to| to.range_mut(range)))
        };
        pool.isa().run(Forward { params, x: &x[elements], y, statistics });
    });
}

struct Forward<'a> {
    params: NormParams<'a>,
    x: &'a [f32],
    y: &'a mut [f32],
    statistics: Option<&'a mut [f32]>,
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self, simd: L) {
        let NormParams { width, weight, bias, epsilon, centered } = self.params;
        let rows = self.x.chunks_exact(width).zip(self.y.chunks_exact_mut(width));
        for (index, (x, y)) in rows.enumerate() {
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

#[allow(clippy::too_many_arguments, reason = "a backward reads all that its forward read and made")]
fn backward(
    pool: &ThreadPool,
    params: NormParams<'_>,
    dy: &[f32],
    x: &[f32],
    statistics: &[f32],
    dx: &mut [f32],
    dweight: &mut [f32],
    dbias: Option<&mut [f32]>,
) {
    let width = params.width;
    let rows = x.len() / width;
    let dx = DisjointSlices::new(dx);
    pool.for_each_range(rows, 1, MIN_PER_THREAD / width, &|rows| {
        let elements = rows.start * width..rows.end * width;
        // SAFETY: each range of rows is cut once.
        let dx = unsafe { dx.range_mut(elements.clone()) };
        let statistics = &statistics[rows.start * params.statistics()..];
        let (dy, x) = (&dy[elements.clone()], &x[elements]);
        pool.isa().run(Backward { params, dy, x, statistics, dx });
    });
    let dweight = DisjointSlices::new(dweight);
    let dbias = dbias.map(DisjointSlices::new);
    pool.for_each_range(width, LANES, (MIN_PER_THREAD / rows.max(1)).max(LANES), &|columns| {
        // SAFETY: each range of columns is cut once.
        let (dweight, dbias) = unsafe {
            (
                dweight.range_mut(columns.clone()),
                dbias.as_ref().map(|to| to.range_mut(columns.clone())),
            )
        };
        pool.isa().run(Weights { params, dy, x, statistics, columns, dweight, dbias });
    });
}

/// dx of some rows.
struct Backward<'a> {
    params: NormParams<'a>,
    dy: &'a [f32],
    x: &'a [f32],
    statistics: &'a [f32],
    dx: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) {
        let NormParams { width, weight, centered, .. } = self.params;
        let n = width as f32;
        for (index, dx) in self.dx.chunks_exact_mut(width).enumerate() {
            let (x, dy) = (&self.x[index * width..][..width], &self.dy[index * width..][..width]);
            let (mean, factor) = mean_and_factor(self.statistics, index, centered);
            let (mean_all, factor_all) = (simd.splat(mean), simd.splat(factor));
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

/// A row on its way back.
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

/// The weights' gradients of some columns.
struct Weights<'a> {
    params: NormParams<'a>,
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
        let NormParams { width, centered, .. } = self.params;
        let rows = self.x.len() / width;
        for first in self.columns.clone().step_by(LANES) {
            let end = self.columns.end.min(first + LANES);
            let own = first - self.columns.start..end - self.columns.start;
            let mut weight = simd.load_some(&self.dweight[own.clone()]);
            let mut bias = self.dbias.as_ref().map(|to| simd.load_some(&to[own.clone()]));
            for row in 0..rows {
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
