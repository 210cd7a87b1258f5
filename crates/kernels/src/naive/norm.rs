//! Layer norm (Ba et al. 2016) and RMS norm (Zhang and Sennrich 2019), row by row, with gradients.

use super::sums::{row_dot, row_sum};
use crate::norm::{NormGradients, NormParams};

/// y = (x − mean) / deviation · weight + bias. Statistics `[rows, 2]`: mean, 1 / deviation.
pub fn layer(params: NormParams<'_>, x: &[f32], y: &mut [f32], mut statistics: Option<&mut [f32]>) {
    let NormParams { width, weight, bias, epsilon } = params;
    let n = width as f32;
    for (index, (x, y)) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)).enumerate() {
        let first = index % params.heads() * width;
        let mean = row_sum(x) / n;
        let deviations: Vec<f32> = x.iter().map(|x| x - mean).collect();
        let variance = row_dot(&deviations, &deviations) / n;
        let factor = 1.0 / (variance + epsilon).sqrt();
        for column in 0..width {
            let normal = deviations[column] * factor;
            y[column] = match bias {
                Some(bias) => normal.mul_add(weight[first + column], bias[first + column]),
                None => normal * weight[first + column],
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
    let NormParams { width, weight, epsilon, .. } = params;
    for (index, (x, y)) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)).enumerate() {
        let first = index % params.heads() * width;
        let factor = 1.0 / (row_dot(x, x) / width as f32 + epsilon).sqrt();
        for column in 0..width {
            y[column] = x[column] * factor * weight[first + column];
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
    let (width, n) = (params.width, params.width as f32);
    for (index, dx) in dx.chunks_exact_mut(width).enumerate() {
        let first = index % params.heads() * width;
        let weight = &params.weight[first..][..width];
        let (x, dy) = (&x[index * width..][..width], &dy[index * width..][..width]);
        let [mean, factor] = [statistics[2 * index], statistics[2 * index + 1]];
        let normal: Vec<f32> = x.iter().map(|x| (x - mean) * factor).collect();
        let inner: Vec<f32> = dy.iter().zip(weight).map(|(dy, w)| dy * w).collect();
        let mean_inner = row_sum(&inner) / n;
        let mean_product = row_dot(&inner, &normal) / n;
        for column in 0..width {
            let centered = inner[column] - mean_inner;
            dx[column] += factor * normal[column].mul_add(-mean_product, centered);
            let sum = &mut dweight[first + column];
            *sum = dy[column].mul_add(normal[column], *sum);
            if let Some(dbias) = &mut dbias {
                dbias[first + column] += dy[column];
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
    let width = params.width;
    for (index, dx) in dx.chunks_exact_mut(width).enumerate() {
        let first = index % params.heads() * width;
        let weight = &params.weight[first..][..width];
        let (x, dy) = (&x[index * width..][..width], &dy[index * width..][..width]);
        let factor = statistics[index];
        let normal: Vec<f32> = x.iter().map(|x| x * factor).collect();
        let inner: Vec<f32> = dy.iter().zip(weight).map(|(dy, w)| dy * w).collect();
        let mean_product = row_dot(&inner, &normal) / width as f32;
        for column in 0..width {
            dx[column] += factor * normal[column].mul_add(-mean_product, inner[column]);
            let sum = &mut dweight[first + column];
            *sum = dy[column].mul_add(normal[column], *sum);
        }
    }
}
