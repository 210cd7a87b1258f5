//! A whole matrix at a glance: how its weights are spread, and a small picture of it.

use lookback_engine::Weights;
use lookback_model::WeightId;
use serde::Serialize;

use crate::matrix_row::LayerMatrix;

/// Bins of the histogram.
const BINS: usize = 64;
/// Rows that are read at a time; a whole number of panels.
const ROWS_AT_ONCE: usize = 256;

/// A matrix at a glance.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MatrixSummary {
    /// How its weights are spread.
    pub histogram: Histogram,
    /// The matrix made small.
    pub picture: MatrixPicture,
}

/// How many weights lie where, in bins of equal width from the least weight to the largest.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Histogram {
    /// The least weight.
    pub from: f32,
    /// The largest.
    pub to: f32,
    /// Weights in each bin.
    pub counts: Vec<u64>,
    /// The mean of all.
    pub mean: f64,
    /// Their standard deviation.
    pub deviation: f64,
}

/// Cells of a matrix, each the weight of those it stands for that is largest in size.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MatrixPicture {
    /// Rows of cells.
    pub rows: usize,
    /// Columns of cells.
    pub columns: usize,
    /// `[rows, columns]`
    pub values: Vec<f32>,
}

impl MatrixSummary {
    /// Of a matrix, in at most `side` cells a side. Weights that are not finite are in no bin.
    pub fn new(weights: &Weights, matrix: &LayerMatrix, side: usize) -> Self {
        let (id, [rows, columns]) = (matrix.weight(), [matrix.rows, matrix.columns]);
        let [mut from, mut to] = [f32::INFINITY, f32::NEG_INFINITY];
        let (mut count, mut total, mut squares) = (0u64, 0.0, 0.0);
        let mut picture = MatrixPicture::new([rows, columns], side);
        each_row(weights, id, [rows, columns], |row, values| {
            picture.add(row, values, [rows, columns]);
            for &value in values.iter().filter(|value| value.is_finite()) {
                (from, to) = (from.min(value), to.max(value));
                count += 1;
                total += f64::from(value);
                squares += f64::from(value) * f64::from(value);
            }
        });
        let mean = if count > 0 { total / count as f64 } else { 0.0 };
        let variance = if count > 0 { squares / count as f64 - mean * mean } else { 0.0 };
        if count == 0 {
            [from, to] = [0.0, 0.0];
        }
        let mut counts = vec![0; BINS];
        let width = (f64::from(to) - f64::from(from)) / BINS as f64;
        each_row(weights, id, [rows, columns], |_, values| {
            for &value in values.iter().filter(|value| value.is_finite()) {
                let at = (f64::from(value) - f64::from(from)) / width;
                // All weights alike are one bin of no width.
                let bin = if at.is_finite() { (at as usize).min(BINS - 1) } else { 0 };
                counts[bin] += 1;
            }
        });
        let deviation = variance.max(0.0).sqrt();
        Self { histogram: Histogram { from, to, counts, mean, deviation }, picture }
    }
}

impl MatrixPicture {
    fn new([rows, columns]: [usize; 2], side: usize) -> Self {
        let [rows, columns] = [rows, columns].map(|size| size.min(side.max(1)));
        Self { rows, columns, values: vec![0.0; rows * columns] }
    }

    fn add(&mut self, row: usize, values: &[f32], [rows, columns]: [usize; 2]) {
        let cells = &mut self.values[row * self.rows / rows * self.columns..][..self.columns];
        for (column, &value) in values.iter().enumerate() {
            let cell = &mut cells[column * self.columns / columns];
            if value.abs() > cell.abs() {
                *cell = value;
            }
        }
    }
}

/// Reads a matrix some rows at a time, whatever form it is held in.
fn each_row(
    weights: &Weights,
    id: WeightId,
    [rows, columns]: [usize; 2],
    mut visit: impl FnMut(usize, &[f32]),
) {
    let mut values = vec![0.0; ROWS_AT_ONCE.min(rows) * columns];
    for first in (0..rows).step_by(ROWS_AT_ONCE) {
        let last = (first + ROWS_AT_ONCE).min(rows);
        let values = &mut values[..(last - first) * columns];
        weights.read_rows(id, first..last, values);
        for (row, values) in (first..).zip(values.chunks_exact(columns)) {
            visit(row, values);
        }
    }
}
