//! What edits do to one row of a site, as what is left of the row and what is added to it: so that a sum which
//! stood there is a sum still, of parts that are left and of one that the edits added.
//!
//! ```text
//! row' = factor ⊙ row + added      = c: factor 0, added c     *= c: both times c     += v: added more by v
//! ```
//! A row that is steered along a vector changes by what it holds, and is no such sum: see [`RowChange::is_steered`].

use lookback_model::{AttentionEdit, BlockSite, Change, Edits, PassEdit, Site};

/// The change of one row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RowChange {
    /// What is left of each column. `[width]`
    pub factors: Vec<f64>,
    /// What is added to it. `[width]`
    pub added: Vec<f64>,
    /// Whether it is also steered, which the two do not tell.
    pub is_steered: bool,
}

impl RowChange {
    /// What edits do to the row of a position, as wide as this; none where they leave it alone.
    pub fn new(edits: &Edits, site: Site, position: usize, width: usize) -> Option<Self> {
        let mut change = Self::none(width);
        let mut is_changed = false;
        for edit in edits.iter() {
            let PassEdit::Value(changed, edit) = edit else { continue };
            if *changed != site {
                continue;
            }
            let Some(numbers) = edit.row(position as u32) else { continue };
            is_changed = true;
            let columns = edit.columns.clone();
            let left = change.factors[columns.clone()].iter_mut().zip(&mut change.added[columns]);
            for ((factor, added), number) in left.zip(numbers) {
                let number = f64::from(number);
                match edit.change {
                    Change::Set => (*factor, *added) = (0.0, number),
                    Change::Add => *added += number,
                    Change::Scale => (*factor, *added) = (*factor * number, *added * number),
                    Change::Steer(_) => {}
                }
            }
            change.is_steered |= matches!(edit.change, Change::Steer(_));
        }
        is_changed.then_some(change)
    }

    fn none(width: usize) -> Self {
        Self { factors: vec![1.0; width], added: vec![0.0; width], is_steered: false }
    }

    /// Whether it adds something, beside what it leaves.
    pub fn adds(&self) -> bool {
        self.is_steered || self.added.iter().any(|added| *added != 0.0)
    }

    /// Whether it changes a column.
    pub fn is_at(&self, column: usize) -> bool {
        self.factors[column] != 1.0 || self.added[column] != 0.0
    }

    /// What is left of a part of the row, in its place.
    pub fn leave(&self, part: &mut [f64]) {
        part.iter_mut().zip(&self.factors).for_each(|(x, factor)| *x *= factor);
    }
}

/// Whether some edit names the row of a position at a site, or an edit of attention something of its layer.
pub(crate) fn is_changed(edits: &Edits, site: Site, position: usize) -> bool {
    edits.iter().any(|edit| match edit {
        PassEdit::Value(changed, edit) => *changed == site && edit.is_at(position as u32),
        PassEdit::Attention(..) => false,
    })
}

/// The sites that name the residual stream behind a layer, which the next layer reads.
pub(crate) fn stream_behind(layer: usize) -> [Site; 2] {
    let layer = layer as u16;
    [Site::Block(layer, BlockSite::ResidPost), Site::Block(layer + 1, BlockSite::ResidPre)]
}

/// Whether an edit of a layer's scores, or of its pattern, chooses an entry `[head, query, key]`.
pub(crate) fn is_entry_chosen(
    edits: &Edits,
    layer: usize,
    entry: [usize; 3],
    is_of_scores: bool,
) -> bool {
    let is_in = |list: &Option<std::sync::Arc<[u32]>>, index: usize| {
        list.as_ref().is_none_or(|list| list.binary_search(&(index as u32)).is_ok())
    };
    let chooses = |AttentionEdit { heads, queries, keys, .. }: &AttentionEdit| {
        [heads, queries, keys].into_iter().zip(entry).all(|(list, index)| is_in(list, index))
    };
    edits.iter().any(|edit| match edit {
        PassEdit::Attention(of, edit) => {
            *of == layer && edit.is_of_scores() == is_of_scores && chooses(edit)
        }
        PassEdit::Value(..) => false,
    })
}

#[cfg(test)]
mod tests {
    use lookback_model::{Edit, Steering};

    use super::*;

    fn edit(change: Change, columns: std::ops::Range<usize>, numbers: &[f32]) -> (Site, Edit) {
        let positions = Some([2].into());
        (Site::Embed, Edit { change, positions, columns, numbers: numbers.into() })
    }

    #[test]
    fn edits_of_a_row_follow_each_other() {
        let edits = Edits::new([
            edit(Change::Add, 0..3, &[1.0, 2.0, 3.0]),
            edit(Change::Scale, 1..3, &[0.5]),
            edit(Change::Set, 2..3, &[7.0]),
        ]);
        let change = RowChange::new(&edits, Site::Embed, 2, 4).unwrap();
        assert_eq!(change.factors, [1.0, 0.5, 0.0, 1.0]);
        assert_eq!(change.added, [1.0, 1.0, 7.0, 0.0]);
        assert!(!change.is_steered && change.adds());
        assert_eq!(RowChange::new(&edits, Site::Embed, 1, 4), None);
        assert_eq!(RowChange::new(&edits, Site::LnFinal, 2, 4), None);
    }

    #[test]
    fn a_row_that_is_steered_is_told() {
        let edits = Edits::new([edit(Change::Steer(Steering::AddOrthogonal), 0..2, &[1.0, 0.0])]);
        let change = RowChange::new(&edits, Site::Embed, 2, 2).unwrap();
        assert!(change.is_steered && change.adds());
        let off = Edits::new([edit(Change::Set, 0..2, &[0.0])]);
        assert!(!RowChange::new(&off, Site::Embed, 2, 2).unwrap().adds());
    }
}
