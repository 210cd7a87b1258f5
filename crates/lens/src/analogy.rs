//! *king − man + woman*: a sum over rows of a table, what lies nearest to it, and the plane in which
//! all of its arrows lie.
//!
//! The four corners, b, a, c and a − b + c, make a parallelogram, so one plane holds them whatever
//! the width of the model. Nothing else lies in it: how far off an answer stands is part of the
//! answer. Knows rows, not words.

use crate::table::{Neighbour, Table, dot};

/// Which lengths the rows enter the sum with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lengths {
    /// Those that the model uses.
    Own,
    /// All 1, as most tools have it: only directions count.
    One,
}

/// The sum, drawn and ranked.
#[derive(Clone, Debug, PartialEq)]
pub struct Analogy {
    /// Where a, b and c lie.
    pub inputs: [PlanePoint; 3],
    /// Where a − b + c lies.
    pub result: PlanePoint,
    /// Where the origin of the space lies, which all rows are measured from.
    pub origin: PlanePoint,
    /// The length of a − b + c.
    pub norm: f64,
    /// The lengths of the two steps, from b to a and from b to c.
    pub steps: [f64; 2],
    /// How many directions the plane really has: fewer than 2 where words repeat.
    pub directions: usize,
    /// The rows nearest to the sum, the inputs among them.
    pub answers: Vec<AnalogyAnswer>,
}

/// A point seen from the plane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlanePoint {
    /// Along the step from b to c.
    pub x: f64,
    /// Across it, on a's side.
    pub y: f64,
    /// How far off the plane it stands.
    pub off_plane: f64,
}

/// A row that may be the answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AnalogyAnswer {
    /// Which row.
    pub row: usize,
    /// Between it and the sum.
    pub cosine: f64,
    /// How far it stands from the sum, in all dimensions.
    pub distance: f64,
    /// Where it lies.
    pub placed: PlanePoint,
    /// Whether it is a, b or c, which tools leave out without a word.
    pub is_input: bool,
    /// The cosine between the step from b to c and the step from a to this row: 1 were they
    /// parallel. None where either has no length.
    pub parallel: Option<f64>,
}

/// Adds and ranks. Only rows that `is_candidate`, and the inputs, are ranked; `max_answers` of those that are
/// no inputs.
pub fn analogy(
    table: &Table<'_>,
    [a, b, c]: [usize; 3],
    lengths: Lengths,
    max_answers: usize,
    is_candidate: impl Fn(usize) -> bool,
) -> Analogy {
    let row = |row: usize| {
        let mut values = table.row(row);
        if lengths == Lengths::One {
            let norm = dot(&values, &values).sqrt().max(f64::MIN_POSITIVE);
            values.iter_mut().for_each(|x| *x = (f64::from(*x) / norm) as f32);
        }
        values
    };
    let [at_a, at_b, at_c] = [a, b, c].map(row);
    let sum: Vec<f32> = at_a.iter().zip(&at_b).zip(&at_c).map(|((a, b), c)| a - b + c).collect();
    let (to_a, to_c) = (minus(&at_a, &at_b), minus(&at_c, &at_b));
    let plane = Plane::through(&at_b, &to_c, &to_a);

    let is_input = |row: usize| [a, b, c].contains(&row);
    let ranked = table.nearest(&sum, max_answers + 3, |row| is_input(row) || is_candidate(row));
    let mut others = 0;
    let kept = ranked.into_iter().filter(|near| {
        others += usize::from(!is_input(near.row));
        is_input(near.row) || others <= max_answers
    });
    let answers = kept.map(|Neighbour { row: index, cosine }| {
        let values = row(index);
        let step: Vec<f32> = values.iter().zip(&at_a).map(|(x, a)| x - a).collect();
        let to_c: Vec<f32> = to_c.iter().map(|&x| x as f32).collect();
        let both = (dot(&step, &step) * dot(&to_c, &to_c)).sqrt();
        AnalogyAnswer {
            row: index,
            cosine,
            distance: norm(&minus(&values, &sum)),
            placed: plane.place(&values),
            is_input: is_input(index),
            parallel: (both > 0.0).then(|| dot(&step, &to_c) / both),
        }
    });
    Analogy {
        inputs: [&at_a, &at_b, &at_c].map(|point| plane.place(point)),
        result: plane.place(&sum),
        origin: plane.place(&vec![0.0; table.width()]),
        norm: dot(&sum, &sum).sqrt(),
        steps: [norm(&to_a), norm(&to_c)],
        directions: plane.directions,
        answers: answers.collect(),
    }
}

/// A plane: a point in it and two directions, each of length 1, one square to the other. A direction
/// that is missing is all zeros.
#[derive(Clone, Debug, PartialEq)]
struct Plane {
    through: Vec<f32>,
    across: Vec<f64>,
    up: Vec<f64>,
    directions: usize,
}

/// What is left of an arrow, compared with it, when nothing but rounding is left.
const ROUNDING: f64 = 1e-6;

impl Plane {
    /// The plane of two arrows from one point; the first lies along `across`.
    fn through(point: &[f32], first: &[f64], second: &[f64]) -> Self {
        let across = direction(first, norm(first));
        let along = product(&across, second);
        let rest: Vec<f64> = second.iter().zip(&across).map(|(x, e)| x - along * e).collect();
        let up = direction(&rest, norm(second));
        let directions = [&across, &up].iter().filter(|axis| norm(axis) > 0.0).count();
        Self { through: point.to_vec(), across, up, directions }
    }

    fn place(&self, point: &[f32]) -> PlanePoint {
        let arrow = minus(point, &self.through);
        let (x, y) = (product(&self.across, &arrow), product(&self.up, &arrow));
        let axes = self.across.iter().zip(&self.up);
        let rest: Vec<f64> =
            arrow.iter().zip(axes).map(|(value, (e, f))| value - x * e - y * f).collect();
        PlanePoint { x, y, off_plane: norm(&rest) }
    }
}

/// An arrow at length 1, or zeros where it is nothing but the rounding of something `of` this length.
fn direction(arrow: &[f64], scale: f64) -> Vec<f64> {
    let norm = norm(arrow);
    let is_there = norm > ROUNDING * scale;
    arrow.iter().map(|x| if is_there { x / norm } else { 0.0 }).collect()
}

fn minus(a: &[f32], b: &[f32]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) - f64::from(*b)).collect()
}

fn product(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + a * b)
}

fn norm(arrow: &[f64]) -> f64 {
    product(arrow, arrow).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// man, woman, king, queen, bread: royalty upwards, gender to the right, and two more
    /// dimensions, in which only queen and bread differ.
    #[rustfmt::skip]
    const WORDS: [f32; 20] = [
        1.0, 1.0, 1.0, 0.0,
        3.0, 1.0, 1.0, 0.0,
        1.0, 4.0, 1.0, 0.0,
        3.0, 4.0, 1.0, 1.0,
        0.0, 0.0, 0.0, 5.0,
    ];
    const MAN: usize = 0;
    const WOMAN: usize = 1;
    const KING: usize = 2;
    const QUEEN: usize = 3;

    fn royal(lengths: Lengths) -> Analogy {
        analogy(&Table::of_values(&WORDS, 4), [KING, MAN, WOMAN], lengths, 2, |_| true)
    }

    fn assert_near(placed: PlanePoint, [x, y, off_plane]: [f64; 3]) {
        let is_near = |a: f64, b: f64| (a - b).abs() < 1e-6;
        assert!(
            is_near(placed.x, x) && is_near(placed.y, y) && is_near(placed.off_plane, off_plane),
            "{placed:?} is not at {x}, {y}, {off_plane} off"
        );
    }

    #[test]
    fn the_corners_lie_in_the_plane() {
        let analogy = royal(Lengths::Own);
        let [king, man, woman] = analogy.inputs;
        assert_near(man, [0.0, 0.0, 0.0]);
        assert_near(woman, [2.0, 0.0, 0.0]);
        assert_near(king, [0.0, 3.0, 0.0]);
        assert_near(analogy.result, [2.0, 3.0, 0.0]);
        assert_near(analogy.origin, [-1.0, -1.0, 1.0]);
        assert_eq!(analogy.steps, [3.0, 2.0]);
        assert_eq!(analogy.directions, 2);
    }

    #[test]
    fn the_answer_stands_off_the_plane_by_what_no_arrow_explains() {
        let analogy = royal(Lengths::Own);
        let queen = analogy.answers.iter().find(|answer| answer.row == QUEEN).unwrap();
        assert_near(queen.placed, [2.0, 3.0, 1.0]);
        assert!((queen.distance - 1.0).abs() < 1e-6);
        assert!((queen.cosine - 26.0 / (26.0f64 * 27.0).sqrt()).abs() < 1e-6);
        assert!((queen.parallel.unwrap() - 2.0 / 5.0f64.sqrt()).abs() < 1e-6);
    }

    #[test]
    fn the_inputs_are_ranked_and_marked_and_do_not_take_the_others_places() {
        let analogy = royal(Lengths::Own);
        let ranked: Vec<(usize, bool)> =
            analogy.answers.iter().map(|answer| (answer.row, answer.is_input)).collect();
        assert_eq!(ranked, [(QUEEN, false), (KING, true), (MAN, true), (WOMAN, true), (4, false)]);
    }

    #[test]
    fn only_words_that_may_answer_are_ranked() {
        let table = Table::of_values(&WORDS, 4);
        let analogy = analogy(&table, [KING, MAN, WOMAN], Lengths::Own, 2, |row| row == 4);
        let others = analogy.answers.iter().filter(|answer| !answer.is_input);
        assert_eq!(others.map(|answer| answer.row).collect::<Vec<_>>(), [4]);
    }

    #[test]
    fn at_length_one_every_row_has_length_one() {
        let analogy = royal(Lengths::One);
        for corner in analogy.inputs.into_iter().chain([analogy.result]) {
            assert!(corner.off_plane < 1e-6);
        }
        let step = (analogy.inputs[2].x.powi(2) + analogy.inputs[2].y.powi(2)).sqrt();
        assert!((analogy.steps[1] - step).abs() < 1e-6);
    }

    #[test]
    fn words_that_repeat_leave_a_line_or_a_point() {
        let table = Table::of_values(&WORDS, 4);
        let line = analogy(&table, [KING, MAN, MAN], Lengths::Own, 1, |_| true);
        assert_eq!(line.directions, 1);
        assert_near(line.result, [line.inputs[0].x, line.inputs[0].y, 0.0]);
        assert_eq!(line.answers[0].row, KING);
        assert_eq!(line.answers[0].parallel, None);
        let point = analogy(&table, [MAN, MAN, MAN], Lengths::Own, 1, |_| true);
        assert_eq!(point.directions, 0);
        assert!(point.answers.iter().all(|answer| answer.placed.off_plane.is_finite()));
    }
}
