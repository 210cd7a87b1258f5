//! A logit's parts opened one after another: a head into its source tokens, a source into what wrote its
//! stream, an MLP by its slope into what wrote its own, the strongest first.
//!
//! The parts under a part always add up to it, so that all that is not opened further adds up to the logit,
//! however far one goes. Way of counting a share: of Σ |part| over all that is not opened, the part of those
//! that have nothing to open. Sums in f64, in the order in which parts stand.

use std::{cmp::Ordering, collections::BinaryHeap, rc::Rc};

use lookback_files::Result;
use lookback_model::{BlockSite, Site};
use serde::Serialize;

use super::{
    component::Component,
    frozen_pass::{FrozenPass, Reading},
    options::UnfoldOptions,
};

/// A part of the logit and what it is the sum of.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UnfoldedPart {
    /// What it comes from.
    pub component: Component,
    /// In whose stream it was written; of a source the token that is read.
    pub token: usize,
    /// What it adds to the logit.
    pub contribution: f64,
    /// The part that it is a part of; none of those that add up to the logit themselves.
    pub parent: Option<usize>,
    /// Its own parts, in the order of writing; empty where it was not opened.
    pub parts: Vec<usize>,
    /// Whether there is nothing to open.
    pub is_end: bool,
    /// Whether the tangent of an MLP stands between it and the logit: it is then an approximation of what
    /// would follow from a change.
    pub is_linearised: bool,
}

/// Parts of a logit, opened.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Unfolding {
    /// The parts that add up to the logit, and all those below them.
    pub parts: Vec<UnfoldedPart>,
    /// How many were opened.
    pub openings: usize,
    /// The share that parts with nothing to open make up.
    pub share: f64,
    /// Whether as large a share was reached as was asked for.
    pub is_complete: bool,
}

/// How a part is opened.
enum Way {
    Head { reading: Rc<Reading>, at: [usize; 2] },
    Source { in_z: Rc<Vec<f64>>, at: [usize; 3] },
    Mlp { reading: Rc<Reading>, layer: usize },
    End,
}

/// A part that can be opened, by its size.
struct Candidate {
    size: f64,
    index: usize,
}

impl Unfolding {
    /// Opens the parts of what is read, the strongest first.
    pub(super) fn new(
        pass: &FrozenPass<'_>,
        reading: Reading,
        options: UnfoldOptions,
    ) -> Result<Self> {
        let mut opener = Opener {
            pass,
            options,
            unfolding: Self::default(),
            ways: Vec::new(),
            candidates: BinaryHeap::new(),
            ended: 0.0,
            open: 0.0,
        };
        opener.add_stream(None, Rc::new(reading), Component::FinalBias)?;
        let mut unfolding = opener.open_strongest()?;
        unfolding.is_complete = unfolding.share >= options.share;
        Ok(unfolding)
    }

    /// The parts that stand on no other.
    pub fn roots(&self) -> impl Iterator<Item = (usize, &UnfoldedPart)> {
        self.parts.iter().enumerate().filter(|(_, part)| part.parent.is_none())
    }

    /// The parts between the logit and a part, that part first.
    pub fn way(&self, index: usize) -> Vec<usize> {
        let next = |&at: &usize| self.parts[at].parent;
        std::iter::successors(Some(index), next).collect()
    }
}

struct Opener<'a, 'p> {
    pass: &'a FrozenPass<'p>,
    options: UnfoldOptions,
    unfolding: Unfolding,
    ways: Vec<Way>,
    candidates: BinaryHeap<Candidate>,
    /// Σ |part| of those that have nothing to open.
    ended: f64,
    /// Σ |part| of those that could be opened.
    open: f64,
}

impl Opener<'_, '_> {
    fn open_strongest(mut self) -> Result<Unfolding> {
        while self.unfolding.openings < self.options.max_openings
            && self.share() < self.options.share
        {
            let Some(Candidate { size, index }) = self.candidates.pop() else { break };
            self.open = (self.open - size).max(0.0);
            self.open_part(index)?;
            self.unfolding.openings += 1;
        }
        self.unfolding.share = self.share();
        Ok(self.unfolding)
    }

    fn share(&self) -> f64 {
        let all = self.ended + self.open;
        if all > 0.0 && !self.candidates.is_empty() { self.ended / all } else { 1.0 }
    }

    fn open_part(&mut self, index: usize) -> Result<()> {
        let way = std::mem::replace(&mut self.ways[index], Way::End);
        let part = &self.unfolding.parts[index];
        let (contribution, is_linearised) = (part.contribution, part.is_linearised);
        match way {
            Way::End => (),
            Way::Head { reading, at: [layer, head] } => {
                let mut in_z = self.pass.z_direction(&reading, layer, head)?;
                let at = [layer, head, reading.token];
                // What edits of z leave of a head's sources is theirs; what they add is a part of its own.
                let heads = self.pass.network().blocks[layer].attend.heads;
                let width = heads * in_z.len();
                let change = self.pass.change(layer, BlockSite::Z, reading.token, width);
                if let Some(change) = &change {
                    let factors = &change.factors[head * in_z.len()..];
                    in_z.iter_mut().zip(factors).for_each(|(x, factor)| *x *= factor);
                }
                let (in_z, mut left) = (Rc::new(in_z), contribution);
                for (source, given) in self.pass.sources(at, &in_z)? {
                    let component = Component::Source { layer, head };
                    let way = match self.pass.opens_source(layer, source) {
                        true => Way::Source { in_z: in_z.clone(), at },
                        false => Way::End,
                    };
                    left -= given;
                    self.add(Some(index), (component, source), given, is_linearised, way);
                }
                if change.is_some_and(|change| change.adds()) {
                    let site = Site::Block(layer as u16, BlockSite::Z);
                    let edit = (Component::Edit { site }, reading.token);
                    self.add(Some(index), edit, left, is_linearised, Way::End);
                }
            }
            Way::Source { in_z, at } => {
                let source = part.token;
                let reading = self.pass.source_reading(at, source, &in_z)?;
                let [layer, head, _] = at;
                self.add_stream(
                    Some(index),
                    Rc::new(reading),
                    Component::ValueBias { layer, head },
                )?;
            }
            Way::Mlp { reading, layer } => {
                let through = self.pass.mlp_reading(&reading, layer, contribution)?;
                let rest = Component::MlpRemainder { layer };
                self.add_stream(Some(index), Rc::new(through), rest)?;
            }
        }
        Ok(())
    }

    /// Adds all that stands in a stream, and the bias of what is read there.
    fn add_stream(
        &mut self,
        parent: Option<usize>,
        reading: Rc<Reading>,
        bias: Component,
    ) -> Result<()> {
        let of_parent = parent.map(|at| &self.unfolding.parts[at]);
        let is_linearised = of_parent.is_some_and(|part| {
            part.is_linearised || matches!(part.component, Component::Mlp { .. })
        });
        let writes = self.pass.writes(reading.token)?;
        for (component, given) in writes.along(&reading.direction, reading.depth) {
            let way = match component {
                Component::Head { layer, head } if self.pass.opens_head(layer, reading.token) => {
                    Way::Head { reading: reading.clone(), at: [layer, head] }
                }
                Component::Mlp { layer }
                    if self.options.through_mlps && self.pass.opens_mlp(layer, reading.token) =>
                {
                    Way::Mlp { reading: reading.clone(), layer }
                }
                _ => Way::End,
            };
            self.add(parent, (component, reading.token), given, is_linearised, way);
        }
        if reading.bias != 0.0 {
            self.add(parent, (bias, reading.token), reading.bias, is_linearised, Way::End);
        }
        Ok(())
    }

    fn add(
        &mut self,
        parent: Option<usize>,
        (component, token): (Component, usize),
        contribution: f64,
        is_linearised: bool,
        way: Way,
    ) {
        let index = self.unfolding.parts.len();
        let size = contribution.abs();
        let is_end = matches!(way, Way::End);
        match way {
            Way::End => self.ended += size,
            _ => {
                self.open += size;
                self.candidates.push(Candidate { size, index });
            }
        }
        self.ways.push(way);
        let parts = Vec::new();
        let part =
            UnfoldedPart { component, token, contribution, parent, parts, is_end, is_linearised };
        self.unfolding.parts.push(part);
        if let Some(parent) = parent {
            self.unfolding.parts[parent].parts.push(index);
        }
    }
}

impl Ord for Candidate {
    /// The larger first, then the one that was found first.
    fn cmp(&self, other: &Self) -> Ordering {
        self.size.total_cmp(&other.size).then(other.index.cmp(&self.index))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}
