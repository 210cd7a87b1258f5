//! The columns that a selection chooses of each row, their numbers, and the edits that both make.

use std::{ops::Range, sync::Arc};

use lookback_files::{Result, counted};
use lookback_model::{Change, Edit, Steering};

use crate::intervention::selection::{Axis, refuse};

/// Numbers of an edit.
pub(super) enum Numbers {
    /// One for all.
    One(f32),
    /// One for each chosen column.
    Columns(Vec<f32>),
    /// One for each chosen column of each chosen row.
    Rows(Vec<Vec<f32>>),
}

/// The chosen columns of a row: of each head the same dimensions.
pub(super) struct Columns {
    pub(super) heads: Vec<usize>,
    pub(super) dimensions: Vec<usize>,
    /// Of a head, in the row.
    pub(super) head_width: usize,
    pub(super) head_axis: Option<Axis>,
}

impl Columns {
    pub(super) fn count(&self) -> usize {
        self.heads.len() * self.dimensions.len()
    }

    /// In the order in which their numbers stand.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        let of_head = |head: &usize| {
            let first = head * self.head_width;
            self.dimensions.iter().map(move |dimension| first + dimension)
        };
        self.heads.iter().flat_map(of_head)
    }

    pub(super) fn of_row(&self, row: &[f32]) -> Vec<f32> {
        self.iter().map(|column| row[column]).collect()
    }

    /// Neighbours together: their columns, and where their numbers stand.
    fn runs(&self) -> Vec<(Range<usize>, Range<usize>)> {
        let mut runs: Vec<(Range<usize>, Range<usize>)> = Vec::new();
        for (place, column) in self.iter().enumerate() {
            match runs.last_mut() {
                Some((columns, numbers)) if columns.end == column => {
                    (columns.end, numbers.end) = (column + 1, place + 1);
                }
                _ => runs.push((column..column + 1, place..place + 1)),
            }
        }
        runs
    }

    pub(super) fn sentence(&self) -> String {
        let dimensions = counted(self.dimensions.len(), "dimension");
        match self.head_axis {
            Some(axis) => format!("{} of {dimensions}", counted(self.heads.len(), axis.name())),
            None => dimensions,
        }
    }
}

/// Edits that change each element by a number.
pub(super) fn elements(
    change: Change,
    positions: Option<&[usize]>,
    columns: &Columns,
    numbers: Numbers,
) -> Result<Vec<Edit>> {
    let part = |place: Range<usize>| match &numbers {
        Numbers::One(number) => vec![*number],
        Numbers::Columns(numbers) => numbers[place].to_vec(),
        Numbers::Rows(rows) => {
            rows.iter().flat_map(|row| row[place.clone()].iter().copied()).collect()
        }
    };
    let edit = |(run, place): (Range<usize>, Range<usize>)| Edit {
        change,
        positions: bound(positions),
        columns: run,
        numbers: part(place).into(),
    };
    Ok(columns.runs().into_iter().map(edit).collect())
}

fn bound(positions: Option<&[usize]>) -> Option<Arc<[u32]>> {
    positions.map(|positions| positions.iter().map(|&position| position as u32).collect())
}

/// Edits that change rows along vectors: of the length of all chosen columns, together; of a head's, each head
/// by itself.
pub(super) fn steered(
    steering: Steering,
    positions: Option<&[usize]>,
    columns: &Columns,
    vectors: &[Vec<f32>],
) -> Result<Vec<Edit>> {
    let (len, numbers) = (vectors[0].len(), vectors.concat());
    let edit = |columns| Edit {
        change: Change::Steer(steering),
        positions: bound(positions),
        columns,
        numbers: numbers.as_slice().into(),
    };
    let runs = columns.runs();
    if let ([(run, _)], true) = (&runs[..], len == columns.count()) {
        return Ok(vec![edit(run.clone())]);
    }
    let first = columns.dimensions.first().copied().unwrap_or(0);
    let last = columns.dimensions.last().copied().unwrap_or(0);
    let is_of_heads = len == columns.dimensions.len();
    if !is_of_heads || last - first + 1 != len {
        let neighbours = if is_of_heads || len == columns.count() {
            "; along a vector only neighbouring columns change together"
        } else {
            ""
        };
        return refuse(format!(
            "a vector of {} does not fit {} that are chosen{neighbours}",
            counted(len, "number"),
            columns.sentence()
        ));
    }
    let of_head = |head: &usize| {
        let first = head * columns.head_width + first;
        edit(first..first + len)
    };
    Ok(columns.heads.iter().map(of_head).collect())
}

pub(super) fn mean_numbers(columns: &Columns, mean: &[f64]) -> Numbers {
    Numbers::Columns(columns.iter().map(|column| mean[column] as f32).collect())
}

pub(super) fn times(factor: f32, numbers: Numbers) -> Numbers {
    let scaled = |numbers: Vec<f32>| numbers.iter().map(|x| factor * x).collect();
    match numbers {
        Numbers::One(number) => Numbers::One(factor * number),
        Numbers::Columns(numbers) => Numbers::Columns(scaled(numbers)),
        Numbers::Rows(rows) => Numbers::Rows(rows.into_iter().map(scaled).collect()),
    }
}

pub(super) fn length(vector: &[f32]) -> f64 {
    let square = |sum: f64, x: &f32| f64::from(*x) * f64::from(*x) + sum;
    vector.iter().fold(0.0, square).sqrt()
}

/// The vector at length 1.
pub(super) fn unit(vector: &[f32]) -> Result<Vec<f32>> {
    let length = length(vector);
    if length == 0.0 {
        return refuse("a vector of zeros has no direction");
    }
    Ok(vector.iter().map(|x| (f64::from(*x) / length) as f32).collect())
}
