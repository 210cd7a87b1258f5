//! A mixture of experts (Shazeer et al. 2017): a router's choice of a few experts for each token, and the
//! weighted sum of what they make of it, with their gradients.
//!
//! ```text
//! chosen = the k largest of a row's logits;  w = softmax(logits)[chosen], over its sum or not
//! y = w[0] · expert[0] + w[1] · expert[1] + …                      over the chosen ascending
//! ```
//! 1. The k largest are found one after the other, each as the largest of those that come after the one
//!    before: k is small, and nothing has to be marked or sorted but the k indices.
//! 2. A probability is only computed of the chosen; the total runs over lanes as that of any softmax.
//! 3. The rows that one expert works on are copied together, so that its products are products of matrices.

use crate::{
    lanes::{Kernel, LANES, Lanes},
    loss::{Softmax, maximum_and_total},
    math::exp,
    naive::experts::is_larger,
    sums::row_dot,
    thread_pool::{DisjointSlices, ThreadPool},
};

pub use crate::naive::experts::{ExpertOutputs, ExpertWeighting, NO_ROW, Routes, Routing};

/// Elements that are worth a thread of their own.
const MIN_PER_THREAD: usize = 8 * 1024;

/// Rows that are worth a thread of their own.
fn min_rows(elements: usize) -> usize {
    MIN_PER_THREAD.div_ceil(elements.max(1))
}

/// Of each row of logits the `chosen` experts that come first, ascending, and their weights.
///
/// `logits`: `[rows, experts]`; `weights`, `indices`: `[rows, chosen]`.
pub fn route(
    pool: &ThreadPool,
    routing: Routing,
    logits: &[f32],
    weights: &mut [f32],
    indices: &mut [u32],
) {
    let Routing { experts, chosen, .. } = routing;
    assert!((1..=experts).contains(&chosen), "{chosen} of {experts} experts");
    let rows = logits.len() / experts;
    assert_eq!(logits.len(), rows * experts, "logits of another shape");
    assert_eq!(weights.len(), rows * chosen, "weights of another shape");
    let (weights, indices) = (DisjointSlices::new(weights), DisjointSlices::new(indices));
    pool.for_each_range(rows, 1, min_rows(experts * chosen), &|rows| {
        let logits = &logits[rows.start * experts..rows.end * experts];
        let own = rows.start * chosen..rows.end * chosen;
        // SAFETY: each range of rows is cut once.
        let (weights, indices) =
            unsafe { (weights.range_mut(own.clone()), indices.range_mut(own)) };
        pool.isa().run(Route { routing, logits, weights, indices });
    });
}

struct Route<'a> {
    routing: Routing,
    logits: &'a [f32],
    weights: &'a mut [f32],
    indices: &'a mut [u32],
}

impl Kernel for Route<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) {
        let Routing { experts, chosen, weighting } = self.routing;
        let rows = self.logits.chunks_exact(experts);
        let indices = self.indices.chunks_exact_mut(chosen);
        let chosen = self.weights.chunks_exact_mut(chosen).zip(indices);
        for (logits, (weights, indices)) in rows.zip(chosen) {
            choose(logits, indices);
            for (weight, index) in weights.iter_mut().zip(&*indices) {
                *weight = logits[*index as usize];
            }
            let of_all = weighting != ExpertWeighting::SoftmaxOfChosen;
            let (max, total) = maximum_and_total(simd, if of_all { logits } else { weights });
            let mut sum = 0.0;
            for weight in weights.iter_mut() {
                *weight = exp(*weight - max) / total;
                sum += *weight;
            }
            if weighting == ExpertWeighting::Normalized {
                weights.iter_mut().for_each(|weight| *weight /= sum);
            }
        }
    }
}

/// The experts with the largest logits, as many as there are indices, ascending.
#[inline(always)]
fn choose(logits: &[f32], indices: &mut [u32]) {
    let mut last: Option<usize> = None;
    for index in indices.iter_mut() {
        let mut best: Option<usize> = None;
        for (expert, &logit) in logits.iter().enumerate() {
            let comes_after_last = last.is_none_or(|last| {
                is_larger(logits[last], logit) || !is_larger(logit, logits[last]) && last < expert
            });
            // Of equal ones, the first stays.
            if comes_after_last && best.is_none_or(|best| is_larger(logit, logits[best])) {
                best = Some(expert);
            }
        }
        last = best;
        *index = best.unwrap_or(0) as u32;
    }
    indices.sort_unstable();
}

/// The gradient of the router's logits, the choice held fixed.
///
/// `dweights`: `[rows, chosen]`; `logits`, `dlogits`: `[rows, experts]`. The logits are read only where
/// [`Routing::gradient_reads_logits`].
pub fn route_backward(
    pool: &ThreadPool,
    routing: Routing,
    routes: Routes<'_>,
    logits: &[f32],
    dweights: &[f32],
    dlogits: &mut [f32],
) {
    let Routing { experts, chosen, .. } = routing;
    let Routes { weights, indices } = routes;
    let rows = dlogits.len() / experts;
    assert_eq!(dweights.len(), rows * chosen, "a gradient of another shape");
    let dlogits = DisjointSlices::new(dlogits);
    pool.for_each_range(rows, 1, min_rows(experts), &|rows| {
        // SAFETY: each range of rows is cut once.
        let dlogits = unsafe { dlogits.range_mut(rows.start * experts..rows.end * experts) };
        for (row, dlogits) in rows.zip(dlogits.chunks_exact_mut(experts)) {
            let own = row * chosen..(row + 1) * chosen;
            let (dweights, weights) = (&dweights[own.clone()], &weights[own.clone()]);
            let mut mean = 0.0f32;
            for (dweight, weight) in dweights.iter().zip(weights) {
                mean = weight.mul_add(*dweight, mean);
            }
            if routing.gradient_reads_logits() {
                let logits = &logits[row * experts..(row + 1) * experts];
                pool.isa().run(Softmax { logits, vocabulary: experts, out: dlogits });
                dlogits.iter_mut().for_each(|dlogit| *dlogit *= -mean);
            } else {
                dlogits.fill(0.0);
            }
            for ((&index, dweight), weight) in indices[own].iter().zip(dweights).zip(weights) {
                dlogits[index as usize] = weight * (dweight - mean);
            }
        }
    });
}

/// The weighted sum of what the chosen experts made of each row; `y`: `[rows, width]`.
pub fn combine(pool: &ThreadPool, made: ExpertOutputs<'_>, y: &mut [f32]) {
    let ExpertOutputs { outputs, weights, chosen, width } = made;
    let rows = y.len() / width;
    assert_eq!(outputs.len(), rows * chosen * width, "outputs of another shape");
    assert_eq!(weights.len(), rows * chosen, "weights of another shape");
    let y = DisjointSlices::new(y);
    pool.for_each_range(rows, 1, min_rows(chosen * width), &|rows| {
        // SAFETY: each range of rows is cut once.
        let y = unsafe { y.range_mut(rows.start * width..rows.end * width) };
        let outputs = &outputs[rows.start * chosen * width..rows.end * chosen * width];
        let weights = &weights[rows.start * chosen..rows.end * chosen];
        pool.isa().run(Combine { made: ExpertOutputs { outputs, weights, ..made }, y });
    });
}

struct Combine<'a> {
    made: ExpertOutputs<'a>,
    y: &'a mut [f32],
}

impl Kernel for Combine<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) {
        let Self { made: ExpertOutputs { outputs, weights, chosen, width }, y } = self;
        let rows = outputs.chunks_exact(chosen * width).zip(weights.chunks_exact(chosen));
        for ((outputs, weights), y) in rows.zip(y.chunks_exact_mut(width)) {
            for (at, y) in y.chunks_mut(LANES).enumerate() {
                let columns = at * LANES..at * LANES + y.len();
                let mut sum = simd.splat(0.0);
                for (output, weight) in outputs.chunks_exact(width).zip(weights) {
                    let output = simd.load_some(&output[columns.clone()]);
                    sum = simd.fma(simd.splat(*weight), output, sum);
                }
                simd.store_some(sum, y);
            }
        }
    }
}

/// The gradients of what the experts made and of their weights.
///
/// `dy`: `[rows, width]`; `doutputs`: `[rows, chosen, width]`; `dweights`: `[rows, chosen]`.
pub fn combine_backward(
    pool: &ThreadPool,
    made: ExpertOutputs<'_>,
    dy: &[f32],
    doutputs: &mut [f32],
    dweights: &mut [f32],
) {
    let ExpertOutputs { outputs, weights, chosen, width } = made;
    assert_eq!(outputs.len(), weights.len() * width, "outputs of another shape");
    assert_eq!(doutputs.len(), outputs.len(), "gradients of another shape");
    assert_eq!(dy.len() * chosen, outputs.len(), "a gradient of another shape");
    let slots = dweights.len();
    let (doutputs, dweights) = (DisjointSlices::new(doutputs), DisjointSlices::new(dweights));
    pool.for_each_range(slots, 1, min_rows(width), &|slots| {
        // SAFETY: each range is cut once.
        let (doutputs, dweights) = unsafe {
            (
                doutputs.range_mut(slots.start * width..slots.end * width),
                dweights.range_mut(slots.clone()),
            )
        };
        let to = doutputs.chunks_exact_mut(width).zip(dweights);
        for (slot, (doutput, dweight)) in slots.zip(to) {
            let dy = &dy[slot / chosen * width..][..width];
            let output = &outputs[slot * width..][..width];
            *dweight =
                pool.isa().run(CombineBackward { dy, output, weight: weights[slot], doutput });
        }
    });
}

/// Of one row and expert; gives the gradient of its weight.
struct CombineBackward<'a> {
    dy: &'a [f32],
    output: &'a [f32],
    weight: f32,
    doutput: &'a mut [f32],
}

impl Kernel for CombineBackward<'_> {
    type Output = f32;

    #[inline(always)]
    fn run<L: Lanes>(self, simd: L) -> f32 {
        let weight = simd.splat(self.weight);
        for (dy, to) in self.dy.chunks(LANES).zip(self.doutput.chunks_mut(LANES)) {
            simd.store_some(simd.mul(weight, simd.load_some(dy)), to);
        }
        row_dot(simd, self.dy, self.output)
    }
}

/// Copies rows: `y[i]` = `x[rows[i]]`, +0 of [`NO_ROW`].
pub fn gather_rows(pool: &ThreadPool, x: &[f32], width: usize, rows: &[u32], y: &mut [f32]) {
    assert_eq!(y.len(), rows.len() * width, "rows of another shape");
    let y = DisjointSlices::new(y);
    pool.for_each_range(rows.len(), 1, min_rows(width), &|range| {
        // SAFETY: each range is cut once.
        let y = unsafe { y.range_mut(range.start * width..range.end * width) };
        crate::naive::experts::gather_rows(x, width, &rows[range], y);
    });
}

/// Copies rows to where they came from: `y[rows[i]]` = `x[i]`. No row stands there twice.
pub fn scatter_rows(x: &[f32], width: usize, rows: &[u32], y: &mut [f32]) {
    crate::naive::experts::scatter_rows(x, width, rows, y);
}
