//! The rows of an embedding table, wherever they lie, and which of them point the same way.
//!
//! Copies no table: a model's rows are taken from its weights some at a time.

use std::ops::Range;

use lookback_engine::{ThreadPool, Weights};
use lookback_model::WeightId;

use crate::ranges::in_ranges;

/// Rows that are read at a time.
const CHUNK: usize = 256;
/// Rows that one thread ranks at a time.
const PART: usize = 2048;

/// A table of `[rows, width]`.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    rows: usize,
    width: usize,
    source: RowSource<'a>,
}

#[derive(Clone, Copy, Debug)]
enum RowSource<'a> {
    Values(&'a [f32]),
    Weights(&'a Weights, WeightId),
}

/// A row and its cosine similarity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    /// Which row.
    pub row: usize,
    /// Between −1 and 1; 0 for a row of zeros, which points nowhere.
    pub cosine: f64,
}

impl<'a> Table<'a> {
    /// A table that lies in memory, such as a snapshot's.
    pub fn of_values(values: &'a [f32], width: usize) -> Self {
        Self { rows: values.len() / width.max(1), width, source: RowSource::Values(values) }
    }

    /// The table that a model looks its tokens up in.
    pub fn of_model(weights: &'a Weights) -> Self {
        let network = weights.network();
        let [rows, width] = network.weight(network.embed).shape;
        Self { rows, width, source: RowSource::Weights(weights, network.embed) }
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How long each is.
    pub fn width(&self) -> usize {
        self.width
    }

    /// One row.
    pub fn row(&self, row: usize) -> Vec<f32> {
        let mut values = vec![0.0; self.width];
        self.read(row, &mut values);
        values
    }

    /// Shows every row, in order.
    pub fn each(&self, show: impl FnMut(usize, &[f32])) {
        self.each_of(0..self.rows, show);
    }

    /// Shows the rows of a range, in order.
    fn each_of(&self, range: Range<usize>, mut show: impl FnMut(usize, &[f32])) {
        let mut chunk = vec![0.0; CHUNK.min(range.len()) * self.width];
        for first in range.clone().step_by(CHUNK) {
            let count = CHUNK.min(range.end - first);
            let chunk = &mut chunk[..count * self.width];
            self.read(first, chunk);
            for (row, values) in chunk.chunks_exact(self.width).enumerate() {
                show(first + row, values);
            }
        }
    }

    /// Reads the rows from `first` on that fill `buffer`.
    fn read(&self, first: usize, buffer: &mut [f32]) {
        match self.source {
            RowSource::Values(values) => {
                buffer.copy_from_slice(&values[first * self.width..][..buffer.len()]);
            }
            RowSource::Weights(weights, id) => {
                weights.read_rows(id, first..first + buffer.len() / self.width.max(1), buffer);
            }
        }
    }

    /// The rows that point most nearly the way of a vector, the nearest first; ties by row. Only
    /// rows that `is_candidate` are ranked.
    pub fn nearest(
        &self,
        vector: &[f32],
        k: usize,
        is_candidate: impl Fn(usize) -> bool,
    ) -> Vec<Neighbour> {
        nearest_first(self.ranked(0..self.rows, vector, is_candidate), k)
    }

    /// The same on all threads.
    pub fn nearest_parallel(
        &self,
        pool: &ThreadPool,
        vector: &[f32],
        k: usize,
        is_candidate: impl Fn(usize) -> bool + Sync,
    ) -> Vec<Neighbour> {
        let part = |range| nearest_first(self.ranked(range, vector, &is_candidate), k);
        nearest_first(in_ranges(pool, self.rows, PART, part).concat(), k)
    }

    /// The rows of a range that may stand, with their cosines.
    fn ranked(
        &self,
        range: Range<usize>,
        vector: &[f32],
        is_candidate: impl Fn(usize) -> bool,
    ) -> Vec<Neighbour> {
        let norm = dot(vector, vector).sqrt();
        let mut ranked = Vec::new();
        self.each_of(range, |row, values| {
            if is_candidate(row) {
                let lengths = norm * dot(values, values).sqrt();
                let cosine = dot(vector, values) / lengths.max(f64::MIN_POSITIVE);
                ranked.push(Neighbour { row, cosine });
            }
        });
        ranked
    }
}

/// The nearest of some rows, the nearest first; ties by row.
fn nearest_first(mut rows: Vec<Neighbour>, k: usize) -> Vec<Neighbour> {
    rows.sort_unstable_by(|a, b| b.cosine.total_cmp(&a.cosine).then(a.row.cmp(&b.row)));
    rows.truncate(k);
    rows
}

/// A sum of products in f64, in eight running totals so that it is quick.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f64 {
    let mut totals = [0.0f64; 8];
    let (a, a_rest) = a.as_chunks::<8>();
    let (b, b_rest) = b.as_chunks::<8>();
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            totals[lane] += f64::from(a[lane]) * f64::from(b[lane]);
        }
    }
    let rest = a_rest.iter().zip(b_rest);
    let sum = rest.fold(0.0, |sum, (a, b)| sum + f64::from(*a) * f64::from(*b));
    totals.iter().fold(sum, |sum, total| sum + total)
}

#[cfg(test)]
mod tests {
    use lookback_engine::Isa;

    use super::*;

    const FOUR: [f32; 8] = [1.0, 0.0, 0.0, 2.0, 3.0, 3.0, -5.0, 0.0];

    #[test]
    fn the_nearest_row_points_the_same_way_whatever_its_length() {
        let near = Table::of_values(&FOUR, 2).nearest(&[9.0, 0.0], 4, |_| true);
        let rows: Vec<usize> = near.iter().map(|near| near.row).collect();
        assert_eq!(rows, [0, 2, 1, 3]);
        assert_eq!(near[0].cosine, 1.0);
        assert!((near[1].cosine - 0.5f64.sqrt()).abs() < 1e-12);
        assert_eq!([near[2].cosine, near[3].cosine], [0.0, -1.0]);
    }

    #[test]
    fn many_threads_find_the_same_rows() {
        let values: Vec<f32> = (0..3 * (2 * PART + 7)).map(|at| (at * 37 % 101) as f32).collect();
        let (table, pool) = (Table::of_values(&values, 3), ThreadPool::new(3, Isa::detect()));
        let is_candidate = |row: usize| !row.is_multiple_of(5);
        let alone = table.nearest(&[1.0, -2.0, 3.0], 40, is_candidate);
        assert_eq!(table.nearest_parallel(&pool, &[1.0, -2.0, 3.0], 40, is_candidate), alone);
        assert_eq!(alone.len(), 40);
    }

    #[test]
    fn who_may_not_stand_is_not_ranked() {
        let near = Table::of_values(&FOUR, 2).nearest(&[9.0, 0.0], 1, |row| row != 0);
        assert_eq!(near[0].row, 2);
    }

    #[test]
    fn a_row_of_zeros_points_nowhere() {
        let near = Table::of_values(&[0.0, 0.0], 2).nearest(&[1.0, 0.0], 1, |_| true);
        assert_eq!(near, [Neighbour { row: 0, cosine: 0.0 }]);
    }

    #[test]
    fn a_long_table_is_read_whole_and_in_order() {
        let values: Vec<f32> = (0..3 * (CHUNK + 5)).map(|at| at as f32).collect();
        let mut seen = Vec::new();
        Table::of_values(&values, 3).each(|row, values| {
            assert_eq!(values[0], (3 * row) as f32);
            seen.extend_from_slice(values);
        });
        assert_eq!(seen, values);
    }
}
