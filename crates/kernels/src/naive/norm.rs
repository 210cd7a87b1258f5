//! Layer norm (Ba et al. 2016) and RMS norm (Zhang and Sennrich 2019), row by row, with gradients.

use super::sums::{row_dot, row_sum};
use crate::norm::{NormGradients, NormParams};

/// y = (x − mean) / deviation · weight + bias. Statistics `[rows, 2]`: mean, 1 / deviation.
pub fn layer(params: NormParams<'_>, x: &[f32], y: &mut [f32], mut statistics: Option<&mut [f32]>) {
    let NormParams { weight, bias, epsilon } = params;
    let (width, n) = (weight.len(), weight.len() as f32);
    for (index, (x, y)) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)).enumerate() {
        let mean = row_sum(x) / n;
        let deviations: Vec<f32> = x.iter().map(|x| x - mean).collect();
        let variance = row_dot(&deviations, &deviations) / n;
        let factor = 1.0 / (variance + epsilon).sqrt();
        for column in 0..width {
            let normal = deviations[column] * factor;
            y[column] = match bias {
                Some(bias) => normal.mul_add(weight[column], bias[column]),
                None => normal * weight[column],
            };
        }
        if let Some(statistics) = &mut statistics {
            statistics[2 * index] = mean;
            statistics[2 * index + 1] = factor;
        }
    }
}

/// y = x / root mean square · weight. Statistics `[rows]`: 1 / root mean square.
pub fn rms(params: NormParams<'_>, x: &[f32], y: &mut [f32], mut statistics: Option<&mut [f32]>) {
    let NormParams { weight, epsilon, .. } = params;
    let width = weight.len();
    for (index, (x, y)) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)).enumerate() {
        let factor = 1.0 / (row_dot(x, x) / width as f32 + epsilon).sqrt();
        for column in 0..width {
            y[column] = x[column] * factor * weight[column];
        }
        if let Some(statistics) = &mut statistics {
            statistics[index] = factor;
        }
    }
}

/// The gradients of [`layer`]: `dx` is added to, `dweight` and `dbias` go on over rows.
pub fn layer_backward(
    params: NormParams<'_>,
    dy: &[f32],
    x: &[f32],
    statistics: &[f32],
    gradients: NormGradients<'_>,
) {
    let NormGradients { dx, dweight, mut dbias } = gradients;
    let weight = params.weight;
    let (width, n) = (weight.len(), weight.len() as f32);
    for (index, dx) in dx.chunks_exact_mut(width).enumerate() {
        let (x, dy) = (&x[index * width..][..width], &dy[index * width..][..width]);
        let [mean, factor] = [statistics[2 * index], statistics[2 * index + 1]];
        let normal: Vec<f32> = x.iter().map(|x| (x - mean) * factor).collect();
        let inner: Vec<f32> = dy.iter().zip(weight).map(|(dy, w)| dy * w).collect();
        let mean_inner = row_sum(&inner) / n;
        let mean_product = row_dot(&inner, &normal) / n;
        for column in 0..width {
            let centered = inner[column] - mean_inner;
            dx[column] += factor * normal[column].mul_add(-mean_product, centered);
            dweight[column] = dy[column].mul_add(normal[column], dweight[column]);
            if let Some(dbias) = &mut dbias {
                dbias[column] += dy[column];
            }
        }
    }
}

/// The gradients of [`rms`]: `dx` is added to, `dweight` goes on over rows.
pub fn rms_backward(
    params: NormParams<'_>,
    dy: &[f32],
    x: &[f32],
    statistics: &[f32],
    gradients: NormGradients<'_>,
) {
    let NormGradients { dx, dweight, .. } = gradients;
    let weight = params.weight;
    let width = weight.len();
    for (index, dx) in dx.chunks_exact_mut(width).enumerate() {
        let (x, dy) = (&x[index * width..][..width], &dy[index * width..][..width]);
        let factor = statistics[index];
        let normal: Vec<f32> = x.iter().map(|x| x * factor).collect();
        let inner: Vec<f32> = dy.iter().zip(weight).map(|(dy, w)| dy * w).collect();
        let mean_product = row_dot(&inner, &normal) / width as f32;
        for column in 0..width {
            dx[column] += factor * normal[column].mul_add(-mean_product, inner[column]);
            dweight[column] = dy[column].mul_add(normal[column], dweight[column]);
        }
    }
}
