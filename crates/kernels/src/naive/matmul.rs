//! Matrix products: each output is one chain of fused multiply-adds over its inner dimension.

/// The epilogue of a product: what is added to its sums, in this order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Epilogue<'a> {
    /// `[outputs]`
    pub bias: Option<&'a [f32]>,
    /// `[rows, outputs]`
    pub residual: Option<&'a [f32]>,
}

/// What the sums of a product begin at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accumulate {
    /// +0.
    FromZero,
    /// What the output holds.
    FromOutput,
}

/// y = x · weightᵀ, then + bias, then + residual.
///
/// `x`: `[rows, inner]`, `weight`: `[outputs, inner]`, `y`: `[rows, outputs]`.
pub fn forward(
    x: &[f32],
    weight: &[f32],
    outputs: usize,
    inner: usize,
    epilogue: Epilogue<'_>,
    y: &mut [f32],
) {
    if outputs == 0 {
        return;
    }
    for (row, y) in y.chunks_exact_mut(outputs).enumerate() {
        for output in 0..outputs {
            let mut sum = 0.0f32;
            for k in 0..inner {
                sum = x[row * inner + k].mul_add(weight[output * inner + k], sum);
            }
            if let Some(bias) = epilogue.bias {
                sum += bias[output];
            }
            if let Some(residual) = epilogue.residual {
                sum += residual[row * outputs + output];
            }
            y[output] = sum;
        }
    }
}

/// dx = dy · weight, over outputs ascending.
pub fn input_gradient(
    dy: &[f32],
    weight: &[f32],
    outputs: usize,
    inner: usize,
    accumulate: Accumulate,
    dx: &mut [f32],
) {
    if inner == 0 {
        return;
    }
    for (row, dx) in dx.chunks_exact_mut(inner).enumerate() {
        for (k, dx) in dx.iter_mut().enumerate() {
            let mut sum = if accumulate == Accumulate::FromOutput { *dx } else { 0.0 };
            for output in 0..outputs {
                sum = dy[row * outputs + output].mul_add(weight[output * inner + k], sum);
            }
            *dx = sum;
        }
    }
}

/// dweight = dweight + dyᵀ · x, over rows ascending.
pub fn weight_gradient(dy: &[f32], x: &[f32], outputs: usize, inner: usize, dweight: &mut [f32]) {
    if inner == 0 || outputs == 0 {
        return;
    }
    let rows = dy.len() / outputs;
    for (output, dweight) in dweight.chunks_exact_mut(inner).enumerate() {
        for (k, sum) in dweight.iter_mut().enumerate() {
            for row in 0..rows {
                *sum = dy[row * outputs + output].mul_add(x[row * inner + k], *sum);
            }
        }
    }
}

/// dbias = dbias + dy, over rows ascending.
pub fn bias_gradient(dy: &[f32], outputs: usize, dbias: &mut [f32]) {
    if outputs == 0 {
        return;
    }
    for dy in dy.chunks_exact(outputs) {
        for (sum, dy) in dbias.iter_mut().zip(dy) {
            *sum += dy;
        }
    }
}
