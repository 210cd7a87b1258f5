//! A program in which some values stand fixed, and of which only some results are wanted: the direct paths of path
//! patching, where what attention and the MLPs add to the residual stream stays what it was.

use std::sync::Arc;

use crate::{Change, Edit, Op, Program, RowKind, Site, Step};

impl Program {
    /// Makes what is added to the residual stream at a site these numbers, `[positions, width]`, as an edit of all
    /// of it does, but for what made the value before: the step reads the row that it is added to, and replaces
    /// every number of it, so that [`Program::keep`] leaves out what no step reads any more. False if this program
    /// does not have the site, if nothing adds what stands there to the stream, or if the numbers do not fit.
    pub fn freeze(&mut self, site: Site, positions: usize, numbers: Arc<[f32]>) -> bool {
        let Some(value) = self.at(site) else { return false };
        let width = self.value(value).width;
        let stream = self.steps.iter().find_map(|step| match (&step.op, &step.inputs[..]) {
            (Op::Add, &[stream, added]) if added == value && stream != value => Some(stream),
            _ => None,
        });
        let (Some(stream), Some(producer)) = (stream, self.producer(value)) else { return false };
        let positions = Some((0..positions as u32).collect());
        let edit = Edit { change: Change::Set, positions, columns: 0..width, numbers };
        let is_of_rows = edit.fits(width) && self.value(stream).width == width;
        if !is_of_rows || self.value(value).rows != RowKind::Tokens {
            return false;
        }
        let frozen = self.new_value(width, RowKind::Tokens);
        for read in self.steps[producer + 1..].iter_mut().flat_map(|step| &mut step.inputs) {
            if *read == value {
                *read = frozen;
            }
        }
        for (_, named) in self.sites.iter_mut().filter(|(_, named)| *named == value) {
            *named = frozen;
        }
        let step = Step { op: Op::Edit(edit), inputs: vec![stream], outputs: vec![frozen] };
        self.steps.insert(producer + 1, step);
        true
    }

    /// Keeps the steps on which the values at these sites depend, and no others.
    pub fn keep(&mut self, sites: &[Site]) {
        let mut is_read = vec![false; self.values.len()];
        for value in sites.iter().filter_map(|site| self.at(*site)) {
            is_read[value.index()] = true;
        }
        let mut is_kept = vec![false; self.steps.len()];
        for (at, step) in self.steps.iter().enumerate().rev() {
            if step.outputs.iter().any(|output| is_read[output.index()]) {
                is_kept[at] = true;
                step.inputs.iter().for_each(|read| is_read[read.index()] = true);
            }
        }
        let mut at = 0..;
        self.steps.retain(|_| at.next().is_some_and(|at| is_kept[at]));
        let mut is_made = vec![false; self.values.len()];
        let made = self.steps.iter().flat_map(|step| &step.outputs);
        made.for_each(|output| is_made[output.index()] = true);
        self.sites.retain(|(_, value)| is_made[value.index()]);
    }

    /// Whether the value at a site depends on the one at another.
    pub fn depends(&self, site: Site, on: Site) -> bool {
        let (Some(value), Some(cause)) = (self.at(site), self.at(on)) else { return false };
        let mut is_reached = vec![false; self.values.len()];
        is_reached[cause.index()] = true;
        for step in &self.steps {
            if step.inputs.iter().any(|read| is_reached[read.index()]) {
                step.outputs.iter().for_each(|made| is_reached[made.index()] = true);
            }
        }
        is_reached[value.index()]
    }

    /// Gives a site that shares its value with others a value of its own, which one component alone reads: an edit
    /// that multiplies with 1. False as of [`Program::edit`].
    pub fn set_apart(&mut self, site: Site) -> bool {
        let Some(value) = self.at(site) else { return false };
        if self.sites_of(value).count() == 1 {
            return true;
        }
        let columns = 0..self.value(value).width;
        let numbers = Arc::from([1.0]);
        self.edit(site, Edit { change: Change::Scale, positions: None, columns, numbers })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BlockSite, Config, Network, Size, forward};

    fn program() -> Program {
        let size = Size {
            vocabulary: 5,
            width: 8,
            layers: 3,
            heads: 2,
            key_heads: 2,
            hidden: 8,
            context: 4,
        };
        let network = Network::new(&Config::llama(size).unwrap());
        forward::logits(&network, forward::Rows::LogitRows)
    }

    const fn at(layer: u16, site: BlockSite) -> Site {
        Site::Block(layer, site)
    }

    #[test]
    fn behind_what_is_frozen_nothing_of_it_is_computed() {
        let mut frozen = program();
        let zeros: Arc<[f32]> = vec![0.0; 4 * 8].into();
        for layer in 0..3 {
            for site in [BlockSite::AttnOut, BlockSite::MlpOut] {
                assert!(frozen.depends(Site::Logits, at(layer, site)));
                assert!(frozen.freeze(at(layer, site), 4, zeros.clone()));
            }
        }
        assert!(!frozen.depends(Site::Logits, at(0, BlockSite::Z)));
        assert!(frozen.depends(Site::Logits, at(0, BlockSite::ResidPre)));
        frozen.keep(&[Site::Logits]);
        let is_left = |step: &&Step| matches!(step.op, Op::Linear(_) | Op::Attend(_));
        assert_eq!(frozen.steps.iter().find(is_left), None);
        assert_eq!(frozen.at(at(0, BlockSite::Z)), None);
        assert!(frozen.at(Site::Logits).is_some());
    }

    #[test]
    fn what_does_not_fit_is_not_frozen() {
        let mut whole = program();
        let before = whole.clone();
        assert!(!whole.freeze(at(0, BlockSite::AttnOut), 4, vec![0.0; 7].into()));
        assert!(!whole.freeze(at(9, BlockSite::AttnOut), 1, vec![0.0; 8].into()));
        assert!(!whole.freeze(at(0, BlockSite::Q), 1, vec![0.0; 8].into()));
        assert_eq!(whole, before);
        whole.keep(&[Site::Logits]);
        assert_eq!(whole.steps, before.steps);
    }

    #[test]
    fn a_site_that_stands_alone_is_left_as_it_is() {
        let mut whole = program();
        let before = whole.clone();
        assert!(whole.set_apart(at(1, BlockSite::Ln2)));
        assert_eq!(whole, before);
    }
}
