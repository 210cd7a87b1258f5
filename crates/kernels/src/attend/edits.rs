//! Changes of an attention's scores and weights: what they are, and what they make of one row.
//!
//! Knows neither queries nor keys, only a row's numbers; see `edited` for the kernel that calls it.

use std::{ops::Range, sync::Arc};

/// What happens to a score or a weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElementChange {
    /// It becomes the given number.
    Set,
    /// The given number is added.
    Add,
    /// It is multiplied with the given number.
    Scale,
}

impl ElementChange {
    /// The changed number.
    fn apply(self, x: f32, number: f32) -> f32 {
        match self {
            Self::Set => number,
            Self::Add => x + number,
            Self::Scale => x * number,
        }
    }

    /// The gradient of what was changed, from that of the changed number.
    fn gradient(self, dx: f32, number: f32) -> f32 {
        match self {
            Self::Set => 0.0,
            Self::Add => dx,
            Self::Scale => dx * number,
        }
    }
}

/// What happens to the chosen scores or weights of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum AttentionChange {
    /// Scores that enter the softmax. One number for all, or one for each: `[heads, queries, keys]`.
    Scores(ElementChange, Arc<[f32]>),
    /// Only so many of the largest scores stay, of equal ones those of the lower keys; the others become −inf.
    /// Attention that keeps one is hard.
    KeepTop(usize),
    /// Weights that multiply values. Numbers as of scores.
    Pattern(ElementChange, Arc<[f32]>),
}

/// A change of the chosen scores or weights of an attention, bound to positions of a sequence.
///
/// Lists ascend; where none is given, all are chosen. Of a row only the keys that it sees are changed.
#[derive(Clone, Debug, PartialEq)]
pub struct AttentionEdit {
    /// Query heads.
    pub heads: Option<Arc<[u32]>>,
    /// Positions of queries.
    pub queries: Option<Arc<[u32]>>,
    /// Positions of keys.
    pub keys: Option<Arc<[u32]>>,
    /// What happens to them.
    pub change: AttentionChange,
}

/// Where an index stands in a list of the chosen ones.
fn place(list: Option<&[u32]>, index: usize) -> Option<usize> {
    match list {
        None => Some(index),
        Some(list) => list.binary_search(&(index as u32)).ok(),
    }
}

/// The keys of a row that are chosen, with where they stand in the list; only those that it sees.
fn chosen(keys: Option<&[u32]>, seen: &Range<usize>) -> impl Iterator<Item = (usize, usize)> {
    let all = if keys.is_none() { seen.clone() } else { 0..0 };
    let seen = seen.clone();
    let listed = keys.unwrap_or(&[]).iter().map(|&key| key as usize).enumerate();
    all.map(|key| (key, key))
        .chain(listed.filter(move |(_, key)| seen.contains(key)))
        .map(|(place, key)| (key, place))
}

impl AttentionEdit {
    /// Whether it changes scores, or else weights.
    pub fn is_of_scores(&self) -> bool {
        match self.change {
            AttentionChange::Scores(..) | AttentionChange::KeepTop(_) => true,
            AttentionChange::Pattern(..) => false,
        }
    }

    /// Whether it may change a row of a head.
    pub fn has_row(&self, head: usize, position: usize) -> bool {
        place(self.heads.as_deref(), head).is_some()
            && place(self.queries.as_deref(), position).is_some()
    }

    /// Hands each chosen key of a row that it sees to `each`, with the number that it meets.
    fn for_each_key(
        &self,
        numbers: &[f32],
        [head, position]: [usize; 2],
        seen: &Range<usize>,
        mut each: impl FnMut(usize, f32),
    ) {
        let Some(head) = place(self.heads.as_deref(), head) else { return };
        let Some(query) = place(self.queries.as_deref(), position) else { return };
        let (queries, keys) = (self.queries.as_deref(), self.keys.as_deref());
        let first = match (queries, keys) {
            (Some(queries), Some(keys)) => (head * queries.len() + query) * keys.len(),
            _ => 0,
        };
        for (key, place) in chosen(keys, seen) {
            each(key, if let [number] = numbers { *number } else { numbers[first + place] });
        }
    }
}

/// Whether some edit may change the scores or the weights of a row of a head.
pub fn has_row(edits: &[AttentionEdit], head: usize, position: usize) -> bool {
    edits.iter().any(|edit| edit.has_row(head, position))
}

/// Whether some edit may change the weights of a row of a head.
pub fn has_pattern_row(edits: &[AttentionEdit], head: usize, position: usize) -> bool {
    edits.iter().any(|edit| !edit.is_of_scores() && edit.has_row(head, position))
}

/// Changes the scores of a row, keys from position 0, of which it sees `seen`, by each edit in turn. Gives
/// whether a bit of them is another than before.
pub fn edit_scores(
    edits: &[AttentionEdit],
    [head, position]: [usize; 2],
    seen: &Range<usize>,
    scores: &mut [f32],
) -> bool {
    let mut is_changed = false;
    for edit in edits {
        match &edit.change {
            AttentionChange::Scores(change, numbers) => {
                edit.for_each_key(numbers, [head, position], seen, |key, number| {
                    let changed = change.apply(scores[key], number);
                    is_changed |= changed.to_bits() != scores[key].to_bits();
                    scores[key] = changed;
                });
            }
            AttentionChange::KeepTop(count) if edit.has_row(head, position) => {
                is_changed |= keep_top(*count, edit.keys.as_deref(), seen, scores);
            }
            AttentionChange::KeepTop(_) | AttentionChange::Pattern(..) => {}
        }
    }
    is_changed
}

/// Changes the weights of a row likewise.
pub fn edit_pattern(
    edits: &[AttentionEdit],
    [head, position]: [usize; 2],
    seen: &Range<usize>,
    weights: &mut [f32],
) -> bool {
    let mut is_changed = false;
    for edit in edits {
        if let AttentionChange::Pattern(change, numbers) = &edit.change {
            edit.for_each_key(numbers, [head, position], seen, |key, number| {
                let changed = change.apply(weights[key], number);
                is_changed |= changed.to_bits() != weights[key].to_bits();
                weights[key] = changed;
            });
        }
    }
    is_changed
}

/// The gradients of a row's scores, from those of the changed ones, in place. A score that was not kept has
/// none already, since its weight is +0.
pub fn edit_scores_gradient(
    edits: &[AttentionEdit],
    [head, position]: [usize; 2],
    seen: &Range<usize>,
    dscores: &mut [f32],
) {
    for edit in edits.iter().rev() {
        if let AttentionChange::Scores(change, numbers) = &edit.change {
            edit.for_each_key(numbers, [head, position], seen, |key, number| {
                dscores[key] = change.gradient(dscores[key], number);
            });
        }
    }
}

/// The gradients of a row's weights, likewise.
pub fn edit_pattern_gradient(
    edits: &[AttentionEdit],
    [head, position]: [usize; 2],
    seen: &Range<usize>,
    dweights: &mut [f32],
) {
    for edit in edits.iter().rev() {
        if let AttentionChange::Pattern(change, numbers) = &edit.change {
            edit.for_each_key(numbers, [head, position], seen, |key, number| {
                dweights[key] = change.gradient(dweights[key], number);
            });
        }
    }
}

/// Whether score `a` of key `key_a` comes before score `b` of key `key_b`: NaN is larger than every number, and
/// of equal ones the lower key comes first.
fn comes_before((a, key_a): (f32, usize), (b, key_b): (f32, usize)) -> bool {
    let is_larger = |a: f32, b: f32| if b.is_nan() { false } else { a.is_nan() || a > b };
    is_larger(a, b) || !is_larger(b, a) && key_a < key_b
}

/// Of the chosen scores only the first `count` stay. Gives whether a bit has changed.
fn keep_top(count: usize, keys: Option<&[u32]>, seen: &Range<usize>, scores: &mut [f32]) -> bool {
    // The last that stays is found by going down from the largest, one score after the other.
    let mut last: Option<(f32, usize)> = None;
    for _ in 0..count {
        let mut next: Option<(f32, usize)> = None;
        for (key, _) in chosen(keys, seen) {
            let one = (scores[key], key);
            let is_below = last.is_none_or(|last| comes_before(last, one));
            if is_below && next.is_none_or(|next| comes_before(one, next)) {
                next = Some(one);
            }
        }
        if next.is_none() {
            return false;
        }
        last = next;
    }
    let mut is_changed = false;
    for (key, _) in chosen(keys, seen) {
        let stays = last.is_some_and(|last| !comes_before(last, (scores[key], key)));
        if !stays {
            is_changed |= scores[key].to_bits() != f32::NEG_INFINITY.to_bits();
            scores[key] = f32::NEG_INFINITY;
        }
    }
    is_changed
}
