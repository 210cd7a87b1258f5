//! Matrix products: each output is one chain of fused multiply-adds over its inner dimension.

/// What is added to a product, in this order.
#[derive(Clone, Copy, Debug, Default)]
pub struct After<'a> {
    /// `[outputs]`
    pub bias: Option<&'a [f32]>,
    /// `[rows, outputs]`
    pub residual: Option<&'a [f32]>,
}

/// Where a chain begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At +0.
    Zero,
    /// At what stands in the output.
    Existing,
}

/// y = x · weightᵀ, then + bias, then + residual.
///
/// `x`: `[rows, inner]`, `weight`: `[outputs, inner]`, `y`: `[rows, outputs]`.
pub fn forward(
    x: &[f32],
    weight: &[f32],
    outputs: usize,
    inner: usize,
    after: After<'_>,
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
            if let Some(bias) = after.bias {
                sum += bias[output];
            }
            if let Some(residual) = after.residual {
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
    start: Start,
    dx: &mut [f32],
) {
    if inner == 0 {
        return;
    }
    for (row, dx) in dx.chunks_exact_mut(inner).enumerate() {
        for (k, dx) in dx.iter_mut().enumerate() {
            let mut sum = if start == Start::Existing { *dx } else { 0.0 };
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
