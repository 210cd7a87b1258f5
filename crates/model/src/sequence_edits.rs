//! Batches in which each sequence has edits of its own: one program that has a place for the edits of all.
//!
//! ```text
//! program   the pass with a step for edits at every site that any of them changes, and none of their numbers
//! bound     the edits of one sequence, by the places that the program has for them
//! ```
//! So edits come and go from pass to pass while the program, and the buffers that are laid out for it, stay. A
//! sequence without edits has the bits of a pass without them, one with edits those of a batch of its own. Variants
//! of the pass share no batch with others. Read `edits` for what an edit is.

use std::sync::Arc;

use lookback_files::{Kind, Refusal, Result};
use lookback_kernels::attend::edits::AttentionEdit;

use crate::{Edit, Edits, Network, Op, PassEdit, PassVariant, Program, Site, forward};

/// A pass with places for edits of single sequences.
#[derive(Clone, Debug)]
pub struct SequencePrograms<'n> {
    network: &'n Network,
    program: Program,
    variant: PassVariant,
}

/// The edits of one sequence, by the places of a program.
#[derive(Clone, Debug, Default)]
pub struct BoundEdits {
    /// By the number of [`Op::SequenceEdits`].
    values: Arc<[Vec<Edit>]>,
    /// By layer.
    attention: Arc<[Vec<AttentionEdit>]>,
}

impl BoundEdits {
    /// Those of rows at a place, in their order.
    pub fn of_place(&self, place: usize) -> &[Edit] {
        self.values.get(place).map_or(&[], |edits| edits)
    }

    /// Those of the scores and the pattern of a layer, in their order.
    pub fn of_attention(&self, layer: usize) -> &[AttentionEdit] {
        self.attention.get(layer).map_or(&[], |edits| edits)
    }
}

impl<'n> SequencePrograms<'n> {
    /// From ids to logits, with a place wherever any of these change something.
    ///
    /// # Errors
    /// As of [`Edits::logits`]; when they are of different variants.
    pub fn new(network: &'n Network, rows: forward::Rows, all: &[&Edits]) -> Result<Self> {
        let variant = all.first().map_or_else(PassVariant::default, |edits| edits.variant());
        let program = forward::logits_of_variant(network, rows, variant)?;
        let mut places = Self { network, program, variant };
        for edits in all {
            places.check(edits)?;
            for edit in edits.iter() {
                places.add(edit)?;
            }
        }
        Ok(places)
    }

    /// The program.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The edits of one sequence, to be given to passes of the program.
    ///
    /// # Errors
    /// As of [`Edits::logits`]; when the program has no place for one, or is of another variant.
    pub fn bind(&self, edits: &Edits) -> Result<BoundEdits> {
        self.check(edits)?;
        let is_place = |op: &Op| matches!(op, Op::SequenceEdits(_));
        let places = self.program.steps.iter().filter(|step| is_place(&step.op)).count();
        let mut values = vec![Vec::new(); places];
        let mut attention = vec![Vec::new(); self.network.blocks.len()];
        let refused = |site: Site| {
            let what = format!("{site}: this batch was planned without edits there");
            Refusal::of(Kind::InvalidSetting, what)
        };
        for edit in edits.iter() {
            match edit {
                PassEdit::Value(site, edit) => {
                    let place = self.place(*site).ok_or_else(|| refused(*site))?;
                    values[place].push(edit.clone());
                }
                PassEdit::Attention(layer, of_layer) => {
                    if !self.has_attention(*layer) {
                        return Err(refused(edit.site()));
                    }
                    attention[*layer].push(of_layer.clone());
                }
            }
        }
        Ok(BoundEdits { values: values.into(), attention: attention.into() })
    }

    fn check(&self, edits: &Edits) -> Result<()> {
        if edits.variant() != self.variant {
            let what = "passes of different variants share no batch; read them one after the other";
            return Err(Refusal::of(Kind::InvalidSetting, what));
        }
        edits.check(self.network)
    }

    /// Makes a place for an edit that fits, unless there is one.
    fn add(&mut self, edit: &PassEdit) -> Result<()> {
        match edit {
            PassEdit::Value(site, _) if self.place(*site).is_none() => {
                let is_place = |op: &Op| matches!(op, Op::SequenceEdits(_));
                let steps = self.program.steps.iter();
                let place = steps.filter(|step| is_place(&step.op)).count();
                if !self.program.insert_edit(*site, Op::SequenceEdits(place), |_| true) {
                    return Err(Refusal::ours(format!("{site}: no edit has a place there")));
                }
            }
            PassEdit::Attention(layer, _) => self.program.open_attention(*layer),
            PassEdit::Value(..) => {}
        }
        Ok(())
    }

    /// The number of the place at a site.
    fn place(&self, site: Site) -> Option<usize> {
        let value = self.program.at(site)?;
        let op = &self.program.steps[self.program.producer(value)?].op;
        match op {
            Op::SequenceEdits(place) if !self.program.is_read_alone(site) => Some(*place),
            _ => None,
        }
    }

    fn has_attention(&self, layer: usize) -> bool {
        let is_open = |op: &Op| matches!(op, Op::AttendEdited(attend, _) if attend.layer == layer);
        self.program.steps.iter().any(|step| is_open(&step.op))
    }
}
