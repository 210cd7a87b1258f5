//! The results of a sweep: a number for each cell of a grid, and how far an approximation agrees.

use serde::Serialize;

/// The metric of every changed pass of one kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SweepGrid {
    /// The kind's name.
    pub kind: String,
    /// What its axes are called.
    pub axes: Vec<&'static str>,
    /// As many as axes.
    pub shape: Vec<usize>,
    /// What stands beside the cells of one axis, of senders that were named alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub senders: Vec<String>,
    /// The metric, in row-major order. Empty where only attributions were asked for.
    pub values: Vec<f64>,
    /// (value − corrupted) / (clean − corrupted), where the two differ and both are meant.
    pub normalized: Option<Vec<f64>>,
    /// What one backward pass says that each value is more than that of the corrupted pass.
    pub attribution: Option<Vec<f64>>,
    /// How far attributions and changed passes agree, where both were made.
    pub agreement: Option<Agreement>,
}

/// How far predicted and real changes of a metric agree.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Agreement {
    /// Pearson's correlation; none where one of them does not vary.
    pub pearson: Option<f64>,
    /// The largest difference.
    pub max_error: f64,
    /// The largest real change.
    pub max_change: f64,
}

impl Agreement {
    /// Of predicted and real changes.
    pub fn new(predicted: &[f64], real: &[f64]) -> Self {
        let largest =
            |all: &mut dyn Iterator<Item = f64>| all.fold(0.0, |a: f64, b| a.max(b.abs()));
        Self {
            pearson: pearson(predicted, real),
            max_error: largest(&mut predicted.iter().zip(real).map(|(x, y)| x - y)),
            max_change: largest(&mut real.iter().copied()),
        }
    }
}

/// Pearson's correlation.
fn pearson(x: &[f64], y: &[f64]) -> Option<f64> {
    let count = x.len().min(y.len()) as f64;
    let mean = |of: &[f64]| of.iter().fold(0.0, |sum, x| sum + x) / count;
    let (mean_x, mean_y) = (mean(x), mean(y));
    let sum = |of: &dyn Fn(f64, f64) -> f64| {
        x.iter().zip(y).fold(0.0, |sum, (x, y)| sum + of(x - mean_x, y - mean_y))
    };
    let product = sum(&|x, _| x * x).sqrt() * sum(&|_, y| y * y).sqrt();
    let together = sum(&|x, y| x * y);
    (product > 0.0).then(|| together / product)
}

impl SweepGrid {
    /// Adds the numbers of another grid of the same shape, for a mean over several prompts.
    pub fn add(&mut self, other: &Self) {
        let sum = |to: &mut Vec<f64>, from: &[f64]| {
            to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        };
        sum(&mut self.values, &other.values);
        if let (Some(to), Some(from)) = (&mut self.attribution, &other.attribution) {
            sum(to, from);
        }
    }

    /// Divides all numbers, and says what follows from them: shares of the whole change from `corrupted` to
    /// `clean`, where that is meant, and the agreement.
    pub fn finish(&mut self, count: usize, corrupted: f64, clean: Option<f64>) {
        let scale = |of: &mut Vec<f64>| of.iter_mut().for_each(|x| *x /= count as f64);
        scale(&mut self.values);
        self.attribution.iter_mut().for_each(scale);
        let whole = clean.map(|clean| clean - corrupted).filter(|whole| *whole != 0.0);
        let share = |whole: f64| self.values.iter().map(|x| (x - corrupted) / whole).collect();
        self.normalized = whole.filter(|_| !self.values.is_empty()).map(share);
        if let (Some(predicted), false) = (&self.attribution, self.values.is_empty()) {
            let real: Vec<f64> = self.values.iter().map(|x| x - corrupted).collect();
            self.agreement = Some(Agreement::new(predicted, &real));
        }
    }

    /// The numbers that are shown: shares where there are any, or else changes of the metric.
    pub fn shown(&self, corrupted: f64) -> Vec<f64> {
        match (&self.normalized, &self.attribution) {
            (Some(normalized), _) => normalized.clone(),
            (None, Some(attribution)) if self.values.is_empty() => attribution.clone(),
            _ => self.values.iter().map(|x| x - corrupted).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agreement_is_that_of_the_definition() {
        let agreement = Agreement::new(&[1.0, 2.0, 3.0], &[2.0, 4.0, 6.0]);
        assert!((agreement.pearson.unwrap_or(0.0) - 1.0).abs() < 1e-12, "{agreement:?}");
        assert_eq!([agreement.max_error, agreement.max_change], [3.0, 6.0]);
        assert!((pearson(&[1.0, -1.0], &[-2.0, 2.0]).unwrap_or(0.0) + 1.0).abs() < 1e-12);
        assert_eq!(pearson(&[1.0, 1.0], &[0.0, 2.0]), None);
    }

    #[test]
    fn a_mean_of_grids_has_the_mean_of_cells() {
        let grid = |values: &[f64]| SweepGrid { values: values.to_vec(), ..SweepGrid::default() };
        let mut sum = grid(&[1.0, 3.0]);
        sum.add(&grid(&[3.0, 5.0]));
        sum.finish(2, 2.0, Some(4.0));
        assert_eq!((sum.values, sum.normalized), (vec![2.0, 4.0], Some(vec![0.0, 1.0])));
    }
}
