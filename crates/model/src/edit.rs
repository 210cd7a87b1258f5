//! A change of some elements of a value, as a step of a program: ablation, activation patching, steering.
//!
//! An edit is bound to positions of a sequence, not to rows of a batch: chunks, batches and caches change
//! none of its results. What it takes from elsewhere (a mean, another prompt's activation) is a constant.

use std::{ops::Range, sync::Arc};

use lookback_kernels::steer::Steering;

/// What happens to an element, or to the chosen part of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// It becomes the given number.
    Set,
    /// The given number is added.
    Add,
    /// It is multiplied with the given number.
    Scale,
    /// The chosen columns of a row change together, along a vector.
    Steer(Steering),
}

/// A change of the chosen columns at the chosen positions.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    /// What happens to each chosen element.
    pub change: Change,
    /// Positions of every sequence, ascending; all of them if none are named.
    pub positions: Option<Arc<[u32]>>,
    /// Columns of a row: all of it, one neuron, one head's part.
    pub columns: Range<usize>,
    /// One number for all, a number for each column, or `[positions, columns]`. Where a row is steered,
    /// the vectors of the steering, each of a number for each column.
    pub numbers: Arc<[f32]>,
}

impl Edit {
    /// Whether it can be applied to rows of this width.
    pub fn fits(&self, width: usize) -> bool {
        let columns = self.columns.len();
        let all = self.positions.as_ref().map(|positions| positions.len() * columns);
        let is_ascending =
            self.positions.iter().all(|positions| positions.windows(2).all(|two| two[0] < two[1]));
        let len = self.numbers.len();
        let has_numbers = match self.change {
            Change::Set | Change::Add | Change::Scale => {
                len == 1 || len == columns || Some(len) == all
            }
            Change::Steer(steering) => len == steering.vectors() * columns,
        };
        !self.columns.is_empty() && self.columns.end <= width && is_ascending && has_numbers
    }

    /// Which of the chosen positions a position is; none if it is not chosen.
    fn place(&self, position: u32) -> Option<usize> {
        match &self.positions {
            None => Some(0),
            Some(positions) => positions.binary_search(&position).ok(),
        }
    }

    /// Whether the row of a position is changed.
    pub fn is_at(&self, position: u32) -> bool {
        self.place(position).is_some()
    }

    /// The number that each chosen column meets in the row of a position; none where the row stays.
    pub fn row(&self, position: u32) -> Option<impl Iterator<Item = f32> + '_> {
        let (place, columns) = (self.place(position)?, self.columns.len());
        let numbers = &*self.numbers;
        let at = move |column: usize| match numbers.len() {
            1 => numbers[0],
            len if len == columns => numbers[column],
            _ => numbers[place * columns + column],
        };
        Some((0..columns).map(at))
    }
}
