//! The edits of a program, all together: put into it in their order, and told from others bit by bit.

use std::{ops::Range, sync::Arc};

use lookback_files::{Kind, Refusal, Result};
use lookback_kernels::steer::Steering;

use crate::{Change, Edit, Program, Site};

/// Edits at their sites, in the order in which they are applied. Two are equal where every bit is.
#[derive(Clone, Debug, Default)]
pub struct Edits {
    list: Arc<[(Site, Edit)]>,
    /// The same in a canonical form.
    words: Arc<[u32]>,
}

impl PartialEq for Edits {
    fn eq(&self, other: &Self) -> bool {
        self.words == other.words
    }
}

impl Eq for Edits {}

impl Edits {
    /// These edits.
    pub fn new(list: Vec<(Site, Edit)>) -> Self {
        let mut words = Vec::new();
        for (site, edit) in &list {
            let name = site.to_string();
            words.push(name.len() as u32);
            words.extend(name.bytes().map(u32::from));
            let [kind, first, second] = match edit.change {
                Change::Set => [0, 0, 0],
                Change::Add => [1, 0, 0],
                Change::Scale => [2, 0, 0],
                Change::Steer(Steering::ScaleAlong(factor)) => [3, factor.to_bits(), 0],
                Change::Steer(Steering::ClampAlong { min, max }) => {
                    [4, min.to_bits(), max.to_bits()]
                }
                Change::Steer(Steering::AddByNorm) => [5, 0, 0],
                Change::Steer(Steering::AddOrthogonal) => [6, 0, 0],
                Change::Steer(Steering::Swap) => [7, 0, 0],
            };
            words.extend([kind, first, second]);
            words.extend([edit.columns.start as u32, edit.columns.end as u32]);
            words.extend([u32::from(edit.positions.is_some()), edit.numbers.len() as u32]);
            let positions = edit.positions.as_deref().unwrap_or_default();
            words.push(positions.len() as u32);
            words.extend(positions);
            words.extend(edit.numbers.iter().map(|number| number.to_bits()));
        }
        Self { list: list.into(), words: words.into() }
    }

    /// Each with its site.
    pub fn iter(&self) -> impl Iterator<Item = &(Site, Edit)> {
        self.list.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether some name positions, so that they mean another thing where a text moves in its window.
    pub fn names_positions(&self) -> bool {
        self.list.iter().any(|(_, edit)| edit.positions.is_some())
    }

    /// Puts all of them into a program.
    ///
    /// # Errors
    /// When the program does not have a site, when nothing reads what stands there, or when an edit does not
    /// fit it.
    pub fn apply(&self, program: &mut Program) -> Result<()> {
        let refuse = |site: &Site, what: &str| {
            Err(Refusal::of(Kind::InvalidSetting, format!("{site}: {what}")))
        };
        for (site, edit) in self.iter() {
            program.provide_results(*site);
            let Some(value) = program.at(*site) else {
                return refuse(site, "this model does not have the site");
            };
            let is_read = *site == Site::Logits
                || program.steps.iter().any(|step| step.inputs.contains(&value));
            if !is_read {
                return refuse(site, "nothing in this model reads it, so a change has no effect");
            }
            let width = program.value(value).width;
            if !edit.fits(width) {
                let Range { start, end } = edit.columns;
                return refuse(
                    site,
                    &format!(
                        "this edit of columns {start} to {end} with {} numbers does not fit rows \
                         of {width}",
                        edit.numbers.len()
                    ),
                );
            }
            if !program.edit(*site, edit.clone()) {
                return refuse(site, "what stands there follows from other sites; change those");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_equal_where_every_bit_is() {
        let edit = |number: f32, positions: Option<&[u32]>| Edit {
            change: Change::Set,
            positions: positions.map(Arc::from),
            columns: 0..4,
            numbers: [number].into(),
        };
        let edits = |edit: Edit| Edits::new(vec![(Site::Embed, edit)]);
        assert_eq!(edits(edit(0.0, None)), edits(edit(0.0, None)));
        assert_ne!(edits(edit(0.0, None)), edits(edit(-0.0, None)));
        assert_ne!(edits(edit(0.0, None)), edits(edit(0.0, Some(&[]))));
        assert_ne!(edits(edit(0.0, Some(&[1]))), edits(edit(0.0, Some(&[2]))));
        assert_eq!(Edits::default(), Edits::new(Vec::new()));
    }
}
