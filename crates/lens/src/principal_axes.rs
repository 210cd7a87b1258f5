//! A flat map of an embedding table: its rows, seen along the axes in which they differ most.
//!
//! The axes are fitted once, to chosen rows of one table (principal components, by the crate
//! nalgebra's eigenvectors of the covariance), and may then show the rows of any table of that width:
//! every snapshot of a run on the same map. Of most tables a flat map keeps a few percent of the
//! variance, so its distances lie; [`PrincipalAxes::shares`] says by how much. Where rows have kinds, two axes
//! that tell the kinds apart may stand first: Fisher's linear discriminants, shrunk (Friedman 1989).

use std::collections::BTreeMap;

use nalgebra::{DMatrix, SymmetricEigen};

use crate::table::Table;

/// Rows whose products are added to the covariance at a time.
const BLOCK: usize = 1024;

/// How much of the variance within kinds counts as the same in all directions, so that few rows do not
/// make an axis of their own.
const SHRINKAGE: f64 = 0.05;

/// The axes in which rows differ most.
#[derive(Clone, Debug, PartialEq)]
pub struct PrincipalAxes {
    /// What is taken from every row: the mean of the rows that were fitted.
    mean: Vec<f64>,
    /// Each of length 1 and square to the others, the one with most variance first.
    axes: Vec<Vec<f64>>,
    shares: Vec<f64>,
    rows: usize,
    /// How many axes tell kinds apart; they stand first.
    discriminants: usize,
}

impl PrincipalAxes {
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

        let eigen = SymmetricEigen::new(covariance(table, |_| &mean, &chosen));
        let total = eigen.eigenvalues.iter().fold(0.0, |sum, x| sum + x.max(0.0));
        let mut order: Vec<usize> = (0..width).collect();
        order.sort_by(|&i, &j| {
            eigen.eigenvalues[j].total_cmp(&eigen.eigenvalues[i]).then(i.cmp(&j))
        });
        order.truncate(count);
        let axes = order.iter().map(|&at| eigen.eigenvectors.column(at).iter().copied().collect());
        let share = |&at: &usize| eigen.eigenvalues[at].max(0.0) / total.max(f64::MIN_POSITIVE);
        let shares = order.iter().map(share).collect();
        let mut fitted = Self { mean, axes: axes.collect(), shares, rows, discriminants: 0 };
        fitted.orient(table, chosen);
        fitted
    }

    /// The same, and before these axes two that tell kinds of rows apart, if there are two kinds.
    pub fn with_discriminants(
        table: &Table<'_>,
        count: usize,
        chosen: impl Fn(usize) -> bool,
        kind: impl Fn(usize) -> Option<u8>,
    ) -> Self {
        let mut fitted = Self::fit(table, count, &chosen);
        let kind = |row: usize| if chosen(row) { kind(row) } else { None };
        let mut axes = discriminants(table, &fitted.mean, kind);
        // The variance of all rows along each, of their variance at all.
        let covariance = covariance(table, |_| &fitted.mean, &chosen);
        let total = covariance.trace().max(f64::MIN_POSITIVE);
        let along = |axis: &Vec<f64>| {
            let axis = DMatrix::from_column_slice(axis.len(), 1, axis);
            (axis.transpose() * &covariance * axis)[0] / total
        };
        let mut shares: Vec<f64> = axes.iter().map(along).collect();
        fitted.discriminants = axes.len();
        axes.append(&mut fitted.axes);
        shares.append(&mut fitted.shares);
        (fitted.axes, fitted.shares) = (axes, shares);
        fitted.orient(table, chosen);
        fitted
    }

    fn orient(&mut self, table: &Table<'_>, chosen: impl Fn(usize) -> bool) {
        let mut skews = vec![0.0; self.axes.len()];
        table.each(|row, values| {
            if chosen(row) {
                for (axis, skew) in skews.iter_mut().enumerate() {
                    *skew += self.coordinate(axis, values).powi(3);
                }
            }
        });
        for (axis, skew) in self.axes.iter_mut().zip(skews) {
            if skew < 0.0 {
                axis.iter_mut().for_each(|x| *x = -*x);
            }
        }
    }

    fn coordinate(&self, axis: usize, values: &[f32]) -> f64 {
        let centred = values.iter().zip(&self.mean).map(|(x, mean)| f64::from(*x) - mean);
        centred.zip(&self.axes[axis]).fold(0.0, |sum, (x, e)| sum + x * e)
    }

    /// How many of the axes, the first, tell kinds of rows apart.
    pub fn discriminant_axes(&self) -> usize {
        self.discriminants
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

/// The two directions along which the means of kinds lie furthest apart, measured by the spread within the
/// kinds, square to each other and of length 1. None where there are fewer than three kinds.
fn discriminants(
    table: &Table<'_>,
    mean: &[f64],
    kind: impl Fn(usize) -> Option<u8>,
) -> Vec<Vec<f64>> {
    let width = table.width();
    let mut kinds: BTreeMap<u8, (f64, Vec<f64>)> = BTreeMap::new();
    table.each(|row, values| {
        let Some(kind) = kind(row) else { return };
        let (rows, sum) = kinds.entry(kind).or_insert_with(|| (0.0, vec![0.0; width]));
        *rows += 1.0;
        sum.iter_mut().zip(values).for_each(|(sum, x)| *sum += f64::from(*x));
    });
    if kinds.len() < 3 || width < 2 {
        return Vec::new();
    }
    for (rows, sum) in kinds.values_mut() {
        sum.iter_mut().for_each(|sum| *sum /= *rows);
    }
    let own = |row: usize| kind(row).map_or(mean, |kind| &kinds[&kind].1);
    let within = covariance(table, own, |row| kind(row).is_some());
    let even = within.trace() / width as f64;
    let within = within * (1.0 - SHRINKAGE)
        + DMatrix::identity(width, width) * (SHRINKAGE * even).max(f64::MIN_POSITIVE);
    let mut between = DMatrix::zeros(width, width);
    for (rows, center) in kinds.values() {
        let away: Vec<f64> = center.iter().zip(mean).map(|(x, mean)| x - mean).collect();
        let away = DMatrix::from_column_slice(width, 1, &away);
        between.gemm(*rows, &away, &away.transpose(), 1.0);
    }
    // With within = L Lᵀ, the directions are L⁻ᵀ u for the largest eigenvectors u of L⁻¹ between L⁻ᵀ.
    let Some(lower) = within.cholesky().map(|cholesky| cholesky.l()) else { return Vec::new() };
    let Some(half) = lower.solve_lower_triangular(&between) else { return Vec::new() };
    let Some(whole) = lower.solve_lower_triangular(&half.transpose()) else { return Vec::new() };
    let eigen = SymmetricEigen::new((&whole + whole.transpose()) * 0.5);
    let mut order: Vec<usize> = (0..width).collect();
    order.sort_by(|&i, &j| eigen.eigenvalues[j].total_cmp(&eigen.eigenvalues[i]).then(i.cmp(&j)));
    let mut axes: Vec<Vec<f64>> = Vec::new();
    for &at in order.iter().take(2) {
        let column = eigen.eigenvectors.column(at).into_owned();
        let Some(axis) = lower.tr_solve_lower_triangular(&column) else { return Vec::new() };
        let mut axis: Vec<f64> = axis.iter().copied().collect();
        for other in &axes {
            let along = axis.iter().zip(other).fold(0.0, |sum, (x, e)| sum + x * e);
            axis.iter_mut().zip(other).for_each(|(x, e)| *x -= along * e);
        }
        let norm = axis.iter().fold(0.0, |sum, x| sum + x * x).sqrt();
        if norm <= 0.0 {
            return Vec::new();
        }
        axes.push(axis.iter().map(|x| x / norm).collect());
    }
    axes
}

/// Sums of products of the chosen rows less their means, `[width, width]`.
fn covariance<'a>(
    table: &Table<'_>,
    mean: impl Fn(usize) -> &'a [f64],
    chosen: impl Fn(usize) -> bool,
) -> DMatrix<f64> {
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
            block.extend(values.iter().zip(mean(row)).map(|(x, mean)| f64::from(*x) - mean));
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
        let axes = PrincipalAxes::fit(&table, 2, |_| true);
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
            let points = PrincipalAxes::fit(&table, 1, |_| true).place(&table, [0, 0]);
            assert!(points[0][0] > 0.0, "{points:?}");
        }
    }

    #[test]
    fn another_table_is_seen_from_the_same_place() {
        let axes = PrincipalAxes::fit(&Table::of_values(&FLAT, 3), 2, |_| true);
        let points = axes.place(&Table::of_values(&[2.0, 2.0, 5.0, 10.0, 10.0, 99.0], 3), [0, 1]);
        assert_near(f64::from(points[0][0]), 0.0);
        assert_near(f64::from(points[1][0]), 8.0 * 2f64.sqrt());
    }

    #[test]
    fn the_first_two_axes_part_the_kinds_where_others_vary_more() {
        // Three kinds around the corners of a small triangle in the first two dimensions; the third has
        // far more variance, and it is the same in every kind.
        let corners = [[0.0, 0.0], [3.0, 0.0], [0.0, 3.0]];
        let values: Vec<f32> = (0..90)
            .flat_map(|row| {
                let [x, y] = corners[row % 3];
                let wobble = |by: usize| (row * by % 7) as f32 * 0.1;
                [x + wobble(3), y + wobble(5), (row * 37 % 101) as f32 * 0.1]
            })
            .collect();
        let table = Table::of_values(&values, 3);
        let plain = PrincipalAxes::fit(&table, 2, |_| true);
        assert_eq!((plain.count(), plain.discriminant_axes()), (2, 0));
        let axes =
            PrincipalAxes::with_discriminants(&table, 2, |_| true, |row| Some((row % 3) as u8));
        assert_eq!((axes.count(), axes.discriminant_axes()), (4, 2));
        assert_near(axes.shares()[2], plain.shares()[0]);
        let points = axes.place(&table, [0, 1]);
        // The most that two of a kind are apart is less than the least that two kinds are.
        let apart = |a: usize, b: usize| {
            let [x, y] = [0, 1].map(|axis| f64::from(points[a][axis] - points[b][axis]));
            x.hypot(y)
        };
        let pairs = || (0..90).flat_map(|a| (0..a).map(move |b| (a, b)));
        let within = pairs().filter(|(a, b)| a % 3 == b % 3).map(|(a, b)| apart(a, b));
        let between = pairs().filter(|(a, b)| a % 3 != b % 3).map(|(a, b)| apart(a, b));
        let (most, least) = (within.fold(0.0, f64::max), between.fold(f64::MAX, f64::min));
        assert!(most < least, "{most} within, {least} between");
        let two =
            PrincipalAxes::with_discriminants(&table, 2, |_| true, |row| Some((row % 2) as u8));
        assert_eq!(two.discriminant_axes(), 0, "two kinds need no plane");
    }

    #[test]
    fn rows_that_are_not_chosen_change_no_axis() {
        let with: Vec<f32> = FLAT.iter().copied().chain([0.0, 900.0, -7.0]).collect();
        let axes = PrincipalAxes::fit(&Table::of_values(&with, 3), 3, |row| row < 5);
        assert_eq!(axes.rows(), 5);
        assert_near(axes.shares()[2], 0.0);
    }

    #[test]
    fn a_table_of_one_row_has_a_map() {
        let table = Table::of_values(&[1.0, 2.0], 2);
        let axes = PrincipalAxes::fit(&table, 8, |_| true);
        assert_eq!(axes.place(&table, [0, 1]), [[0.0, 0.0]]);
        assert_eq!(axes.shares(), [0.0, 0.0]);
    }

    #[test]
    fn many_rows_are_added_block_by_block() {
        let values: Vec<f32> =
            (0..2 * (2 * BLOCK + 3)).map(|at| ((at * 37) % 101) as f32).collect();
        let axes = PrincipalAxes::fit(&Table::of_values(&values, 2), 2, |_| true);
        assert_eq!(axes.rows(), 2 * BLOCK + 3);
        assert_near(axes.shares()[0] + axes.shares()[1], 1.0);
    }
}
