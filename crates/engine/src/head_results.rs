//! What each head adds to the output of attention: the product of rows of which the columns of all other heads are
//! +0. See *Results of heads* in `docs/arithmetic.md`.

use std::ops::Range;

use lookback_kernels::{
    matmul::{self, Accumulate},
    thread_pool::ThreadPool,
};
use lookback_model::{Linear, OutputProjection};

use crate::{
    attention_edits::EditBuffers,
    gradients::Gradients,
    operations::HEAD_ROWS,
    products::{self, Input, LinearBackward, Operands},
    weights::Weights,
};

/// What the products read and write.
pub(crate) struct HeadProducts<'a> {
    pub pool: &'a ThreadPool,
    pub weights: &'a Weights,
    pub operands: &'a mut Operands,
    pub buffers: &'a mut EditBuffers,
}

/// The columns of z that a head has.
fn columns(projection: &OutputProjection, head: usize) -> Range<usize> {
    let head_dim = projection.linear.inputs / projection.heads;
    head * head_dim..(head + 1) * head_dim
}

/// The layer without its bias.
fn without_bias(projection: &OutputProjection) -> Linear {
    Linear { bias: None, ..projection.linear }
}

/// Each row of z once for each head, with the columns of the others +0: `[rows, heads, inner]`.
fn expand(projection: &OutputProjection, z: &[f32], rows: &mut Vec<f32>) {
    let inner = projection.linear.inputs;
    rows.clear();
    rows.resize(z.len() * projection.heads, 0.0);
    for (z, to) in z.chunks_exact(inner).zip(rows.chunks_exact_mut(inner * projection.heads)) {
        for (head, to) in to.chunks_exact_mut(inner).enumerate() {
            let own = columns(projection, head);
            to[own.clone()].copy_from_slice(&z[own]);
        }
    }
}

impl HeadProducts<'_> {
    fn multiply(&mut self, layer: &Linear, x: &[f32], y: &mut [f32]) {
        let input = Input { x, value: None };
        products::forward(self.pool, self.weights, layer, input, self.operands, None, y);
    }

    /// The results of all heads. `z`: `[rows, heads, head_dim]`, `results`: `[rows, heads, width]`.
    pub(crate) fn results(
        &mut self,
        projection: &OutputProjection,
        z: &[f32],
        results: &mut [f32],
    ) {
        let layer = without_bias(projection);
        let (inner, width) = (layer.inputs, projection.width());
        let mut rows = std::mem::take(&mut self.buffers.rows);
        let chunks = z.chunks(HEAD_ROWS * inner).zip(results.chunks_mut(HEAD_ROWS * width));
        for (z, results) in chunks {
            expand(projection, z, &mut rows);
            self.multiply(&layer, &rows, results);
        }
        self.buffers.rows = rows;
    }

    /// Attention's output, where the results of some heads are changed.
    pub(crate) fn sum(
        &mut self,
        projection: &OutputProjection,
        z: &[f32],
        [made, changed]: [&[f32]; 2],
        out: &mut [f32],
    ) {
        let Linear { inputs: inner, outputs, bias, .. } = projection.linear;
        self.multiply(&projection.linear, z, out);
        let bias = bias.map(|bias| self.weights.rows(bias));
        let layer = without_bias(projection);
        let mut row = std::mem::take(&mut self.buffers.rows);
        for (index, out) in out.chunks_exact_mut(outputs).enumerate() {
            let own = index * projection.width()..(index + 1) * projection.width();
            let (made, changed) = (&made[own.clone()], &changed[own]);
            let differ = |head: usize| {
                let own = head * outputs..(head + 1) * outputs;
                made[own.clone()].iter().zip(&changed[own]).any(|(a, b)| a.to_bits() != b.to_bits())
            };
            let mut heads = (0..projection.heads).filter(|head| differ(*head)).peekable();
            if heads.peek().is_none() {
                continue;
            }
            row.clear();
            row.extend_from_slice(&z[index * inner..(index + 1) * inner]);
            for head in heads.clone() {
                row[columns(projection, head)].fill(0.0);
            }
            self.multiply(&layer, &row, out);
            for head in heads {
                for (out, result) in out.iter_mut().zip(&changed[head * outputs..]) {
                    *out += result;
                }
            }
            for (out, bias) in out.iter_mut().zip(bias.into_iter().flatten()) {
                *out += bias;
            }
        }
        self.buffers.rows = row;
    }

    /// The gradient of z from that of the results, and of the weight, where it is trainable.
    pub(crate) fn results_backward(
        &mut self,
        projection: &OutputProjection,
        z: &[f32],
        dresults: &[f32],
        scratch: &mut [f32],
        gradients: &mut Gradients,
        (is_first, dz): (bool, &mut [f32]),
    ) {
        let layer = without_bias(projection);
        let (inner, width) = (layer.inputs, projection.width());
        let mut rows = std::mem::take(&mut self.buffers.rows);
        let mut dx = std::mem::take(&mut self.buffers.products);
        let chunks = z.chunks(HEAD_ROWS * inner).zip(dresults.chunks(HEAD_ROWS * width));
        for ((z, dy), dz) in chunks.zip(dz.chunks_mut(HEAD_ROWS * inner)) {
            expand(projection, z, &mut rows);
            dx.clear();
            dx.resize(rows.len(), 0.0);
            let back = LinearBackward {
                layer: &layer,
                dy,
                x: &rows,
                start: Accumulate::FromZero,
                dx: &mut dx,
            };
            products::backward(self.pool, self.weights, back, self.operands, scratch, gradients);
            for (dz, dx) in
                dz.chunks_exact_mut(inner).zip(dx.chunks_exact(inner * projection.heads))
            {
                for (head, dx) in dx.chunks_exact(inner).enumerate() {
                    let own = columns(projection, head);
                    for (dz, dx) in dz[own.clone()].iter_mut().zip(&dx[own]) {
                        *dz = if is_first { *dx } else { *dz + dx };
                    }
                }
            }
        }
        (self.buffers.rows, self.buffers.products) = (rows, dx);
    }
}

/// The gradients of changed results and of the bias, from that of attention's output.
pub(crate) fn sum_backward(
    pool: &ThreadPool,
    projection: &OutputProjection,
    dout: &[f32],
    dchanged: &mut [f32],
    gradients: &mut Gradients,
) {
    let Linear { outputs, bias, .. } = projection.linear;
    if let Some(dbias) = bias.and_then(|bias| gradients.trainable_mut(bias)) {
        matmul::bias_gradient(pool, dout, outputs, dbias);
    }
    for (dout, to) in dout.chunks_exact(outputs).zip(dchanged.chunks_exact_mut(projection.width()))
    {
        to.chunks_exact_mut(outputs).for_each(|to| to.copy_from_slice(dout));
    }
}
