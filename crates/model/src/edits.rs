//! What is changed of a pass, all together: a variant of it, and edits in their order, told from others bit by bit.

use std::{ops::Range, sync::Arc};

use lookback_files::{Kind, Refusal, Result};
use lookback_kernels::{
    attend::edits::{AttentionChange, AttentionEdit, ElementChange},
    steer::Steering,
};

use crate::{BlockSite, Change, Edit, Network, PassVariant, Program, Site, forward};

/// One edit of a pass.
#[derive(Clone, Debug, PartialEq)]
pub enum PassEdit {
    /// Of the rows of a value at a site.
    Value(Site, Edit),
    /// Of the scores or the pattern of a layer's attention.
    Attention(usize, AttentionEdit),
}

impl PassEdit {
    /// Where it changes something.
    pub fn site(&self) -> Site {
        match self {
            Self::Value(site, _) => *site,
            Self::Attention(layer, edit) => {
                let of_block =
                    if edit.is_of_scores() { BlockSite::Scores } else { BlockSite::Pattern };
                Site::Block(*layer as u16, of_block)
            }
        }
    }

    /// The positions that it names; none where it holds for all.
    pub fn positions(&self) -> impl Iterator<Item = u32> + '_ {
        let lists = match self {
            Self::Value(_, edit) => [edit.positions.as_ref(), None],
            Self::Attention(_, edit) => [edit.queries.as_ref(), edit.keys.as_ref()],
        };
        lists.into_iter().flatten().flat_map(|list| list.iter().copied())
    }

    /// The layer from whose beginning on it may change something, of so many.
    fn layer(&self, layers: usize) -> usize {
        match self.site() {
            Site::Embed | Site::PosEmbed => 0,
            // What a layer reads is what the one before it left.
            Site::Block(layer, BlockSite::ResidPre) => usize::from(layer).saturating_sub(1),
            Site::Block(layer, _) => usize::from(layer),
            Site::LnFinal | Site::Logits | Site::Probabilities => layers.saturating_sub(1),
        }
    }

    /// Its canonical form.
    fn words(&self) -> Vec<u32> {
        let mut words = Vec::new();
        match self {
            Self::Value(site, edit) => write_value_edit(*site, edit, &mut words),
            Self::Attention(layer, edit) => write_attention_edit(*layer, edit, &mut words),
        }
        words
    }

    /// Whether it names positions.
    fn names_positions(&self) -> bool {
        match self {
            Self::Value(_, edit) => edit.positions.is_some(),
            Self::Attention(_, edit) => edit.queries.is_some() || edit.keys.is_some(),
        }
    }
}

impl From<(Site, Edit)> for PassEdit {
    fn from((site, edit): (Site, Edit)) -> Self {
        Self::Value(site, edit)
    }
}

impl From<(usize, AttentionEdit)> for PassEdit {
    fn from((layer, edit): (usize, AttentionEdit)) -> Self {
        Self::Attention(layer, edit)
    }
}

/// Edits in the order in which they are made, and the variant of the pass that they are made of. Two are equal where
/// every bit is.
#[derive(Clone, Debug, Default)]
pub struct Edits {
    list: Arc<[PassEdit]>,
    variant: PassVariant,
    /// The list in a canonical form.
    words: Arc<[u32]>,
}

impl PartialEq for Edits {
    fn eq(&self, other: &Self) -> bool {
        self.words == other.words && self.variant == other.variant
    }
}

impl Eq for Edits {}

impl Edits {
    /// These edits, of the network's own pass.
    pub fn new<E: Into<PassEdit>>(list: impl IntoIterator<Item = E>) -> Self {
        let list: Arc<[PassEdit]> = list.into_iter().map(Into::into).collect();
        let words: Vec<u32> = list.iter().flat_map(PassEdit::words).collect();
        Self { list, variant: PassVariant::default(), words: words.into() }
    }

    /// The same, of a variant of the pass.
    #[must_use]
    pub fn of_variant(self, variant: PassVariant) -> Self {
        Self { variant, ..self }
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &PassEdit> {
        self.list.iter()
    }

    /// What the pass leaves out or replaces.
    pub fn variant(&self) -> PassVariant {
        self.variant
    }

    /// Whether nothing is changed.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty() && self.variant.is_none()
    }

    /// Whether some name positions, so that they mean another thing where a text moves in its window.
    pub fn names_positions(&self) -> bool {
        self.list.iter().any(PassEdit::names_positions)
    }

    /// The first layer, of so many, in which a pass with these edits may differ from one with others: what the layers
    /// below it make has the same bits in both. None where all has.
    pub fn first_difference(&self, other: &Self, layers: usize) -> Option<usize> {
        if self.variant != other.variant {
            return Some(0);
        }
        let of_layer = |edits: &Self, layer: usize| -> Vec<Vec<u32>> {
            let its = edits.iter().filter(|edit| edit.layer(layers) == layer);
            its.map(PassEdit::words).collect()
        };
        (0..layers).find(|&layer| of_layer(self, layer) != of_layer(other, layer))
    }

    /// Refuses what a network does not have, and edits that do not fit it.
    ///
    /// # Errors
    /// As of [`Edits::logits`].
    pub fn check(&self, network: &Network) -> Result<()> {
        self.logits(network, forward::Rows::All).map(|_| ())
    }

    /// Refuses positions that a sequence of so many tokens does not have.
    ///
    /// # Errors
    /// When an edit names one.
    pub fn check_positions(&self, tokens: usize) -> Result<()> {
        for edit in self.iter() {
            if let Some(position) = edit.positions().find(|&position| position as usize >= tokens) {
                let site = edit.site();
                let what = format!("{site}: there is no position {position} among {tokens} tokens");
                return Err(Refusal::of(Kind::InvalidSetting, what));
            }
        }
        Ok(())
    }

    /// The changed pass from ids to logits.
    ///
    /// # Errors
    /// When the network does not have the variant or a site, when nothing reads what stands there, or when an
    /// edit does not fit it.
    pub fn logits(&self, network: &Network, rows: forward::Rows) -> Result<Program> {
        let mut program = forward::logits_of_variant(network, rows, self.variant)?;
        self.apply(&mut program)?;
        Ok(program)
    }

    /// The changed pass from ids to the cross-entropy of every token.
    ///
    /// # Errors
    /// As of [`Edits::logits`].
    pub fn loss(&self, network: &Network) -> Result<Program> {
        let mut program = forward::loss_of_variant(network, self.variant)?;
        self.apply(&mut program)?;
        Ok(program)
    }

    fn apply(&self, program: &mut Program) -> Result<()> {
        self.iter().try_for_each(|edit| match edit {
            PassEdit::Value(site, edit) => apply_value_edit(program, *site, edit),
            PassEdit::Attention(layer, edit) => program.edit_attention(*layer, edit.clone()),
        })
    }
}

fn apply_value_edit(program: &mut Program, site: Site, edit: &Edit) -> Result<()> {
    let refuse = |what: &str| Err(Refusal::of(Kind::InvalidSetting, format!("{site}: {what}")));
    program.provide_results(site);
    let Some(value) = program.at(site) else {
        return refuse("this model does not have the site");
    };
    let is_read =
        site == Site::Logits || program.steps.iter().any(|step| step.inputs.contains(&value));
    if !is_read {
        return refuse("nothing in this model reads it, so a change has no effect");
    }
    let width = program.value(value).width;
    if !edit.fits(width) {
        let Range { start, end } = edit.columns;
        let numbers = edit.numbers.len();
        return refuse(&format!(
            "this edit of columns {start} to {end} with {numbers} numbers does not fit rows of {width}"
        ));
    }
    if !program.edit(site, edit.clone()) {
        return refuse("what stands there follows from other sites; change those");
    }
    Ok(())
}

fn write_value_edit(site: Site, edit: &Edit, words: &mut Vec<u32>) {
    let name = site.to_string();
    words.push(name.len() as u32);
    words.extend(name.bytes().map(u32::from));
    words.extend(match edit.change {
        Change::Set => [0, 0, 0],
        Change::Add => [1, 0, 0],
        Change::Scale => [2, 0, 0],
        Change::Steer(Steering::ScaleAlong(factor)) => [3, factor.to_bits(), 0],
        Change::Steer(Steering::ClampAlong { min, max }) => [4, min.to_bits(), max.to_bits()],
        Change::Steer(Steering::AddByNorm) => [5, 0, 0],
        Change::Steer(Steering::AddOrthogonal) => [6, 0, 0],
        Change::Steer(Steering::Swap) => [7, 0, 0],
    });
    words.extend([edit.columns.start as u32, edit.columns.end as u32]);
    write_list(edit.positions.as_deref(), words);
    write_numbers(&edit.numbers, words);
}

fn write_attention_edit(layer: usize, edit: &AttentionEdit, words: &mut Vec<u32>) {
    let of_element = |change: &ElementChange| match change {
        ElementChange::Set => 0,
        ElementChange::Add => 1,
        ElementChange::Scale => 2,
    };
    // No name of a site is that long.
    words.extend([u32::MAX, layer as u32]);
    for list in [&edit.heads, &edit.queries, &edit.keys] {
        write_list(list.as_deref(), words);
    }
    match &edit.change {
        AttentionChange::Scores(change, numbers) => {
            words.extend([0, of_element(change)]);
            write_numbers(numbers, words);
        }
        AttentionChange::KeepTop(count) => words.extend([1, *count as u32]),
        AttentionChange::Pattern(change, numbers) => {
            words.extend([2, of_element(change)]);
            write_numbers(numbers, words);
        }
    }
}

fn write_list(list: Option<&[u32]>, words: &mut Vec<u32>) {
    words.extend([u32::from(list.is_some()), list.map_or(0, <[u32]>::len) as u32]);
    words.extend(list.unwrap_or_default());
}

fn write_numbers(numbers: &[f32], words: &mut Vec<u32>) {
    words.push(numbers.len() as u32);
    words.extend(numbers.iter().map(|number| number.to_bits()));
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
        let edits = |edit: Edit| Edits::new([(Site::Embed, edit)]);
        assert_eq!(edits(edit(0.0, None)), edits(edit(0.0, None)));
        assert_ne!(edits(edit(0.0, None)), edits(edit(-0.0, None)));
        assert_ne!(edits(edit(0.0, None)), edits(edit(0.0, Some(&[]))));
        assert_ne!(edits(edit(0.0, Some(&[1]))), edits(edit(0.0, Some(&[2]))));
        assert_eq!(Edits::default(), Edits::new(Vec::<PassEdit>::new()));
    }

    #[test]
    fn passes_differ_from_the_layer_of_the_first_edit_that_only_one_has() {
        let edit = |site: Site, number: f32| {
            let edit = Edit {
                change: Change::Set,
                positions: None,
                columns: 0..4,
                numbers: [number].into(),
            };
            (site, edit)
        };
        let at = |layer: u16, site| Site::Block(layer, site);
        let (z, pre) = (BlockSite::Z, BlockSite::ResidPre);
        let none = Edits::default();
        let difference = |a: &Edits, b: &Edits| {
            assert_eq!(a.first_difference(b, 4), b.first_difference(a, 4));
            a.first_difference(b, 4)
        };
        let one = Edits::new([edit(at(2, z), 0.0)]);
        assert_eq!(difference(&none, &one), Some(2));
        assert_eq!(difference(&one, &one), None);
        assert_eq!(difference(&none, &Edits::new([edit(at(2, pre), 0.0)])), Some(1));
        assert_eq!(difference(&none, &Edits::new([edit(Site::Embed, 0.0)])), Some(0));
        assert_eq!(difference(&none, &Edits::new([edit(Site::Logits, 0.0)])), Some(3));
        let two = Edits::new([edit(at(3, z), 1.0), edit(at(2, z), 0.0)]);
        assert_eq!(difference(&one, &two), Some(3));
        let other = Edits::new([edit(at(3, z), 1.0), edit(at(2, z), -0.0)]);
        assert_eq!(difference(&two, &other), Some(2));
        let variant = PassVariant { no_mask: true, ..PassVariant::default() };
        assert_eq!(difference(&one, &one.clone().of_variant(variant)), Some(0));
    }

    #[test]
    fn edits_of_attention_and_variants_are_told_apart() {
        let edit = |change, keys: Option<&[u32]>| AttentionEdit {
            heads: None,
            queries: None,
            keys: keys.map(Arc::from),
            change,
        };
        let set = |number: f32| AttentionChange::Pattern(ElementChange::Set, [number].into());
        let edits = |layer: usize, edit| Edits::new([(layer, edit)]);
        let one = || edits(1, edit(set(0.0), None));
        assert_eq!(one(), one());
        assert_ne!(one(), edits(0, edit(set(0.0), None)));
        assert_ne!(one(), edits(1, edit(set(-0.0), None)));
        assert_ne!(one(), edits(1, edit(set(0.0), Some(&[0]))));
        assert_ne!(one(), edits(1, edit(AttentionChange::KeepTop(1), None)));
        let variant = PassVariant { no_scale: true, ..PassVariant::default() };
        assert_ne!(one(), one().of_variant(variant));
        assert!(!Edits::default().of_variant(variant).is_empty());
        assert!(!one().names_positions() && edits(1, edit(set(0.0), Some(&[4]))).names_positions());
        assert!(edits(1, edit(set(0.0), Some(&[4]))).check_positions(4).is_err());
    }
}
