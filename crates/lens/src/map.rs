//! A flat map of an embedding table: its rows, seen along the axes in which they differ most.
//!
//! The axes are fitted once, to chosen rows of one table (principal components, by the crate
//! nalgebra's eigenvectors of the covariance), and may then show the rows of any table of that width:
//! every snapshot of a run on the same map. Of most tables a flat map keeps a few percent of the
//! variance, so its distances lie; [`Axes::shares`] says by how much.

use nalgebra::{DMatrix, SymmetricEigen};

use crate::table::Table;

/// Rows whose products are added to the covariance at a time.
const BLOCK: usize = 1024;

/// The axes in which rows differ most.
#[derive(Clone, Debug, PartialEq)]
pub struct Axes {
    /// What is taken from every row: the mean of the rows that were fitted.
    mean: Vec<f64>,
    /// Each of length 1 and square to the others, the one with most variance first.
    axes: Vec<Vec<f64>>,
    shares: Vec<f64>,
    rows: usize,
}

impl Axes {
    /// Fits `count` axes, or as many as the table is wide, to the rows that are `chosen`.
    ///
    /// An eigenvector has no sign of its own; each axis is turned so that the rows lean to its
    /// positive side (the sum of their cubed coordinates is not negative).
    pub fn fit(table: &Table<'_>, count: usize, chosen: impl Fn(usize) -> bool) -> Self {
        let width = table.width();
        let (mut mean, mut rows) = (vec![0.0; width], 0);
        table.each(|row, values| {
            if chosen(row) {
                rows += 1;
                mean.iter_mut().zip(values).for_each(|(sum, x)| *sum += f64::from(*x));
            }
        });
        mean.iter_mut().for_each(|sum| *sum /= f64::from(rows.max(1) as u32));

        let eigen = SymmetricEigen::new(covariance(table, &mean, &chosen));
        let total = eigen.eigenvalues.iter().fold(0.0, |sum, x| sum + x.max(0.0));
        let mut order: Vec<usize> = (0..width).collect();
        order.sort_by(|&i, &j| {
            eigen.eigenvalues[j].total_cmp(&eigen.eigenvalues[i]).then(i.cmp(&j))
        });
        order.truncate(count);
        let axes = order.iter().map(|&at| eigen.eigenvectors.column(at).iter().copied().collect());
        let share = |&at: &usize| eigen.eigenvalues[at].max(0.0) / total.max(f64::MIN_POSITIVE);
        let shares = order.iter().map(share).collect();
        let mut fitted = Self { mean, axes: axes.collect(), shares, rows };
        fitted.turn(table, chosen);
        fitted
    }

    fn turn(&mut self, table: &Table<'_>, chosen: impl Fn(usize) -> bool) {
        let mut leans = vec![0.0; self.axes.len()];
        table.each(|row, values| {
            if chosen(row) {
                for (axis, lean) in leans.iter_mut().enumerate() {
                    *lean += self.coordinate(axis, values).powi(3);
                }
            }
        });
        for (axis, lean) in self.axes.iter_mut().zip(leans) {
            if lean < 0.0 {
                axis.iter_mut().for_each(|x| *x = -*x);
            }
        }
    }

    fn coordinate(&self, axis: usize, values: &[f32]) -> f64 {
        let centred = values.iter().zip(&self.mean).map(|(x, mean)| f64::from(*x) - mean);
        centred.zip(&self.axes[axis]).fold(0.0, |sum, (x, e)| sum + x * e)
    }

    /// How many axes were fitted.
    pub fn count(&self) -> usize {
        self.axes.len()
    }

    /// To how many rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Which share of the fitted rows' variance each axis shows; all shares of all axes are 1.
    pub fn shares(&self) -> &[f64] {
        &self.shares
    }

    /// Where every row of a table lies along two of the axes.
    pub fn place(&self, table: &Table<'_>, [x, y]: [usize; 2]) -> Vec<[f32; 2]> {
        let mut points = Vec::with_capacity(table.rows());
        table.each(|_, values| {
            points.push([x, y].map(|axis| self.coordinate(axis, values) as f32));
        });
        points
    }
}

/// Sums of products of the chosen rows less their mean, `[width, width]`.
fn covariance(table: &Table<'_>, mean: &[f64], chosen: impl Fn(usize) -> bool) -> DMatrix<f64> {
    let width = table.width();
    let mut sums = DMatrix::zeros(width, width);
    let mut block: Vec<f64> = Vec::with_capacity(BLOCK * width);
    let mut add = |block: &mut Vec<f64>| {
        // nalgebra keeps columns together, so that each of our rows is a column of its.
        let rows = DMatrix::from_column_slice(width, block.len() / width.max(1), block);
        sums.gemm(1.0, &rows, &rows.transpose(), 1.0);
        block.clear();
    };
    table.each(|row, values| {
        if chosen(row) {
            block.extend(values.iter().zip(mean).map(|(x, mean)| f64::from(*x) - mean));
            if block.len() == BLOCK * width {
                add(&mut block);
            }
        }
    });
    add(&mut block);
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Along (1, 1, 0) far, along (1, −1, 0) less, along the third axis not at all; not centred.
    #[rustfmt::skip]
    const FLAT: [f32; 15] = [
        10.0, 10.0, 5.0,
        -2.0, -2.0, 5.0,
        -2.0, -2.0, 5.0,
         3.0,  1.0, 5.0,
         1.0,  3.0, 5.0,
    ];

    fn assert_near(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-6, "{a} is not {b}");
    }

    #[test]
    fn the_first_axis_is_the_one_in_which_rows_differ_most() {
        let table = Table::of_values(&FLAT, 3);
        let axes = Axes::fit(&table, 2, |_| true);
        assert_eq!((axes.count(), axes.rows()), (2, 5));
        // Means are 2, 2, 5; along the first axis the rows lie at 8, −4, −4, 0, 0 times √2.
        assert_near(axes.shares()[0], 192.0 / 196.0);
        assert_near(axes.shares()[1], 4.0 / 196.0);
        let points = axes.place(&table, [0, 1]);
        assert_near(f64::from(points[0][0]), 8.0 * 2f64.sqrt());
        assert_near(f64::from(points[1][0]), -4.0 * 2f64.sqrt());
        assert_near(f64::from(points[3][1].abs()), 2f64.sqrt());
        assert_near(f64::from(points[3][1] + points[4][1]), 0.0);
    }

    #[test]
    fn rows_lean_to_the_positive_side() {
        let turned: Vec<f32> = FLAT.iter().map(|x| -x).collect();
        for values in [FLAT.as_slice(), &turned] {
            let table = Table::of_values(values, 3);
            let points = Axes::fit(&table, 1, |_| true).place(&table, [0, 0]);
            assert!(points[0][0] > 0.0, "{points:?}");
        }
    }

    #[test]
    fn another_table_is_seen_from_the_same_place() {
        let axes = Axes::fit(&Table::of_values(&FLAT, 3), 2, |_| true);
        let points = axes.place(&Table::of_values(&[2.0, 2.0, 5.0, 10.0, 10.0, 99.0], 3), [0, 1]);
        assert_near(f64::from(points[0][0]), 0.0);
        assert_near(f64::from(points[1][0]), 8.0 * 2f64.sqrt());
    }

    #[test]
    fn rows_that_are_not_chosen_change_no_axis() {
        let with: Vec<f32> = FLAT.iter().copied().chain([0.0, 900.0, -7.0]).collect();
        let axes = Axes::fit(&Table::of_values(&with, 3), 3, |row| row < 5);
        assert_eq!(axes.rows(), 5);
        assert_near(axes.shares()[2], 0.0);
    }

    #[test]
    fn a_table_of_one_row_has_a_map() {
        let table = Table::of_values(&[1.0, 2.0], 2);
        let axes = Axes::fit(&table, 8, |_| true);
        assert_eq!(axes.place(&table, [0, 1]), [[0.0, 0.0]]);
        assert_eq!(axes.shares(), [0.0, 0.0]);
    }

    #[test]
    fn many_rows_are_added_block_by_block() {
        let values: Vec<f32> =
            (0..2 * (2 * BLOCK + 3)).map(|at| ((at * 37) % 101) as f32).collect();
        let axes = Axes::fit(&Table::of_values(&values, 2), 2, |_| true);
        assert_eq!(axes.rows(), 2 * BLOCK + 3);
        assert_near(axes.shares()[0] + axes.shares()[1], 1.0);
    }
}
